"""Reading and keys of many configurations that share sections: each different section is handled once.

A plan of a hundred thousand trials has some hundred different sections. They are told apart as objects: configurations that
share a section hold the same dictionary, which nobody may change.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sweep.config import own_networks
from sweep.config.baseline import check_sections, with_baseline
from sweep.config.canonical import (
    DECIDING,
    TRAINING,
    SectionPart,
    counting,
    joined_key,
    known_with,
    text_of,
    versions,
)
from sweep.config.consistency import check_made, check_rest, checked
from sweep.config.passwords import WITH_ADDRESSES, hide_in_values
from sweep.config.reading import read, read_own, read_section
from sweep.config.schema import SECTIONS, Settings
from sweep.config.tasks import TaskRules, task_of
from sweep.config.watched import Memory

T = TypeVar("T")

_ALL_SECTIONS = tuple(field.name for field in dataclasses.fields(Settings))
_NAMES = sorted(SECTIONS)


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of a section, or of several together (:func:`sweep.config.canonical.together`).

    Attributes:
        parts: what of them counts.
        texts: the same, in the form that is hashed.
        counting: the dotted keys whose values can change a result.
        asked: whether a key is one of them, or has one inside, for those that were asked about.
    """

    parts: dict[str, SectionPart]
    texts: dict[str, str]
    counting: frozenset[str]
    asked: dict[str, bool] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def without_limit(self) -> dict[str, str]:
        """The texts without the time limit of the solver."""
        left = {name: value for name, value in self.parts["solver"].items() if name != "time_limit_seconds"}
        return {**self.texts, "solver": text_of("solver", left)}

    def counts(self, key: str) -> bool:
        """Whether a dotted key, or a section, can change a result."""
        known = self.asked.get(key)
        if known is None:
            inside = f"{key}."
            known = self.asked[key] = key in self.counting or any(one.startswith(inside) for one in self.counting)
        return known


@dataclass(frozen=True, eq=False)
class _TaskFacts:
    """What is the same for all trials of a task whose networks have values of their own, or have none.

    Attributes:
        rules: the task.
        known_with: the section with which it is known what of another one counts.
        parts: these sections, of those that the task has.
        checked: the sections that are checked (:func:`sweep.config.consistency.checked`).
    """

    rules: TaskRules
    known_with: dict[str, str]
    parts: tuple[str, ...]
    checked: tuple[str, ...]

    @classmethod
    def of(cls, rules: TaskRules, settings: Settings) -> _TaskFacts:
        """Return what is known of the task of some settings."""
        known = {name: known_with(name, settings) for name in SECTIONS}
        return cls(rules, known, tuple(sorted({known[name] for name in (*rules.sections, "task")})), checked(rules))


def _known(name: str, settings: Settings) -> _Known:
    """Return what is known because of a section."""
    parts, keys = counting(name, settings)
    return _Known(parts, {each: text_of(each, one) for each, one in parts.items()}, keys)


