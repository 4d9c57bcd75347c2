"""The authors' win table for any sweep: on how many instances a setting beats its yardstick, and how sure that is.

A pair is one instance that both attacked. There are three measures, each only where it applies; :mod:`sweep.records.measures`
says which of two results is better, and which are equal:

* ``value``: the value that is better in its task's sense; tested by Wilcoxon's signed ranks of the differences;
* ``norm``: the shorter one, where values are lengths; sign test;
* ``time``: the sooner first find; a pair without any is left out. Times that a limit cut off have no size, so the
  test is the sign test.

The first two are the value at the limit. A result with a value is better than one without. Shares are of all pairs of a
measure, including ties, as the authors count; tests leave ties out. Two networks on one image are no independent evidence: they
are one cluster. So intervals are bootstraps over clusters, and in a test each cluster counts once: the sign test counts it as
won if more of its pairs were won than lost, and Wilcoxon's test takes its median difference. p-values are corrected by Holm
over all comparisons of one measure with one yardstick.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.config.words import MINIMIZE
from sweep.records.measures import VALUES, Measure, decide, with_logarithm
from sweep.report.phrases import where
from sweep.report.results import Results
from sweep.report.seeds import seed_of
from sweep.report.statistics import ConfidenceInterval, holm, median_interval, share_interval, sign_test, signed_rank_test

ALL = "all networks"
"""Stands for the network where all of them are taken together."""

MEASURES: tuple[Measure, ...] = ("value", "time", "norm")

COLUMNS = {"value": "best_value", "time": "first_found_seconds", "norm": "length"}
"""The column of an instance that holds each measure."""

SEED_COLUMNS = ("pruning_seed", "solver_seed")
"""The seeds that can differ between two attacks on one instance. The seed of the training is none of them: another one gives
another network, and so another instance."""

_SIDES = ("instance_key", "row", "best_value", "first_found_seconds", "length", "prune_seconds")
_DECIDING = (
    *("network", "setting", "cluster", "objective", "sense", "task"),
    *(f"{name}_{side}" for side in ("mine", "other") for name in ("best_value", "first_found_seconds", "length")),
)
"""The columns of pairs that say who won."""

_ABOUT = ("trial_key", "network", "setting", "method", "amount", "finetune_rounds", "cluster", "objective", "sense", "task")


def with_clusters(instances: pd.DataFrame) -> pd.DataFrame:
    """Return the instances with ``cluster``, the data set and the name, the same on all networks, and ``row``, their index."""
    found = [f"{dataset} {name}" for dataset, name in zip(instances["dataset"], instances["instance"], strict=True)]
    return instances.assign(cluster=pd.Series(found, index=instances.index, dtype=object), row=instances.index)


def with_seeds(results: Results) -> pd.DataFrame:
    """Return the instances with their clusters and :data:`SEED_COLUMNS`; a seed that an attack does not use is missing."""
    used: dict[str, tuple[Any, Any]] = {}
    pruned = {label for label, setting in results.settings.items() if setting.method not in (None, "none")}
    for record, label in zip(results.records, results.trials["setting"], strict=True):
        used[record.key] = seed_of(record, "pruning.seed") if label in pruned else None, seed_of(record, "solver.seed")
    instances = with_clusters(results.instances)
    seeds = list(zip(*(used[key] for key in instances["trial_key"]), strict=True)) or [()] * len(SEED_COLUMNS)
    columns = {name: pd.Series(found, instances.index, object) for name, found in zip(SEED_COLUMNS, seeds, strict=True)}
    return instances.assign(**columns)


def pairs_of_settings(mine: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of two settings (rows of :func:`with_seeds`) on the same instances.

    Trials of one setting may differ in their seeds. A seed of which both sides have a value in common is the same in a pair; of
    any other each value of one side is paired with each of the other.
    """
    equal = [name for name in SEED_COLUMNS if set(mine[name].dropna()) & set(others[name].dropna())]
    apart = [name for name in SEED_COLUMNS if name not in equal]
    return pairs_of(mine, others, ("instance_key", *equal), ("instance_key", *equal), apart)


