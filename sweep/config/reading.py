"""A composed configuration read into settings: unknown keys, wrong types and impossible values are refused here."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from surrogate.rules import nearest
from sweep.config import rules
from sweep.config.families import FAMILIES, Key, Tree, ValueRule, tree_of
from sweep.config.own_networks import INSIDE, NETWORKS
from sweep.config.schema import MethodSettings, Settings
from sweep.config.value_types import OPEN_KINDS, WORDS, shown, typed
from sweep.errors import ConfigError


def read(config: Mapping[str, Any]) -> Settings:
    """Return the checked settings of a composed configuration (plain dictionaries, interpolations resolved).

    Raises:
        ConfigError: an unknown or missing key, a wrong type, or a value that is not allowed.
    """
    sections = _values(_tree(), config, "", _LATER)
    return Settings(**{name: _as_settings(name, values) for name, values in sections.items()})


def read_own(name: str, data: Any) -> MethodSettings:
    """Return the checked settings that the network of a name has of its own.

    Raises:
        ConfigError: as :func:`read` does.
    """
    return _of_methods(_values(_of_a_network(), data, f"{NETWORKS}.{name}", partly=True))


def read_section(name: str, data: Any, own: Callable[[str, Any], MethodSettings] = read_own) -> Any:
    """Return the checked settings of one section, as :func:`read` does of all; ``own`` reads what is of a single network.

    Raises:
        ConfigError: as :func:`read` does.
    """
    allowed = _section(name)
    values = _allowed(allowed, data, name) if isinstance(allowed, Key) else _values(allowed, data, name)
    return _as_settings(name, values, own)


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
    allowed = parameters_of(cls)
    for name in data:
        if name not in allowed:
            near = nearest(name, allowed)
            has = f"it has {', '.join(allowed)}" if allowed else "it has none"
            raise ConfigError(f"{prefix}.{name} is not a parameter of {owner}{near}: {has}")
    return None if cls is None else cls(**{name: _allowed(allowed[name], data[name], f"{prefix}.{name}") for name in data})


def parameters_of(cls: type | None) -> dict[str, Key]:
    """Return what the fields of a dataclass as in :func:`read_open` may be; it has no sections inside."""
    declared: Any = {} if cls is None else _declared(cls)
    return dict(declared)


def keys() -> list[str]:
    """Return every dotted key of the configuration, sections included."""
    return list(_flat(_tree()))


def is_open(allowed: Key) -> bool:
    """Whether a key is an open section: what is in it is decided by whoever reads it."""
    return any(typing.get_origin(kind) is dict for kind in allowed.kinds)


def is_in_open_section(key: str) -> bool:
    """Whether a dotted key is inside an open section, such as ``task.parameters.width`` or ``networks.cost.width``."""
    section, *names = key.split(".")
    found: Any = _section(section) if section in _hints(Settings) else None
    for name in names:
        if isinstance(found, Key):
            return is_open(found)
        found = None if found is None else found.get(name)
    return False


def may_be_absent(key: str) -> bool:
    """Whether a composed configuration may lack a dotted key: it is in an open section, or a setting of some methods only."""
    found = _at(key)
    of_some = isinstance(found, Key) and not found.required and key.partition(".")[0] in FAMILIES
    return of_some or is_in_open_section(key)


def is_undeclared(key: str) -> bool:
    """Whether a dotted key is inside an open section and nothing here says what it may be."""
    return is_in_open_section(key) and key.partition(".")[0] != NETWORKS


def kinds_of(key: str) -> tuple[set[Any], ValueRule | None]:
    """Return the types that a value of a key may have and the rule for it; no types of sections and of unknown keys.

    An undeclared key in an open section may have any of :data:`OPEN_KINDS`.
    """
    if is_undeclared(key):
        return set(OPEN_KINDS), None
    found = _at(key)
    return (set(found.kinds), found.rule) if isinstance(found, Key) and not is_open(found) else (set(), None)


def _at(key: str) -> Any:
    """Return what a declared key may be; of a section its tree, and None of a key that there is not."""
    section, *names = key.split(".")
    found: Any = _section(section) if section in _hints(Settings) else None
    if section == NETWORKS and names:
        found, names = _of_a_network(), names[1:]
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def impossible(key: str, value: Any) -> str | None:
    """Return what a key's values are, in words, if ``value`` can't be one; else, and for sections and unknown keys, None.

    Of numbers only the type counts, and 32.0 may stand for 32, to which it is equal.
    """
    if is_undeclared(key):
        return None
    kinds, rule = kinds_of(key)
    number = type(value) in (int, float) and (float in kinds or (int in kinds and value % 1 == 0))
    if kinds and type(value) not in kinds and not number:
        return " or ".join(words for kind, words in WORDS.items() if kind in kinds)
    return rule(value) if rule is not None and kinds and isinstance(value, str) else None


def section(key: str) -> list[str]:
    """Return the keys in a section, without those of sections in it; nothing if there is no section of this name."""
    return [name for name in keys() if name.rpartition(".")[0] == key and kinds_of(name)[0]] if key else []


def is_key(key: str) -> bool:
    """Whether the configuration has a dotted key, or a section of this name."""
    return key in keys() or is_undeclared(key) or _at(key) is not None


def unknown_key(key: str) -> ConfigError:
    """Return the error for a key that the configuration does not have, with near and available ones."""
    known = keys()
    if key in known:
        adds, is_one = f"has no value in the chosen files; ++{key}=... adds it", isinstance(_at(key), Key)
        return ConfigError(f"{key} {adds if is_one else f'is a section: set its keys one by one, as in {key}.NAME=3'}")
    if is_in_open_section(key) and not is_undeclared(key):
        section = ".".join(key.split(".")[:2])
        known = [section, *_flat(_of_a_network(), f"{section}.")]
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


def _values(tree: Tree, data: Any, prefix: str, optional: Collection[str] = (), *, partly: bool = False) -> dict[str, Any]:
    """Return the checked values of a section, and of the sections inside it.

    The ``optional`` ones may be absent; with ``partly`` any key, also inside.
    """
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
            if partly or name in optional or (isinstance(allowed, Key) and not allowed.required):
                continue
            raise ConfigError(f"{key} is missing from the configuration; every key needs a value")
        if isinstance(allowed, Key):
            values[name] = _allowed(allowed, data[name], key)
        else:
            values[name] = _values(allowed, data[name], key, partly=partly)
    return values


def _allowed(allowed: Key, given: Any, key: str) -> Any:
    is_number = type(given) is int and float in allowed.kinds
    is_no_text = str in allowed.kinds and type(given) not in allowed.kinds and not is_number
    refused = allowed.rule(str(given)) if is_no_text and allowed.rule is not None else None
    if refused is not None:  # the choices say more than that it must be a text
        raise ConfigError(f"{key}={shown(given)} is not allowed: it must be {refused}")
    value = typed(allowed.kinds, given, key)
    refused = allowed.rule(value) if allowed.rule is not None and value is not None else None
    if refused is None and type(value) is int and value > rules.LARGEST_INTEGER:
        refused = f"an integer of at most {rules.LARGEST_INTEGER}"
    if refused is not None:
        raise ConfigError(f"{key}={shown(value)} is not allowed: it must be {refused}")
    return value


def _as_settings(name: str, values: dict[str, Any], own: Callable[[str, Any], MethodSettings] = read_own) -> Any:
    cls = _hints(Settings)[name][0]
    if name == NETWORKS:
        return {one: own(one, data) for one, data in values.items()}
    return _of_methods(values) if cls is MethodSettings else cls(**values)


def _of_methods(values: Mapping[str, Any]) -> MethodSettings:
    return MethodSettings({name: _of_methods(one) if isinstance(one, dict) else one for name, one in values.items()})


def _tree() -> Tree:
    return {name: _section(name) for name in _hints(Settings)}


def _of_a_network() -> Tree:
    """Return the keys of a network that may have values of its own: those of ``network``, and the sections inside."""
    of_network = _section("network")
    assert not isinstance(of_network, Key)
    return {**of_network, **{name: _section(name) for name in INSIDE}}


def _section(name: str) -> Tree | Key:
    """Return the keys of a section; of one that is open as a whole what it may be."""
    cls, _ = _hints(Settings)[name]
    if typing.get_origin(cls) is dict:
        return Key((cls,), None, required=False)
    if cls is not MethodSettings:
        return _declared(cls)
    asked = FAMILIES[name].asked
    return tree_of(name, None if asked is None else _declared(asked))


_UNIONS = (types.UnionType, typing.Union)
"""What ``float | None`` and ``Optional[float]`` are."""


@functools.cache
def _declared(cls: type) -> Tree:
    """Return the keys of a section that is written down as a dataclass."""
    optional = _with_default(cls)
    return {
        name: Key(typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else (hint,), rule, name not in optional)
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
