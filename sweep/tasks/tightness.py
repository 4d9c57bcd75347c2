"""Metrics from the facts of an answer: how easy the networks were to optimise over, whatever was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sweep.records import TIGHTNESS_FACTS, InstanceRecord

PRUNED = "_pruned"
"""Ends the names of what is of pruned networks."""


def fact(name: str) -> Callable[[InstanceRecord], float | None]:
    """Return what reads a fact of an answer, None where that has none."""

    def measure(record: InstanceRecord) -> float | None:
        found: float | None = record.facts.get(name)
        return found

    return measure


TIGHTNESS: Mapping[str, Callable[[InstanceRecord], float | None]] = MappingProxyType(
    {f"network/{name}": fact(name) for name in TIGHTNESS_FACTS}
)
"""Measures by their names in MLflow: neurons that the bounds leave free, the sum of their big-Ms, the gap before branching."""
