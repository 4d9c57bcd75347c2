"""What a search can improve: numbers of a trial, each with the direction that is better.

An objective is a function of a :class:`~sweep.records.TrialRecord` with a name. Those of every task are here. A task may have
more (:attr:`sweep.config.tasks.TaskRules.own_objectives`). Of a trial that is still running they speak of the instances
answered so far. None means that the trial has no such value (no instance answered, no pruned network to have an accuracy); a
search never takes that for a number.

Unlike the ranking, whose medians leave out what is missing, these count an instance that was answered badly as the worst there
is: a setting must not look good because it found something only where finding was easy.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType

from sweep.config.task_words import task_on_record
from sweep.config.tasks import BUILT_IN
from sweep.config.words import Sense
from sweep.records import InstanceRecord, TrialRecord


@dataclass(frozen=True)
class Objective:
    """A number of a trial and which way is better.

    Attributes:
        name: its name in ``search.objectives``.
        direction: whether it is better larger or smaller.
        measure: returns the number, or None where there is none.
        lacks_count: whether instances without a value count in it, as the worst.
    """

    name: str
    direction: Sense
    measure: Callable[[TrialRecord], float | None]
    lacks_count: bool = False

    def value(self, record: TrialRecord) -> float | None:
        """Return the number of a record, whatever its status; None if there is none or it is not finite."""
        value = self.measure(record)
        return None if value is None or not math.isfinite(value) else float(value)


def _accuracy(record: TrialRecord) -> float | None:
    """Test accuracy of the pruned network, 0 to 1; none where no surrogate is used, or one for each region."""
    return record.accuracy_surrogate


def _accuracy_dense(record: TrialRecord) -> float | None:
    """Test accuracy of the dense network, 0 to 1; none without a data set."""
    return record.accuracy_dense


def _sparsity(record: TrialRecord) -> float | None:
    """Share of the dense network's weights that the surrogate lacks, 0 to 1; none where no surrogate is used."""
    return record.sparsity


def _value(record: TrialRecord) -> float | None:
    """Median of the largest values found; an instance without one counts as below all."""
    return median_value(record, lambda instance: None if instance.is_minimized else instance.value, missing=-math.inf)


def _least_value(record: TrialRecord) -> float | None:
    """Median of the smallest values found; an instance without one counts as above all."""
    return median_value(record, lambda instance: instance.value if instance.is_minimized else None, missing=math.inf)


def _found_rate(record: TrialRecord) -> float | None:
    """Share of the instances for which something was found, 0 to 1."""
    return share(instance.is_found for instance in record.instances)


def _first_found_seconds(record: TrialRecord) -> float | None:
    """Median seconds from the start to the first find; an instance without one counts as the time limit."""
    return median_value(record, lambda instance: instance.first_found_seconds, missing=record.limit_seconds)


def _total_seconds(record: TrialRecord) -> float | None:
    """Seconds of pruning, finetuning and all attacks together, without the training, which trials share.

    An attack that was killed has no time of its own and counts as the time limit.
    """
    if not record.instances:
        return None
    attacks = [record.limit_seconds if i.total_seconds is None else i.total_seconds for i in record.instances]
    return (record.prune_seconds or 0.0) + sum(i.prune_seconds or 0.0 for i in record.instances) + sum(attacks)


def median_value(record: TrialRecord, value: Callable[[InstanceRecord], float | None], missing: float) -> float | None:
    """Return the median of a number of the instances, of which those without one count as ``missing``; None without any."""
    values = [missing if (found := value(instance)) is None else found for instance in record.instances]
    return median(values) if values else None


def share(answers: Iterable[bool]) -> float | None:
    """Return the share of what is true, 0 to 1; None without answers."""
    listed = list(answers)
    return sum(listed) / len(listed) if listed else None


OF_EVERY_TASK = (
    Objective("accuracy", "maximize", _accuracy),
    Objective("accuracy_dense", "maximize", _accuracy_dense),
    Objective("sparsity", "maximize", _sparsity),
    Objective("value", "maximize", _value, lacks_count=True),
    Objective("least_value", "minimize", _least_value, lacks_count=True),
    Objective("found_rate", "maximize", _found_rate),
    Objective("first_found_seconds", "minimize", _first_found_seconds),
    Objective("total_seconds", "minimize", _total_seconds),
)


@functools.cache
def objectives(*tasks: str) -> Mapping[str, Objective]:
    """Return every objective by its name in ``search.objectives``: those of every task, and those of single tasks.

    Args:
        tasks: names of tasks of users, such as that of the plan; the built-in ones are there anyway.
    """
    own = (one for name in (*BUILT_IN, *tasks) for one in task_on_record(name).own_objectives)
    return MappingProxyType({one.name: one for one in (*OF_EVERY_TASK, *own)})
