"""Which setting attacks best: finished trials grouped into settings, summed up, and paired with their two yardsticks.

A number over several instances is the median of the values present, and it is missing where there is none; the number of values
stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

import pandas as pd

from sweep.records import InstanceRecord, TrialRecord
from sweep.report.settings import Setting, group

MARGIN_TOLERANCE = 1e-6
"""Two margins are equal if they differ by at most this times max(1, their size): what a MILP solver's tolerances leave open."""

NORM_TOLERANCE = 1e-4
"""A perturbation is proven the closest if the proven bound is this close to its length, relative to it: as close as the attack
tries to bring it."""


class Wins(NamedTuple):
    """How a setting did against a yardstick on the instances that both attacked."""

    margin_better: int
    margin_as_good: int
    """At least as good: equal margins count, up to MARGIN_TOLERANCE."""
    margins: int
    """Instances on which both have a margin."""
    sooner: int
    times: int
    """Instances on which at least one of both found a witness; finding one is sooner than finding none."""


def median_of(values: Iterable[float | None]) -> float | None:
    """Return the median of the values that are not None, or None if there is none."""
    present = [value for value in values if value is not None]
    return float(median(present)) if present else None


def rank(records: Sequence[TrialRecord], pooled: Sequence[str] = ()) -> pd.DataFrame:
    """Return a row per setting, the networks in order of appearance, within each the best setting first.

    Best is the highest success rate, then the shortest median norm (closest perturbation only), then the shortest median time
    to the first adversarial input, then the largest median margin. Trials that did not finish are not ranked;
    ``frame.attrs["unfinished"]`` lists them as (name, status, error). ``pooled`` keys make no settings of their own.
    """
    settings = group(records, pooled)
    dense = {(r.key, i.instance_key): i for r in records if r.status == "finished" for i in r.instances}
    gradient = _best_gradient(settings)
    rows = [_row(setting, members, dense, gradient) for setting, members in settings.items()]
    networks = list(dict.fromkeys(row["network"] for row in rows))
    rows.sort(key=lambda row: (networks.index(row["network"]), *_merit(row)))
    frame = pd.DataFrame(rows, columns=_columns(rows))
    for column in (c for c in frame.columns if c in _COUNTS):
        frame[column] = frame[column].astype("Int64")
    unfinished = [(r.name, r.status, r.error or "no reason was recorded") for r in records if r.status != "finished"]
    frame.attrs["unfinished"] = unfinished
    return frame


def compare(instances: Sequence[InstanceRecord], find: Callable[[InstanceRecord], InstanceRecord | None]) -> Wins | None:
    """Pair each instance with what ``find`` returns for it; None if there is nothing to pair with."""
    pairs = [(mine, other) for mine in instances if (other := find(mine)) is not None]
    if not pairs:
        return None
    margins = [(m.best_margin, o.best_margin) for m, o in pairs]
    both = [(mine, other) for mine, other in margins if mine is not None and other is not None]
    slack = [MARGIN_TOLERANCE * max(1.0, abs(mine), abs(other)) for mine, other in both]
    times = [(m.first_adversarial_seconds, o.first_adversarial_seconds) for m, o in pairs]
    decided = [(mine, other) for mine, other in times if mine is not None or other is not None]
    return Wins(
        margin_better=sum(mine > other + slack for (mine, other), slack in zip(both, slack, strict=True)),
        margin_as_good=sum(mine >= other - slack for (mine, other), slack in zip(both, slack, strict=True)),
        margins=len(both),
        sooner=sum(mine is not None and (other is None or mine < other) for mine, other in decided),
        times=len(decided),
    )


def _best_gradient(settings: Mapping[Setting, Sequence[TrialRecord]]) -> dict[str, InstanceRecord]:
    """Return the gradient attack's result per instance; of several, the one with the largest margin: the harder yardstick."""
    best: dict[str, InstanceRecord] = {}
    for setting, records in settings.items():
        for instance in (i for record in records if setting.is_gradient for i in record.instances):
            known = best.get(instance.instance_key)
            if known is None or (instance.margin is not None and (known.margin is None or instance.margin > known.margin)):
                best[instance.instance_key] = instance
    return best


