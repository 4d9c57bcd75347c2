"""By how much trials did better than the dense MILP on the same instances. MLflow shows this first of a trial.

The dense MILP of a trial is the trial of the sweep whose key is its ``baseline_key``. Either of the two trials may end first.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sweep.records import TrialRecord
from sweep.records.measures import Measure, decide, median_of

GAIN, WINS = "gain_over_dense", "wins_over_dense"


class Gain(NamedTuple):
    """How a trial compares with its dense MILP, as metrics, and since when that is known: Unix time in milliseconds."""

    trial_key: str
    name: str
    metrics: dict[str, float]
    known_at: int


@dataclass(frozen=True)
class _Standing:
    key: str
    name: str
    ended_at: float
    measure: Measure
    values: Mapping[str, float]
    """Gains by the key of the instance; NaN where there is none."""


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
        measure = "norm" if any(one.is_length for one in record.instances) else "value"
        signs = {one.instance_key: 1.0 if one.is_length else one.sign for one in record.instances}
        values = {one.instance_key: signs[one.instance_key] * _finite(one.value) for one in record.instances}
        mine = _Standing(record.key, record.name, record.ended_at, measure, values)
        if record.key == record.baseline_key:
            self._dense[record.key] = mine
            return [_gain(one, mine) for one in self._waiting.pop(record.key, [])]
        dense = self._dense.get(record.baseline_key)
        if dense is None:
            self._waiting[record.baseline_key].append(mine)
            return []
        return [_gain(mine, dense)]


def _finite(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.nan


def _gain(mine: _Standing, dense: _Standing) -> Gain:
    """Return the comparison on the instances that both answered; to have a value is better than to have none."""
    both = [key for key in mine.values if key in dense.values]
    one, other = (np.array([standing.values[key] for key in both], dtype=np.float64) for standing in (mine, dense))
    won = decide(one, other, mine.measure)
    saved = one - other if mine.measure == "value" else other - one
    wins = int((won > 0).sum())
    found = {
        GAIN: median_of(float(value) for value in saved[~np.isnan(saved)]),
        WINS: wins / len(both) if both else None,
        "total/wins_over_dense": wins,
        "total/losses_to_dense": int((won < 0).sum()),
        "total/compared_with_dense": len(both),
    }
    known_at = round(1000 * max(mine.ended_at, dense.ended_at))
    return Gain(mine.key, mine.name, {name: float(value) for name, value in found.items() if value is not None}, known_at)
