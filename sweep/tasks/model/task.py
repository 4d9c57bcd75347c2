"""Optimisation models with networks in them: an instance is a problem with a seed, and the networks that its samples train."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from surrogate.errors import SurrogateError
from sweep.config import rules
from sweep.config.model_names import PYTHON
from sweep.config.schema import Settings
from sweep.config.tasks import OF_ALL, VALUES
from sweep.config.trial_names import pruning_name
from sweep.config.users_data import read_data
from sweep.config.words import Words
from sweep.errors import ConfigError
from sweep.tasks.base import PreparedTask, Task, TaskWork
from sweep.tasks.model.metrics import MODEL_METRICS
from sweep.tasks.model.settings import named_problem, parameters_of, problem_of
from sweep.tasks.model.table import needs_table, rehearse_on_table, with_table

USUAL_FUNCTION = "build"
"""The name of a problem's function that short names leave out."""


class ModelTask(Task):
    """The models of ``model``, built for the seeds ``instances.seed`` and on, and answered by ``method``."""

    sections = ("model", "method", "network", "training", "pruning", "instances", "bounds", "formulation", "solver")
    answerer = "method"
    baseline = MappingProxyType({"method": {"name": "dense"}})
    metrics = MODEL_METRICS
    fed_by_table = True

    def check(self, settings: Settings) -> None:
        from surrogate.models.methods import METHODS

        problem, parameters = with_table(problem_of(settings), settings), parameters_of(settings)
        if settings.network.file is not None:
            raise ConfigError(
                f"network.file={settings.network.file} with task=model: the networks of a model are trained on its samples; "
                "set network.file=null"
            )
        if METHODS[settings.method.name].needs_surrogate and settings.pruning.method == rules.NO_PRUNING:
            raise ConfigError(
                f"method={settings.method.name} with pruning=none: it needs pruned networks; choose a pruning, or method=dense"
            )
        if self.takes_data(settings):
            rehearse_on_table(problem, settings.instances.seed, json.dumps(parameters))
        elif problem.samples is None or settings.model.problem == PYTHON:
            _rehearse(problem.name, settings.instances.seed, json.dumps(parameters))
        else:
            _samples_digest(problem.name, settings.instances.seed, json.dumps(problem.samples_parameters(parameters)))

    def counted(self, section: str, settings: Settings, found: dict[str, Any]) -> dict[str, Any] | None:
        if section == "model":
            from surrogate.models.problems import source_digest

            problem, parameters = problem_of(settings), parameters_of(settings)
            given = json.dumps(problem.samples_parameters(parameters))
            samples = _samples_digest(problem.name, settings.instances.seed, given) if problem.samples is not None else None
            if self.takes_data(settings):
                samples = read_data(settings.dataset).checksum
            return {**found, "parameters": parameters, "source": source_digest(problem.name), "samples": samples}
        return super().counted(section, settings, found)

    def words(self, objective: str) -> Words:
        return Words(
            instance="model",
            find="feasible",
            asks=True,
            thing="feasible decision",
            yardstick="walk",
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
        name = f"{model.problem if model.function is None else _short(model.function)} {settings.network.name} {method.name}"
        if _takes_surrogate(method.name) and settings.pruning.method != rules.NO_PRUNING:
            name = f"{name} {pruning_name(settings)}"
        return f"{name} repaired" if method.name == "surrogate" and method.repair else name

    def subject(self, flat: Mapping[str, Any]) -> str:
        problem = str(flat.get("model.function") or flat.get("model.problem"))
        return problem.removesuffix(f":{USUAL_FUNCTION}")

    def deciding(self, settings: Settings) -> tuple[Any, ...]:
        # The samples count that are drawn by the seed, or read from a table.
        seed = settings.instances.seed
        return (seed, settings.dataset, settings.model.function) if settings.dataset.name == rules.TABLE else (seed,)

    def takes_data(self, settings: Settings) -> bool:
        return needs_table(problem_of(settings), settings)

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


def _takes_surrogate(method: str) -> bool:
    from surrogate.models.methods import METHODS

    return METHODS[method].takes_surrogate


@functools.lru_cache(maxsize=1024)
def _rehearse(problem: str, seed: int, parameters: str) -> None:
    """Draw and build once, with untrained networks: a user's mistakes are told before anything starts."""
    from surrogate.models.problems import rehearse

    try:
        rehearse(named_problem(problem), seed, json.loads(parameters))
    except SurrogateError as error:
        raise ConfigError(f"model.function={problem}: {str(error).removeprefix(f'{problem}: ')}") from error


@functools.lru_cache(maxsize=1024)
def _samples_digest(problem: str, seed: int, parameters: str) -> str:
    """Return 16 hex digits over the samples of a seed: they may come from files, whose contents nothing else says."""
    try:
        drawn = named_problem(problem).draw(seed, json.loads(parameters))
    except SurrogateError as error:
        setting = "model.function" if ":" in problem else "model"
        raise ConfigError(f"{setting}={problem}: {str(error).removeprefix(f'{problem}: ')}") from error
    from surrogate.models.problems import samples_digest

    return samples_digest(drawn)
