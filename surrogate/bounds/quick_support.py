"""Linear functions maximised over a region in float32: much faster than the exact answer, and enough for gradient steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from surrogate.problems.region import Region

SHARE_OF_RADIUS = 3.0
"""The coordinates looked at first are this many times as many as the radius could fill; most maximisers use fewer."""

Single = NDArray[np.float32]

Support = Callable[[Single], tuple[Single, Single]]
"""Takes directions ``(k, d)``; returns values ``(k,)`` and points ``(k, d)`` of the region up to rounding."""


def quick_support(region: Region) -> Support:
    """Return :meth:`Region.support` in float32, with everything prepared that does not depend on the directions.

    Values and points are within rounding of the exact ones, on either side: to choose by, not to prove anything.
    """
    if region.norm == "l1":
        return _l1(region)
    return _l2(region) if region.norm == "l2" else _box(region)


def _l2(region: Region) -> Support:
    def support(rows: Single) -> tuple[Single, Single]:
        values, points = region.support(rows)
        return values.astype(np.float32), points.astype(np.float32)

    return support


def _box(region: Region) -> Support:
    sides = region.tight_box()
    low, high, center = _single(*sides, region.center)
    middle, half = _single((sides[0] + sides[1]) / 2.0, (sides[1] - sides[0]) / 2.0)

    def support(rows: Single) -> tuple[Single, Single]:
        points: Single = np.where(rows > 0.0, high, low)
        np.copyto(points, center, where=rows == 0.0)
        return (rows @ middle + np.abs(rows) @ half).astype(np.float32), points

    return support


def _l1(region: Region) -> Support:
    """The fractional knapsack of :meth:`Region.support`, on the few coordinates with the largest gain.

    They are sorted, not all of them; where their capacities do not spend the radius, all are.
    """
    assert region.radius is not None
    radius = np.float32(region.radius)
    up, down = _single(region.upper - region.center, region.center - region.lower)
    center = region.center.astype(np.float32)
    # What cannot move gains nothing: it would only take the places of others.
    may_rise, may_fall = _single(up > 0.0, -1.0 * (down > 0.0))
    largest = float(max(up.max(), down.max()))
    few = region.size if largest == 0.0 else min(region.size, int(np.ceil(SHARE_OF_RADIUS * radius / largest)) + 1)

    def moves(rows: NDArray, gain: NDArray, count: int) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """Return the ``count`` coordinates that gain most, how far each goes, what it gains, and whether these are enough."""
        if count < gain.shape[1]:
            chosen = np.argpartition(gain, -count, axis=1)[:, -count:]
        else:
            chosen = np.broadcast_to(np.arange(count), gain.shape)
        gains = np.take_along_axis(gain, chosen, axis=1)
        order = np.argsort(-gains, axis=1)
        chosen, gains = np.take_along_axis(chosen, order, axis=1), np.take_along_axis(gains, order, axis=1)
        rises = np.take_along_axis(rows, chosen, axis=1) >= 0.0
        room = np.where(rises, up[chosen], down[chosen])
        spent = np.cumsum(room, axis=1)
        length = np.clip(radius - (spent - room), 0.0, room) * (gains > 0.0)
        enough = (spent[:, -1] >= radius) | (gains[:, -1] == 0.0)
        return chosen, np.where(rises, length, -length), np.einsum("kc,kc->k", gains, length), enough

    def support(rows: Single) -> tuple[Single, Single]:
        gain = np.maximum(rows * may_rise, rows * may_fall)
        points = np.repeat(center[None], len(rows), axis=0)
        chosen, steps, gained, enough = moves(rows, gain, few)
        np.put_along_axis(points, chosen, center[chosen] + steps, axis=1)
        if not enough.all():
            others = np.flatnonzero(~enough)
            chosen, steps, gained[others], _ = moves(rows[others], gain[others], region.size)
            points[others] = center
            points[others[:, None], chosen] += steps
        return rows @ center + gained, points

    return support


def _single(*arrays: NDArray) -> list[Single]:
    return [array.astype(np.float32) for array in arrays]
