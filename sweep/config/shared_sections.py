"""Reading and keys of many configurations that share sections: what concerns a section is done once for each that is different.

A plan of a hundred thousand trials has some hundred different sections. They are told apart as objects: configurations that
share a section hold the same dictionary, which nobody may change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweep.config.canonical import (
    SECTIONS,
    TRAINING,
    Part,
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
from sweep.config.tasks import task_of

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


class SharedSections:
    """What is known of the sections met so far.

    Whatever is remembered under the identity of an object holds on to it, so that no other takes its place.
    """

    def __init__(self) -> None:
        self._read: dict[int, tuple[Any, Any]] = {}
        self._known: dict[tuple[Any, ...], dict[Any, _Known]] = {}
        self._changed: dict[Any, tuple[Any, Any]] = {}
        self._contexts: dict[tuple[int, ...], tuple[Any, dict[Any, _Known]]] = {}
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
        for name in checked(task_of(settings)):
            known = self._of(name, settings)
            if id(known) not in self._checked:
                check_made(name, settings)
                self._checked[id(known)] = known
        check_rest(settings)

    def key(self, settings: Settings) -> str:
        """Return the trial key: :func:`sweep.config.canonical.key_of` the canonical settings."""
        return self._joined(self._texts(settings), settings)

    def any_limit_key(self, settings: Settings) -> str:
        """Return the key that a trial shares with those of other time limits; empty where the attack plans by its limit."""
        attack = settings.attack
        task = task_of(settings)
        if not task.limit_only_ends(attack.method, attack.objective):
            return ""
        texts = {**self._texts(settings), "solver": self._without_limit(self._of(known_with("solver", task), settings))}
        return self._joined(texts, settings)

    def _joined(self, texts: Mapping[str, str], settings: Settings) -> str:
        pruning = self._of("pruning", settings).parts.get("pruning")
        return joined_key((texts[name] for name in _NAMES if name in texts), versions(pruning))

    def _without_limit(self, known: _Known) -> str:
        found = self._any_limit.get(id(known))
        if found is None:
            left = {name: value for name, value in known.parts["solver"].items() if name != "time_limit_seconds"}
            found = self._any_limit[id(known)] = known, text_of("solver", left)
        return found[1]

    def training_key(self, settings: Settings) -> str:
        """Return the key of the dense network's recipe; empty where the task trains its networks itself."""
        if not task_of(settings).trains(settings):
            return ""
        identity = tuple([id(getattr(settings, name)) for name in TRAINING])
        known = self._trainings.get(identity)
        if known is None:
            texts = [self._of(name, settings).texts.get(name) for name in TRAINING]
            known = self._trainings[identity] = settings, joined_key([text for text in texts if text is not None])
        return known[1]

    def baseline_key(self, settings: Settings) -> str:
        """Return the trial key of what the trial is measured against (:attr:`sweep.config.tasks.TaskRules.baseline`)."""
        baseline = task_of(settings).baseline
        changed = {name: self._with(name, getattr(settings, name), values) for name, values in baseline.items()}
        identity = tuple([id(changed.get(name) or getattr(settings, name)) for name in _NAMES if name != "pruning"])
        known = self._baselines.get(identity)
        if known is None:
            dense = dataclasses.replace(settings, **changed)
            known = self._baselines[identity] = dense, self.key(dense)
        return known[1]

    def _with(self, name: str, section: Any, values: Mapping[str, Any]) -> Any:
        """Return a section with the values of a baseline: the same object for the same section."""
        if all(getattr(section, key) == value for key, value in values.items()):
            return section
        known = self._changed.get((name, id(section)))
        if known is None:
            known = self._changed[name, id(section)] = section, section.changed(**values)
        return known[1]

    def counts(self, settings: Settings, key: str) -> bool:
        """Whether a dotted key, or a section, can change the result of a trial."""
        name = key.partition(".")[0]
        if name not in SECTIONS:
            return False
        known = self._of(known_with(name, task_of(settings)), settings).counting
        return key in known or any(one.startswith(f"{key}.") for one in known)

    def _texts(self, settings: Settings) -> dict[str, str]:
        if self._last is None or self._last[0] is not settings:
            shared, texts, task = self._in_context(settings), dict[str, str](), task_of(settings)
            for name in _NAMES:
                if known_with(name, task) == name:
                    texts.update(self._in(shared, name, settings).texts)
            self._last = settings, texts
        return self._last[1]

    def _of(self, name: str, settings: Settings) -> _Known:
        return self._in(self._in_context(settings), name, settings)

    def _in(self, shared: dict[Any, _Known], name: str, settings: Settings) -> _Known:
        """Return what is known because of a section, made if it is not there yet."""
        sections = tuple([getattr(settings, one) for one in together(name, task_of(settings))])
        identity = id(sections[0]) if len(sections) == 1 else tuple(map(id, sections))
        known = shared.get(identity)
        if known is None:
            known = shared[identity] = _Known.of(name, settings, sections)
        return known

    def _in_context(self, settings: Settings) -> dict[Any, _Known]:
        """Return what is known where all that decides what counts is as it is here."""
        deciding = settings.task, settings.attack, settings.method, settings.network, settings.instances
        identity = tuple(map(id, deciding))
        found = self._contexts.get(identity)
        if found is None:
            found = self._contexts[identity] = deciding, self._known.setdefault(context(settings), {})
        return found[1]