class SharedSections:
    """What is known of the sections met so far."""

    def __init__(self) -> None:
        self._memory = Memory(DECIDING)
        self._read: dict[int, tuple[Any, Any]] = {}
        self._like: tuple[dict[str, Any], Settings] | None = None
        self._tasks: dict[tuple[TaskRules, bool], _TaskFacts] = {}
        self._last: tuple[Settings, _TaskFacts] | None = None
        self._last_known: tuple[Settings, dict[str, _Known]] | None = None

    def ask(self, function: Callable[..., T], settings: Settings, *before: Any) -> T:
        """Return ``function(*before, settings)``, which is called where it has not been for the sections that it looks at."""
        return self._memory.ask(function, settings, *before)

    def read(self, config: Mapping[str, Any]) -> Settings:
        """Return what :func:`sweep.config.reading.read` does; settings of shared sections share them.

        Raises:
            ConfigError: a value that is not allowed.
        """
        if len(config) != len(_ALL_SECTIONS) or not all(name in config for name in _ALL_SECTIONS):
            return read(config)
        if self._like is None:
            self._like = dict(config), Settings(**{name: self._section(name, config[name]) for name in _ALL_SECTIONS})
            return self._like[1]
        like, settings = self._like
        others = [name for name in _ALL_SECTIONS if config[name] is not like[name]]
        return settings.changed(**{name: self._section(name, config[name]) for name in others})

    def _section(self, name: str, data: Any) -> Any:
        found = self._read.get(id(data))
        if found is None:
            found = self._read[id(data)] = data, read_section(name, data, self._own)
        return found[1]

    def _own(self, name: str, data: Any) -> Any:
        """Return what a network has of its own: networks of one name share it, whatever the others have."""
        return self._memory.once(read_own, name, data)

    def to_keep(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return the configuration as a trial has it: without the passwords of its bookkeeping, the other sections shared."""
        hidden = {name: self._memory.once(hide_in_values, config.get(name)) for name in WITH_ADDRESSES}
        return config if all(config.get(name) is section for name, section in hidden.items()) else {**config, **hidden}

    def check(self, settings: Settings) -> None:
        """Raise ConfigError for values that are allowed one by one but not together (:mod:`sweep.config.consistency`)."""
        self._memory.ask_each(check_made, settings, self._task(settings).checked)
        self.ask(check_rest, settings)

    def key(self, settings: Settings) -> str:
        """Return the key of a trial."""
        return self._joined(self._of_task(settings))

    def any_limit_key(self, settings: Settings) -> str:
        """Return the key that a trial shares with those of other time limits; empty where the answerer plans by its limit."""
        task = self._task(settings)
        if not task.rules.limit_only_ends(vars(settings)):
            return ""
        return self._joined(self._of_task(settings), task.known_with["solver"])

    def training_key(self, settings: Settings) -> str:
        """Return the key of the dense network's recipe; empty where the task trains its networks itself."""
        if not self._task(settings).rules.trains(settings):
            return ""
        known = self._of_task(settings)
        texts = [known[name].texts.get(name) for name in TRAINING if name in known]
        return joined_key([text for text in texts if text is not None])

    def baseline_key(self, settings: Settings) -> str:
        """Return the trial key of what the trial is measured against (:attr:`sweep.config.tasks.TaskRules.baseline`).

        Raises:
            ConfigError: the task's baseline has a section or a key that there is not.
        """
        task = self._task(settings).rules
        changed = {name: self._memory.once(with_baseline, task, name, getattr(settings, name)) for name in task.baseline}
        return self.key(settings.changed(**changed))

    def counts(self, settings: Settings, key: str) -> bool:
        """Whether a dotted key, or a section, can change the result of a trial."""
        name = key.partition(".")[0]
        if name not in SECTIONS:
            return False
        known, one = self._of_task(settings), self._task(settings).known_with[name]
        return (known[one] if one in known else self.ask(_known, settings, one)).counts(key)

    def counting(self, trials: Iterable[Settings]) -> frozenset[str]:
        """Return the dotted keys whose values can change the result of some of these trials."""
        known = {id(one): one for settings in trials for one in self._of_task(settings).values()}
        return frozenset().union(*(one.counting for one in known.values()))

    def _joined(self, known: Mapping[str, _Known], without_limit: str | None = None) -> str:
        texts: dict[str, str] = {}
        for name, one in known.items():
            texts.update(one.without_limit if name == without_limit else one.texts)
        pruning = known.get("pruning", known.get(own_networks.NETWORKS))
        return joined_key(
            [texts[name] for name in _NAMES if name in texts], versions(pruning.parts.get("pruning") if pruning else None)
        )

    def _of_task(self, settings: Settings) -> dict[str, _Known]:
        """Return what is known of each section of the task, by the one with which it is known."""
        if self._last_known is None or self._last_known[0] is not settings:
            self._last_known = settings, self._memory.ask_each(_known, settings, self._task(settings).parts)
        return self._last_known[1]

    def _task(self, settings: Settings) -> _TaskFacts:
        if self._last is None or self._last[0] is not settings:  # a trial is asked about several times, one after another
            rules = task_of(settings)
            place = rules, bool(settings.networks)
            if place not in self._tasks:
                check_sections(rules)
                self._tasks[place] = _TaskFacts.of(rules, settings)
            self._last = settings, self._tasks[place]
        return self._last[1]
