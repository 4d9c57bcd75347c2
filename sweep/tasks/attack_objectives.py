"""The search objectives that only attacks have: two of their own, and old names of general ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from surrogate.problems.objectives import CLOSEST, MARGIN, OBJECTIVES, OUTPUT
from sweep.config.tasks import OF_ALL
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.objectives import OF_EVERY_TASK, Objective, median_value, share

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "margin": "value",
        "norm": "least_value",
        "success_rate": "found_rate",
        "first_adversarial_seconds": "first_found_seconds",
    }
)
"""Names from when every task was one of attacks, which configurations of users have."""

_ADVERSARIAL = (MARGIN, CLOSEST)

GOALS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(OF_ALL, OBJECTIVES),
        "margin": (MARGIN, OUTPUT),
        "norm": (CLOSEST,),
        "success_rate": _ADVERSARIAL,
        "decided_rate": _ADVERSARIAL,
        "first_adversarial_seconds": _ADVERSARIAL,
        "first_adversarial_with_pruning_seconds": _ADVERSARIAL,
        "value": (MARGIN, OUTPUT),
        "least_value": (CLOSEST,),
    }
)
"""The objectives of a search, each with the values of ``attack.objective`` with which trials have it."""


def _decided_rate(record: TrialRecord) -> float | None:
    """Share of the instances answered with a witness or with a proof that there is none, 0 to 1."""
    return share(instance.is_found or instance.has_none for instance in record.instances)


def _first_with_pruning_seconds(record: TrialRecord) -> float | None:
    """Median seconds of pruning, of finetuning and to the first witness; without a witness the time limit counts for these."""

    def seconds(instance: InstanceRecord) -> float:
        found = instance.first_found_seconds
        return (record.limit_seconds if found is None else found) + (record.prune_seconds or instance.prune_seconds or 0.0)

    return median_value(record, seconds, missing=record.limit_seconds)


ATTACK_OBJECTIVES = (
    *(dataclasses.replace(one, name=name) for name, same in ALIASES.items() for one in OF_EVERY_TASK if one.name == same),
    Objective("decided_rate", "maximize", _decided_rate),
    Objective("first_adversarial_with_pruning_seconds", "minimize", _first_with_pruning_seconds),
)
"""The objectives that only trials with attacks have."""
