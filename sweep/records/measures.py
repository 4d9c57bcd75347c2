"""Numbers of answers: their median, when two of them count as equal, and which is the better one.

The rules are the same for ranking, comparisons, winners and limits of the report and for the gains in MLflow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np
from numpy.typing import ArrayLike, NDArray

Measure = str
"""``value``, ``norm`` or ``time``."""

VALUES: tuple[Measure, ...] = ("value", "norm")
"""What an answer is judged by first: its value on the dense networks, or where values are lengths, how short it is."""

VALUE_TOLERANCE = 1e-6
"""Two values are equal if they differ by at most this times max(1, their size): what a MILP solver's tolerances leave open."""

NORM_TOLERANCE = 1e-4
"""Two lengths are equal if they differ by at most this share of the longer: as close as the attack tries to bring its bound."""

LEAST_SECONDS, LEAST_SHARE = 0.01, 0.1
"""Two times are equal if they are at most 0.01 s apart, or at most a tenth of the longer: nobody chooses an attack for that,
and the machine alone can make it, in the same direction on every instance."""

SHORTEST_SECONDS = 1e-4
"""What a time counts as at least where a ratio or a logarithm of it is formed: a clock may say 0 seconds."""


def finite(value: float | None) -> float | None:
    """Return a number as Python's float, and None for what is none or is not finite: JSON has no other numbers."""
    return float(value) if value is not None and math.isfinite(value) else None


def median_of(values: Iterable[float | None]) -> float | None:
    """Return the median of the values that are not None, or None if there is none."""
    present = [value for value in values if value is not None]
    return float(median(present)) if present else None


def decide(mine: ArrayLike, other: ArrayLike, measure: Measure) -> NDArray[np.float64]:
    """Return 1 where ``mine`` is better, -1 where it is worse, 0 where both are equal.

    A value beats a missing one (NaN), and two missing ones are equal.

    Args:
        mine, other: values of one measure, of the same shape.
        measure: values are better larger, lengths and times smaller.
    """
    first, second = (np.asarray(one, dtype=np.float64) for one in (mine, other))
    sign = 1.0 if measure == "value" else -1.0
    ranks = [np.where(np.isnan(one), -np.inf, sign * one) for one in (first, second)]
    won = (ranks[0] > ranks[1]).astype(np.float64) - (ranks[0] < ranks[1])
    return np.where(np.abs(first - second) <= _slack(first, second, measure), 0.0, won)


def with_logarithm(seconds: ArrayLike) -> NDArray[np.float64]:
    """Return times of which ratios and logarithms can be formed: at least :data:`SHORTEST_SECONDS`, NaN where there is none."""
    return np.maximum(np.asarray(seconds, dtype=np.float64), SHORTEST_SECONDS)


def places(values: Sequence[float | None], measure: Measure) -> list[int]:
    """Return the place of each value, from 0 for the best; one that is equal to the best of a place shares it, None is last."""
    known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    found = np.zeros(len(known), dtype=np.int64)
    best, place = np.nan, -1
    for one in np.argsort(-known if measure == "value" else known, kind="stable"):  # NaN comes last
        if place < 0 or decide(best, known[one], measure) != 0.0:
            best, place = known[one], place + 1
        found[one] = place
    return [int(one) for one in found]


def _slack(first: NDArray[np.float64], second: NDArray[np.float64], measure: Measure) -> NDArray[np.float64]:
    larger = np.maximum(np.abs(first), np.abs(second))
    if measure == "value":
        return VALUE_TOLERANCE * np.maximum(1.0, larger)
    return NORM_TOLERANCE * larger if measure == "norm" else np.maximum(LEAST_SECONDS, LEAST_SHARE * larger)
