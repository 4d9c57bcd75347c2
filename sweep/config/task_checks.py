"""The class of a task, checked once, where it is imported: a mistake in a user's class is one sentence and no traceback."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from typing import Any

from surrogate.rules import nearest
from sweep.config.reading import parameters_of
from sweep.config.schema import SECTIONS
from sweep.config.value_types import WORDS
from sweep.errors import ConfigError

ANSWERERS = ("attack", "method")
"""The sections whose method can be a task's answerer. The method's class says whether it takes pruned copies, and what a longer
time limit changes."""


def check_class(name: str, task: type[Any]) -> None:
    """Raise ConfigError if no task can be made of a class, or if its settings cannot be read."""
    if inspect.isabstract(task):
        raise ConfigError(f"task={name}: the class lacks {', '.join(sorted(task.__abstractmethods__))}")
    if isinstance(task.sections, str):
        raise ConfigError(f"the sections of task={name} must be a tuple, as in sections = ({task.sections!r},)")
    for section in task.sections:
        if section not in SECTIONS:
            raise ConfigError(
                f"the sections of task={name} name {section}{nearest(section, SECTIONS)}; the sections that can change a "
                f"result are {', '.join(SECTIONS)}"
            )
    if task.answerer and task.answerer not in ANSWERERS:
        raise ConfigError(
            f"the answerer of task={name} is {task.answerer}{nearest(task.answerer, ANSWERERS)}; it must be "
            f"{' or '.join(ANSWERERS)}, or empty"
        )
    if task.answerer and task.answerer not in task.sections:
        raise ConfigError(f"the answerer of task={name} is {task.answerer}, which must be one of its sections too")
    _check_parameters(name, task.parameters)


def _check_parameters(name: str, parameters: Any) -> None:
    """Raise ConfigError for parameters that are no dataclass, without defaults, or of a type that no value can have."""
    if parameters is None:
        return
    if not (isinstance(parameters, type) and dataclasses.is_dataclass(parameters)):
        raise ConfigError(f"the parameters of task={name} must be a dataclass: write @dataclass above its class")
    try:
        allowed = parameters_of(parameters)
    except Exception as error:  # annotations are Python of the user's
        raise ConfigError(
            f"the types of the parameters of task={name} cannot be read: {type(error).__name__}: {error}"
        ) from error
    for key, one in allowed.items():
        if one.required:
            raise ConfigError(f"the parameter {key} of task={name} has no default; every parameter needs one")
        for kind in one.kinds:
            if kind not in WORDS and typing.get_origin(kind) is not dict:
                raise ConfigError(
                    f"the parameter {key} of task={name} has the type {_shown(kind)}; it must be one of "
                    f"{', '.join(map(_shown, WORDS))}, or several of them joined by |"
                )


def _shown(kind: Any) -> str:
    """Return a type as it is written in Python."""
    if kind is type(None):
        return "None"
    return kind.__name__ if type(kind) is type else str(kind).removeprefix("typing.")
