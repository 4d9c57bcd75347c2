"""Optimisation models with networks in them: an instance is a problem with a seed, and its networks, trained or from files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sweep.config import rules
from sweep.config.canonical import takes_pruned
from sweep.config.own_networks import in_words, settings_of
from sweep.config.schema import Settings
from sweep.config.sections import source_of
from sweep.config.tasks import OF_ALL, VALUES
from sweep.config.trial_names import pruning_name
from sweep.config.words import DENSE_MILP, Words
from sweep.tasks.base import PreparedTask, Task, TaskWork
from sweep.tasks.model.metrics import MODEL_METRICS
from sweep.tasks.model.origins import check_networks, drawn, files_of, network_names
from sweep.tasks.model.settings import counted_parameters, named_problem, problem_of
from sweep.tasks.model.table import needs_table

USUAL_FUNCTION = "build"
"""The name of a problem's function that short names leave out."""


class ModelTask(Task):
    """The models of ``model``, built for the seeds ``instances.seed`` and on, and answered by ``method``."""

    sections = ("model", "method", "network", "training", "pruning", "networks", "instances", "bounds", "formulation", "solver")
    answerer = "method"
    baseline = MappingProxyType({"method": {"name": "dense"}})
    yardstick = "walk"
    metrics = MODEL_METRICS
    fed_by_table = True

    def check(self, settings: Settings) -> None:
        check_networks(settings)

    def counted(self, section: str, settings: Settings, found: dict[str, Any]) -> dict[str, Any] | None:
        if section == "model":
            from surrogate.models.problems import source_digest

            source, samples = source_digest(problem_of(settings).name), drawn(settings).digest
            return {**found, "parameters": counted_parameters(settings), "source": source, "samples": samples}
        return super().counted(section, settings, found)

    def words(self, objective: str) -> Words:
        return Words(
            instance="model",
            find="feasible",
            asks=True,
            thing="feasible decision",
            yardstick="walk",
            baseline=DENSE_MILP,
            by_value=True,
            pooled=False,
        )

    def objectives(self, settings: Settings) -> tuple[str, ...]:
        of_all = [name for name in OF_ALL if not name.startswith("accuracy")]  # each network of a model has its own
        return (*of_all, *VALUES.values(), "found_rate", "first_found_seconds")

    def usual_objective(self, objective: str) -> str:
        return "found_rate"  # values are better larger in some models and smaller in others: search.objectives says which

    def modules(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        from surrogate.models.problems import importable_paths

        function = config["model"]["function"]
        return () if function is None else tuple(str(path) for path in importable_paths(named_problem(function).name))

    def title(self, settings: Settings) -> str:
        method, model = settings.method, settings.model
        problem = model.problem if model.function is None else _short(model.function)
        each = {name: settings_of(settings, name) for name in network_names(settings)} if settings.networks else {}
        layers = in_words({name: one.network.name for name, one in each.items()}, settings.network.name, bool(each))
        name = f"{problem} {layers} {method.name}"
        if takes_pruned(self, source_of(settings)):
            prunings = {name: pruning_name(one) for name, one in each.items()}
            pruned = in_words(prunings, pruning_name(settings), bool(each))
            name = name if pruned == rules.NO_PRUNING else f"{name} {pruned}"
        return f"{name} repaired" if method.name == "surrogate" and method.repair else name

    def subject(self, flat: Mapping[str, Any]) -> str:
        problem = str(flat.get("model.function") or flat.get("model.problem"))
        return problem.removesuffix(f":{USUAL_FUNCTION}")

    def takes_data(self, settings: Settings) -> bool:
        return needs_table(problem_of(settings), settings)

    def network_names(self, settings: Settings) -> tuple[str, ...]:
        return network_names(settings)

    def network_files(self, settings: Settings) -> tuple[str, ...]:
        return tuple(dict.fromkeys(files_of(settings).values()))

    def trains(self, settings: Settings) -> bool:
        return False

    def prepare(self, work: TaskWork) -> PreparedTask:
        from sweep.tasks.model.prepared import PreparedModels

        return PreparedModels(work)


def _short(function: str) -> str:
    """Return ``kettle`` for ``models.kettle:build``, and ``kettle.build_b`` for a function of another name."""
    module, _, name = function.partition(":")
    module = module.rpartition(".")[2]
    return module if name == USUAL_FUNCTION else f"{module}.{name}"
