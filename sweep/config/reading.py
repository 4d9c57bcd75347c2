"""A composed configuration read into settings: unknown keys, wrong types and impossible values are refused here."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import types
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from surrogate.rules import nearest
from sweep.config import rules
from sweep.config.families import Key, Rule, Tree, tree_of
from sweep.config.schema import MethodSettings, Settings
from sweep.errors import ConfigError


def read(config: Mapping[str, Any]) -> Settings:
    """Return the checked settings of a composed configuration (plain dictionaries, interpolations resolved).

    Raises:
        ConfigError: an unknown or missing key, a wrong type, or a value that is not allowed.
    """
    sections = _values(_tree(), config, "", _LATER)
    return Settings(**{name: _as_settings(name, values) for name, values in sections.items()})


def read_section(name: str, data: Any) -> Any:
    """Return the checked settings of one section, as :func:`read` does of all.

    Raises:
        ConfigError: as :func:`read` does.
    """
    return _as_settings(name, _values(_section(name), data, name))


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
    allowed: dict[str, Key] = {}
    for name, one in ({} if cls is None else _declared(cls)).items():
        assert isinstance(one, Key), "a dataclass of parameters has no sections"
        allowed[name] = one
    for name in data:
        if name not in allowed:
            near = nearest(name, allowed)
            has = f"it has {', '.join(allowed)}" if allowed else "it has none"
            raise ConfigError(f"{prefix}.{name} is not a parameter of {owner}{near}: {has}")
    return None if cls is None else cls(**{name: _allowed(allowed[name], data[name], f"{prefix}.{name}") for name in data})


def keys() -> list[str]:
    """Return every dotted key of the configuration, sections included."""
    return list(_flat(_tree()))


def is_open(allowed: Key) -> bool:
    """Whether a key is an open section: what is in it is decided by whoever reads it."""
    return any(typing.get_origin(kind) is dict for kind in allowed.kinds)


def is_in_open_section(key: str) -> bool:
    """Whether a dotted key is inside an open section, such as ``task.parameters.width``."""
    section, *names = key.split(".")
    found: Any = _section(section) if section in _hints(Settings) else None
    for name in names:
        if isinstance(found, Key):
            return is_open(found)
        found = None if found is None else found.get(name)
    return False


def forced(overrides: Sequence[str]) -> list[str]:
    """Return overrides in which those of keys in open sections add the key where the composed configuration lacks it."""
    return [f"++{one}" if "=" in one and is_in_open_section(one.partition("=")[0]) else one for one in overrides]


def kinds_of(key: str) -> tuple[set[Any], Rule | None]:
    """Return the types that a value of a key may have and the rule for it; no types of sections and of unknown keys.

    A key in an open section may have any of :data:`OPEN_KINDS`.
    """
    if is_in_open_section(key):
        return set(OPEN_KINDS), None
    section, *names = key.split(".")
    found: Any = _section(section) if section in _hints(Settings) else None
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return (set(found.kinds), found.rule) if isinstance(found, Key) and not is_open(found) else (set(), None)


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


def _values(tree: Tree, data: Any, prefix: str, optional: Collection[str] = ()) -> dict[str, Any]:
    """Return the checked values of a section, and of the sections inside it, of which the ``optional`` ones may be absent."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{prefix}={data!r} must be a section with the keys {', '.join(tree)}")
    dot = f"{prefix}." if prefix else ""
    for name in data:
        if name not in tree:
            raise unknown_key(f"{dot}{name}")
    values = {}
    for name, allowed in tree.items():
        key = dot + name
        if name not in data:
            if name in optional or (isinstance(allowed, Key) and not allowed.required):
                continue
            raise ConfigError(f"{key} is missing from the configuration; every key needs a value")
        if isinstance(allowed, Key):
            values[name] = _allowed(allowed, data[name], key)
        else:
            values[name] = _values(allowed, data[name], key)
    return values


def _allowed(allowed: Key, given: Any, key: str) -> Any:
    value = _typed(allowed.kinds, given, key)
    refused = allowed.rule(value) if allowed.rule is not None and value is not None else None
    if refused is None and type(value) is int and value > rules.LARGEST_INTEGER:
        refused = f"an integer of at most {rules.LARGEST_INTEGER}"
    if refused is not None:
        raise ConfigError(f"{key}={_shown(value)} is not allowed: it must be {refused}")
    return value


def _as_settings(name: str, values: dict[str, Any]) -> Any:
    cls = _hints(Settings)[name][0]
    return _of_methods(values) if cls is MethodSettings else cls(**values)


def _of_methods(values: Mapping[str, Any]) -> MethodSettings:
    return MethodSettings({name: _of_methods(one) if isinstance(one, dict) else one for name, one in values.items()})


def _tree() -> Tree:
    return {name: _section(name) for name in _hints(Settings)}


def _section(name: str) -> Tree:
    cls, own = _hints(Settings)[name]
    return tree_of(name, _declared(own) if own is not None else None) if cls is MethodSettings else _declared(cls)


@functools.cache
def _declared(cls: type) -> Tree:
    """Return the keys of a section that is written down as a dataclass."""
    optional = _with_default(cls)
    return {
        name: Key(typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,), rule, name not in optional)
        for name, (hint, rule) in _hints(cls).items()
    }


@functools.cache
def _with_default(cls: type) -> frozenset[str]:
    missing = dataclasses.MISSING
    return frozenset(f.name for f in dataclasses.fields(cls) if f.default is not missing or f.default_factory is not missing)


_LATER = _with_default(Settings)
"""The sections that records of before do not have."""


def _flat(tree: Tree, prefix: str = "") -> Iterator[str]:
    for name, one in tree.items():
        yield prefix + name
        if isinstance(one, dict):
            yield from _flat(one, f"{prefix}{name}.")


@functools.cache
def _hints(cls: type) -> dict[str, tuple[Any, Any]]:
    """Return the type of every field, and what it is annotated with."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        name: (getattr(h, "__origin__", h), h.__metadata__[0]) if hasattr(h, "__metadata__") else (h, None)
        for name, h in hints.items()
    }


OPEN_KINDS: tuple[type, ...] = (bool, int, float, str, list, type(None))
"""The types that a value in an open section may have; sections in it have such values."""

_IN_THE_SHELL: dict[Any, str] = {
    list[str]: '["..."]',
    list[int]: "[12,16]",
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
    list[int]: "a list of integers",
    list[float]: "a list of finite numbers",
    list[list[str]]: "a list of lists of keys",
    type(None): "null",
}


def _typed(options: tuple[Any, ...], value: Any, key: str) -> Any:
    if any(typing.get_origin(option) is dict for option in options):
        if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            return dict(value)
        raise ConfigError(f"{key}={value!r} must be a section, of which keys are set as in {key}.name=3")
    for option in options:
        if option is float and type(value) in (int, float) and math.isfinite(value):
            return float(value)
        if option == list[int] and isinstance(value, list) and all(type(one) is int for one in value):
            return value
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
