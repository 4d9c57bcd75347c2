"""Settings of methods, each written once: a field of the method's class, with its default, its rule and its key.

A method is a frozen dataclass on :class:`Configurable`. Its settings are declared with :func:`setting`, and what it is made of
with :func:`part` and :func:`chosen`. A field that another class has already is declared with :func:`as_in`. The rules are
checked when an object is made. A program that reads configurations learns from the same declarations which keys there are, what
they may be, and what of them can change a result. A field without a declaration is for callers in Python alone.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, field
from typing import Any, ClassVar, Self

from surrogate.checks import require_kind, shown
from surrogate.errors import InvalidSetting
from surrogate.rules import Rule

_DECLARED = "declared"


@dataclass(frozen=True)
class Setting:
    """A value that a configuration may set.

    Attributes:
        rule: what the value may be.
        default: of the class; a text, a number or a truth value.
        key: by which configurations set it, where that is not the field's name. With a dot it is the whole key, and belongs to
            another section.
        words: the field's value by what the configuration calls it, where these differ.
        may_be_null: ``null`` in a configuration leaves the default of the class that is used.
        is_switch: at its default the setting does nothing, and then it stands in no key. So a new setting of this kind leaves
            the keys of older results as they are, and an older configuration, which lacks it, can still be read.
    """

    rule: Rule
    default: Any
    key: str | None = None
    words: Mapping[str, str] | None = None
    may_be_null: bool = False
    is_switch: bool = False

    def check(self, name: str, value: Any) -> None:
        """Raise InvalidSetting unless the value is allowed."""
        self.rule.require(name, value)


@dataclass(frozen=True)
class Internal:
    """A value with a rule, for callers in Python alone."""

    rule: Rule

    def check(self, name: str, value: Any) -> None:
        """Raise InvalidSetting unless the value is allowed."""
        self.rule.require(name, value)


@dataclass(frozen=True)
class Part:
    """Settings inside settings: an object of one class.

    Attributes:
        kind: its class.
        key: the section in which its settings are; empty: they are beside those of the owner.
    """

    kind: type[Configurable]
    key: str = ""

    def check(self, name: str, value: Any) -> None:
        """Raise InvalidSetting unless the value is an object of the class."""
        require_kind(name, value, self.kind, f"{self.kind.__name__}()")


@dataclass(frozen=True)
class Chosen:
    """A method of a family, which another section chooses by its name.

    Attributes:
        family: the section.
        require: raises InvalidSetting for what is no such method.
        fixed: settings of the method that its owner leaves at their defaults, whatever a configuration says.
    """

    family: str
    require: Callable[[Any], object]
    fixed: tuple[str, ...] = ()

    def check(self, name: str, value: Any) -> None:
        """Raise InvalidSetting unless the value is a method of the family, or its name."""
        self.require(value)


Declared = Setting | Internal | Part | Chosen


def setting(
    default: Any,
    rule: Rule,
    *,
    key: str | None = None,
    words: Mapping[str, str] | None = None,
    may_be_null: bool = False,
    is_switch: bool = False,
) -> Any:
    """Declare a field that a configuration may set; the arguments are the attributes of :class:`Setting`.

    Example:
        >>> from surrogate.rules import integer
        >>> @dataclass(frozen=True)
        ... class Every(Configurable):
        ...     other: int = setting(2, integer(1))
        >>> Every(other=0)
        Traceback (most recent call last):
        surrogate.errors.InvalidSetting: other=0 is not allowed: expected an integer of at least 1
    """
    return field(default=default, metadata={_DECLARED: Setting(rule, default, key, words, may_be_null, is_switch)})


def internal(default: Any, rule: Rule) -> Any:
    """Declare a field with a rule that no configuration sets: it is for callers in Python."""
    return field(default=default, metadata={_DECLARED: Internal(rule)})


def part(kind: type[Configurable], *, key: str = "", make: Callable[[], Any] | None = None) -> Any:
    """Declare a field that holds settings; see :class:`Part`. ``make`` makes the default, otherwise that of the class."""
    return field(default_factory=make or kind, metadata={_DECLARED: Part(kind, key)})


def chosen(
    family: str, default: Any, require: Callable[[Any], object], *, fixed: tuple[str, ...] = (), make: Any = MISSING
) -> Any:
    """Declare a field that holds a method of a family, or its name; see :class:`Chosen`.

    Args:
        family: as there.
        default: its name, or MISSING where ``make`` makes the default.
        require: as there.
        fixed: as there.
        make: makes the default.
    """
    declared = {_DECLARED: Chosen(family, require, fixed)}
    if make is not MISSING:
        return field(default_factory=make, metadata=declared)
    return field(default=default, metadata=declared)


def as_in(cls: type[Configurable], name: str, *, key: str | None = None) -> Any:
    """Declare a field as another class does: with the same default and the same rule.

    Args:
        cls: the other class.
        name: of its field, and of this one.
        key: by which configurations set it, where that is not as in the other class.

    Example:
        >>> from surrogate.rules import integer
        >>> @dataclass(frozen=True)
        ... class Every(Configurable):
        ...     other: int = setting(2, integer(1))
        >>> @dataclass(frozen=True)
        ... class Also(Configurable):
        ...     other: int = as_in(Every, "other")
        >>> Also().other
        2
    """
    one = cls.__dataclass_fields__[name]
    declared = dict(one.metadata)
    if key is not None:
        declared[_DECLARED] = dataclasses.replace(declared[_DECLARED], key=key)
    if one.default_factory is not MISSING:
        return field(default_factory=one.default_factory, metadata=declared)
    return field(default=one.default, metadata=declared)


@dataclass(frozen=True)
class Configurable:
    """A method, or settings that methods share: a frozen dataclass whose fields are checked when it is made.

    Attributes:
        name: by which its family lists it; empty for settings that no family lists.
        called: what messages say before the names of its settings.

    Raises:
        InvalidSetting: a value that is not allowed, alone or beside the others.
    """

    name: ClassVar[str] = ""
    called: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for one, declared in self.declared():
            declared.check(f"{self.called}{one}", getattr(self, one))
        for names, why in self.conflicts():
            told = " with ".join(f"{name}={shown(_at(self, name))}" for name in names)
            raise InvalidSetting(f"{told}: {why}")

    @classmethod
    def declared(cls) -> tuple[tuple[str, Declared], ...]:
        """Return the declared fields by name."""
        kind: Any = cls  # mypy holds no class of a dataclass to be hashable
        return _declared(kind)

    @classmethod
    def default_of(cls, name: str) -> Any:
        """Return the default of a field; None where it is made for each object."""
        default = cls.__dataclass_fields__[name].default
        return None if default is MISSING else default

    @classmethod
    def unchecked(cls, values: Mapping[str, Any]) -> Self:
        """Return an object whose rules are not checked, to ask what of it counts.

        A machine may plan what it could not run: it need not have the package of a solver, for example.
        """
        kind: Any = cls
        made = object.__new__(cls)
        held = made.__dict__  # past the check of a frozen dataclass
        for one in _fields(kind):
            if one.name in values:
                held[one.name] = values[one.name]
            else:
                held[one.name] = one.default if one.default_factory is MISSING else one.default_factory()
        return made

    def conflicts(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """Yield the names of settings whose values are not allowed together, each time with the reason and the remedy.

        A setting of a part is named with a dot, as in ``finetuning.rounds``.
        """
        return ()

    def without_effect(self) -> Collection[str]:
        """Return the names of the settings that can change no result, because of the values of the others.

        A part may be named, or with a dot a setting inside it. ``solver.name`` is which solver it is.
        """
        return ()

    def at_default(self) -> Collection[str]:
        """Return the names of further settings that can change no result.

        Unlike those of :meth:`without_effect`, these stand in the keys of results, with their defaults: the keys of results
        that are kept have had them from the beginning.
        """
        return ()

    def counting(self) -> dict[str, Any]:
        """Return what of the object can change its results: values by the fields' names, and dictionaries for its parts.

        Example:
            >>> from surrogate.attack import SurrogateAttack
            >>> "gradient" in SurrogateAttack().counting(), "gradient" in SurrogateAttack(start="gradient").counting()
            (False, True)
        """
        idle = {*self.without_effect(), *self.at_default()}
        found: dict[str, Any] = {"name": self.name} if self.name else {}
        for one in dataclasses.fields(self):
            if one.name in idle:
                continue
            value = getattr(self, one.name)
            if isinstance(value, Configurable):
                inside = {name.removeprefix(f"{one.name}.") for name in idle if name.startswith(f"{one.name}.")}
                value = {name: inner for name, inner in value.counting().items() if name not in inside}
            found[one.name] = value
        return found


@functools.cache
def _declared(cls: Any) -> tuple[tuple[str, Declared], ...]:
    return tuple((one.name, one.metadata[_DECLARED]) for one in dataclasses.fields(cls) if _DECLARED in one.metadata)


@functools.cache
def _fields(cls: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)


def _at(owner: Any, name: str) -> Any:
    for one in name.split("."):
        owner = getattr(owner, one)
    return owner.name if isinstance(owner, Configurable) and owner.name else owner
