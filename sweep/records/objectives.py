"""What a search can improve: numbers of a trial, each with the direction that is better.

An objective is a function of a :class:`~sweep.records.TrialRecord` and its line in :data:`OBJECTIVES`. Of a trial that is still
running it speaks of the questions answered so far. None means that the trial has no such value (no question answered, no pruned
network to have an accuracy); a search never takes that for a number.

Unlike the ranking, whose medians leave out what is missing, these count a question that was answered badly as the worst there
is: a setting must not look good because it found something only where finding was easy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Literal

from sweep.records import InstanceRecord, TrialRecord

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Objective:
    """A number of a trial and which way is better.

    Attributes:
        name: its name in ``search.objectives``.
        direction: ``maximize`` or ``minimize``.
        measure: returns the number, or None where there is none.
    """

    name: str
    direction: Direction
    measure: Callable[[TrialRecord], float | None]

    @property
    def meaning(self) -> str:
        """One sentence about it."""
        return (self.measure.__doc__ or "").strip().split("\n")[0]

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


def _margin(record: TrialRecord) -> float | None:
    """Median of the largest dense margin met, or output value; a question without a point counts as below all."""
    return _value(record)


def _value(record: TrialRecord) -> float | None:
    """Median of the largest values found; an instance without one counts as below all."""
    return _median(record, lambda instance: None if instance.is_minimized else instance.value, missing=-math.inf)


def _least_value(record: TrialRecord) -> float | None:
    """Median of the smallest values found; an instance without one counts as above all."""
    return _median(record, lambda instance: instance.value if instance.is_minimized else None, missing=math.inf)


def _norm(record: TrialRecord) -> float | None:
    """Median length of the closest perturbation found (attack.objective=closest); none found counts as longer than all."""
    return _least_value(record)


def _success_rate(record: TrialRecord) -> float | None:
    """Share of the questions answered with a witness that passed the check on the dense network, 0 to 1."""
    return _found_rate(record)


def _found_rate(record: TrialRecord) -> float | None:
    """Share of the instances for which something was found, 0 to 1."""
    return _mean(instance.is_found for instance in record.instances)


def _decided_rate(record: TrialRecord) -> float | None:
    """Share of the questions answered with a witness or with a proof that there is none, 0 to 1."""
    return _mean(instance.is_found or instance.has_none for instance in record.instances)


def _first_adversarial_seconds(record: TrialRecord) -> float | None:
    """Median seconds from the start of the attack to the first witness; a question without one counts as the time limit."""
    return _first_found_seconds(record)


def _first_found_seconds(record: TrialRecord) -> float | None:
    """Median seconds from the start to the first find; an instance without one counts as the time limit."""
    return _median(record, lambda instance: instance.first_found_seconds, missing=_time_limit(record))


def _first_adversarial_with_pruning_seconds(record: TrialRecord) -> float | None:
    """The same with the seconds of pruning and finetuning added, to the time limit too where there is no witness."""
    limit = _time_limit(record)

    def seconds(instance: InstanceRecord) -> float:
        found = instance.first_found_seconds
        return (limit if found is None else found) + (record.prune_seconds or instance.prune_seconds or 0.0)

    return _median(record, seconds, missing=limit)


def _total_seconds(record: TrialRecord) -> float | None:
    """Seconds of pruning, finetuning and all attacks together, without the training, which trials share.

    An attack that was killed has no time of its own and counts as the time limit.
    """
    if not record.instances:
        return None
    limit = _time_limit(record)
    attacks = [limit if i.total_seconds is None else i.total_seconds for i in record.instances]
    return (record.prune_seconds or 0.0) + sum(i.prune_seconds or 0.0 for i in record.instances) + sum(attacks)


def _median(record: TrialRecord, value: Callable[[InstanceRecord], float | None], missing: float) -> float | None:
    values = [missing if (found := value(instance)) is None else found for instance in record.instances]
    return median(values) if values else None


def _mean(answers: Iterable[bool]) -> float | None:
    listed = list(answers)
    return sum(listed) / len(listed) if listed else None


def _time_limit(record: TrialRecord) -> float:
    return float(record.config["solver"]["time_limit_seconds"])


_ALL = (
    Objective("accuracy", "maximize", _accuracy),
    Objective("accuracy_dense", "maximize", _accuracy_dense),
    Objective("sparsity", "maximize", _sparsity),
    Objective("value", "maximize", _value),
    Objective("least_value", "minimize", _least_value),
    Objective("found_rate", "maximize", _found_rate),
    Objective("first_found_seconds", "minimize", _first_found_seconds),
    Objective("margin", "maximize", _margin),
    Objective("norm", "minimize", _norm),
    Objective("success_rate", "maximize", _success_rate),
    Objective("decided_rate", "maximize", _decided_rate),
    Objective("first_adversarial_seconds", "minimize", _first_adversarial_seconds),
    Objective("first_adversarial_with_pruning_seconds", "minimize", _first_adversarial_with_pruning_seconds),
    Objective("total_seconds", "minimize", _total_seconds),
)

OBJECTIVES = {objective.name: objective for objective in _ALL}
"""Every objective by its name in ``search.objectives``."""
