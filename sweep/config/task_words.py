"""The words of a recorded answer's task. A task that cannot be imported gets general words."""

from __future__ import annotations

import functools

from sweep.config.tasks import TaskRules, task_named
from sweep.config.words import Words
from sweep.errors import ConfigError


@functools.cache
def words_of(name: str, objective: str) -> Words:
    """Return the words of a task; ``objective`` is that of the record."""
    return task_on_record(name).words(objective)


def baseline_of(name: str) -> str:
    """Return the settings of what trials of a task are measured against, such as ``attack=surrogate pruning=none``."""
    baseline = task_on_record(name).baseline
    return " ".join(f"{section}={value}" for section, part in baseline.items() for value in part.values())


def yardstick_of(name: str) -> str:
    """Return the method against which all others of a task are measured; empty where there is none."""
    return task_on_record(name).yardstick


@functools.cache
def task_on_record(name: str) -> TaskRules:
    """Return a task, or one that says what fits every task."""
    try:
        return task_named(name)
    except ConfigError:
        return TaskRules()