def _row(
    setting: Setting,
    records: Sequence[TrialRecord],
    dense: Mapping[tuple[str, str], InstanceRecord],
    gradient: Mapping[str, InstanceRecord],
) -> dict[str, Any]:
    instances = [instance for record in records for instance in record.instances]
    successes = sum(instance.status == "adversarial" for instance in instances)
    asked = sum(instance.asks for instance in instances)
    with_pruning = [
        None
        if i.first_adversarial_seconds is None
        else i.first_adversarial_seconds + (record.prune_seconds or i.prune_seconds or 0.0)
        for record in records
        for i in record.instances
    ]
    baseline = {id(instance): record.baseline_key for record in records for instance in record.instances}
    to_dense = (
        None if setting.is_dense_milp else compare(instances, lambda i: dense.get((baseline[id(i)] or "", i.instance_key)))
    )
    to_gradient = None if setting.is_gradient else compare(instances, lambda i: gradient.get(i.instance_key))
    return {
        "network": setting.network,
        "setting": setting.label,
        "attack": setting.attack,
        "method": setting.method,
        "amount": setting.amount,
        "finetune_rounds": setting.finetune_rounds,
        **dict(setting.extras),
        "accuracy_dense": median_of(record.accuracy_dense for record in records),
        "accuracy_surrogate": median_of(record.accuracy_surrogate for record in records),
        "sparsity": median_of(record.sparsity for record in records),
        "instances": len(instances),
        "asked": asked,
        "successes": successes,
        "success_rate": successes / asked if asked else None,
        "maximised": len(instances) - asked,
        "optimal": sum(instance.status == "optimal" for instance in instances),
        "robust": sum(instance.status == "robust" for instance in instances),
        "first_adversarial_seconds": median_of(i.first_adversarial_seconds for i in instances),
        "first_adversarial_with_pruning_seconds": median_of(with_pruning),
        "first_adversarial_values": sum(i.first_adversarial_seconds is not None for i in instances),
        "margin": median_of(i.best_margin for i in instances),
        "margin_values": sum(i.best_margin is not None for i in instances),
        "norm": median_of(i.length for i in instances),
        "norm_bound": median_of(i.norm_bound for i in instances),
        "norm_bound_values": sum(i.norm_bound is not None for i in instances),
        "norm_proven": sum(_is_proven(i) for i in instances),
        "binaries": median_of(i.binaries for i in instances),
        "trial_keys": " ".join(record.key for record in records),
        **_named_wins("dense", to_dense),
        **_named_wins("gradient", to_gradient),
    }


def _is_proven(instance: InstanceRecord) -> bool:
    """Whether no adversarial perturbation is shorter than the one found, by more than what rounding leaves open."""
    if instance.length is None or instance.norm_bound is None:
        return False
    return instance.norm_bound >= instance.length * (1.0 - NORM_TOLERANCE) - 1e-9


def _named_wins(yardstick: str, wins: Wins | None) -> dict[str, int | None]:
    names = (
        f"margin_better_than_{yardstick}",
        f"margin_as_good_as_{yardstick}",
        f"margins_compared_with_{yardstick}",
        f"sooner_than_{yardstick}",
        f"times_compared_with_{yardstick}",
    )
    return dict(zip(names, wins or [None] * len(names), strict=True))


_WIN_COLUMNS = [*_named_wins("dense", None), *_named_wins("gradient", None)]
_COUNTS = {"finetune_rounds", "instances", "successes", "robust", "first_adversarial_values", "margin_values", *_WIN_COLUMNS}
_COUNTS |= {"asked", "maximised", "optimal", "norm_bound_values", "norm_proven"}


def _merit(row: Mapping[str, Any]) -> tuple[float, ...]:
    time, margin, norm = row["first_adversarial_seconds"], row["margin"], row["norm"]
    return (
        -(row["success_rate"] if row["success_rate"] is not None else -1.0),
        0.0 if norm is None else norm,
        float("inf") if time is None else time,
        float("inf") if margin is None else -margin,
    )


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns of all rows, extras included, also where there are no rows."""
    head = ["network", "setting", "attack", "method", "amount", "finetune_rounds"]
    empty = _row(Setting("", "", None, None, None), [], {}, {})
    tail = [name for name in empty if name not in head]
    extras = list(dict.fromkeys(name for row in rows for name in row if name not in head and name not in tail))
    return [*head, *extras, *tail]
