"""What tasks, found by their names, say of answers on record; of one that cannot be imported here, what fits every task."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from sweep.config.tasks import TaskRules, task_named
from sweep.config.words import Words
from sweep.errors import ConfigError


@functools.cache
def words_of(name: str, objective: str) -> Words:
    """Return the words of a task; ``objective`` is that of the record."""
    return _task(name).words(objective)


def baseline_of(name: str) -> str:
    """Return the settings of what trials of a task are measured against, such as ``attack=surrogate pruning=none``."""
    return " ".join(f"{section}={value}" for section, part in _task(name).baseline.items() for value in part.values())


def yardstick_of(name: str) -> str:
    """Return the method against which all others of a task are measured; empty where there is none."""
    return _task(name).yardstick


def described(name: str, record: Any) -> str:
    """Return what ``python -m sweep.show`` calls the instance of a :class:`sweep.records.InstanceRecord`."""
    return _task(name).described(record)


def small_pictures(name: str, answers: Sequence[tuple[str, Any]]) -> list[tuple[bytes, str]]:
    """Return what the report shows of one instance (:meth:`sweep.config.tasks.TaskRules.small_pictures`)."""
    return _task(name).small_pictures(answers)


def _task(name: str) -> TaskRules:
    try:
        return task_named(name)
    except ConfigError:
        return TaskRules()
