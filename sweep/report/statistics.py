"""How sure: intervals by the bootstrap over clusters, paired tests, and Holm's correction for many of them.

Pure functions of arrays; nothing here knows what a trial is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.networks import FloatArray

CONFIDENCE = 0.95
RESAMPLES = 999
SIGNIFICANT = 0.05
"""A p-value, corrected for the number of comparisons, below which a difference is called real."""

FEWEST = 6
"""With fewer clusters that differ no two-sided sign test can reach SIGNIFICANT: 2 x 0.5 to the power of 5 is 0.0625. A
bootstrap over fewer has too few different draws for an interval."""

MOST_FOR_EXACT = 50
"""Wilcoxon's test is exact up to this many differences (when there are no ties), as by scipy's default."""

DRAWN_AT_ONCE = 500_000
"""Places of members that are drawn at a time, which bounds the memory."""


@dataclass(frozen=True)
class ConfidenceInterval:
    """A value with the limits of its 95 % interval; the limits are missing (NaN) where the clusters are too few for one."""

    value: float
    low: float
    high: float


def share_interval(wins: Sequence[bool] | NDArray[Any], clusters: Sequence[Any] | NDArray[Any]) -> ConfidenceInterval:
    """Return the share of wins, with an interval by the bootstrap over clusters.

    Clusters are drawn with replacement, each with all its members, because what two networks are both asked is no independent
    evidence. The percentile bootstrap is too narrow with few clusters and near 0 and 1 (of no width, where all agree). So the
    interval is never narrower than the exact one (Clopper and Pearson 1934) of that share in as many draws as there are
    clusters: that of Korn and Graubard (1998, Survey Methodology 24, 193-201) for clustered samples, as if what one cluster
    does on two networks were one draw. With fewer than :data:`FEWEST` clusters a share has limits only if it is 0 or 1.

    Args:
        wins: one truth value a pair, shape ``(n,)``.
        clusters: what each pair belongs to, shape ``(n,)``.
    """
    won = np.asarray(wins, dtype=np.float64)
    if won.size == 0:
        return ConfidenceInterval(math.nan, math.nan, math.nan)
    sums, counts = _by_cluster(won, clusters)
    share = float(won.mean())
    low, high = _exact(share, len(sums))
    if share in (0.0, 1.0):
        return ConfidenceInterval(share, low, high)
    if len(sums) < FEWEST:
        return ConfidenceInterval(share, math.nan, math.nan)
    drawn_low, drawn_high = _bootstrap(len(sums), lambda drawn: sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return ConfidenceInterval(share, min(low, drawn_low), max(high, drawn_high))


def median_interval(values: Sequence[float] | FloatArray, clusters: Sequence[Any] | NDArray[Any]) -> ConfidenceInterval:
    """Return the median over clusters of the medians of their members, with an interval by the bootstrap over clusters.

    The limits are missing with fewer than :data:`FEWEST` clusters.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.size == 0:
        return ConfidenceInterval(math.nan, math.nan, math.nan)
    medians = _cluster_medians(found, clusters)
    middle = float(np.median(medians))
    if len(medians) < FEWEST:
        return ConfidenceInterval(middle, math.nan, math.nan)
    if np.ptp(medians) == 0.0:
        return ConfidenceInterval(middle, float(medians[0]), float(medians[0]))
    low, high = _bootstrap(len(medians), lambda drawn: np.median(medians[drawn], axis=1))
    return ConfidenceInterval(middle, low, high)


def cluster_median(values: Sequence[float] | FloatArray, clusters: Sequence[Any] | NDArray[Any]) -> float:
    """Return the median over clusters of the medians of their members; NaN without any."""
    found = np.asarray(values, dtype=np.float64)
    return float(np.median(_cluster_medians(found, clusters))) if found.size else math.nan


