"""The axes of a space: each is a swept key, or several keys whose values go together. A search chooses an option of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.planning.space import Point
from sweep.planning.swept_keys import Choices, Dimension
from sweep.planning.together import Group


@dataclass(frozen=True)
class _Axis:
    """One axis.

    Attributes:
        keys: the swept keys that it has values of.
        places: of these keys among all swept keys.
        options: of keys that go together, what each has at each option of the axis; None: a key on its own, with the options
            of the axis.
    """

    keys: tuple[str, ...]
    places: tuple[int, ...]
    options: tuple[tuple[int, ...], ...] | None


class Axes:
    """The axes of a space, in the order of its swept keys; keys that go together have the place of the first of them.

    A *point on the axes* has an option for each axis, a point of the space (:data:`sweep.planning.space.Point`) one for each
    key.

    Args:
        swept: the swept keys in their order.
        groups: keys whose values go together.

    Attributes:
        dimensions: each axis by its name. The name of keys that go together is ``network with dataset.side``, and their values
            are tuples, one value a key.
    """

    def __init__(self, swept: Mapping[str, Dimension], groups: Sequence[Group] = ()) -> None:
        places = {key: place for place, key in enumerate(swept)}
        group_of = {key: group for group in groups for key in group.keys}
        self.dimensions: dict[str, Dimension] = {}
        self._axes: list[_Axis] = []
        self._is_plain = not groups
        for key, dimension in swept.items():
            group = group_of.get(key)
            if group is None:
                self.dimensions[key] = dimension
                self._axes.append(_Axis((key,), (places[key],), None))
                continue
            keys = tuple(name for name in group.keys if name in swept)
            name = " with ".join(keys)
            if name not in self.dimensions:
                values = tuple(zip(*[group.values[key] for key in keys], strict=True))
                own = [[swept[key].place(value) for value in group.values[key]] for key in keys]
                self.dimensions[name] = Choices(name, values)
                self._axes.append(_Axis(keys, tuple(places[key] for key in keys), tuple(zip(*own, strict=True))))
        self._count = len(places)

    def point(self, options: Point) -> Point:
        """Return the point of the space at a point on the axes."""
        if self._is_plain:
            return options
        point: list[Any] = [None] * self._count
        for axis, option in zip(self._axes, options, strict=True):
            for place, own in zip(axis.places, (option,) if axis.options is None else axis.options[option], strict=True):
                point[place] = own
        return tuple(point)

    @property
    def first(self) -> Point:
        """The point of the space with the first option of each axis; every axis has one."""
        return self.point(self._first)

    def alone(self) -> Iterator[Point]:
        """Yield the first point of the space, and those whose axes differ from it in one option; of an interval, in its other
        end."""
        yield self.first
        for place, one in enumerate(self.dimensions.values()):
            for option in one.ends[1:]:
                yield self.point((*self._first[:place], option, *self._first[place + 1 :]))

    def by_key(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for each swept key, from a value for each axis by its name."""
        found: dict[str, Any] = {}
        for axis, name in zip(self._axes, self.dimensions, strict=True):
            found |= {name: values[name]} if axis.options is None else dict(zip(axis.keys, values[name], strict=True))
        return found

    def by_axis(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for each axis by its name, from a value for each swept key: the inverse of :meth:`by_key`."""
        return {
            name: values[name] if axis.options is None else tuple(values[key] for key in axis.keys)
            for axis, name in zip(self._axes, self.dimensions, strict=True)
        }

    @property
    def _first(self) -> Point:
        return tuple(one.ends[0] for one in self.dimensions.values())
