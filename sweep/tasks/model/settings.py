"""The problem of a trial, as an object of the library."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogate.checks import shown
from surrogate.errors import SurrogateError
from sweep.config.rules import PYTHON
from sweep.config.schema import Settings
from sweep.errors import ConfigError

if TYPE_CHECKING:
    from surrogate.models.problems import ModelProblem


def problem_of(settings: Settings) -> ModelProblem:
    """Return the problem of a trial.

    Raises:
        ConfigError: there is none, or its module cannot be used.
    """
    model = settings.model
    if model.problem == PYTHON and model.function is None:
        raise ConfigError(
            "model=python without model.function: name a function of yours that builds the model, as in "
            "model.function=my_model:build"
        )
    if model.problem != PYTHON and model.function is not None:
        raise ConfigError(f"model.function={model.function} with model.problem={model.problem}: choose model=python")
    return named_problem(model.problem if model.function is None else model.function)


@functools.cache
def named_problem(name: str) -> ModelProblem:
    """Return a problem of the library's or of the user's by its name.

    Raises:
        ConfigError: there is none, or its module cannot be used.
    """
    from surrogate.models.problems import find_problem

    try:
        return find_problem(name)
    except SurrogateError as error:
        raise ConfigError(_keyed(str(error), name)) from error


def parameters_of(settings: Settings) -> dict[str, Any]:
    """Return all parameters of a trial's problem, defaults included.

    Raises:
        ConfigError: one that the problem does not have, or that is missing; a default that no configuration can hold.
    """
    problem = problem_of(settings)
    try:
        found = problem.complete(settings.model.parameters)
    except SurrogateError as error:
        raise ConfigError(f"model.parameters: {error}") from error
    return {name: _plain(problem.name, name, value) for name, value in found.items()}


def counted_parameters(settings: Settings) -> dict[str, Any]:
    """Return the parameters of a trial's problem as they count in keys (:meth:`ModelProblem.counted`).

    Raises:
        ConfigError: as :func:`parameters_of` does.
    """
    return problem_of(settings).counted(parameters_of(settings))


def _plain(problem: str, name: str, value: Any) -> Any:
    """Return a parameter as it is after a configuration has held it: numpy's numbers are Python's, tuples are lists."""
    try:
        return json.loads(json.dumps(value.item() if isinstance(value, np.generic) else value))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"model.function={problem}: the parameter {name} has the default {type(value).__name__} {shown(value)}: a "
            "parameter is a number, a text, true, false or null, or a list or mapping of these; use the value inside the "
            "function instead"
        ) from error


def _keyed(sentence: str, name: str) -> str:
    return f"model.function={name}: {sentence.removeprefix(f'{name}: ')}" if ":" in name else sentence
