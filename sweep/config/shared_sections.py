"""Reading and keys of many configurations that share sections: what concerns a section is done once for each that is different.

A plan of a hundred thousand trials has some hundred different sections. They are told apart as objects: configurations that
share a section hold the same dictionary, which nobody may change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sweep.config.canonical import PARTS, TRAINING, Part, context, joined_key, part, text_of, versions
from sweep.config.passwords import BOOKKEEPING, hide_in_values
from sweep.config.reading import read, read_section
from sweep.config.schema import AttackSettings, Settings
from sweep.config.tasks import task_of

_SECTIONS = {field.name for field in dataclasses.fields(Settings)}
_NAMES = sorted(PARTS)
_BUT_PRUNING = [name for name in _NAMES if name not in ("pruning", "attack")]

_Known = tuple[Any, Part | None, str | None]
"""The settings of a section, what of them counts, and the text of that."""


class SharedSections:
    """What is known of the sections met so far.

    Whatever is remembered under the identity of an object holds on to it, so that no other takes its place.
    """

    def __init__(self) -> None:
        self._read: dict[int, tuple[Any, Any]] = {}
        self._parts: dict[tuple[Any, ...], dict[int, _Known]] = {}
        self._milps: dict[int, tuple[Any, AttackSettings]] = {}
        self._baselines: dict[tuple[int, ...], tuple[Settings, str]] = {}
        self._trainings: dict[tuple[int, ...], tuple[Settings, str]] = {}
        self._hidden: dict[int, tuple[Any, Any]] = {}
        self._any_limit: dict[tuple[Any, ...], dict[int, tuple[Any, str]]] = {}

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

    def key(self, settings: Settings) -> str:
        """Return the trial key: :func:`sweep.config.canonical.key_of` the canonical settings."""
        pruning = self._known("pruning", settings, self._of(settings))[1]
        return joined_key(self._texts(_NAMES, settings), versions(pruning))

    def any_limit_key(self, settings: Settings) -> str:
        """Return the key that a trial shares with those of other time limits; empty where the attack plans by its limit."""
        attack = settings.attack
        if not task_of(settings).limit_only_ends(attack.method, attack.objective):
            return ""
        parts = self._of(settings)
        pruning = self._known("pruning", settings, parts)[1]
        texts = [
            self._without_limit(settings) if name == "solver" else self._known(name, settings, parts)[2] for name in _NAMES
        ]
        return joined_key([text for text in texts if text is not None], versions(pruning))

    def _without_limit(self, settings: Settings) -> str:
        known = self._any_limit.setdefault(context(settings), {})
        found = known.get(id(settings.solver))
        if found is None:
            counted = self._known("solver", settings, self._of(settings))[1] or {}
            left = {name: value for name, value in counted.items() if name != "time_limit_seconds"}
            found = known[id(settings.solver)] = settings.solver, text_of("solver", left)
        return found[1]

    def training_key(self, settings: Settings) -> str:
        """Return the key of the dense network's recipe; empty where the task trains its networks itself."""
        if not task_of(settings).trains(settings):
            return ""
        identity = tuple([id(getattr(settings, name)) for name in TRAINING])
        known = self._trainings.get(identity)
        if known is None:
            known = self._trainings[identity] = settings, joined_key(self._texts(TRAINING, settings))
        return known[1]

    def baseline_key(self, settings: Settings) -> str:
        """Return the trial key of what a trial is measured against: by the task, or with attack surrogate and pruning none."""
        own = task_of(settings).baseline(settings)
        if own is not None:
            return self._own_baseline(own)
        attack = self._milp(settings.attack)
        identity = (id(attack), *[id(getattr(settings, name)) for name in _BUT_PRUNING])
        known = self._baselines.get(identity)
        if known is None:
            pruning = dataclasses.replace(settings.pruning, method="none")
            dense = dataclasses.replace(settings, attack=attack, pruning=pruning)
            known = self._baselines[identity] = dense, self.key(dense)
        return known[1]

    def _own_baseline(self, settings: Settings) -> str:
        identity = tuple([id(getattr(settings, name)) for name in _NAMES])
        known = self._baselines.get(identity)
        if known is None:
            known = self._baselines[identity] = settings, self.key(settings)
        return known[1]

    def counts(self, settings: Settings, key: str) -> bool:
        """Whether a dotted key, or a section, can change the result of a trial."""
        name, *rest = key.split(".")
        if name not in PARTS:
            return False
        value: Any = self._known(name, settings, self._of(settings))[1]
        for leaf in rest:
            if not isinstance(value, dict) or leaf not in value:
                return False
            value = value[leaf]
        return bool(rest) or value is not None

    def _texts(self, names: Any, settings: Settings) -> list[str]:
        parts = self._of(settings)
        texts = [self._known(name, settings, parts)[2] for name in names]
        return [text for text in texts if text is not None]

    def _of(self, settings: Settings) -> dict[int, _Known]:
        return self._parts.setdefault(context(settings), {})

    def _known(self, name: str, settings: Settings, parts: dict[int, _Known]) -> _Known:
        section = getattr(settings, name)
        known = parts.get(id(section))
        if known is None:
            found = part(name, settings)
            known = parts[id(section)] = section, found, None if found is None else text_of(name, found)
        return known

    def _milp(self, attack: AttackSettings) -> AttackSettings:
        if attack.method == "surrogate":
            return attack
        known = self._milps.get(id(attack))
        if known is None:
            known = self._milps[id(attack)] = attack, dataclasses.replace(attack, method="surrogate")
        return known[1]
