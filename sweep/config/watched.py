"""Answers of functions of settings, remembered by what the functions looked at.

The trials of a plan share their sections: a hundred thousand trials have some hundred different ones, or one each of a single
kind. A function that is asked about a trial gets settings that note what it looks at (:class:`Watched`). It is asked again only
where one of these sections is another object. So nothing has to say on what an answer depends, and no answer is ever a wrong one.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar, cast

from sweep.config.schema import Settings

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", "_Fork", "_Answer")

_NAMES = tuple(field.name for field in dataclasses.fields(Settings))
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
        """Return what tells the value from others; to Python, 1, 1.0 and True are equal."""
        value = self(settings)
        return (type(value), value) if isinstance(value, _PLAIN) else repr(value)


class Watched(Settings):
    """Settings that note which of their sections, and which facts, are looked at.

    Args:
        about: the settings, which may note what is looked at in their turn.
        memory: of the answers.
        notes: where it is noted.
        own: sections in the place of those of ``about``, made from what is noted already.
    """

    def __init__(self, about: Settings, memory: Memory, notes: dict[str | Fact[Any], None], own: dict[str, Any]) -> None:
        object.__setattr__(self, "parts", (about, memory, notes, own))

    def __getattribute__(self, name: str) -> Any:
        if name in _IS_SECTION:
            about, _, notes, own = object.__getattribute__(self, "parts")
            if name in own:
                return own[name]
            notes[name] = None
            return getattr(about, name)
        if name == "__dict__":
            return {each: getattr(self, each) for each in _NAMES}
        return Settings if name == "__class__" else object.__getattribute__(self, name)

    def changed(self, **sections: Any) -> Settings:
        about, memory, notes, own = self.parts
        return Watched(about, memory, notes, {**own, **sections})

    def told(self, fact: Fact[Any]) -> Any:
        """Return a fact, and note it; of changed settings what it looks at is noted."""
        about, _, notes, own = self.parts
        if own:
            return fact.function(self)
        notes[fact] = None
        return fact(about)

    def is_noted(self, name: str) -> bool:
        """Whether a whole section is noted already."""
        _, _, notes, own = self.parts
        return name in notes or name in own


def remembered(function: F) -> F:
    """Make of a function, whose last argument is settings, one that is remembered wherever the settings are watched.

    The arguments before have to be hashable.
    """

    @functools.wraps(function)
    def asked(*args: Any) -> Any:
        *before, settings = args
        return settings.parts[1].ask(asked, settings, *before) if type(settings) is Watched else function(*args)

    return cast(F, asked)


def look_at(settings: Settings, sections: Iterable[str]) -> None:
    """Note whole sections, where several of their values are asked for one by one."""
    for name in sections:
        getattr(settings, name)


def once(settings: Settings, function: Callable[..., T], *objects: Any) -> T:
    """Return what a function makes of some objects; where the settings are watched, the same object each time."""
    if type(settings) is Watched:
        made: T = settings.parts[1].once(function, *objects)
        return made
    return function(*objects)


class Memory:
    """What has been asked of settings and of their sections.

    Whatever is told apart as an object is held, so that no other takes its place.
    """

    def __init__(self) -> None:
        self._trees: dict[tuple[Any, ...], _Tree] = {}
        self._made: dict[tuple[Any, ...], tuple[Any, tuple[Any, ...]]] = {}

    def ask(self, function: Callable[..., T], settings: Settings, *before: Any) -> T:
        """Return ``function(*before, settings)``, from memory where all that it looked at is the same.

        Raises:
            Exception: what the function raises; it is asked again then.
        """
        place = (function, before)
        tree = self._trees.get(place)
        if tree is None:
            tree = self._trees[place] = _Tree()
        answer: T = tree.at(settings)
        if answer is _UNKNOWN:
            notes: dict[str | Fact[Any], None] = {}
            plain = getattr(function, "__wrapped__", function)
            answer = plain(*before, Watched(settings, self, notes, {}))
            tree.learn(settings, notes, answer)
        return answer

    def once(self, function: Callable[..., T], *objects: Any) -> T:
        """Return ``function(*objects)``, the same object each time for the same objects; texts need only be equal."""
        identity = function, *(one if isinstance(one, str) else id(one) for one in objects)
        found = self._made.get(identity)
        if found is None:
            found = self._made[identity] = function(*objects), objects
        made: T = found[0]
        return made


_UNKNOWN: Any = object()


class _Fork:
    """What is looked at next, and where to go on for each section or value that is found there."""

    __slots__ = ("is_section", "look", "noted", "ways")

    def __init__(self, noted: str | Fact[Any]) -> None:
        self.noted, self.is_section = noted, isinstance(noted, str)
        self.look: Callable[[Settings], Any] = operator.attrgetter(noted) if isinstance(noted, str) else noted.way
        self.ways: dict[Any, _Fork | _Answer] = {}

    def way(self, settings: Settings) -> Any:
        found = self.look(settings)
        return id(found) if self.is_section else found


class _Answer:
    """The end of a way."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class _Tree:
    """The answers of one function, found by looking at what it looked at, one after another."""

    def __init__(self) -> None:
        self._start: _Fork | _Answer | None = None
        self._held: list[Any] = []

    def at(self, settings: Settings) -> Any:
        """Return the answer; :data:`_UNKNOWN` if there is none yet."""
        step = self._start
        while type(step) is _Fork:
            found = step.look(settings)
            step = step.ways.get(id(found) if step.is_section else found)
        return step.value if type(step) is _Answer else _UNKNOWN

    def learn(self, settings: Settings, notes: Mapping[str | Fact[Any], None], answer: Any) -> None:
        """Keep an answer where looking at what is noted leads; what older answers depend on is looked at first."""
        left, last, step = dict(notes), None, self._start
        while type(step) is _Fork:
            left.pop(step.noted, None)
            last, step = step, step.ways.get(step.way(settings))
        if step is not None:
            return  # the function has been asked the same on its way to the answer
        for noted in left:
            last = self._after(last, settings, _Fork(noted))
        self._after(last, settings, _Answer(answer))

    def _after(self, last: _Fork | None, settings: Settings, new: S) -> S:
        """Put something behind a fork, where these settings lead; behind none at the start."""
        if last is None:
            self._start = new
        else:
            last.ways[last.way(settings)] = new
            if last.is_section:
                self._held.append(last.look(settings))
        return new
