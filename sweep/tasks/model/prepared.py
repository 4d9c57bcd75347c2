"""A trial of models: its networks, its instances, and the method that answers them."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweep.config import rules
from sweep.config.sections import model_method_of
from sweep.config.stage_keys import digest
from sweep.config.words import Sense
from sweep.records import InstanceRecord
from sweep.tasks.base import Improved, PreparedTask, TaskInstance, TaskWork
from sweep.tasks.model.networks import FittedNetwork, NetworkMaker
from sweep.tasks.model.settings import parameters_of, problem_of
from sweep.tasks.model.table import with_table

if TYPE_CHECKING:
    from surrogate.models import ModelResult, Place, PlaceBounds, Step
    from surrogate.models.problems import ModelInstance, TrueValue


@dataclass(frozen=True)
class SeededModel(TaskInstance):
    """A problem with a seed.

    Attributes:
        seed: that the model and its samples are drawn by.
        networks: by the names that the problem gives them.
    """

    seed: int
    networks: dict[str, FittedNetwork] = dataclasses.field(compare=False)


class PreparedModels(PreparedTask):
    """The models of a trial, one a seed."""

    def __init__(self, work: TaskWork) -> None:
        from surrogate.models.problems import source_digest

        settings = work.settings
        self._problem = with_table(problem_of(settings), settings, work.inputs.data)
        self._parameters = parameters_of(settings)
        self._method = model_method_of(settings)
        takes = self._method.takes_surrogate and settings.pruning.method != rules.NO_PRUNING
        self._regional = work.networks.pruning() if takes and work.networks.pruning().needs_region else None
        maker = NetworkMaker(self._problem, self._parameters, work.networks, settings, takes and self._regional is None)
        source = source_digest(self._problem.name)
        instances = []
        for seed in range(settings.instances.seed, settings.instances.seed + (settings.instances.count or 1)):
            networks = maker.of_seed(seed)
            keys = {name: network.dense.key for name, network in networks.items()}
            key = digest("model", self._problem.name, source, self._parameters, seed, keys)
            instances.append(SeededModel(key, f"{self._problem.name} {seed}", seed, networks))
        super().__init__(work, instances)

    def key(self, instance: TaskInstance, *, any_limit: bool = False) -> str:
        assert isinstance(instance, SeededModel)
        pruned = {name: one.pruned.key for name, one in instance.networks.items() if one.pruned is not None}
        return self._key(instance, surrogate_key=digest(pruned) if pruned else None, any_limit=any_limit)

    def answer(self, instance: TaskInstance, record: InstanceRecord, improved: Improved) -> InstanceRecord:
        assert isinstance(instance, SeededModel)
        dense = {name: one.dense for name, one in instance.networks.items()}
        model = self._problem.instance(dense, instance.seed, self._parameters)
        sense: Sense = "maximize" if model.maximises else "minimize"
        record.sense = sense
        wall, cpu = time.perf_counter(), time.process_time()
        result = self._method.answer(model.model, self._places(instance, model, dense), _passing_on(improved, sense))
        record.total_seconds, record.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
        true = self._problem.true_value(model) if result.value is not None else None
        return _answered(record, result, true, {name: one.facts() for name, one in instance.networks.items()})

    def _places(self, instance: SeededModel, model: ModelInstance, dense: dict[str, Any]) -> list[Place]:
        from surrogate.models import Place

        pruned = {name: one.pruned for name, one in instance.networks.items() if one.pruned is not None}
        if pruned:
            return self._problem.with_surrogates(model, dense, pruned, instance.seed, self._parameters)
        if self._regional is not None:
            return [Place(place.inputs, place.outputs, place.dense, self._regional) for place in model.places]
        return list(model.places)


def _passing_on(improved: Improved, sense: Sense) -> Callable[[Step], bool]:
    """Return a listener that makes of each better decision the facts of an answer that was ended just then."""
    timeline: list[dict[str, Any]] = []

    def better(step: Step) -> bool:
        timeline.append(_event(step))
        first = timeline[0]["seconds"]
        improved(status="feasible", value=step.value, sense=sense, first_found_seconds=first, timeline=list(timeline))
        return False

    return better


def _answered(
    record: InstanceRecord, result: ModelResult, true: TrueValue | None, networks: dict[str, dict[str, Any]]
) -> InstanceRecord:
    size = result.sizes.get("dense") or result.sizes.get("surrogates") or {}
    facts: dict[str, Any] = {"networks": networks, **_freedom(result.dense_bounds, "")}
    facts |= _freedom(result.surrogate_bounds, "_pruned")
    if true is not None:
        facts["true_violation"] = _finite(true.violation)
    if result.failures:
        facts["failures"] = dict(result.failures)
    return record.answered(
        status=str(result.status),
        value=_finite(result.value),
        surrogate_value=_finite(result.surrogate_value),
        true_value=None if true is None else _finite(true.value),
        bound=_finite(result.bound),
        gap=_finite(result.gap),
        first_found_seconds=result.first_feasible_seconds,
        timeline=[_event(step) for step in result.timeline],
        facts=facts,
        **{name: size.get(name) for name in ("binaries", "rows", "columns", "nonzeros")},
        **{name: result.work.get(name) for name in ("nodes", "simplex_iterations", "regions")},
    )


def _freedom(places: Sequence[PlaceBounds], ending: str) -> dict[str, Any]:
    """Return how free the bounds leave networks, summed over the places: unstable neurons, and their big-M constants."""
    if not places:
        return {}
    return {f"unstable{ending}": sum(one.unstable for one in places), f"big_m{ending}": sum(one.big_m for one in places)}


def _event(step: Step) -> dict[str, Any]:
    return {"seconds": step.seconds, "value": step.value, "source": step.source}


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
