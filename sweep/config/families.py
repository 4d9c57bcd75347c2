"""The sections that set methods: their keys, types and rules follow from the classes that :mod:`surrogate` lists.

A class declares its settings in its fields (:mod:`surrogate.settings`). Nothing here names a setting: a method with settings of
its own is one class, and one line where its family lists it. The library is imported only when it is needed.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any

from surrogate.problems.objectives import CLOSEST
from surrogate.settings import Part, Setting
from sweep.config.rules import ValueRule, one_of
from sweep.config.schema import AskedSettings

if TYPE_CHECKING:
    from surrogate.settings import Configurable

Classes = Mapping[str, "type[Configurable]"]

ABSENT: Any = object()

ValueSource = Callable[[str], Any]
"""Returns the value of a dotted key, or :data:`ABSENT`."""

AUTO = "auto"
"""Bounds by the method that the attack works best with."""


@dataclass(frozen=True)
class Key:
    """What a value of the configuration may be.

    Attributes:
        kinds: the types that it may have.
        rule: for values of these types; None: all are allowed.
        required: whether every configuration has to have the key.
    """

    kinds: tuple[Any, ...]
    rule: ValueRule | None
    required: bool = True


Tree = dict[str, "Key | Tree"]
"""The keys of a section; of a section inside it, a tree in its turn."""


def _training() -> Classes:
    from surrogate.training import Training

    return {"": Training}


def _pruning() -> Classes:
    from surrogate.pruning import METHODS

    return METHODS


def _whole_pruning() -> type[Configurable]:
    from surrogate.pruning import Pruning

    return Pruning


def _bounds() -> Classes:
    from surrogate.bounds import METHODS

    return METHODS


def _formulations() -> Classes:
    from surrogate.formulation import METHODS

    return METHODS


def _solvers() -> Classes:
    from surrogate.solvers import SOLVERS

    return SOLVERS


def _model_methods() -> Classes:
    from surrogate.models.methods import METHODS

    return METHODS


def _attacks() -> Classes:
    from surrogate.attack import METHODS

    return METHODS


def _attacks_by_objective() -> Mapping[str, Classes]:
    from surrogate.attack import CLOSEST_METHODS

    return {CLOSEST: CLOSEST_METHODS}


@dataclass(frozen=True)
class Family:
    """A section that sets methods.

    Attributes:
        methods: the classes that the library lists, by name; under an empty name the one class of a section without a choice.
        name_key: the key in the section that says which of them; empty without a choice.
        also: further names, which leave the choice to whatever uses the method.
        whole: the class that every method of the section is part of; None: a method is an object by itself.
        asked: a dataclass of the keys that no method declares, because they say what the methods are asked.
        variant_key: one of these keys, whose value may choose another class of the same name; empty: there is none.
        variants: these other classes, by the value of that key.
    """

    methods: Callable[[], Classes]
    name_key: str = "method"
    also: tuple[str, ...] = ()
    whole: Callable[[], type[Configurable]] | None = None
    asked: type | None = None
    variant_key: str = ""
    variants: Callable[[], Mapping[str, Classes]] = dict

    @property
    def names(self) -> list[str]:
        """What the section can name."""
        return [*self.also, *self.methods()]

    @property
    def classes(self) -> tuple[type[Configurable], ...]:
        """The classes of all methods of the section."""
        return (*self.methods().values(), *(cls for some in self.variants().values() for cls in some.values()))

    @property
    def undeclared(self) -> tuple[str, ...]:
        """The keys of the section that no class declares: that of the name, and those that say what is asked."""
        named = (self.name_key,) if self.name_key and self.whole is None else ()
        fields = () if self.asked is None else dataclasses.fields(self.asked)
        return (*named, *(one.name for one in fields))


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "training": Family(_training, name_key=""),
        "pruning": Family(_pruning, whole=_whole_pruning),
        "bounds": Family(_bounds, also=(AUTO,)),
        "formulation": Family(_formulations),
        "solver": Family(_solvers, name_key="name"),
        "attack": Family(_attacks, asked=AskedSettings, variant_key="objective", variants=_attacks_by_objective),
        "method": Family(_model_methods, name_key="name"),
    }
)
"""The sections that set methods."""


def name_key(section: str) -> str:
    """Return the dotted key that says which method of a section is used."""
    return f"{section}.{FAMILIES[section].name_key}"


def class_of(section: str, source: ValueSource) -> type[Configurable] | None:
    """Return the class of the object that a section makes; None if no method is called so.

    A method that cannot do what is asked is refused when the configuration is checked. Until then it is what it is when it is
    asked something else.
    """
    family = FAMILIES[section]
    if family.whole is not None:
        return family.whole()
    name = str(source(name_key(section))) if family.name_key else ""
    asked = str(source(f"{section}.{family.variant_key}")) if family.variant_key else ""
    return family.variants().get(asked, {}).get(name) or family.methods().get(name)


def tree_of(section: str, asked: Tree | None = None) -> Tree:
    """Return the keys of a section that sets methods; ``asked`` are those of :attr:`Family.asked`."""
    family = FAMILIES[section]
    wholes = () if family.whole is None else (family.whole(),)
    return _tree(section, wholes, family.classes, tuple((asked or {}).items()))


@functools.lru_cache(maxsize=256)
def _tree(
    section: str,
    wholes: tuple[type[Configurable], ...],
    methods: tuple[type[Configurable], ...],
    asked: tuple[tuple[str, Key | Tree], ...],
) -> Tree:
    family = FAMILIES[section]
    tree: Tree = {}
    if family.name_key:
        tree[family.name_key] = Key((str,), one_of(lambda: family.names))
    tree.update(asked)
    declared: dict[str, list[Setting]] = {}
    required: set[str] = set()
    for classes in (wholes, methods):
        each = [dict(_settings(cls)) for cls in classes]
        for settings in each:
            for key, setting in settings.items():
                declared.setdefault(key, []).append(setting)
        required.update(key for key in declared if each and all(_is_needed(key, settings) for settings in each))
    for key, several in declared.items():
        *parents, leaf = key.split(".")
        node: Any = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = _key(several, key in required)
    return tree


def _is_needed(key: str, settings: Mapping[str, Setting]) -> bool:
    """Whether a class cannot do without a key, by its settings."""
    return key in settings and not settings[key].is_switch


def _settings(cls: type[Configurable], prefix: str = "") -> Iterator[tuple[str, Setting]]:
    """Yield the settings of a class, and of its parts, by their keys in the section of the class."""
    for name, declared in cls.declared():
        if isinstance(declared, Part):
            yield from _settings(declared.kind, f"{prefix}{declared.key}." if declared.key else prefix)
        elif isinstance(declared, Setting) and "." not in (declared.key or ""):
            yield f"{prefix}{declared.key or name}", declared


@functools.cache
def switches() -> Mapping[str, Any]:
    """Return the dotted keys that stand in no key of a result at their default, with that default."""
    return MappingProxyType(
        {
            f"{section}.{key}": one.default
            for section, family in FAMILIES.items()
            for cls in family.classes
            for key, one in _settings(cls)
            if one.is_switch
        }
    )


def default_of(key: str, source: ValueSource) -> Any:
    """Return what a setting is where a configuration lacks its key, as configurations write it; ABSENT if no method has it.

    Methods may have different defaults: that of the method in use goes before those of others. ``source`` is of the values.
    """
    section, _, name = key.partition(".")
    family = FAMILIES.get(section)
    if family is None:
        return ABSENT
    used = family.methods().get(str(source(name_key(section))))
    classes: Any = (class_of(section, source), used, *family.classes)  # mypy holds no class to be hashable
    for cls in classes:
        if cls is not None and (one := _by_key(cls).get(name)) is not None:
            default = next((word for word, value in (one.words or {}).items() if value == one.default), one.default)
            return list(default) if isinstance(default, tuple) else default
    return ABSENT


@functools.lru_cache(maxsize=256)
def _by_key(cls: Any) -> Mapping[str, Setting]:
    return dict(_settings(cls))


def of_its_kind(one: Setting, value: Any) -> Any:
    """Return a number as the type that a setting has: another method may have the other type under the same key."""
    if one.rule.kind is int and type(value) is float and value.is_integer():
        return int(value)
    return float(value) if one.rule.kind is float and type(value) is int else value


def _refusal(one: Setting, value: Any) -> str | None:
    """Return what a setting may be, in the words of configurations, if it cannot be a value; null is a type of its own here."""
    if one.words is not None:
        return one_of(lambda: one.words or ())(value)
    return one.rule.refusal(of_its_kind(one, value))


def _key(settings: list[Setting], required: bool) -> Key:
    """Return what a key may be that some classes declare: what one of them allows."""
    kinds = tuple(dict.fromkeys(one.rule.kind for one in settings))
    null = (NoneType,) if any(one.may_be_null or one.rule.optional for one in settings) else ()
    names = [tuple(one.words) if one.words is not None else one.rule.names for one in settings]
    if all(names) and len(kinds) == 1:
        several = list(dict.fromkeys(name for some in names for name in some))
        return Key((*kinds, *null), one_of(lambda: several), required)

    def rule(value: Any) -> str | None:
        refused = [_refusal(one, value) for one in settings]
        if None in refused:
            return None
        first = {one.rule.kind: words for one, words in zip(reversed(settings), reversed(refused), strict=True)}
        return " or ".join(str(first[kind]) for kind in kinds)

    return Key((*kinds, *null), rule, required)
