"""A composed configuration read into settings: unknown keys, wrong types and impossible values are refused here."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from sweep.config import rules
from sweep.config.schema import Settings
from sweep.errors import ConfigError


def read(config: Mapping[str, Any]) -> Settings:
    """Return the checked settings of a composed configuration (plain dictionaries, interpolations resolved).

    Raises:
        ConfigError: an unknown or missing key, a wrong type, or a value that is not allowed.
    """
    settings: Settings = _read(Settings, config, "")
    return settings


def read_section(name: str, data: Any) -> Any:
    """Return the checked settings of one section, as :func:`read` does of all.

    Raises:
        ConfigError: as :func:`read` does.
    """
    return _read(_hints(Settings)[name][0], data, name)


def read_open(cls: type | None, data: Mapping[str, Any], prefix: str, owner: str) -> Any:
    """Return the values of an open section as its owner declares them: an instance of ``cls``, or None where that is None.

    Args:
        cls: a dataclass as in :mod:`sweep.config.schema`; every field has a default.
        data: the section.
        prefix: its dotted key.
        owner: the setting that decides what the section may have, in words.

    Raises:
        ConfigError: an unknown key, a wrong type, or a value that is not allowed.
    """
    hints = {} if cls is None else _hints(cls)
    for name in data:
        if name not in hints:
            near = rules.nearest(name, hints)
            has = f"it has {', '.join(hints)}" if hints else "it has none"
            raise ConfigError(f"{prefix}.{name} is not a parameter of {owner}{near}: {has}")
    return None if cls is None else cls(**{name: _value(*hints[name], data[name], f"{prefix}.{name}") for name in data})


def keys(cls: type = Settings, prefix: str = "") -> list[str]:
    """Return every dotted key of the configuration, sections included."""
    found = []
    for name, hint in typing.get_type_hints(cls).items():
        found.append(prefix + name)
        if dataclasses.is_dataclass(hint):
            found.extend(keys(typing.cast(type, hint), f"{prefix}{name}."))
    return found


def is_open(hint: Any) -> bool:
    """Whether a type is that of an open section: what it may have is decided by whoever reads it."""
    return typing.get_origin(hint) is dict


def is_in_open_section(key: str) -> bool:
    """Whether a dotted key is inside an open section, such as ``task.parameters.width``."""
    hint: Any = Settings
    for name in key.split("."):
        if is_open(hint):
            return True
        if not dataclasses.is_dataclass(hint) or name not in _hints(typing.cast(type, hint)):
            return False
        hint = _hints(typing.cast(type, hint))[name][0]
    return False


def forced(overrides: Sequence[str]) -> list[str]:
    """Return overrides in which those of keys in open sections add the key where the composed configuration lacks it."""
    return [f"++{one}" if "=" in one and is_in_open_section(one.partition("=")[0]) else one for one in overrides]


def kinds_of(key: str) -> tuple[set[Any], rules.Rule | None]:
    """Return the types that a value of a key may have and the rule for it; no types of sections and of unknown keys.

    A key in an open section may have any of :data:`OPEN_KINDS`.
    """
    hint: Any = Settings
    rule = None
    for name in key.split("."):
        if is_open(hint):
            return set(OPEN_KINDS), None
        if not dataclasses.is_dataclass(hint) or name not in _hints(typing.cast(type, hint)):
            return set(), None
        hint, rule = _hints(typing.cast(type, hint))[name]
    if dataclasses.is_dataclass(hint) or is_open(hint):
        return set(), None
    return set(typing.get_args(hint)) if isinstance(hint, types.UnionType) else {hint}, rule


def impossible(key: str, value: Any) -> str | None:
    """Return what a key's values are, in words, if ``value`` can't be one; else, and for sections and unknown keys, None.

    Of numbers only the type counts, and 32.0 may stand for 32, to which it is equal.
    """
    kinds, rule = kinds_of(key)
    if is_in_open_section(key):
        return None
    number = type(value) in (int, float) and (float in kinds or (int in kinds and value % 1 == 0))
    if kinds and type(value) not in kinds and not number:
        return " or ".join(words for kind, words in _WORDS.items() if kind in kinds)
    return rule(value) if rule is not None and kinds and isinstance(value, str) else None


def section(key: str) -> list[str]:
    """Return the keys in a section, without those of sections in it; nothing if there is no section of this name."""
    return [name for name in keys() if name.rpartition(".")[0] == key and kinds_of(name)[0]] if key else []


def is_key(key: str) -> bool:
    """Whether the configuration has a dotted key, or a section of this name."""
    return key in keys() or is_in_open_section(key)


def unknown_key(key: str) -> ConfigError:
    """Return the error for a key that the configuration does not have, with near and available ones."""
    known = keys()
    parent, _, leaf = key.rpartition(".")
    same_leaf = [name for name in known if name.endswith(f".{leaf}")]
    if parent in known:
        alike = [parent + "." + near for near in difflib.get_close_matches(leaf, _children(parent, known), n=1)]
    else:
        alike = difflib.get_close_matches(key, [name for name in known if name.count(".") == key.count(".")], n=1)
    near = same_leaf or alike
    while parent and parent not in known:
        parent = parent.rpartition(".")[0]
    beside = _children(parent, known)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return ConfigError(f"unknown key {key}{hint}; available{f' in {parent}' if parent else ''}: {', '.join(beside)}")


def _children(parent: str, known: list[str]) -> list[str]:
    return [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == parent]


def _read(cls: Any, data: Any, prefix: str) -> Any:
    if not isinstance(data, Mapping):
        inside = ", ".join(f.name for f in dataclasses.fields(cls))
        raise ConfigError(f"{prefix}={data!r} must be a section with the keys {inside}")
    dot = f"{prefix}." if prefix else ""
    fields = dataclasses.fields(cls)
    for key in data:
        if key not in {f.name for f in fields}:
            raise unknown_key(f"{dot}{key}")
    hints = _hints(cls)
    values = {}
    for f in fields:
        key, (hint, rule) = dot + f.name, hints[f.name]
        if f.name not in data:
            if f.default_factory is not dataclasses.MISSING:
                values[f.name] = f.default_factory()
                continue
            raise ConfigError(f"{key} is missing from the configuration; every key needs a value")
        if dataclasses.is_dataclass(hint):
            values[f.name] = _read(hint, data[f.name], key)
            continue
        values[f.name] = _value(hint, rule, data[f.name], key)
    return cls(**values)


def _value(hint: Any, rule: rules.Rule | None, data: Any, key: str) -> Any:
    """Return the value of a key, of its type and as its rule allows."""
    value = _typed(hint, data, key)
    allowed = rule(value) if rule and value is not None else None
    if allowed is not None:
        raise ConfigError(f"{key}={_shown(value)} is not allowed: it must be {allowed}")
    return value


@functools.cache
def _hints(cls: type) -> dict[str, tuple[Any, rules.Rule | None]]:
    """Return type and rule of every field."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        name: (getattr(h, "__origin__", h), h.__metadata__[0]) if hasattr(h, "__metadata__") else (h, None)
        for name, h in hints.items()
    }


