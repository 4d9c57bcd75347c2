"""The problem and the method of a trial, as objects of the library, and what of the configuration they look at."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from surrogate.errors import SurrogateError
from sweep.config import rules
from sweep.config.model_names import PYTHON
from sweep.config.schema import Settings
from sweep.errors import ConfigError

if TYPE_CHECKING:
    from surrogate.bounds import BoundMethod
    from surrogate.formulation import Formulation
    from surrogate.models.methods import ModelMethod
    from surrogate.models.problems import ModelProblem
    from surrogate.solvers.base import Solver


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
        ConfigError: one that the problem does not have, or that is missing.
    """
    try:
        return problem_of(settings).complete(settings.model.parameters)
    except SurrogateError as error:
        raise ConfigError(f"model.parameters: {error}") from error


def method_of(settings: Settings) -> ModelMethod:
    """Return the method of a trial, built of the sections that its class has fields for.

    Raises:
        ConfigError: a value that is not allowed.
    """
    from surrogate.models.methods import METHODS

    kind = METHODS[settings.method.name]
    names = fields_of(settings.method.name)
    own = {name: getattr(settings.method, name) for name in names if name not in _FIELDS}
    try:
        made = {name: _FIELDS[name](settings) for name in names if name in _FIELDS}
        return kind(**made, **own)
    except SurrogateError as error:
        raise ConfigError(f"method={settings.method.name}: {error}") from error


@functools.cache
def fields_of(method: str) -> tuple[str, ...]:
    """Return the names of a method's settings: whatever can change its answers."""
    from surrogate.models.methods import METHODS

    return tuple(field.name for field in dataclasses.fields(METHODS[method]))


def bounds_name(settings: Settings) -> str:
    """Return the bound method of a trial; ``auto`` is the method's own default."""
    from surrogate.models.methods import DenseMilp

    return str(DenseMilp.bounds) if settings.bounds.method == rules.AUTO else settings.bounds.method


def gap_of(settings: Settings) -> float:
    """Return the gap at which the solver ends; null is its own default."""
    from surrogate.solvers import Solver

    return Solver.relative_gap if settings.solver.relative_gap is None else settings.solver.relative_gap


def _bounds(settings: Settings) -> BoundMethod:
    from surrogate.bounds import Lp, method

    name = bounds_name(settings)
    return Lp(settings.bounds.lp_seconds) if name == rules.LP else method(name)


def _formulation(settings: Settings) -> Formulation:
    from surrogate.formulation import Partition, method

    name = settings.formulation.method
    return Partition(settings.formulation.partitions) if name == rules.PARTITION else method(name)


def _solver(settings: Settings) -> Solver:
    from surrogate.solvers import SOLVERS

    solver = settings.solver
    return SOLVERS[solver.name](
        time_limit_seconds=solver.time_limit_seconds, threads=solver.threads, seed=solver.seed, relative_gap=gap_of(settings)
    )


_FIELDS: Mapping[str, Callable[[Settings], Any]] = {
    "solver": _solver,
    "bounds": _bounds,
    "formulation": _formulation,
    "time_limit_seconds": lambda settings: settings.solver.time_limit_seconds,
    "seed": lambda settings: settings.solver.seed,
}
"""The settings of methods that sections of their own set; the others are in the section ``method``."""


def _keyed(sentence: str, name: str) -> str:
    return f"model.function={name}: {sentence.removeprefix(f'{name}: ')}" if ":" in name else sentence
