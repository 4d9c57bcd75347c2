"""Metrics in MLflow that only models have: of their networks, and of how far a decision fails in truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from types import MappingProxyType

from sweep.records import TRUE_VIOLATION, InstanceRecord
from sweep.tasks.tightness import TIGHTNESS, fact

FITS = ("r2", "accuracy")
"""The measures of fit, as the library names them: of values, and of classes."""


def _fit(ending: str) -> Callable[[InstanceRecord], float | None]:
    """Return what measures how well the networks of an instance fit: the median over its networks."""

    def measure(record: InstanceRecord) -> float | None:
        networks = record.facts.get("networks", {}).values()
        found = [one[f"{name}{ending}"] for one in networks for name in FITS if one.get(f"{name}{ending}") is not None]
        return float(median(found)) if found else None

    return measure


MODEL_METRICS: Mapping[str, Callable[[InstanceRecord], float | None]] = MappingProxyType(
    {
        "fit/dense": _fit(""),
        "fit/pruned": _fit("_pruned"),
        **TIGHTNESS,
        TRUE_VIOLATION: fact(TRUE_VIOLATION),
    }
)
"""Measures by their names in MLflow. Networks fitted to values and networks fitted to classes are not told apart."""
