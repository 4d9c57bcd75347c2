"""Backward linear bounds (CROWN), made concrete by the exact support function of the region."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.bounds.base import SLACK, BoundMethod, Bounds, affine_over_box, affine_over_region, require_matching
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region


class Crown(BoundMethod):
    r"""Bound a layer by a linear function of the input, propagated backward through linear relaxations of every ReLU.

    For an unstable neuron with :math:`l < 0 < u`, :math:`\alpha z \le \max(0, z) \le u (z - l) / (u - l)` with
    :math:`\alpha = 1` if :math:`u > -l`, else 0. A row with positive coefficients takes the upper line, with negative ones
    the lower line. What arrives at the input is linear and is maximised exactly over ball and box. Each layer's bounds are
    intersected with interval bounds from the layer before, so they are never looser than :class:`Interval`.

    Source: Zhang et al., Efficient Neural Network Robustness Certification with General Activation Functions, NeurIPS 2018,
    with the adaptive lower slope of their section 3.3.
    """

    name: ClassVar[str] = "crown"

    def compute(self, network: ReluNetwork, region: Region) -> Bounds:
        require_matching(network, region)
        low, high = affine_over_region(network.weights[0], network.biases[0], region)
        lower, upper = [low], [high]
        for layer in range(1, len(network.weights)):
            weight, bias = network.weights[layer], network.biases[layer]
            low, high = affine_over_box(weight, bias, np.maximum(lower[-1], 0.0), np.maximum(upper[-1], 0.0))
            # A row and its negative in one pass: the maximum of -z is minus the minimum of z.
            top = _backward_maximum(network, region, np.concatenate([weight, -weight]), lower, upper)
            count = len(weight)
            slack = SLACK * np.abs(bias)
            lower.append(np.maximum(low, bias - top[count:] - slack))
            upper.append(np.minimum(high, bias + top[:count] + slack))
        return Bounds(tuple(lower), tuple(upper))


def _backward_maximum(
    network: ReluNetwork, region: Region, rows: FloatArray, lower: list[FloatArray], upper: list[FloatArray]
) -> FloatArray:
    """Return upper bounds ``(k,)`` of ``rows @ y``, ``y`` the ReLU outputs of the last layer in ``lower`` and ``upper``."""
    constant = np.zeros(len(rows))
    magnitude = np.zeros(len(rows))  # of everything added up, for the slack
    for layer in range(len(lower) - 1, -1, -1):
        low, high = lower[layer], upper[layer]
        unstable = (low < 0.0) & (high > 0.0)
        active = (low >= 0.0).astype(np.float64)
        width = np.where(unstable, high - low, 1.0)
        upper_slope = np.where(unstable, high / width, active)
        upper_offset = np.where(unstable, -low * high / width, 0.0)
        lower_slope = np.where(unstable, (high > -low).astype(np.float64), active)
        positive, negative = np.maximum(rows, 0.0), np.minimum(rows, 0.0)
        constant += positive @ upper_offset
        magnitude += positive @ upper_offset
        rows = positive * upper_slope + negative * lower_slope
        constant += rows @ network.biases[layer]
        magnitude += np.abs(rows) @ np.abs(network.biases[layer])
        rows = rows @ network.weights[layer]
    values, _ = region.support(rows)
    magnitude += np.abs(rows) @ np.maximum(np.abs(region.lower), np.abs(region.upper))
    return constant + values + SLACK * magnitude
