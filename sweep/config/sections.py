"""The methods that a configuration sets, as objects, and which settings count because of them.

An object is built from the declarations of its class (:mod:`surrogate.settings`). The object itself says which settings can
change its results (``without_effect``, ``at_default``). So keys, names and notes on unused settings need no lists.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from surrogate.settings import Chosen, Configurable, Part, Setting
from sweep.config.families import ABSENT, FAMILIES, ValueSource, class_of, name_key, of_its_kind
from sweep.config.schema import MethodSettings, Settings
from sweep.config.watched import Fact, Watched


def method_of(section: str, settings: Settings) -> Any:
    """Return the method that a section sets, with all that it is made of; of ``pruning`` with the finetuning.

    Raises:
        InvalidSetting: values that are not allowed together, or a solver whose package is missing.
    """
    source = source_of(settings)
    kind = class_of(section, source)
    assert kind is not None, "a method that is not listed is refused when it is read"
    return build(kind, f"{section}.", source)


def source_of(settings: Settings) -> ValueSource:
    """Return the values of a configuration by dotted key.

    Of a section at which nobody has looked yet the single value is noted (:mod:`sweep.config.watched`).
    """

    if type(settings) is not Watched:
        return lambda key: _value(_path(key), settings)
    plain, noted = settings.plain, settings.noted

    def source(key: str) -> Any:
        path = _path(key)
        return _value(path, plain) if path[0] in noted else fact_of(key)(settings)

    return source


@functools.cache
def fact_of(key: str) -> Fact[Any]:
    """Return the value of a dotted key as a fact of settings."""
    return Fact(functools.partial(_value, _path(key)))


@functools.cache
def _path(key: str) -> tuple[str, ...]:
    return tuple(key.split("."))


def _value(path: tuple[str, ...], settings: Settings) -> Any:
    found: Any = getattr(settings, path[0])
    for name in path[1:]:
        found = found.get(name, ABSENT) if isinstance(found, MethodSettings) else getattr(found, name, ABSENT)
    return found


def build(
    kind: type[Configurable], prefix: str, source: ValueSource, *, check: bool = True, fixed: tuple[str, ...] = ()
) -> Any:
    """Return an object of a class, with the values of a configuration; what that lacks is as the class says.

    Args:
        kind: the class.
        prefix: of the keys of its settings, such as ``attack.``.
        source: of the values.
        check: whether the rules are checked, and what the object needs of this machine; not needed to ask what counts.
        fixed: names of settings that stay at the class's defaults.

    Raises:
        InvalidSetting: a rule is broken.
    """

    values: dict[str, Any] = {}
    for name, declared in kind.declared():
        if isinstance(declared, Setting):
            value = source(key_of(name, declared, prefix))
            if name in fixed or value is ABSENT or (value is None and declared.may_be_null):
                continue
            values[name] = declared.words.get(value, value) if declared.words else of_its_kind(declared, value)
        elif isinstance(declared, Part):
            values[name] = build(declared.kind, _inside(prefix, declared), source, check=check)
        elif isinstance(declared, Chosen):
            family = FAMILIES[declared.family]
            chosen = source(name_key(declared.family))
            method = family.methods().get(kind.default_of(name) if chosen is ABSENT or chosen in family.also else chosen)
            if method is not None:
                values[name] = build(method, f"{declared.family}.", source, check=check, fixed=declared.fixed)
    return kind(**values) if check else kind.unchecked(values)


def key_of(name: str, declared: Setting, prefix: str) -> str:
    """Return the dotted key of a setting."""
    key = declared.key or name
    return key if "." in key else prefix + key


def _inside(prefix: str, declared: Part) -> str:
    return f"{prefix}{declared.key}." if declared.key else prefix


def each_setting(made: Configurable, prefix: str, fixed: tuple[str, ...] = ()) -> Iterator[tuple[str, Setting, Any]]:
    """Yield the settings of an object and of all that it is made of, each with its dotted key and its value.

    Settings without an effect and fixed ones are left out, as are those of parts that are names only.
    """
    idle = made.without_effect()
    for name, declared in made.declared():
        value = getattr(made, name)
        if name in idle or name in fixed:
            continue
        if isinstance(declared, Setting):
            yield key_of(name, declared, prefix), declared, value
        elif isinstance(declared, Part):
            yield from each_setting(value, _inside(prefix, declared))
        elif isinstance(declared, Chosen) and isinstance(value, Configurable):
            yield from each_setting(value, f"{declared.family}.", declared.fixed)


def key_at(made: Configurable, name: str, prefix: str) -> str:
    """Return the dotted key of a setting, or of a choice, by its name; inside a part its name has a dot."""
    first, _, rest = name.partition(".")
    declared = dict(made.declared())[first]
    if isinstance(declared, Setting):
        return key_of(first, declared, prefix)
    if isinstance(declared, Part):
        return key_at(getattr(made, first), rest, _inside(prefix, declared))
    assert isinstance(declared, Chosen), "an internal setting is never named"
    return name_key(declared.family)


@dataclass(frozen=True)
class Counted:
    """What of a configuration stands in the keys of results, because of some objects.

    Attributes:
        values: by dotted key.
        idle: those of the keys whose value changes nothing; it is the default of the class.
        off: further keys that can change results, and stand in no key of one because they are at a default that does nothing.
    """

    values: dict[str, Any] = field(default_factory=dict)
    idle: set[str] = field(default_factory=set)
    off: set[str] = field(default_factory=set)

    @property
    def deciding(self) -> set[str]:
        """The keys whose value can change results."""
        return {*self.values.keys() - self.idle, *self.off}


def counted(made: Configurable, prefix: str) -> Counted:
    """Return what counts because of an object that :func:`build` made with the same prefix."""
    found = Counted()
    _count(made, prefix, found, set(made.without_effect()), set(made.at_default()))
    return found


def _count(
    made: Configurable, prefix: str, found: Counted, gone: set[str], idle: set[str], fixed: tuple[str, ...] = ()
) -> None:
    for name, declared in made.declared():
        if name in gone or name in fixed:
            continue
        value = getattr(made, name)
        if isinstance(declared, Setting):
            key = key_of(name, declared, prefix)
            if declared.is_switch and (name in idle or value == declared.default):
                if name not in idle:
                    found.off.add(key)
                continue
            if name in idle:
                if key in found.values:  # another object says what it is
                    continue
                value = declared.default
                found.idle.add(key)
            else:
                found.idle.discard(key)
            if declared.words:
                value = next((word for word, meant in declared.words.items() if meant == value), value)
            found.values[key] = value
        elif isinstance(declared, Part | Chosen) and isinstance(value, Configurable):
            inner_gone = {*_of(name, gone), *value.without_effect()}
            inner_idle = {*_of(name, idle), *value.at_default()}
            if isinstance(declared, Part):
                _count(value, _inside(prefix, declared), found, inner_gone, inner_idle)
                continue
            if "name" not in inner_gone:
                found.values[name_key(declared.family)] = value.name
            _count(value, f"{declared.family}.", found, inner_gone, inner_idle, declared.fixed)


def _of(part: str, names: set[str]) -> Iterator[str]:
    """Yield the names inside a part."""
    for name in names:
        if name.startswith(f"{part}."):
            yield name[len(part) + 1 :]