OPEN_KINDS: tuple[type, ...] = (bool, int, float, str, list, type(None))
"""The types that a value in an open section may have; sections in it have such values."""

_IN_THE_SHELL: dict[Any, str] = {
    list[str]: '["..."]',
    list[float]: "[0.5,0.8]",
    list[list[str]]: "[[training.seed,instances.seed]]",
}
"""How lists are written there, where they need quotes around them."""


_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a finite number",
    str: "a text",
    list[str]: "a list of texts",
    list[float]: "a list of finite numbers",
    list[list[str]]: "a list of lists of keys",
    type(None): "null",
}


def _typed(hint: Any, value: Any, key: str) -> Any:
    if is_open(hint):
        if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            return dict(value)
        raise ConfigError(f"{key}={value!r} must be a section, of which keys are set as in {key}.name=3")
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for option in options:
        if option is float and type(value) in (int, float) and math.isfinite(value):
            return float(value)
        if option == list[float] and isinstance(value, list) and all(type(one) in (int, float) for one in value):
            return [float(one) for one in value]
        if option == list[str] and _is_list_of_texts(value):
            return value
        if option == list[list[str]] and isinstance(value, list) and all(map(_is_list_of_texts, value)):
            return value
        if option in (bool, int, str, type(None)) and type(value) is option:
            return value
    allowed = " or ".join(_WORDS[option] for option in options)
    example = "".join(f", in the shell as in '{key}={_IN_THE_SHELL[option]}'" for option in options if option in _IN_THE_SHELL)
    found = "" if isinstance(value, list) else f", not {type(value).__name__}"
    raise ConfigError(f"{key}={_shown(value)} is not allowed: it must be {allowed}{example}{found}")


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else repr(value)
