"""A network of ReLU and affine neurons, written as a ReLU network whose affine neurons are always active over a region."""

from __future__ import annotations

import numpy as np

from surrogate.bounds import SLACK, Crown
from surrogate.bounds.base import affine_over_box, affine_over_region
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.problems.region import Region

ROUNDING = 1e-12
"""A float64 pre-activation differs from the exact one by at most this much of the sum of its absolute terms."""

LARGEST_SHIFTED = 2.0**12
"""Size up to which a shifted neuron is ordinary to a solver: formulations scale what is larger than twice this."""

LARGEST_SHIFTED_SHARE = 64.0
"""A larger neuron may be this many times as large as its own range. A solver's tolerances are absolute, so they are that many
times coarser beside the range."""


class AffineNeurons:
    r"""Rebuilds a network layer by layer, with neurons :math:`a z + c` in place of some :math:`\max(0, z)`.

    An affine neuron is written :math:`\max(0, a z + c + C)` with :math:`C \ge 0` so large that it is always active, and the
    next layer's bias takes :math:`C` back. ``C`` follows from the loosest bounds, those over the box alone, so that every
    bound method sees an active neuron. In deep networks these bounds may make the neuron too large. Then ``C`` follows from
    interval bounds over the region, or, if these make it too large as well, from CROWN's. Bounds that are looser than those
    used may still call the neuron unstable.
    """

    def __init__(self, network: ReluNetwork, region: Region) -> None:
        self.network, self.region = network, region
        self._weights: list[FloatArray] = []
        self._biases: list[FloatArray] = []
        # Of the layer before: what shifts its outputs, which of them are not removed, the most that either network feeds on,
        # and its bounds by interval arithmetic over the box alone and over the region.
        self._shift = np.zeros(network.input_size)
        self._kept = np.ones(network.input_size, dtype=np.bool_)
        self._largest = np.maximum(np.abs(region.lower), np.abs(region.upper))
        self._outputs: list[tuple[FloatArray, FloatArray]] = []

    def append(
        self,
        affine: BoolArray,
        slope: FloatArray,
        offset: FloatArray,
        removed: BoolArray,
        lower: FloatArray,
        upper: FloatArray,
    ) -> FloatArray:
        """Add the next hidden layer; all arguments are vectors ``(h,)``.

        Args:
            affine: the neurons that become ``slope * z + offset``.
            slope: in [0, 1].
            offset: at least 0.
            removed: the neurons, none of them affine, whose weights in and out become 0.
            lower, upper: bounds on the pre-activations in the network that is rebuilt.

        Returns:
            by how much rounding may move each neuron's output in either network.
        """
        weight, bias = self._row()
        shift = np.where(affine, self._shifts(weight, bias, slope, offset, upper - lower), 0.0)
        magnitude = np.abs(weight) @ self._largest + np.abs(bias) + offset + shift
        weight, bias = (np.where(affine, slope, 1.0)[:, None] * weight, np.where(affine, slope * bias + offset + shift, bias))
        weight[removed], bias[removed] = 0.0, 0.0
        self._outputs = [(np.maximum(low, 0.0), np.maximum(high, 0.0)) for low, high in self._ranges(weight, bias)]
        self._weights.append(weight)
        self._biases.append(bias)
        self._shift, self._kept = shift, ~removed
        self._largest = np.maximum(np.maximum(upper, shift), self._outputs[-1][1])
        return np.where(removed, 0.0, ROUNDING * magnitude)

    def finish(self) -> tuple[ReluNetwork, FloatArray]:
        """Add the last layer as it is; return the network, and by how much rounding may move each output."""
        weight, bias = self._row()
        magnitude = np.abs(weight) @ self._largest + np.abs(bias)
        return ReluNetwork([*self._weights, weight], [*self._biases, bias]), ROUNDING * magnitude

    def _row(self) -> tuple[FloatArray, FloatArray]:
        """Return the next layer's matrix and bias on the outputs of the layers so far."""
        layer = len(self._weights)
        weight = np.where(self._kept, self.network.weights[layer], 0.0)
        return weight, self.network.biases[layer] - weight @ self._shift

    def _ranges(self, weight: FloatArray, bias: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
        """Return the interval bounds of a layer on the layers so far, over the box alone and over the region."""
        if not self._weights:
            return [affine_over_region(weight, bias, region) for region in (self.region.without_ball(), self.region)]
        return [affine_over_box(weight, bias, low, high) for low, high in self._outputs]

    def _shifts(
        self, weight: FloatArray, bias: FloatArray, slope: FloatArray, offset: FloatArray, width: FloatArray
    ) -> FloatArray:
        """Return the smallest ``C`` of every neuron with which the loosest admissible bounds call it active."""
        # Bounds of the scaled and shifted row are widened by the slack again, with other roundings.
        margin = 4.0 * SLACK * (slope * (np.abs(weight) @ self._largest + np.abs(bias)) + offset)

        def needed(low: FloatArray) -> FloatArray:
            missing = margin - (slope * low + offset)
            return np.where(missing > 0.0, missing * (1.0 + 4.0 * SLACK), 0.0)

        largest = np.maximum(LARGEST_SHIFTED, LARGEST_SHIFTED_SHARE * slope * width)
        (box_low, box_high), (low, high) = self._ranges(weight, bias)
        wide, shift = needed(box_low), needed(low)
        shift = np.where(slope * box_high + offset + wide <= largest, wide, shift)
        too_large = slope * high + offset + shift > largest
        if too_large.any():
            prefix = ReluNetwork([*self._weights, weight], [*self._biases, bias])
            shift = np.where(too_large, needed(Crown().compute(prefix, self.region).lower[-1]), shift)
        return shift