def sign_test(wins: int, losses: int) -> float:
    """Return the two-sided p-value of so many wins and losses if both were as likely; ties are left out; 1 without any pair."""
    from scipy.stats import binomtest

    return 1.0 if wins + losses == 0 else float(binomtest(wins, wins + losses, 0.5).pvalue)


def signed_rank_test(differences: Sequence[float] | FloatArray) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test that paired differences lie around 0; zeros are left out.

    1 where more differences have one sign and the larger ones the other: that speaks for neither side. Exact up to
    :data:`MOST_FOR_EXACT` differences of different sizes; with ties among them or more of them by the normal approximation,
    whose result is never below what the sign of all of them could give. 1 without any difference.
    """
    from scipy.stats import rankdata, wilcoxon

    found = np.asarray(differences, dtype=np.float64)
    found = found[found != 0.0]
    if found.size == 0:
        return 1.0
    sizes, signs = np.abs(found), np.sign(found)
    if signs.sum() * (signs @ rankdata(sizes)) <= 0.0:
        return 1.0
    exact = found.size <= MOST_FOR_EXACT and np.unique(sizes).size == found.size
    p = float(wilcoxon(found, method="exact" if exact else "asymptotic").pvalue)
    return min(1.0, max(p, 2.0 * 0.5 ** min(found.size, 1000)))


def holm(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Return p-values corrected by Holm (1979): valid whatever the tests' dependence; missing ones (NaN) stay and don't count.

    The smallest of m is multiplied by m, the next by m - 1 and so on, none ends below one before it, and none above 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    corrected = np.full(p.shape, math.nan)
    places = np.flatnonzero(~np.isnan(p))
    order = places[np.argsort(p[places], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return corrected


def _bootstrap(count: int, statistic: Callable[[NDArray[np.int64]], FloatArray]) -> tuple[float, float]:
    """Return the percentile interval of a statistic of ``count`` members drawn with replacement.

    ``statistic`` takes members' places, shape ``(draws, count)``. As ``scipy.stats.bootstrap`` with the percentile method, in a
    tenth of its time where there are few members; a report has thousands of these.
    """
    most = max(1, DRAWN_AT_ONCE // count)
    parts = [statistic(_draws(begin, min(most, RESAMPLES - begin), count)) for begin in range(0, RESAMPLES, most)]
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(np.concatenate(parts), [tail, 100.0 - tail])
    return float(low), float(high)


@lru_cache(maxsize=64)
def _draws(begin: int, draws: int, count: int) -> NDArray[np.int64]:
    # The same draws whatever else is in the report: an interval does not hang on which other comparisons there are.
    return np.random.default_rng([begin, count]).integers(0, count, (draws, count))


def _exact(share: float, draws: int) -> tuple[float, float]:
    """Return the limits of Clopper and Pearson; by their beta quantiles, as ``share * draws`` need not be whole."""
    from scipy.special import betaincinv

    wins, losses, tail = share * draws, (1.0 - share) * draws, 0.5 * (1.0 - CONFIDENCE)
    low = 0.0 if share == 0.0 else float(betaincinv(wins, losses + 1.0, tail))
    high = 1.0 if share == 1.0 else float(betaincinv(wins + 1.0, losses, 1.0 - tail))
    return low, high


def _codes(clusters: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    import pandas as pd

    codes, names = pd.factorize(np.asarray(clusters))
    return codes, len(names)


def _by_cluster(values: FloatArray, clusters: Sequence[Any] | NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    codes, count = _codes(clusters)
    sums = np.asarray(np.bincount(codes, values, count), dtype=np.float64)
    return sums, np.bincount(codes, minlength=count).astype(np.float64)


def _cluster_medians(values: FloatArray, clusters: Sequence[Any] | NDArray[Any]) -> FloatArray:
    codes, count = _codes(clusters)
    if count == len(values):
        return values
    order = np.argsort(codes, kind="stable")
    parts = np.split(values[order], np.cumsum(np.bincount(codes, minlength=count))[:-1])
    return np.array([np.median(part) for part in parts])
