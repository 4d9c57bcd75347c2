"""The sections of a trial's baseline: the trial's own, with the values of the task's baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from surrogate.rules import nearest
from sweep.config.reading import is_key
from sweep.config.reading import section as keys_in
from sweep.config.schema import SECTIONS, MethodSettings
from sweep.config.tasks import TaskRules
from sweep.errors import ConfigError


def check_sections(task: TaskRules) -> None:
    """Raise ConfigError for a baseline with sections that cannot change a result, or that do not exist."""
    for name in task.baseline:
        if name not in SECTIONS:
            raise ConfigError(
                f"the baseline of task={task.name} has the section {name}{nearest(name, SECTIONS)}; a baseline gives values to "
                f"sections that can change a result: {', '.join(SECTIONS)}"
            )


def with_baseline(task: TaskRules, name: str, section: Any) -> Any:
    """Return a section with the values of the task's baseline: the same object where it has them.

    Args:
        task: of the trial.
        name: of the section, one of the baseline's.
        section: the settings of the trial.

    Raises:
        ConfigError: the baseline has a key that the section does not have.
    """
    values: Mapping[str, Any] = task.baseline[name]
    given = section.given() if isinstance(section, MethodSettings) else vars(section)
    if not values.keys() <= given.keys():
        _check_keys(task, name)
    if all(key in given and given[key] == value for key, value in values.items()):
        return section
    return section.changed(**values) if isinstance(section, MethodSettings) else dataclasses.replace(section, **values)


def _check_keys(task: TaskRules, name: str) -> None:
    """Raise ConfigError for values of a baseline that a section cannot have; the section of a trial may lack others."""
    known = [key.rpartition(".")[2] for key in keys_in(name)]
    for key in task.baseline[name]:
        if not is_key(f"{name}.{key}"):
            raise ConfigError(
                f"the baseline of task={task.name} has the key {name}.{key}{nearest(key, known)}; {name} has {', '.join(known)}"
            )
