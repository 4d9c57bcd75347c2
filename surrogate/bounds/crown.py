"""Backward linear bounds (CROWN), with the usual slopes or with optimised ones, evaluated over ball and box."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from surrogate.bounds.base import SLACK, BoundMethod, Bounds, affine_over_box, affine_over_region, require_matching
from surrogate.bounds.relaxation import Relaxation
from surrogate.errors import UnsoundBounds
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region

BATCH = 64
"""Neurons whose slopes are optimised at once: enough for the matrix products, few enough that a deadline is kept."""


class Crown(BoundMethod):
    """Bound a layer by a linear function of the input, propagated backward through linear relaxations of every ReLU.

    A neuron's lower line has the slope 1 if ``u > -l``, else 0. Each layer's bounds are intersected with interval bounds from
    the layer before, so they are never looser than :class:`Interval`. See :class:`Relaxation` for the lines.

    Source: Zhang et al., Efficient Neural Network Robustness Certification with General Activation Functions, NeurIPS 2018,
    with the adaptive lower slope of their section 3.3.
    """

    name: ClassVar[str] = "crown"
    steps: ClassVar[int] = 0
    """Steps of slope optimisation."""

    def compute(self, network: ReluNetwork, region: Region, deadline: float = float("inf")) -> Bounds:
        require_matching(network, region, deadline)
        low, high = affine_over_region(network.weights[0], network.biases[0], region)
        lower, upper = [low], [high]
        for layer in range(1, len(network.weights)):
            low, high = tighten(network, region, lower, upper, layer, self.steps, deadline=deadline)
            lower.append(low)
            upper.append(high)
        return Bounds(tuple(lower), tuple(upper))


class AlphaCrown(Crown):
    """:class:`Crown` with the lower lines' slopes optimised, for every neuron that straddles 0 and each of its two sides.

    Source: Xu et al., Fast and Complete: Enabling Complete Verification with Massively Parallel Incomplete Verifiers, ICLR
    2021.
    """

    name: ClassVar[str] = "alpha_crown"
    steps: ClassVar[int] = 20


def tighten(
    network: ReluNetwork,
    region: Region,
    lower: list[FloatArray],
    upper: list[FloatArray],
    layer: int,
    steps: int,
    known: Bounds | None = None,
    split: Sequence[NDArray[np.int8]] | None = None,
    deadline: float = float("inf"),
) -> tuple[FloatArray, FloatArray]:
    """Return bounds of ``layer``, given those of all layers before it: CROWN's, and better ones for the neurons that need them.

    Slopes are optimised, by ``steps`` steps, for hidden neurons that CROWN's bounds leave unstable, and for every output. Where
    ``deadline`` (a ``time.perf_counter()`` value) leaves no time, a neuron keeps CROWN's bounds or those of intervals. With
    ``split`` (see :class:`Relaxation`) the bounds hold in that part of the region, and are intersected with ``known`` ones.

    Raises:
        UnsoundBounds: the bounds cross, which in a part of the region means that the part is empty.
    """
    weight, bias = network.weights[layer], network.biases[layer]
    low, high = affine_over_box(weight, bias, np.maximum(lower[-1], 0.0), np.maximum(upper[-1], 0.0))
    if known is not None:
        low, high = np.maximum(low, known.lower[layer]), np.minimum(high, known.upper[layer])
    is_last = layer == len(network.weights) - 1
    relaxation = Relaxation(network, region, lower, upper, None if split is None else split[:layer])
    for count in (0, steps) if steps else (0,):
        open_ones = np.arange(len(weight)) if is_last else np.flatnonzero((low < 0.0) & (high > 0.0))
        if open_ones.size == 0:
            break
        for part in np.array_split(open_ones, -(-open_ones.size // (BATCH if count else open_ones.size))):
            if time.perf_counter() >= deadline:
                break
            # A row and its negative in one pass: the maximum of -z is minus the minimum of z.
            rows = np.concatenate([weight[part], -weight[part]])
            top = relaxation.optimise(rows, relaxation.start(len(rows)), count)[0].value
            slack = SLACK * np.abs(bias[part])
            low[part] = np.maximum(low[part], bias[part] - top[part.size :] - slack)
            high[part] = np.minimum(high[part], bias[part] + top[: part.size] + slack)
    if not (low <= high).all():
        raise UnsoundBounds(f"layer {layer}: the bounds cross")
    return low, high


def refine(network: ReluNetwork, region: Region, known: Bounds, split: Sequence[NDArray[np.int8]], steps: int) -> Bounds | None:
    """Return bounds for the part of the region in which ``split`` holds, none looser than ``known``; None if it is empty.

    Only layers behind the first split are computed anew. Outputs keep their bounds: a branch bounds its own rows.
    """
    lower = [np.where(s > 0, np.maximum(low, 0.0), low) for low, s in zip(known.lower, split, strict=False)]
    upper = [np.where(s < 0, np.minimum(high, 0.0), high) for high, s in zip(known.upper, split, strict=False)]
    first = next((layer for layer, s in enumerate(split) if s.any()), len(split))
    try:
        clamped = Bounds((*lower, known.lower[-1]), (*upper, known.upper[-1]))
        low, high = lower[: first + 1], upper[: first + 1]
        for layer in range(first + 1, len(split)):
            tightened = tighten(network, region, low, high, layer, steps, clamped, split)
            low.append(tightened[0])
            high.append(tightened[1])
        return Bounds((*low, known.lower[-1]), (*high, known.upper[-1]))
    except UnsoundBounds:
        return None
