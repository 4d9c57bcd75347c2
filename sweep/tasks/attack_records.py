"""What is recorded of an attack: of each better point when it is met, and of the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from surrogate.problems.objectives import CLOSEST
from sweep.records import InstanceRecord
from sweep.records.measures import finite
from sweep.tasks.base import Improved

if TYPE_CHECKING:
    from surrogate.attack import AttackResult, Event
    from surrogate.region import Region
    from surrogate.witness import Checked


def passing_on(region: Region, record: InstanceRecord, improved: Improved) -> Callable[[Event, Checked], None]:
    """Return a listener that makes of each better point the facts of an answer that was ended just then."""
    from surrogate.witness import perturbation_norms

    timeline: list[dict[str, Any]] = []
    first: list[float] = []

    def better(event: Event, checked: Checked) -> None:
        timeline.append(_event(event))
        facts: dict[str, Any] = {"dense_value": finite(checked.margin), "perturbed": checked.point.tolist()}
        if checked.is_witness:  # checked on the dense network just now, apart from whatever found it
            if not first:
                first.append(event.seconds)
            norms = perturbation_norms(region, checked.point)
            facts |= {"status": "adversarial", "first_found_seconds": first[0]}
            facts |= {name: _plain(value) for name, value in norms.items()}
        improved(**facts, timeline=list(timeline), prune_seconds=record.prune_seconds, sparsity=record.sparsity)

    return better


def answered(record: InstanceRecord, result: AttackResult, ending: str) -> InstanceRecord:
    """Return the record of an answer; ``ending`` is that of facts of the network that was optimised over."""
    closest, proven = record.objective == CLOSEST, finite(result.dual_bound)
    measured: dict[str, Any] = {**result.norms, **result.timings, **result.work, **result.size}
    values: dict[str, Any] = {name: _plain(value) for name, value in measured.items()}
    return dataclasses.replace(
        record,
        status=str(result.status),
        dense_value=finite(result.margin),
        surrogate_value=finite(result.surrogate_margin),
        surrogate_bound=None if closest else proven,
        dense_bound=finite(result.dense_bound),
        norm_bound=proven if closest else None,
        gap=finite(result.gap),
        first_found_seconds=result.first_adversarial_seconds,
        solver_status=result.solver_status,
        timeline=[_event(event) for event in result.timeline],
        region_visits=[{name: finite(value) for name, value in dataclasses.asdict(visit).items()} for visit in result.regions],
        perturbed=None if result.best_point is None else [float(pixel) for pixel in result.best_point],
        facts={**record.facts, **{f"{name}{ending}": _plain(value) for name, value in result.tightness.items()}},
        **values,
    )


def class_name(record: InstanceRecord, which: Literal["label", "target"]) -> str:
    """Return what the class of the label or of the target is called; its number where classes have no other names."""
    return str(record.facts.get(which, getattr(record, which)))


def _event(event: Event) -> dict[str, Any]:
    from surrogate.attack import ClosestAttack

    found = {
        "seconds": event.seconds,
        "dense_value": event.margin,
        "surrogate_value": event.surrogate_margin,
        "source": event.source,
    }
    return found if event.norm is None or event.margin < ClosestAttack.threshold else {**found, "norm": event.norm}


def _plain(value: Any) -> int | float | None:
    return int(value) if float(value).is_integer() and not isinstance(value, float) else finite(float(value))
