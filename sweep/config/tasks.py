"""The tasks by name: where each is written, and what settings, keys and plans need of it.

A task is a class (:class:`sweep.tasks.base.Task`), found by ``task.name``: one of :data:`BUILT_IN`, or a class of the user's,
``package.module:Class``. It is imported only when it is needed. This module has the part that checks and keys a configuration;
the task's own module has the part that answers.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from surrogate.rules import nearest
from sweep.config.families import ABSENT, FAMILIES, ValueSource, class_of
from sweep.config.task_checks import check_class
from sweep.config.task_names import IMAGE, MODEL, OUTPUT, PROPERTY, ROW, task_name
from sweep.config.words import Sense, Words
from sweep.errors import ConfigError

if TYPE_CHECKING:
    from sweep.config.schema import Settings

Baseline = Mapping[str, Mapping[str, Any]]

BUILT_IN: dict[str, str] = {
    IMAGE: "sweep.tasks.image.task:ImageTask",
    ROW: "sweep.tasks.row:RowTask",
    PROPERTY: "sweep.tasks.property:PropertyTask",
    OUTPUT: "sweep.tasks.output:OutputTask",
    MODEL: "sweep.tasks.model.task:ModelTask",
}
"""Where each task of this program is written, by the name that ``task.name`` gives it."""

OF_ALL = ("accuracy", "accuracy_dense", "sparsity", "total_seconds")
"""The objectives of a search that every trial has."""

VALUES: dict[Sense, str] = {"maximize": "value", "minimize": "least_value"}
"""The objective that is the median value, by which values are better."""

SAMPLED = ("seed", "count")
"""The settings of instances that every task has: the seed that they are made from, and how many there are."""


Metric = str | Callable[[Any], float | None]
"""A field of a :class:`sweep.records.InstanceRecord`, or a function of one."""


class TaskRules:
    """What is known of a task before anything runs. Each default is that of a task which trains one network a trial.

    Attributes:
        name: the name in ``task.name``.
        version: is in the keys of trials and answers. Raise it when a change of the task gives other answers.
        sections: the sections of the configuration that can change an answer, beside the task's own.
        parameters: a dataclass whose fields, each with a default, are what ``task.parameters`` may have; their types and rules
            are those of :mod:`sweep.config.schema`. None: nothing.
        metrics: metrics in MLflow beyond those of every task, each with the field of the record that it is the median of; or
            with what returns the number of a record, None where it has none.
        fed_by_table: whether a table that ``dataset`` names can make an answer, though ``dataset`` is none of the sections.
        rates: further ones that are the share of a status.
        of_the_instance: keys of these sections that the key of an instance holds already, such as ``attack.radius``.
        answerer: the section whose method answers the instances, with the methods of ``bounds``, ``formulation`` and ``solver``
            in it as far as it uses them. Empty: each of these counts by itself.
        own_objectives: the objectives of a search (:class:`sweep.records.objectives.Objective`) that only trials of the task
            have.
        baseline: the values by section that make of any trial the one that it is measured against.
        yardstick: the method that needs no MILP and proves nothing, against which reports measure all others. Empty: none.
    """

    version: ClassVar[int] = 1
    sections: ClassVar[tuple[str, ...]] = ("dataset", "network", "training", "pruning", "instances", "solver")
    parameters: ClassVar[type | None] = None
    of_the_instance: ClassVar[tuple[str, ...]] = ()
    answerer: ClassVar[str] = ""
    baseline: ClassVar[Baseline] = MappingProxyType({"pruning": {"method": "none"}})
    yardstick: ClassVar[str] = ""
    metrics: ClassVar[Mapping[str, Metric]] = MappingProxyType({})
    rates: ClassVar[Mapping[str, str]] = MappingProxyType({})
    fed_by_table: ClassVar[bool] = False
    own_objectives: ClassVar[tuple[Any, ...]] = ()

    def __init__(self, name: str = "") -> None:
        self.name = name

    def words(self, objective: str) -> Words:
        """Return what people read of its answers; ``objective`` is that of the record (``attack.objective`` of attacks)."""
        return Words()

    def described(self, record: Any) -> str:
        """Return what ``python -m sweep.show`` calls the instance of a :class:`sweep.records.InstanceRecord`."""
        return str(record.name)

    def picture(self, record: Any) -> bytes | None:
        """Return a PNG of an answer, a :class:`sweep.records.InstanceRecord`; None where there is nothing to be seen."""
        return None

    def small_pictures(self, answers: Sequence[tuple[str, Any]]) -> list[tuple[bytes, str]]:
        """Return what the report shows of one instance: PNGs with few pixels, each with words that say what is on it.

        Args:
            answers: of each the name of the setting that gave it, and its :class:`sweep.records.InstanceRecord`.
        """
        return []

    def check(self, settings: Settings) -> None:
        """Check which settings go together, and read the files that they name.

        Raises:
            ConfigError: some that do not.
        """

    def counted(self, section: str, settings: Settings, found: dict[str, Any]) -> dict[str, Any] | None:
        """Return what of a section can change an answer; None if nothing of it does.

        It must follow from the settings alone, and from files that they name. Whatever it looks at is noted
        (:mod:`sweep.config.watched`): it is asked again where that is another section.

        Args:
            section: one of :attr:`sections`.
            settings: of the trial.
            found: what would count by the section's own rules.
        """
        return {name: found[name] for name in SAMPLED} if section == "instances" else found

    def identity(self, settings: Settings) -> dict[str, Any] | None:
        """Return what of the section ``task`` is hashed into keys."""
        values = self.values(settings)
        parameters = {} if values is None else dataclasses.asdict(values)
        return {"name": self.name, "version": self.version, "parameters": parameters}

    def values(self, settings: Settings) -> Any:
        """Return ``task.parameters``, checked, as an instance of :attr:`parameters`; None where there are none.

        Raises:
            ConfigError: an unknown name or a value that is not allowed.
        """
        from sweep.config.reading import read_open

        return read_open(self.parameters, settings.task.parameters, "task.parameters", f"task={self.name}")

    def objectives(self, settings: Settings) -> tuple[str, ...]:
        """Return the names in ``search.objectives`` that such trials have (:mod:`sweep.records.objectives`)."""
        value = VALUES[self.words("").sense]
        own = (one.name for one in self.own_objectives)
        return (*OF_ALL, value, "found_rate", "first_found_seconds", *own)

    def usual_objective(self, objective: str) -> str:
        """Return the one that trials are judged by where none is named; ``objective`` is ``attack.objective``."""
        return VALUES[self.words("").sense]

    def count(self, settings: Settings) -> int | None:
        """Return how many instances a trial has; None where only files say so."""
        return settings.instances.count or 1

    def count_in_files(self, settings: Settings) -> int:
        """Return how many instances a trial has, by its files where these say so.

        Raises:
            ConfigError: they cannot be read.
        """
        return self.count(settings) or 1

    def trains(self, settings: Settings) -> bool:
        """Whether the trial has a dense network by its sections ``network``, ``training`` and ``dataset``."""
        return True

    def network_names(self, settings: Settings) -> tuple[str, ...]:
        """Return the names of a trial's networks, of which each may have settings of its own (``networks.NAME``).

        There is none where a trial has one network, that of its sections.

        Raises:
            ConfigError: they cannot be known.
        """
        return ()

    def network_files(self, settings: Settings) -> tuple[str, ...]:
        """Return the files of networks that a trial takes from :attr:`sweep.config.inputs.Inputs.networks`.

        They are read on the driver, and their contents travel to the workers. The file of a network that the trial
        :meth:`trains` is not among them.
        """
        return ()

    def takes_data(self, settings: Settings) -> bool:
        """Whether a trial looks at the data set that ``dataset`` names."""
        return "dataset" in self.sections

    def data_use(self, settings: Settings) -> str | None:
        """Return the setting that makes this task look at the data set beside training and pruning; None if none does."""
        return None

    def modules(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """Return files and folders of the user's that a configuration's trial imports: they travel to other machines."""
        return ()

    def title(self, settings: Settings) -> str | None:
        """Return what people call a trial of it in short; None: by network, pruning and attack."""
        return None

    def subject(self, flat: Mapping[str, Any]) -> str:
        """Return what stands before the name of the network where trials are told apart, such as the problem that is solved.

        Args:
            flat: a recorded configuration by dotted keys, of any version.
        """
        return ""

    def method_class(self, source: ValueSource) -> Any:
        """Return the class of the method that answers; None where the task has no answerer, or no method is called so."""
        return class_of(self.answerer, source) if self.answerer else None

    def method_name(self, settings: Settings) -> str | None:
        """Return the name of the method that answers; None where the task has no answerer."""
        if not self.answerer:
            return None
        name: str = getattr(getattr(settings, self.answerer), FAMILIES[self.answerer].name_key)
        return name

    def answered_instead(self, flat: Mapping[str, Any]) -> str | None:
        """Return what answered where the method that is named could not, as reports call it; None: the method did.

        Args:
            flat: a recorded configuration by dotted keys, of any version.
        """
        return None

    def answered_by(self, settings: Settings) -> str:
        """Return the setting that says how a trial is answered, such as ``attack=gradient``; without an answerer the task."""
        return f"{self.answerer}={self.method_name(settings)}" if self.answerer else f"task={self.name}"

    def limit_only_ends(self, sections: Mapping[str, Any]) -> bool:
        """Whether a longer time limit lets a method go on and changes nothing before, so that one run answers shorter limits.

        Args:
            sections: of a configuration by name, checked or as recorded, of any version: each has ``get(key, default)``.
        """
        if not self.answerer:
            return False
        section = sections[self.answerer]
        method = self.method_class(lambda key: section.get(key.partition(".")[2], ABSENT))
        return method is not None and bool(method.limit_only_ends)


def task_of(settings: Settings) -> TaskRules:
    """Return the task of a trial.

    Raises:
        ConfigError: there is none of that name.
    """
    return task_named(task_name(settings))


@functools.cache
def task_named(name: str) -> TaskRules:
    """Return a task by its name, imported.

    Raises:
        ConfigError: there is none of that name, it cannot be imported, or its class has a mistake.
    """
    place = BUILT_IN.get(name, name)
    module, colon, leaf = place.partition(":")
    if not colon or not module or not leaf:
        raise ConfigError(
            f"task.name={name} is not allowed: it must be one of {', '.join(BUILT_IN)}{nearest(name, BUILT_IN)}, or a class of "
            f"your own as package.module:Class"
        )
    try:
        found = getattr(importlib.import_module(module), leaf, None)
    except ImportError as error:
        raise ConfigError(f"task.name={name} cannot be imported: {error}; is its folder on PYTHONPATH?") from error
    except (Exception, SystemExit) as error:  # a user's module may raise what it likes
        raise ConfigError(
            f"task.name={name}: the module {module} fails when it is imported, with {type(error).__name__}: {error}; correct "
            f"it, and try python -c 'import {module}'"
        ) from error
    if not (isinstance(found, type) and issubclass(found, TaskRules)):
        raise ConfigError(f"task.name={name}: {module} has no class {leaf} that is a sweep.tasks.Task")
    check_class(name, found)
    return found(name)
