"""What a task is: it prepares what a trial asks, and answers one instance after the other.

Claims, deadlines, the taking of answers from the store, and the log are not a task's concern: :mod:`sweep.trial` has them. A
task gets from there what it needs (:class:`TaskWork`). Its networks come through :class:`sweep.tasks.networks.Networks`, each
trained and pruned once however many trials want it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from sweep.config.inputs import Inputs
from sweep.config.schema import Settings
from sweep.config.stage_keys import instance_key
from sweep.config.task_names import task_name
from sweep.config.tasks import TaskRules, task_of
from sweep.records import InstanceRecord

if TYPE_CHECKING:
    from sweep.tasks.networks import Networks


@dataclass(frozen=True)
class TaskInstance:
    """One instance of a task.

    Attributes:
        key: hash of all that makes it, its networks included. Trials that ask the same have it in common.
        name: what people call it, such as ``image 2732``.
    """

    key: str
    name: str


class Improved(Protocol):
    """Told by a method of each better solution that it meets: what would be the answer if it were ended now."""

    def __call__(self, **facts: Any) -> None:
        """Take facts as :meth:`sweep.records.InstanceRecord.answered` does; those not named stay as they were told last.

        ``timeline`` is the whole of it until now: ``{"seconds", "value", "surrogate_value", "source"}`` a solution.
        """
        ...


@dataclass(frozen=True, eq=False)
class TaskWork:
    """What a task works with.

    Attributes:
        settings: of the trial.
        inputs: data set and properties.
        networks: trains and prunes, or takes what others have trained and pruned.
        say: writes a line into the log of the trial.
    """

    settings: Settings
    inputs: Inputs
    networks: Networks
    say: Callable[[str], None]


@dataclass(frozen=True)
class Confirmed:
    """What a recorded answer is worth today.

    Attributes:
        what: what of it was looked at.
        holds: whether it is still true.
        said: a sentence, which ends with the value if there is one.
        value: what was found today.
    """

    what: str
    holds: bool
    said: str
    value: float | None = None


class PreparedTask(ABC):
    """A task with all that a trial's instances have in common: networks, method, and the instances themselves.

    Attributes:
        instances: in the order in which they are answered.
        skipped: how many were drawn and left out, such as images that the network misclassifies.
        limit_only_ends: see :meth:`sweep.config.tasks.TaskRules.limit_only_ends`.
    """

    def __init__(self, work: TaskWork, instances: Sequence[TaskInstance], skipped: int = 0) -> None:
        self.work, self.settings, self.instances, self.skipped = work, work.settings, list(instances), skipped
        self.limit_only_ends = task_of(self.settings).limit_only_ends(vars(self.settings))

    @property
    def opening(self) -> str:
        """What the log says of the instances beside their number, such as how many were left out."""
        return ""

    def key(self, instance: TaskInstance, *, any_limit: bool = False) -> str:
        """Return the key under which an answer is kept, or the one that it shares with those of other time limits.

        The settings of :attr:`~sweep.config.tasks.TaskRules.sections` that say how an instance is answered are in it.
        """
        return instance_key(self.settings, None, None, instance.key, None, any_limit=any_limit)

    def unanswered(self, instance: TaskInstance) -> InstanceRecord:
        """Return the record of an instance before its first solution. It stands if the worker never comes back."""
        name = task_name(self.settings)
        return InstanceRecord(
            instance_key=instance.key,
            status="unresolved",
            question=instance.name,
            task=name,
            sense=task_of(self.settings).words("").sense,
            objective=name,
            limit_seconds=self.settings.solver.time_limit_seconds,
        )

    @abstractmethod
    def answer(self, instance: TaskInstance, record: InstanceRecord, improved: Improved) -> InstanceRecord:
        """Answer an instance within ``solver.time_limit_seconds`` and return its record, complete.

        Args:
            instance: one of :attr:`instances`.
            record: as :meth:`unanswered` made it.
            improved: to be told of each better solution when it is met.

        Raises:
            whatever goes wrong: the trial fails then, with what it had found before.
        """

    def recalled(self, instance: TaskInstance, record: InstanceRecord) -> InstanceRecord:
        """Return an answer from the store with what this trial calls the instance."""
        record.question = instance.name
        return record

    def check(self, answers: Sequence[InstanceRecord]) -> None:  # noqa: B027, most tasks have nothing to check
        """Check all answers of a trial together.

        Raises:
            SweepError: they contradict each other, or what is known.
        """


class Task(TaskRules, ABC):
    """What is asked of networks, and how it is answered. A new task is a subclass in a module of its own (docs/extend.md)."""

    @abstractmethod
    def prepare(self, work: TaskWork) -> PreparedTask:
        """Prepare a trial: its networks, its instances, and the method that answers them.

        Raises:
            SweepError: the instances cannot be had, such as images that do not fit the network.
        """

    def confirm(self, work: TaskWork, answers: Sequence[InstanceRecord]) -> Iterator[Confirmed]:
        """Yield what recorded answers are worth today, of those that can be checked without running a method again."""
        yield from ()


def task_to_run(settings: Settings) -> Task:
    """Return the task of a trial, able to run.

    Raises:
        ConfigError: there is none of that name.
    """
    return cast(Task, task_of(settings))
