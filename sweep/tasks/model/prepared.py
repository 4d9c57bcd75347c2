"""A trial of models: its networks, its instances, and the method that answers them."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweep.config.canonical import part
from sweep.config.own_networks import settings_of
from sweep.config.sections import method_of
from sweep.config.stage_keys import digest, instance_key
from sweep.config.words import Sense
from sweep.records import TRUE_VIOLATION, InstanceRecord
from sweep.records.measures import finite
from sweep.records.time_limit import TIME_LIMIT
from sweep.tasks.base import Improved, PreparedTask, TaskInstance, TaskWork
from sweep.tasks.model.networks import ModelNetwork, NetworkMaker
from sweep.tasks.model.origins import files_of
from sweep.tasks.model.settings import counted_parameters, parameters_of, problem_of
from sweep.tasks.model.table import with_table

if TYPE_CHECKING:
    from surrogate.models import ModelResult, Place, PlaceBounds, Step
    from surrogate.models.methods import ModelMethod
    from surrogate.models.problems import ModelInstance, TrueValue
    from surrogate.networks import ReluNetwork


OPEN = ("feasible", "unresolved")
"""The statuses of answers that more time could have changed."""

NEARLY = 0.98
"""A method that took this share of its limit was ended by it: solvers look at their clocks now and then."""


@dataclass(frozen=True)
class SeededModel(TaskInstance):
    """A problem with a seed.

    Attributes:
        seed: that the model and its samples are drawn by.
        networks: by the names that the problem gives them.
    """

    seed: int
    networks: dict[str, ModelNetwork] = dataclasses.field(compare=False)


class PreparedModels(PreparedTask):
    """The models of a trial, one a seed."""

    def __init__(self, work: TaskWork) -> None:
        from surrogate.models.problems import source_digest

        settings = work.settings
        self._problem = with_table(problem_of(settings), settings, work.inputs.data)
        self._parameters = parameters_of(settings)
        self._method: ModelMethod = method_of("method", settings)
        files, takes = files_of(settings), self._method.takes_surrogate
        maker = NetworkMaker(self._problem, self._parameters, work.networks, settings, files, work.inputs.networks, takes)
        source, counted = source_digest(self._problem.name), counted_parameters(settings)
        instances = []
        for seed in range(settings.instances.seed, settings.instances.seed + (settings.instances.count or 1)):
            networks = maker.of_seed(seed)
            keys = {name: network.dense.key for name, network in networks.items()}
            key = digest("model", self._problem.name, source, counted, seed, keys)
            instances.append(SeededModel(key, f"{self._problem.name} {seed}", seed, networks))
        super().__init__(work, instances)

    def key(self, instance: TaskInstance, *, any_limit: bool = False) -> str:
        assert isinstance(instance, SeededModel)
        networks = instance.networks
        pruned: dict[str, Any] = {name: one.pruned.key for name, one in networks.items() if one.pruned is not None}
        if pruned:  # else, as where all are pruned for regions, the section counts
            regional = [name for name, one in networks.items() if one.region_pruning is not None]
            pruned |= {name: part("pruning", settings_of(self.settings, name)) for name in regional}
        surrogate = digest(pruned) if pruned else None
        return instance_key(self.settings, None, surrogate, instance.key, None, any_limit=any_limit)

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

    def _places(self, instance: SeededModel, model: ModelInstance, dense: dict[str, ReluNetwork]) -> list[Place]:
        """Return the model's places with pruned networks, or with how they are pruned for the region of each place."""
        from surrogate.models import Place

        networks = instance.networks
        regional = {name: one.region_pruning for name, one in networks.items() if one.region_pruning is not None}
        pruned = {name: one.pruned for name, one in networks.items() if one.pruned is not None}
        places = list(model.places)
        if pruned:
            places = self._problem.with_surrogates(
                model, dense, {**{name: dense[name] for name in regional}, **pruned}, instance.seed, self._parameters
            )
        if not regional:
            return places
        of_all = next(iter(regional.values())) if not pruned and len({*map(repr, regional.values())}) == 1 else None
        by_network = {id(dense[name]): pruning for name, pruning in regional.items()}
        surrogates = [by_network.get(id(place.dense), of_all or place.surrogate) for place in places]
        return [
            Place(place.inputs, place.outputs, place.dense, surrogate)
            for place, surrogate in zip(places, surrogates, strict=True)
        ]


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
    facts |= _root_gap(result.value, result.root_bounds.get("dense"), "")
    facts |= _root_gap(result.surrogate_value, result.root_bounds.get("surrogates"), "_pruned")
    if true is not None:
        facts[TRUE_VIOLATION] = min(float(true.violation), sys.float_info.max)  # JSON has no infinity
    if result.failures:
        facts["failures"] = dict(result.failures)
    took, limit = record.total_seconds, record.limit_seconds
    by_limit = str(result.status) in OPEN and took is not None and limit is not None and took >= NEARLY * limit
    return record.answered(
        status=str(result.status),
        solver_status=TIME_LIMIT if by_limit else None,
        value=finite(result.value),
        surrogate_value=finite(result.surrogate_value),
        true_value=None if true is None else finite(true.value),
        bound=finite(result.bound),
        gap=finite(result.gap),
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


def _root_gap(best: float | None, bound: float | None, ending: str) -> dict[str, float]:
    """Return the gap between the best value of a MILP and the bound that its solver had before it branched."""
    return {} if best is None or bound is None else {f"root_gap{ending}": abs(best - bound) / max(1.0, abs(best))}


def _event(step: Step) -> dict[str, Any]:
    return {"seconds": step.seconds, "value": step.value, "source": step.source}
