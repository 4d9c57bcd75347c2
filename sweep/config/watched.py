"""Caches functions of settings. A result is reused while the sections that the function read are the same.

The trials of a plan share their sections: most are the same in all of a hundred thousand trials. A function that is asked about
a trial gets settings that note what it looks at (:class:`Watched`). It is asked again only where one of these sections is
another object. So no function has to say what its answer depends on, and no answer is remembered for the wrong trial.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import ChainMap
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from sweep.config.schema import Settings

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_NAMES = tuple(one.name for one in dataclasses.fields(Settings))
_IS_SECTION = frozenset(_NAMES)
_PLAIN = (str, int, float, bool, type, type(None))


class Fact(Generic[T]):
    """A function of settings whose value is noted in the place of the sections that it looks at.

    Whatever is asked with it is answered once for each value, however many sections give that value.
    """

    def __init__(self, function: Callable[[Settings], T]) -> None:
        self.function = function
        functools.update_wrapper(self, function)

    def __call__(self, settings: Settings) -> T:
        value: T = settings.told(self) if type(settings) is Watched else self.function(settings)
        return value

    def way(self, settings: Settings) -> Any:
        """Return what tells the value from others."""
        return _told(self(settings))


def _told(value: Any) -> Any:
    """Return what tells a value from others; to Python, 1, 1.0 and True are equal."""
    return (type(value), value) if isinstance(value, _PLAIN) else repr(value)


Notes = dict["str | Fact[Any]", None]
"""The names of sections, and facts, in the order in which they were looked at."""


@dataclass(eq=False)
class _Kind:
    """A group of settings in which some facts have the same values.

    Attributes:
        given: the facts, with their values.
        looked: the sections that each looked at.
        answers: what has been asked of such settings, by function and by its other arguments.
    """

    given: Mapping[Fact[Any], Any]
    looked: Mapping[Fact[Any], frozenset[str]]
    answers: dict[Any, _Answers] = field(default_factory=dict)


class Watched(Settings):
    """Settings that note which of their sections, and which facts, are looked at.

    Args:
        plain: the settings.
        memory: of the answers.
        kind: of the settings: its facts need not be noted.
        notes: where it is noted.
        own: the names of sections that were changed: made from what is noted already, they are not noted.
    """

    def __init__(self, plain: Settings, memory: Memory, kind: _Kind, notes: Notes, own: frozenset[str] = frozenset()) -> None:
        object.__setattr__(self, "parts", (plain, memory, kind, notes, own))

    def __getattribute__(self, name: str) -> Any:
        if name in _IS_SECTION:
            plain, _, _, notes, own = object.__getattribute__(self, "parts")
            if name not in own:
                notes[name] = None
            return getattr(plain, name)
        if name == "__dict__":
            return {each: getattr(self, each) for each in _NAMES}
        return Settings if name == "__class__" else object.__getattribute__(self, name)

    def changed(self, **sections: Any) -> Settings:
        plain, memory, kind, notes, own = self.parts
        return Watched(plain.changed(**sections), memory, kind, notes, own.union(sections))

    @property
    def plain(self) -> Settings:
        """The settings, for whoever has noted what of them is looked at."""
        plain: Settings = self.parts[0]
        return plain

    def told(self, fact: Fact[Any]) -> Any:
        """Return a fact, and note it if it is not given; of changed settings what it looks at is noted."""
        plain, _, kind, notes, own = self.parts
        if fact in kind.given and kind.looked[fact].isdisjoint(own):
            return kind.given[fact]
        if own:
            return fact.function(self)
        notes[fact] = None
        return fact.function(plain)

    @property
    def noted(self) -> Container[Any]:
        """The sections of which nothing more needs to be noted, now and later."""
        _, _, _, notes, own = self.parts
        return ChainMap(notes, dict.fromkeys(own)) if own else notes


def remembered(function: F) -> F:
    """Make of a function, whose last argument is settings, one that is remembered wherever the settings are watched.

    The arguments before have to be hashable.
    """

    @functools.wraps(function)
    def asked(*args: Any) -> Any:
        *before, settings = args
        if type(settings) is not Watched:
            return function(*args)
        _, memory, kind, _, own = settings.parts
        if own and any(not looked.isdisjoint(own) and not looked <= own for looked in kind.looked.values()):
            return function(*args)  # what is given follows from what is changed and from what is not
        return memory.ask(asked, settings, *before)

    return cast(F, asked)


def look_at(settings: Settings, sections: Iterable[str | Fact[Any]]) -> None:
    """Note whole sections, where several of their values are asked for one by one."""
    for one in sections:
        getattr(settings, one) if isinstance(one, str) else one(settings)


def once(settings: Settings, function: Callable[..., T], *objects: Any) -> T:
    """Return what a function makes of some objects; where the settings are watched, the same object each time."""
    if type(settings) is Watched:
        made: T = settings.parts[1].once(function, *objects)
        return made
    return function(*objects)


class Memory:
    """What has been asked of settings and of their sections.

    Whatever is told apart as an object is held, so that no other takes its place.

    Args:
        given: the facts on which nearly every answer depends: they are found out once for all that is asked about settings.
    """

    def __init__(self, given: Sequence[Fact[Any]] = ()) -> None:
        self._given = given
        self._kinds: dict[Any, _Kind] = {}
        self._kind_of = _Answers()
        self._last: tuple[Settings, _Kind] | None = None
        self._made: dict[tuple[Any, ...], tuple[Any, tuple[Any, ...]]] = {}

    def ask(self, function: Callable[..., T], settings: Settings, *before: Any) -> T:
        """Return ``function(*before, settings)``, from memory where all that it looked at is the same.

        Raises:
            Exception: what the function raises; it is asked again then.
        """
        plain = settings.plain if type(settings) is Watched else settings
        kind, place = self._kind(plain), (function, before)
        answers = kind.answers.get(place)
        if answers is None:
            answers = kind.answers[place] = _Answers()
        answer: T = answers.at(plain)
        if answer is _UNKNOWN:
            notes: Notes = {}
            asked = getattr(function, "__wrapped__", function)
            answer = asked(*before, Watched(plain, self, kind, notes))
            answers.learn(plain, notes, answer)
        if plain is not settings:
            look_at(settings, answers.noted)
        return answer

    def ask_each(self, function: Callable[[str, Settings], T], settings: Settings, firsts: tuple[str, ...]) -> dict[str, T]:
        """Return ``function(first, settings)`` by each ``first``."""
        known, found = self._kind(settings).answers, {}
        for first in firsts:
            answers = known.get((function, (first,)))
            answer = _UNKNOWN if answers is None else answers.at(settings)
            found[first] = self.ask(function, settings, first) if answer is _UNKNOWN else answer
        return found

    def once(self, function: Callable[..., T], *objects: Any) -> T:
        """Return ``function(*objects)``, the same object each time for the same objects; texts need only be equal."""
        identity = function, *(one if isinstance(one, str) else id(one) for one in objects)
        found = self._made.get(identity)
        if found is None:
            found = self._made[identity] = function(*objects), objects
        made: T = found[0]
        return made

    def _kind(self, settings: Settings) -> _Kind:
        if self._last is None or self._last[0] is not settings:  # much is asked about the same settings, one after another
            kind = self._kind_of.at(settings)
            self._last = settings, self._found_out(settings) if kind is _UNKNOWN else kind
        return self._last[1]

    def _found_out(self, settings: Settings) -> _Kind:
        values, noted, all_noted = {}, {}, Notes()
        for fact in self._given:
            notes: Notes = {}
            values[fact] = fact.function(Watched(settings, self, _Kind({}, {}), notes))
            noted[fact] = frozenset(one for one in notes if isinstance(one, str))
            all_noted |= notes
        told = tuple(map(_told, values.values())), tuple(noted.values())
        kind = self._kinds.setdefault(told, _Kind(values, noted))
        self._kind_of.learn(settings, all_noted, kind)
        return kind


_UNKNOWN: Any = object()


class _Answers:
    """The answers of one function, each under the sections and facts that were looked at for any of them."""

    __slots__ = ("facts", "known", "names", "noted")

    def __init__(self) -> None:
        self.noted: Notes = {}
        self.names: tuple[str, ...] = ()
        self.facts: tuple[Fact[Any], ...] = ()
        self.known: dict[tuple[Any, ...], tuple[Any, list[Any]]] = {}

    def at(self, settings: Settings) -> Any:
        """Return the answer; :data:`_UNKNOWN` if there is none yet."""
        found = self.known.get(self._place(settings))
        return _UNKNOWN if found is None else found[0]

    def learn(self, settings: Settings, notes: Notes, answer: Any) -> None:
        """Keep an answer, for which was looked at what is noted; forget the others where that is more than for them."""
        if not notes.keys() <= self.noted.keys():
            self.noted |= notes
            self.names = tuple(one for one in self.noted if isinstance(one, str))
            self.facts = tuple(one for one in self.noted if not isinstance(one, str))
            self.known = {}
        self.known[self._place(settings)] = answer, [getattr(settings, name) for name in self.names]

    def _place(self, settings: Settings) -> tuple[Any, ...]:
        sections = tuple([id(getattr(settings, name)) for name in self.names])
        return (*sections, *[fact.way(settings) for fact in self.facts]) if self.facts else sections
