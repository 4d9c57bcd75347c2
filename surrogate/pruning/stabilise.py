"""Region-aware pruning: unstable ReLUs become affine, and the resulting error is bounded over the region."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from surrogate.bounds import Bounds
from surrogate.bounds.base import affine_over_box, require_matching
from surrogate.checks import numbers, require_kind, require_number
from surrogate.errors import InvalidSetting
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.problems.region import Region
from surrogate.pruning.affine_neurons import AffineNeurons
from surrogate.pruning.difference import DifferenceLines, difference, relax
from surrogate.pruning.stabilised import Stabilised

LATER_LAYER = 2.0
"""Factor of a neuron's cost for every hidden layer behind its own. ReLUs that stay in those layers pass a difference on in one
direction only, so that errors add up which would otherwise cancel. Chosen by trial on trained networks; little hangs on it."""


def stabilise(network: ReluNetwork, region: Region, bounds: Bounds, amount: float, rows: ArrayLike | None = None) -> Stabilised:
    r"""Replace the ``round(amount * unstable)`` unstable ReLUs that cost least by affine functions.

    A neuron with :math:`l < 0 < u` becomes :math:`a z + c`, :math:`a = u / (u - l)`, :math:`c = -u l / (2 (u - l))`, which
    is at most :math:`c` away from :math:`\max(0, z)`, the least for any affine function. Every neuron that is stable becomes
    the affine function that it is over the region, at no error, so that no other change makes it unstable. As a ReLU an affine
    neuron is :math:`\max(0, a z + c + C)` with :math:`C` so large that it is always active; the next layer's bias takes
    :math:`C` back. Neurons that are always 0, or that nothing reads, lose their weights.

    A neuron costs :math:`c` times its influence on the ``rows``: the geometric mean of the largest absolute coefficient with
    which it enters a row, were all later neurons affine, and of the same with absolute weights, as if none were; times
    ``LATER_LAYER`` for each hidden layer that follows. With nothing to replace, the network comes back as it is.

    Args:
        network: the dense network ``f``.
        region: where the surrogate stands for it.
        bounds: sound pre-activation bounds of ``network`` over ``region``.
        amount: share, in [0, 1], of the unstable neurons.
        rows: matrix ``(k, o)`` of the outputs that count, such as ``Margin.rows``; None: every output.

    Raises:
        InvalidSetting: an amount outside [0, 1]; a region, bounds or rows that do not fit the network.

    Example:
        >>> from surrogate.bounds import Crown
        >>> dense = ReluNetwork([[[1.0], [1.0]], [[1.0, 1.0]]], [[-0.5, -0.9], [0.0]])
        >>> region = Region(0.0, 1.0)
        >>> surrogate = stabilise(dense, region, Crown().compute(dense, region), amount=0.5)
        >>> surrogate.replaced, surrogate.error.round(3)
        (1, array([0.045]))
        >>> Crown().compute(surrogate.network, region).unstable_count
        1
    """
    require_number("amount", amount, "a number in [0, 1]", lambda value: 0.0 <= value <= 1.0)
    matrix = _checked(network, region, bounds, rows)
    order = _cheapest_first(network, bounds, matrix)
    return _replace(network, region, bounds, matrix, order[: round(amount * len(order))])


def _checked(network: ReluNetwork, region: Region, bounds: Bounds, rows: ArrayLike | None) -> FloatArray:
    require_matching(network, region)
    require_kind("bounds", bounds, Bounds, "Crown().compute(network, region)")
    bounds.require_sizes_of(network)
    matrix = np.eye(network.output_size) if rows is None else numbers("rows", rows)
    if matrix.ndim != 2 or matrix.shape[1] != network.output_size or not np.isfinite(matrix).all():
        raise InvalidSetting(f"rows must be a finite matrix (k, {network.output_size}), got shape {matrix.shape}")
    return matrix


def _chord(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the slope and offset of the affine function nearest to every neuron's ReLU over its bounds."""
    unstable = (low < 0.0) & (high > 0.0)
    width = np.where(unstable, high - low, 1.0)
    slope = np.where(unstable, high / width, (low >= 0.0).astype(np.float64))
    return slope, np.where(unstable, -high / width * low / 2.0, 0.0)


def _cheapest_first(network: ReluNetwork, bounds: Bounds, rows: FloatArray) -> list[tuple[int, int]]:
    """Return the unstable neurons as (layer, neuron), by cost and then by index."""
    found = []
    signed, absolute = rows, np.abs(rows)
    kept = 1.0
    for layer in range(len(network.weights) - 2, -1, -1):
        weight = network.weights[layer + 1]
        signed, absolute = signed @ weight, absolute @ np.abs(weight)
        slope, offset = _chord(bounds.lower[layer], bounds.upper[layer])
        influence = np.sqrt(np.abs(signed).max(axis=0, initial=0.0) * absolute.max(axis=0, initial=0.0))
        cost = offset * influence * kept
        found += [(float(cost[j]), layer, j) for j in np.flatnonzero(bounds.unstable[layer]).tolist()]
        signed, absolute = signed * slope, absolute * slope
        kept *= LATER_LAYER
    return [(layer, neuron) for _, layer, neuron in sorted(found)]


def _kinds(network: ReluNetwork, bounds: Bounds, chosen: list[tuple[int, int]]) -> tuple[list[BoolArray], list[BoolArray]]:
    """Return per hidden layer which neurons become affine, and which lose their weights."""
    hidden = range(len(network.weights) - 1)
    affine = [bounds.lower[layer] >= 0.0 for layer in hidden]
    for layer, neuron in chosen:
        affine[layer][neuron] = True
    removed = [bounds.upper[layer] <= 0.0 for layer in hidden]
    read = np.ones(network.output_size, dtype=np.bool_)
    for layer in reversed(hidden):
        removed[layer] |= ~network.weights[layer + 1][read].any(axis=0)
        read = ~removed[layer]
    return [straight & ~gone for straight, gone in zip(affine, removed, strict=True)], removed


def _replace(
    network: ReluNetwork, region: Region, bounds: Bounds, rows: FloatArray, chosen: list[tuple[int, int]]
) -> Stabilised:
    if not chosen:
        return Stabilised(network, network.key, region, rows, np.zeros(len(rows)), np.zeros(len(rows)), 0)
    builder = AffineNeurons(network, region)
    relaxations: list[DifferenceLines] = []
    spread = (np.zeros(network.input_size), np.zeros(network.input_size))
    for layer, (affine, removed) in enumerate(zip(*_kinds(network, bounds, chosen), strict=True)):
        weight, lower, upper = network.weights[layer], bounds.lower[layer], bounds.upper[layer]
        slope, offset = _chord(lower, upper)
        slope, offset = np.where(affine, slope, 0.0), np.where(affine, offset, 0.0)
        slack = builder.append(affine, slope, offset, removed, lower, upper)
        low, high = difference(weight, network.weights, relaxations)
        box_low, box_high = affine_over_box(weight, np.zeros(len(weight)), *spread)
        low, high = np.maximum(low, box_low), np.minimum(high, box_high)
        relaxations.append(relax(affine | removed, slope, offset, low, high, slack))
        spread = relaxations[-1].over_box(low, high)
    surrogate, slack = builder.finish()
    low, high = difference(rows @ network.weights[-1], network.weights, relaxations)
    slack = np.abs(rows) @ slack
    return Stabilised(surrogate, network.key, region, rows, low - slack, high + slack, len(chosen))
