"""Reading and keys of many configurations that share sections: what concerns a section is done once for each that is different.

A plan of a hundred thousand trials has some hundred different sections. They are told apart as objects: configurations that
share a section hold the same dictionary, which nobody may change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sweep.canonical import PARTS, TRAINING, Part, context, joined_key, part, text_of
from sweep.schema import AttackSettings, PruningSettings, Settings, read, read_section

_SECTIONS = {field.name for field in dataclasses.fields(Settings)}


class SharedSections:
    """What is known of the sections met so far."""

    def __init__(self) -> None:
        self._read: dict[int, tuple[Any, Any]] = {}
        self._parts: dict[tuple[Any, ...], dict[int, tuple[Any, Part | None, str]]] = {}
        self._dense: dict[int, tuple[Any, Any]] = {}
        # each entry holds on to its section, so that no other object takes its identity

    def read(self, config: Mapping[str, Any]) -> Settings:
        """Return what :func:`sweep.schema.read` does; settings of equal sections share them.

        Raises:
            ConfigError: a value that is not allowed.
        """
        if config.keys() != _SECTIONS:
            return read(config)
        sections = {}
        for name, data in config.items():
            known = self._read.get(id(data))
            if known is None:
                known = self._read[id(data)] = data, read_section(name, data)
            sections[name] = known[1]
        return Settings(**sections)

    def key(self, settings: Settings) -> str:
        """Return the trial key: :func:`sweep.canonical.key_of` the canonical settings."""
        return self._key(settings, PARTS)

    def training_key(self, settings: Settings) -> str:
        """Return the key of the dense network's recipe."""
        return self._key(settings, TRAINING)

    def baseline_key(self, settings: Settings) -> str:
        """Return the trial key of the same settings with attack surrogate and pruning none, the dense MILP."""
        attack, pruning = settings.attack, settings.pruning
        if attack.method != "surrogate" or pruning.method != "none":
            settings = dataclasses.replace(settings, attack=self._milp(attack), pruning=self._unpruned(pruning))
        return self.key(settings)

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
        return value is not None or bool(rest)

    def _key(self, settings: Settings, names: Any) -> str:
        parts, texts = self._of(settings), {}
        for name in names:
            _, found, text = self._known(name, settings, parts)
            if found is not None:
                texts[name] = text
        return joined_key(texts)

    def _of(self, settings: Settings) -> dict[int, tuple[Any, Part | None, str]]:
        return self._parts.setdefault(context(settings), {})

    def _known(
        self, name: str, settings: Settings, parts: dict[int, tuple[Any, Part | None, str]]
    ) -> tuple[Any, Part | None, str]:
        section = getattr(settings, name)
        known = parts.get(id(section))
        if known is None:
            found = part(name, settings)
            known = parts[id(section)] = section, found, text_of(found)
        return known

    def _milp(self, attack: AttackSettings) -> Any:
        known = self._dense.get(id(attack))
        if known is None:
            known = self._dense[id(attack)] = attack, dataclasses.replace(attack, method="surrogate")
        return known[1]

    def _unpruned(self, pruning: PruningSettings) -> Any:
        known = self._dense.get(id(pruning))
        if known is None:
            known = self._dense[id(pruning)] = pruning, dataclasses.replace(pruning, method="none")
        return known[1]
