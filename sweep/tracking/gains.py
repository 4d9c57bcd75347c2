"""By how much trials did better than the dense MILP on the same instances: what MLflow shows first of a trial.

The dense MILP of a trial is the trial of the sweep whose key is its ``baseline_key``. Each of both may end first.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sweep.records import InstanceRecord, TrialRecord
from sweep.report.ranking import MARGIN_TOLERANCE, NORM_TOLERANCE, median_of
from sweep.rules import CLOSEST
from sweep.tracking.content import value_of

GAIN, WINS = "gain_over_dense", "wins_over_dense"


class Gain(NamedTuple):
    """How a trial compares with its dense MILP, as metrics, and since when that is known: Unix time in milliseconds."""

    trial_key: str
    name: str
    metrics: dict[str, float]
    known_at: int


class _Value(NamedTuple):
    """The value of an instance, turned so that larger is better; and up to which difference another one is equal."""

    value: float | None
    slack: float


@dataclass(frozen=True)
class _Standing:
    key: str
    name: str
    ended_at: float
    values: Mapping[str, _Value]
    """By the key of the instance."""


@dataclass
class Gains:
    """Compares each finished trial of a sweep with its dense MILP, once both have been added."""

    _dense: dict[str, _Standing] = field(default_factory=dict)
    _waiting: dict[str, list[_Standing]] = field(default_factory=lambda: defaultdict(list))
    """Trials whose dense MILP is not known yet, by its key."""

    def add(self, record: TrialRecord) -> list[Gain]:
        """Return what is known now that was not known before this trial ended."""
        if record.status != "finished" or record.baseline_key is None:
            return []
        values = {one.instance_key: _turned(one) for one in record.instances}
        mine = _Standing(record.key, record.name, record.ended_at, values)
        if record.key == record.baseline_key:
            self._dense[record.key] = mine
            return [_gain(one, mine) for one in self._waiting.pop(record.key, [])]
        dense = self._dense.get(record.baseline_key)
        if dense is None:
            self._waiting[record.baseline_key].append(mine)
            return []
        return [_gain(mine, dense)]


def _turned(instance: InstanceRecord) -> _Value:
    value = value_of(instance)
    if value is None or not math.isfinite(value):
        return _Value(None, 0.0)
    if instance.objective == CLOSEST:
        return _Value(-value, NORM_TOLERANCE * abs(value))
    return _Value(value, MARGIN_TOLERANCE * max(1.0, abs(value)))


def _gain(mine: _Standing, dense: _Standing) -> Gain:
    """Return the comparison on the instances that both answered; to have a value is better than to have none."""
    pairs = [(mine.values[key], dense.values[key]) for key in mine.values if key in dense.values]
    wins = sum(_is_better(one, other) for one, other in pairs)
    losses = sum(_is_better(other, one) for one, other in pairs)
    gain = median_of(a.value - b.value for a, b in pairs if a.value is not None and b.value is not None)
    found = {
        GAIN: gain,
        WINS: wins / len(pairs) if pairs else None,
        "total/wins_over_dense": wins,
        "total/losses_to_dense": losses,
        "total/compared_with_dense": len(pairs),
    }
    known_at = round(1000 * max(mine.ended_at, dense.ended_at))
    return Gain(mine.key, mine.name, {name: float(value) for name, value in found.items() if value is not None}, known_at)


def _is_better(one: _Value, other: _Value) -> bool:
    if one.value is None or other.value is None:
        return one.value is not None and other.value is None
    return one.value - other.value > max(one.slack, other.slack)
