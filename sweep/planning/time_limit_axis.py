"""Swept time limits. Where the method allows it, one run with the longest limit is read at every limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweep.config.schema import Settings
from sweep.config.tasks import task_of
from sweep.planning.swept_keys import Choices, Dimension
from sweep.records.time_limit import KEY
from sweep.terminal.wording import count


@dataclass(frozen=True)
class LimitAxis:
    """The listed time limits of a space.

    Attributes:
        place: of the key among the dimensions.
        limits: the limits in seconds, the longest first, each with the option that a point has for it.
    """

    place: int
    limits: tuple[tuple[float, int], ...]

    @classmethod
    def of(cls, dimensions: Mapping[str, Dimension]) -> LimitAxis | None:
        """Return the axis of a space; None if it has no listed time limits.

        An interval of limits is a dimension like others, and so are limits that go together with values of other keys.
        """
        one = dimensions.get(KEY)
        if not isinstance(one, Choices) or not all(type(value) in (int, float) for value in one.values):
            return None
        options = {float(value): option for option, value in reversed(list(enumerate(one.values)))}
        return cls(list(dimensions).index(KEY), tuple(sorted(options.items(), reverse=True)))

    def points(self, point: tuple[Any, ...]) -> Iterator[tuple[float, tuple[Any, ...]]]:
        """Yield each limit, the longest first, with the point that has it and is else like the given one."""
        for limit, option in self.limits:
            yield limit, (*point[: self.place], option, *point[self.place + 1 :])


def one_limit(dimensions: Mapping[str, Dimension]) -> dict[str, Dimension]:
    """Return dimensions with one value of listed time limits, for whoever goes along the others."""
    if LimitAxis.of(dimensions) is None:
        return dict(dimensions)
    one = dimensions[KEY]
    assert isinstance(one, Choices)
    return {**dimensions, KEY: Choices(KEY, one.values[:1])}


def sentence_on_limits(trials: Iterable[tuple[Settings, tuple[float, ...]]]) -> str | None:
    """Return how swept time limits are run; None if there is nothing to say.

    Args:
        trials: of each its settings, and the limits that it holds the answers for; none: its own alone.
    """
    shared: set[tuple[float, ...]] = set()
    apart: dict[str, None] = {}
    every: set[float] = set()
    for settings, limits in trials:
        every.update(limits or (settings.solver.time_limit_seconds,))
        if limits:
            shared.add(limits)
        else:
            apart[task_of(settings).answered_by(settings)] = None
    if len(every) < 2:
        return None
    longest = {limits[-1] for limits in shared}
    parts = []
    if shared:
        run = f"one run of {longest.pop():g} s each" if len(longest) == 1 else "one run each, with the longest of its limits"
        parts.append(f"{run}; the report reads the shorter ones from it")
    if apart:
        parts.append(f"{' and '.join(apart)}: a run for each limit, because what it does on the way depends on the limit")
    return f"{KEY}: {count(len(every), 'limit')}, {'; '.join(parts)}."