def pairs_of(
    mine: pd.DataFrame, others: pd.DataFrame, left: Iterable[str], right: Iterable[str], apart: Sequence[str] = ()
) -> pd.DataFrame:
    """Return a row for each pair: what ``mine`` says of the instance, and both results as ``..._mine`` and ``..._other``.

    ``left`` and ``right`` are the columns that must agree; of several matches in ``others`` the first counts, but those that
    differ in a column of ``apart`` are pairs of their own.
    """
    left, right = list(left), list(right)
    keys = [f"{name}_key" for name in right]
    values = [name for name in _SIDES if name != "instance_key"]
    reference = others.drop_duplicates([*right, *apart])[[*right, *values]]
    reference = reference.rename(columns={**dict(zip(right, keys, strict=True)), **{n: f"{n}_other" for n in values}})
    columns = list(dict.fromkeys([*_ABOUT, *left, *values]))
    found = mine[columns].merge(reference, left_on=left, right_on=keys, how="inner")
    return found.rename(columns={name: f"{name}_mine" for name in values})


def are_lengths(rows: pd.DataFrame) -> pd.Series:
    """Return of each row, of instances or pairs, whether its value is a length."""
    return where(rows, lambda words: words.length_of != "")


def signs(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return what ``best_value`` is multiplied with so that larger is better: 1, or -1 where smaller values are better."""
    return np.where(rows["sense"] == MINIMIZE, -1.0, 1.0)


def pairs_with_dense(results: Results) -> pd.DataFrame:
    """Return the pairs of all settings with the dense MILP of the same settings (the trial's ``baseline_key``)."""
    instances = with_clusters(results.instances)
    mine = instances[instances["setting"].map(lambda label: not results.settings[label].is_baseline).astype(bool)]
    return pairs_of(mine, instances, ("baseline_key", "instance_key"), ("trial_key", "instance_key"))


def pairs_without_milp(results: Results, yardstick: str) -> pd.DataFrame:
    """Return the pairs of all settings with a yardstick that needs no MILP, of several of those with the best value.

    Args:
        results: all there is.
        yardstick: one of :attr:`~sweep.report.results.Results.yardsticks`.
    """
    instances = with_clusters(results.instances)
    is_yardstick = instances["setting"].map(lambda label: results.settings[label].attack == yardstick).astype(bool)
    reached = signs(instances) * instances["best_value"]
    strongest = instances[is_yardstick].assign(reached=reached[is_yardstick])
    strongest = strongest.sort_values("reached", ascending=False, kind="stable", na_position="last")
    return pairs_of(instances[~is_yardstick], strongest, ("instance_key",), ("instance_key",))


def outcomes(pairs: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Return the pairs that a measure decides on, with ``win`` (1, 0, or -1 for a loss) and ``difference`` (positive: better).

    Both are 0 where the two are equal, and the difference is NaN where only one of both has a value. That of times is the
    logarithm to base 10 of other over mine, that of norms is relative to the other's.
    """
    mine, other = (_values(pairs, measure, side) for side in ("mine", "other"))
    if measure == "value":
        mine, other = signs(pairs) * mine, signs(pairs) * other
    if measure in VALUES:
        known = (are_lengths(pairs) == (measure == "norm")).to_numpy(dtype=bool)
    else:
        known = ~np.isnan(mine) | ~np.isnan(other)
    mine, other = mine[known], other[known]
    win = decide(mine, other, measure)
    if measure == "value":
        sizes = mine - other
    else:
        is_time = measure == "time"
        sizes = np.log10(with_logarithm(other)) - np.log10(with_logarithm(mine)) if is_time else (other - mine) / other
    return pairs[known].assign(win=win, difference=np.where(win == 0.0, 0.0, sizes))


def win_table(results: Results) -> pd.DataFrame:
    """Return a row for each yardstick, network (:data:`ALL` for all together) and setting, with counts, intervals and p-values.

    Columns of a measure: ``value_wins``, ``value_losses``, ``value_pairs``, ``value_clusters``,
    ``value_differing`` (clusters that are no tie), ``value_share`` with ``_low`` and ``_high``, ``value_effect`` (median
    difference) with ``_low`` and ``_high``, ``value_p``, ``value_p_holm``; likewise ``time_...`` (the effect is how many
    times sooner, of the pairs in which both found one) and ``norm_...`` (the effect is the share of the length that is saved).
    """
    rows: list[dict[str, Any]] = []
    against = {results.phrases.baseline: pairs_with_dense(results)}
    against |= {one: pairs_without_milp(results, one) for one in results.yardsticks}
    for yardstick, found_pairs in against.items():
        if found_pairs.empty:
            continue
        pairs = found_pairs[list(_DECIDING)]
        pooled = pairs[where(pairs, lambda words: words.pooled)]
        if pooled["network"].nunique() > 1:
            pairs = pd.concat([pooled.assign(network=ALL), pairs])
        rows += [{"yardstick": yardstick, "network": n, "setting": s, **found} for (n, s), found in _summaries(pairs).items()]
    table = pd.DataFrame(rows, columns=["yardstick", "network", "setting", *_summary_columns()])
    for measure in MEASURES:
        corrected = pd.Series(math.nan, index=table.index)
        for _, part in table.groupby("yardstick"):
            corrected[part.index] = holm(part[f"{measure}_p"].to_numpy(dtype=float))
        table[f"{measure}_p_holm"] = corrected
    return table


def by_setting(pairs: pd.DataFrame, measure: Measure) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the outcomes of each network and setting, in order of appearance: no row where a measure decides on no pair.

    All pairs are decided on at once: a sweep may have thousands of settings.
    """
    keys = ["network", "setting"]
    decided = outcomes(pairs, measure)[[*keys, "cluster", "win", "difference"]]
    nothing = decided.iloc[:0]
    parts = {(str(network), str(setting)): part for (network, setting), part in decided.groupby(keys, sort=False)}
    return {(str(n), str(s)): parts.get((str(n), str(s)), nothing) for n, s in pairs[keys].drop_duplicates().to_numpy()}


def _summaries(pairs: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the counts, intervals and p-values of each network and setting, by all measures."""
    sizes = pairs.groupby(["network", "setting"]).size()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for measure in MEASURES:
        for key, decided in by_setting(pairs, measure).items():
            row = found.setdefault(key, {"pairs": int(sizes[key])})
            row |= {f"{measure}_{name}": value for name, value in measured(decided, measure).items()}
    return found


def measured(decided: pd.DataFrame, measure: Measure) -> dict[str, Any]:
    """Return the summary of one measure's outcomes."""
    clusters, differences = decided["cluster"].to_numpy(), decided["difference"].to_numpy(dtype=float)
    sized = ~np.isnan(differences)
    effect = median_interval(differences[sized], clusters[sized])
    if measure == "time":
        effect = ConfidenceInterval(*(10.0**value for value in (effect.value, effect.low, effect.high)))
    share = share_interval(decided["win"].to_numpy() > 0, clusters)
    return {**counted(decided, measure), **_named("share", share), **_named("effect", effect)}


def counted(decided: pd.DataFrame, measure: Measure) -> dict[str, Any]:
    """Return the counts and the p-value of one measure's outcomes, without the intervals, which take time.

    A test sees each cluster once: of values the median difference, by signed ranks, else what it won more often, by signs. p
    is NaN without any outcome. It is 1 where more pairs but fewer clusters were won than lost, or the other way round: that
    speaks for neither side.
    """
    values = _by_cluster(decided, measure)
    better, worse = int((values > 0).sum()), int((values < 0).sum())
    wins, losses = int((decided["win"] > 0).sum()), int((decided["win"] < 0).sum())
    p = math.nan if decided.empty else signed_rank_test(values) if measure == "value" else sign_test(better, worse)
    if (wins - losses) * (better - worse) < 0:
        p = 1.0
    return {
        "wins": wins,
        "losses": losses,
        "pairs": len(decided),
        "clusters": len(values),
        "differing": better + worse,
        "p": p,
    }


def _by_cluster(decided: pd.DataFrame, measure: Measure) -> NDArray[np.float64]:
    """Return what a test sees of each cluster; a difference of a value and none is larger than any."""
    if measure == "value":
        values = decided["difference"].where(decided["difference"].notna(), decided["win"] * np.inf)
    else:
        values = decided["win"]
    if not decided["cluster"].is_unique:
        grouped = values.groupby(decided["cluster"])
        values = grouped.median().fillna(0.0) if measure == "value" else grouped.sum()
    return values.to_numpy(dtype=float)


def _named(name: str, interval: ConfidenceInterval) -> Mapping[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _summary_columns() -> list[str]:
    nothing = ConfidenceInterval(math.nan, math.nan, math.nan)
    of_one = ["wins", "losses", "pairs", "clusters", "differing", "p", *_named("share", nothing), *_named("effect", nothing)]
    return ["pairs", *(f"{measure}_{name}" for measure in MEASURES for name in of_one)]


def _values(pairs: pd.DataFrame, measure: Measure, side: str) -> NDArray[np.float64]:
    return pairs[f"{COLUMNS[measure]}_{side}"].to_numpy(dtype=float)
