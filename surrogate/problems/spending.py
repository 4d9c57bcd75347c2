"""How the radius of a ball is spent: each coordinate moves up to its capacity, and all of them together up to the radius.

In every function ``gain``, ``wanted`` and ``capacity`` are matrices ``(k, d)`` of numbers of at least 0. Each row is a case of
its own.
"""

from __future__ import annotations

import numpy as np

from surrogate.networks import FloatArray


def l1_lengths(gain: FloatArray, capacity: FloatArray, radius: float) -> FloatArray:
    """Return the lengths ``(k, d)``, ``radius`` in sum, that gain most: the largest gains are filled first."""
    order = np.argsort(-gain, axis=1, kind="stable")
    sorted_capacity = np.take_along_axis(capacity, order, axis=1)
    spent_before = np.cumsum(sorted_capacity, axis=1) - sorted_capacity
    filled = np.clip(radius - spent_before, 0.0, sorted_capacity)
    length = np.empty_like(filled)
    np.put_along_axis(length, order, filled, axis=1)
    length[gain == 0.0] = 0.0
    return length


def l2_scale(gain: FloatArray, capacity: FloatArray, radius: float) -> FloatArray:
    """Return per row the largest ``s`` with ``||min(s * gain, capacity)||_2 <= radius``; inf where the capacities fit."""
    with np.errstate(divide="ignore", invalid="ignore"):
        saturates_at = np.where(gain > 0.0, capacity / gain, np.inf)
    order = np.argsort(saturates_at, axis=1, kind="stable")
    capacity2 = np.take_along_axis(np.where(gain > 0.0, capacity, 0.0) ** 2, order, axis=1)
    gain2 = np.take_along_axis(gain**2, order, axis=1)
    saturated = np.cumsum(capacity2, axis=1) - capacity2  # those before position i
    growing = np.cumsum(gain2[:, ::-1], axis=1)[:, ::-1]  # those from position i on
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt(np.maximum(radius**2 - saturated, 0.0) / growing)
    # The norm grows with s, so the segment is the first whose end lies at or beyond the scale that spends the radius there.
    inside = (growing > 0.0) & (scale <= np.take_along_axis(saturates_at, order, axis=1))
    first = np.argmax(inside, axis=1)
    found = np.take_along_axis(scale, first[:, None], axis=1)[:, 0]
    return np.where(inside.any(axis=1), found, np.inf)


def l1_shift(wanted: FloatArray, capacity: FloatArray, radius: float) -> FloatArray:
    """Return per row the smallest ``t >= 0`` with ``sum(clip(wanted - t, 0, capacity)) <= radius``."""
    # The sum falls with t; its slope gains -1 where a coordinate leaves its capacity and +1 where it reaches 0.
    leaves = np.maximum(wanted - capacity, 0.0)
    at = np.concatenate([leaves, wanted], axis=1)
    change = np.concatenate([np.full_like(leaves, -1.0), np.ones_like(wanted)], axis=1)
    order = np.argsort(at, axis=1, kind="stable")
    at, change = np.take_along_axis(at, order, axis=1), np.take_along_axis(change, order, axis=1)
    slope = np.cumsum(change, axis=1)
    total = np.minimum(wanted, capacity).sum(axis=1)
    drops = np.diff(at, axis=1, append=at[:, -1:]) * slope
    reached = total[:, None] + np.cumsum(drops, axis=1)  # the sum at the end of each segment
    segment = np.argmax(reached <= radius, axis=1)[:, None]
    start_value = np.take_along_axis(reached - drops, segment, axis=1)[:, 0]
    steep = np.take_along_axis(slope, segment, axis=1)[:, 0]
    start = np.take_along_axis(at, segment, axis=1)[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(steep < 0.0, start + (start_value - radius) / -steep, start)
    return np.where(total <= radius, 0.0, shift)
