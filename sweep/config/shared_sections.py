"""Reading and keys of many configurations that share sections: what concerns a section is done once for each that is different.

A plan of a hundred thousand trials has some hundred different sections. They are told apart as objects: configurations that
share a section hold the same dictionary, which nobody may change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweep.config import own_networks
from sweep.config.baseline import DECIDING, alike, check_sections, with_baseline
from sweep.config.canonical import (
    SECTIONS,
    TRAINING,
    Part,
    beside,
    context,
    counting,
    joined_key,
    known_with,
    text_of,
    together,
    versions,
)
from sweep.config.consistency import check_made, check_rest, checked
from sweep.config.passwords import BOOKKEEPING, hide_in_values
from sweep.config.reading import read, read_section
from sweep.config.schema import Settings
from sweep.config.tasks import TaskRules, task_of

_SECTIONS = {field.name for field in dataclasses.fields(Settings)}
_NAMES = sorted(SECTIONS)


@dataclass(frozen=True)
class _Known:
    """What is known of a section, or of several together (:func:`sweep.config.canonical.together`).

    Attributes:
        sections: their settings.
        parts: what of them counts.
        texts: the same, in the form that is hashed.
        counting: the dotted keys whose values can change a result.
    """

    sections: tuple[Any, ...]
    parts: dict[str, Part]
    texts: dict[str, str]
    counting: frozenset[str]

    @classmethod
    def of(cls, name: str, settings: Settings, sections: tuple[Any, ...]) -> _Known:
        """Return what is known because of the section ``name``."""
        parts, keys = counting(name, settings)
        return cls(sections, parts, {each: text_of(each, one) for each, one in parts.items()}, keys)


@dataclass(frozen=True, eq=False)
class _Context:
    """What is known where all that decides what counts in a section is the same.

    Attributes:
        deciding: the sections that decide it.
        task: of the trials.
        groups: the sections of which it is known together what counts, by the one that decides it, and what stands beside it.
        known: of groups of sections, by the identities of these.
        alike: the sections of a baseline that are told apart by what of them counts, because many of them are the same there.
    """

    deciding: tuple[Any, ...]
    task: TaskRules
    groups: Mapping[str, tuple[str, ...]]
    known: dict[Any, _Known]
    alike: tuple[str, ...]

    def of(self, name: str, settings: Settings) -> _Known:
        """Return what is known because of a section, made if it is not there yet."""
        names = self.groups[name]
        if len(names) == 1:
            section = getattr(settings, name)
            known = self.known.get(id(section))
            if known is None:
                known = self.known[id(section)] = _Known.of(name, settings, (section,))
            return known
        sections = tuple([getattr(settings, one) for one in names])
        identity = tuple(map(id, sections))
        known = self.known.get(identity)
        if known is None:
            known = self.known[identity] = _Known.of(name, settings, sections)
        return known


class SharedSections:
    """What is known of the sections met so far.

    Whatever is remembered under the identity of an object holds on to it, so that no other takes its place.
    """

    def __init__(self) -> None:
        self._read: dict[int, tuple[Any, Any]] = {}
        self._known: dict[tuple[Any, ...], dict[Any, _Known]] = {}
        self._changed: dict[Any, tuple[Any, Any]] = {}
        self._alikes: dict[tuple[str, int, int], tuple[Any, Any]] = {}
        self._by_text: dict[tuple[str, int, int, str | None], Any] = {}
        self._asked: tuple[Settings, _Context] | None = None
        self._contexts: dict[tuple[int, ...], _Context] = {}
        self._checked: dict[int, _Known] = {}
        self._last: tuple[Settings, dict[str, str]] | None = None
        self._baselines: dict[tuple[int, ...], tuple[Settings, str]] = {}
        self._trainings: dict[tuple[int, ...], tuple[Settings, str]] = {}
        self._hidden: dict[int, tuple[Any, Any]] = {}
        self._any_limit: dict[int, tuple[_Known, str]] = {}

    def read(self, config: Mapping[str, Any]) -> Settings:
        """Return what :func:`sweep.config.reading.read` does; settings of shared sections share them.

        Raises:
            ConfigError: a value that is not allowed.
        """
        if config.keys() != _SECTIONS:
            return read(config)
        known = self._read
        sections = {}
        for name, data in config.items():
            found = known.get(id(data))
            if found is None:
                found = known[id(data)] = data, read_section(name, data)
            sections[name] = found[1]
        return Settings(**sections)

    def to_keep(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return the configuration as a trial has it: without the passwords of its bookkeeping, the other sections shared."""
        hidden = {}
        for name in BOOKKEEPING:
            section = config.get(name)
            found = self._hidden.get(id(section))
            if found is None:
                found = self._hidden[id(section)] = section, hide_in_values(section)
            if found[1] is not section:
                hidden[name] = found[1]
        return {**config, **hidden} if hidden else config

    def check(self, settings: Settings) -> None:
        """Raise ConfigError for values that are allowed one by one but not together (:mod:`sweep.config.consistency`)."""
        shared = self._context(settings)
        for name in checked(shared.task):
            known = shared.of(name, settings)
            if id(known) not in self._checked:
                check_made(name, settings)
                self._checked[id(known)] = known
        check_rest(settings)

    def key(self, settings: Settings) -> str:
        """Return the trial key: :func:`sweep.config.canonical.key_of` the canonical settings."""
        return self._joined(self._texts(settings), settings)

    def any_limit_key(self, settings: Settings) -> str:
        """Return the key that a trial shares with those of other time limits; empty where the answerer plans by its limit."""
        shared = self._context(settings)
        if not shared.task.limit_only_ends(vars(settings)):
            return ""
        solver = shared.of(known_with("solver", shared.task), settings)
        texts = {**self._texts(settings), "solver": self._without_limit(solver)}
        return self._joined(texts, settings)

    def _joined(self, texts: Mapping[str, str], settings: Settings) -> str:
        pruning = self._context(settings).of("pruning", settings).parts.get("pruning")
        return joined_key((texts[name] for name in _NAMES if name in texts), versions(pruning))

    def _without_limit(self, known: _Known) -> str:
        found = self._any_limit.get(id(known))
        if found is None:
            left = {name: value for name, value in known.parts["solver"].items() if name != "time_limit_seconds"}
            found = self._any_limit[id(known)] = known, text_of("solver", left)
        return found[1]

    def training_key(self, settings: Settings) -> str:
        """Return the key of the dense network's recipe; empty where the task trains its networks itself."""
        shared = self._context(settings)
        if not shared.task.trains(settings):
            return ""
        identity = tuple([id(getattr(settings, name)) for name in TRAINING])
        known = self._trainings.get(identity)
        if known is None:
            texts = [shared.of(name, settings).texts.get(name) for name in TRAINING]
            known = self._trainings[identity] = settings, joined_key([text for text in texts if text is not None])
        return known[1]

    def baseline_key(self, settings: Settings) -> str:
        """Return the trial key of what the trial is measured against (:attr:`sweep.config.tasks.TaskRules.baseline`).

        Raises:
            ConfigError: the task's baseline has a section or a key that there is not.
        """
        shared = self._context(settings)
        changed = {name: self._with(shared.task, name, getattr(settings, name)) for name in shared.task.baseline}
        for name in shared.alike:
            changed[name] = self._alike(name, settings, changed)
        identity = tuple([id(changed[name] if name in changed else getattr(settings, name)) for name in _NAMES])
        known = self._baselines.get(identity)
        if known is None:
            dense = dataclasses.replace(settings, **changed)
            known = self._baselines[identity] = dense, self.key(dense)
        return known[1]

    def _with(self, task: TaskRules, name: str, section: Any) -> Any:
        """Return a section with the values of a baseline. The same section gives the same object each time."""
        known = self._changed.get((task.name, name, id(section)))
        if known is None:
            known = self._changed[task.name, name, id(section)] = section, with_baseline(task, name, section)
        return known[1]

    def _alike(self, name: str, settings: Settings, changed: Mapping[str, Any]) -> Any:
        """Return one object for all sections of which the same counts in a baseline, such as no pruning by any amount."""
        section = changed[name] if name in changed else getattr(settings, name)
        place = name, id(section), id(self._context(settings))
        if place not in self._alikes:
            dense = dataclasses.replace(settings, **changed)
            context = self._context(dense)
            text = context.of(name, dense).texts.get(name)
            known = name, id(context.known), id(dense.networks), text
            self._alikes[place] = section, self._by_text.setdefault(known, section)
        return self._alikes[place][1]

    def counts(self, settings: Settings, key: str) -> bool:
        """Whether a dotted key, or a section, can change the result of a trial."""
        name = key.partition(".")[0]
        if name not in SECTIONS:
            return False
        shared = self._context(settings)
        if name == own_networks.NETWORKS:
            known = frozenset().union(*(shared.of(one, settings).counting for one in own_networks.SECTIONS))
        else:
            known = shared.of(known_with(name, shared.task), settings).counting
        return key in known or any(one.startswith(f"{key}.") for one in known)

    def _texts(self, settings: Settings) -> dict[str, str]:
        if self._last is None or self._last[0] is not settings:
            shared, texts = self._context(settings), dict[str, str]()
            for name in shared.groups:
                texts.update(shared.of(name, settings).texts)
            self._last = settings, texts
        return self._last[1]

    def _context(self, settings: Settings) -> _Context:
        if self._asked is not None and self._asked[0] is settings:  # a trial is asked about a dozen times, one after another
            return self._asked[1]
        deciding = tuple([getattr(settings, name) for name in DECIDING])
        identity = tuple([id(section) for section in deciding])
        found = self._contexts.get(identity)
        if found is None:
            task = task_of(settings)
            check_sections(task)
            names = [name for name in _NAMES if known_with(name, task) == name and name != own_networks.NETWORKS]
            groups = {name: (*together(name, task), *beside(name, task)) for name in names}
            known = self._known.setdefault(context(settings), {})
            found = self._contexts[identity] = _Context(deciding, task, groups, known, alike(task))
        self._asked = settings, found
        return found
