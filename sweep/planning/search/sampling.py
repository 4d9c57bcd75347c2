"""A random sample of the space: combinations drawn independently, each trial once."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

from sweep.planning.plan import Plan, TrialSpace
from sweep.planning.space import Point
from sweep.planning.swept_keys import Dimension, SweptInterval

PATIENCE = 20_000
"""Draws in a row without a new trial after which the drawing ends, if there are too many combinations to try all."""

SMALL = 200_000
"""A space of at most this many combinations is searched to the last one before a sample is called incomplete."""


def plan(space: TrialSpace) -> Plan:
    """Return the plan of ``search.samples`` different trials, drawn by ``search.seed`` from what ``search.where`` allows.

    A larger sample with the same seed begins with the smaller one. A space with fewer trials is taken whole, and the plan's
    note says so.

    Raises:
        ConfigError: values that are not allowed together, or no trial.
    """
    search = space.settings.search
    size, chance = space.size, random.Random(search.seed)
    dimensions = list(space.drawn.values())
    if any(isinstance(one, SweptInterval) and one.log for one in dimensions):
        size = None  # not all combinations are equally likely
    if size is None:
        found = space.plan(_drawn(dimensions, chance), most=search.samples, patience=PATIENCE)
    else:
        patience = None if size <= SMALL else PATIENCE
        points = (_combination(dimensions, place) for place in _permuted(size, chance))
        found = space.plan(points, most=search.samples, patience=patience)
    if len(found.trials) == search.samples:
        return found
    count = len(found.trials)
    if size is not None and size <= SMALL:
        note = f"search.samples={search.samples}, but the space has only {count} different trials: all of them are taken"
    else:
        note = (
            f"search.samples={search.samples}, but only {count} different trials were found: {PATIENCE} draws in a row gave "
            f"none that is new and satisfies search.where; these are taken"
        )
    return dataclasses.replace(found, notes=(*found.notes, note))


def _drawn(dimensions: list[Dimension], chance: random.Random) -> Iterator[Point]:
    while True:
        yield tuple([one.drawn(chance.random()) for one in dimensions])


def _permuted(size: int, chance: random.Random) -> Iterator[int]:
    """Yield the numbers below ``size`` in a random order, without a list of them (a Fisher-Yates shuffle as far as it goes)."""
    moved: dict[int, int] = {}
    for last in reversed(range(size)):
        place = chance.randrange(last + 1)
        yield moved.get(place, place)
        moved[place] = moved.get(last, last)
        moved.pop(last, None)


def _combination(dimensions: list[Dimension], place: int) -> Point:
    """Return the combination at a place of the list of all."""
    point: list[int] = []
    for one in reversed(dimensions):
        assert one.options is not None, "a space without end is drawn from in another way"
        place, number = divmod(place, len(one.options))
        point.append(one.options[number])
    return tuple(reversed(point))
