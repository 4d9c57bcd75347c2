"""Which setting attacks best: finished trials grouped into settings, summed up, and compared with their two yardsticks.

A number over several instances is the median of the values present, and it is missing where there is none; the number of values
stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from sweep.config.words import MAXIMIZE, MINIMIZE
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.measures import NORM_TOLERANCE, Measure, median_of, places
from sweep.report.comparisons import are_lengths, by_setting, counted, pairs_with_dense, pairs_without_milp
from sweep.report.phrases import phrases_of
from sweep.report.results import Results, SweepState, results_of, unfinished_of
from sweep.report.settings import RankedSetting
from sweep.report.statistics import cluster_median


def rank(records: Sequence[TrialRecord], pooled: Sequence[str] = ()) -> pd.DataFrame:
    """Return the ranking (:func:`ranking_of`) of the settings of some trials; ``pooled`` keys make no settings of their own.

    Trials that did not finish are not ranked; ``frame.attrs["unfinished"]`` lists them as (name, status, error).
    """
    frame = ranking_of(results_of([(SweepState("", None, 0), records)], pooled=pooled))
    frame.attrs["unfinished"] = [(one.name, one.status, one.error) for one in unfinished_of(records)]
    return frame


def ranking_of(results: Results) -> pd.DataFrame:
    """Return a row per setting, the networks in order of appearance, within each the best setting first.

    Where pruned copies and the dense MILP attacked the same instances, MILPs come first, in the order of how certainly their
    value at the limit is better than the dense MILP's (the dense MILP stands where that turns to worse), then of how much
    better, then of how certainly they are sooner; other attacks follow in the same order, as yardsticks. Anywhere else, and
    where that leaves settings equal, best is the highest success rate, then the shortest median norm (of values that are
    lengths), then the shortest median time to the first find, then the best median of other values; of tasks
    that say so (:attr:`~sweep.config.words.Words.by_value`) the value comes before the time.
    """
    against = {"dense": _compared(pairs_with_dense(results))}
    against |= {name: _compared(pairs_without_milp(results, name)) for name in results.yardsticks}
    rows = [_row(setting, members, against) for setting, members in results.groups.items()]
    networks = list(dict.fromkeys(row["network"] for row in rows))
    rows = [row for network in networks for row in _ordered([one for one in rows if one["network"] == network], results)]
    frame = pd.DataFrame(rows, columns=_columns(rows, tuple(against)))
    counts = [*_COUNTS, *(f"{name}_{yardstick}" for yardstick in against for name in _COUNTS_AGAINST)]
    return frame.astype(dict.fromkeys(counts, "Int64"))


Against = Mapping[tuple[str, str], Mapping[str, Any]]
"""How a setting did against one yardstick, by network and setting, in the columns of :func:`_versus`."""


def _compared(pairs: pd.DataFrame) -> Against:
    """Return how each setting did against a yardstick; the value of one is a length where all of its pairs looked for one."""
    lengths = are_lengths(pairs).groupby([pairs["network"], pairs["setting"]]).transform("all").astype(bool)
    times = by_setting(pairs, "time")
    kinds: tuple[tuple[Measure, pd.DataFrame], ...] = (("norm", pairs[lengths]), ("value", pairs[~lengths]))
    return {
        key: _versus(values, measure, times[key])
        for measure, part in kinds
        for key, values in by_setting(part, measure).items()
    }


def _versus(values: pd.DataFrame, measure: Measure, times: pd.DataFrame) -> dict[str, Any]:
    """Return how one setting did against a yardstick: its value at the limit, and its first find."""
    value, time = counted(values, measure), counted(times, "time")
    sized = values[values["difference"].notna()]
    return {
        "better_than": value["wins"],
        "worse_than": value["losses"],
        "compared_with": value["pairs"],
        "gain_over": cluster_median(sized["difference"].to_numpy(), sized["cluster"].to_numpy()),
        "p_against": value["p"],
        "sooner_than": time["wins"],
        "later_than": time["losses"],
        "times_compared_with": time["pairs"],
        "p_of_times_against": time["p"],
    }


def _row(
    setting: RankedSetting,
    records: Sequence[TrialRecord],
    against: Mapping[str, Against],
) -> dict[str, Any]:
    instances = [instance for record in records for instance in record.instances]
    successes = sum(instance.asks and instance.is_found for instance in instances)
    asked = sum(instance.asks for instance in instances)
    with_pruning = [
        None if i.first_found_seconds is None else i.first_found_seconds + (record.prune_seconds or i.prune_seconds or 0.0)
        for record in records
        for i in record.instances
    ]
    return {
        "network": setting.network,
        "setting": setting.label,
        "attack": setting.attack,
        "method": setting.method,
        "amount": setting.amount,
        "finetune_rounds": setting.finetune_rounds,
        **dict(setting.extras),
        **_kind(instances),
        "accuracy_dense": median_of(record.accuracy_dense for record in records),
        "accuracy_surrogate": median_of(record.accuracy_surrogate for record in records),
        "r2_dense": median_of(record.r2_dense for record in records),
        "r2_surrogate": median_of(record.r2_surrogate for record in records),
        "sparsity": median_of(record.sparsity for record in records),
        "instances": len(instances),
        "asked": asked,
        "successes": successes,
        "success_rate": successes / asked if asked else None,
        "maximised": len(instances) - asked,
        "optimal": sum(instance.is_proven_best for instance in instances),
        "robust": sum(instance.has_none for instance in instances),
        "first_found_seconds": median_of(i.first_found_seconds for i in instances),
        "first_found_with_pruning_seconds": median_of(with_pruning),
        "first_found_values": sum(i.first_found_seconds is not None for i in instances),
        "value": median_of(None if i.is_length else i.value for i in instances),
        "values": sum(not i.is_length and i.value is not None for i in instances),
        "norm": median_of(i.value if i.is_length else None for i in instances),
        "norm_values": sum(i.is_length and i.value is not None for i in instances),
        "norm_bound": median_of(i.bound if i.is_length else None for i in instances),
        "norm_bound_values": sum(i.is_length and i.bound is not None for i in instances),
        "norm_proven": sum(_is_proven(i) for i in instances),
        "binaries": median_of(i.binaries for i in instances),
        "trial_keys": " ".join(record.key for record in records),
        **_named({yardstick: found.get((setting.network, setting.label)) for yardstick, found in against.items()}),
    }


def _kind(instances: Sequence[InstanceRecord]) -> dict[str, str | None]:
    """Return task, objective and sense of the instances of a setting, which have them in common."""
    if not instances:
        return dict.fromkeys(("task", "objective", "sense"))
    first = instances[0]
    return {"task": first.task, "objective": first.objective, "sense": MINIMIZE if first.is_minimized else MAXIMIZE}


def _is_proven(instance: InstanceRecord) -> bool:
    """Whether no value is smaller than the one found, by more than what rounding leaves open, where it is a length."""
    if not instance.is_length or instance.value is None or instance.bound is None:
        return False
    return instance.bound >= instance.value - NORM_TOLERANCE * abs(instance.value) - 1e-9


_VERSUS = (
    *("better_than", "worse_than", "compared_with", "gain_over", "p_against"),
    *("sooner_than", "later_than", "times_compared_with", "p_of_times_against"),
)


def _named(against: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """Return the columns of all yardsticks, such as ``better_than_dense``; None where there is nothing to compare with."""
    return {f"{name}_{yardstick}": (found or {}).get(name) for yardstick, found in against.items() for name in _VERSUS}


_COUNTS = {"finetune_rounds", "instances", "successes", "robust", "first_found_values", "values"}
_COUNTS |= {"asked", "maximised", "optimal", "norm_values", "norm_bound_values", "norm_proven"}
_COUNTS_AGAINST = tuple(name for name in _VERSUS if not name.startswith(("gain", "p_")))
"""The columns that are counts."""


def judged_against_dense(rows: Iterable[Mapping[Any, Any]], results: Results) -> bool:
    """Return whether pruned copies and the dense MILP attacked the same instances, by the rows of one network."""
    return any(results.settings[row["setting"]].is_surrogate and bool(row["compared_with_dense"]) for row in rows)


def _ordered(rows: Sequence[dict[str, Any]], results: Results) -> list[dict[str, Any]]:
    """Return the rows of one network, best first. Numbers that count as equal do not decide."""
    columns = {"norm": "norm", "time": "first_found_seconds", "value": "value"}
    kinds = [(row["task"], row["objective"], row["sense"]) for row in rows if row["task"] is not None]
    signed = [row if row["sense"] != MINIMIZE or row["value"] is None else {**row, "value": -row["value"]} for row in rows]
    ordered = [places([row[columns[measure]] for row in signed], measure) for measure in phrases_of(kinds).order]
    merits = list(zip(*ordered, strict=True))
    judged = judged_against_dense(rows, results)

    def key(place: int) -> tuple[float, ...]:
        row = rows[place]
        success = -1.0 if row["success_rate"] is None else row["success_rate"]
        return (*(_against_dense(row, results.settings[row["setting"]]) if judged else ()), -success, *merits[place])

    return [rows[place] for place in sorted(range(len(rows)), key=key)]


def _against_dense(row: Mapping[str, Any], setting: RankedSetting) -> tuple[float, ...]:
    """Return the order of the settings of a network on which pruned copies are compared with the dense MILP, smallest first."""
    if setting.is_baseline:
        return (0.0,) * 6
    value, time = (
        _lead(*(row[f"{name}_dense"] for name in names))
        for names in (
            ("better_than", "worse_than", "compared_with", "p_against"),
            ("sooner_than", "later_than", "times_compared_with", "p_of_times_against"),
        )
    )
    gain = row["gain_over_dense"]
    return (0.0 if setting.is_milp else 1.0, *value, 0.0 if gain is None or math.isnan(gain) else -gain, *time)


def _lead(won: int | None, lost: int | None, pairs: int | None, p: float | None) -> tuple[float, float]:
    """Return how certainly, then how often, more was won than lost, both negative: from certainly won to certainly lost; what
    was compared with nothing comes last."""
    if won is None or lost is None or pairs is None or p is None:
        return 2.0, 2.0
    if pairs == 0:
        return 0.0, 0.0
    net = (won - lost) / pairs
    return -math.copysign(1.0 - p, net), -net


def _columns(rows: Sequence[Mapping[str, Any]], yardsticks: Sequence[str]) -> list[str]:
    """Return the columns of all rows, extras included, also where there are no rows."""
    head = ["network", "setting", "attack", "method", "amount", "finetune_rounds"]
    empty = _row(RankedSetting("", "", None, None, None), [], {name: {} for name in yardsticks})
    tail = [name for name in empty if name not in head]
    extras = list(dict.fromkeys(name for row in rows for name in row if name not in head and name not in tail))
    return [*head, *extras, *tail]
