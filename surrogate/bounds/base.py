"""Pre-activation bounds of a network over a region, and what every method that computes them must offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surrogate.checks import is_number, list_of, numbers, require_kind, shown
from surrogate.errors import InvalidNetwork, InvalidSetting, UnsoundBounds
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.problems.region import Region
from surrogate.settings import Configurable

SLACK = 1e-9
"""Every interval is widened outward by this much of the sum of the absolute terms that it was added up from. Rounding in a sum
of n float64 terms is below n * 1.2e-16 of that sum, so this is sound for millions of them."""


def rounding(count: int) -> float:
    """Return how far rounding can move a sum of ``count`` terms, and the few operations around it, relative to the sum of the
    terms' absolute values: 1e-11, or four times ``count`` units of rounding where that is more."""
    return max(1e-11, 4.0 * count * 2.0**-53)


LARGEST_VALUE = 1e30
"""Networks whose values could become larger than this are refused: beyond it the passes in single precision overflow, which
steer the searches."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Sound bounds ``lower[i] <= z_i(x) <= upper[i]`` of the pre-activations of every layer, for every ``x`` of the region.

    One pair of vectors per affine layer, the logits last; a vector's length is its layer's number of outputs.

    Raises:
        InvalidSetting: something else than vectors, or vectors that don't fit together.
        UnsoundBounds: a lower bound above its upper bound, or a bound that is NaN.
    """

    lower: tuple[FloatArray, ...]
    upper: tuple[FloatArray, ...]

    def __post_init__(self) -> None:
        for side in ("lower", "upper"):
            arrays = [numbers(f"{side} bounds", array) for array in list_of(side, getattr(self, side), "vectors, one a layer")]
            object.__setattr__(self, side, tuple(arrays))
        sizes = [array.shape for array in self.lower], [array.shape for array in self.upper]
        if sizes[0] != sizes[1] or any(len(shape) != 1 for shape in sizes[0]):
            raise InvalidSetting(f"bounds must be a vector for each layer, equal ones on both sides, got shapes {sizes}")
        for layer, (low, high) in enumerate(zip(self.lower, self.upper, strict=True)):
            if not (low <= high).all():
                j = int(np.argmin(low <= high))
                raise UnsoundBounds(f"layer {layer}, neuron {j}: the bounds [{low[j]}, {high[j]}] cross")

    @property
    def unstable(self) -> tuple[BoolArray, ...]:
        """Per hidden layer, which neurons have bounds on both sides of 0 (boolean vectors): those that need a binary."""
        return tuple((low < 0.0) & (high > 0.0) for low, high in zip(self.lower[:-1], self.upper[:-1], strict=True))

    @property
    def unstable_count(self) -> int:
        return sum(int(layer.sum()) for layer in self.unstable)

    @property
    def big_m(self) -> float:
        """The sum of both big-M constants of the unstable neurons: how far the input of each can go above and below 0."""
        layers = zip(self.lower[:-1], self.upper[:-1], self.unstable, strict=True)
        return sum(float((high - low)[free].sum()) for low, high, free in layers)

    def require_sizes_of(self, network: ReluNetwork) -> None:
        """Raise InvalidSetting unless every layer of a network has as many neurons as these bounds say."""
        sizes = [len(low) for low in self.lower]
        if sizes != [*network.hidden_sizes, network.output_size]:
            raise InvalidSetting(f"the bounds are for layers of sizes {sizes}, the network is {network!r}")

    def require(self, pre_activations: Sequence[FloatArray], tolerance: float = 1e-7) -> None:
        """Check a forward pass ``[(n, h), ...]`` from points of the region against the bounds.

        Raises:
            InvalidSetting: no batch for each layer, or one of another width than the layer's.
            UnsoundBounds: a pre-activation outside its bounds by more than ``tolerance`` (relative to its size).
        """
        batches = [numbers("pre-activations", z) for z in list_of("pre_activations", pre_activations, "batches, one a layer")]
        widths, sizes = [z.shape[1:] for z in batches], [low.shape for low in self.lower]
        if widths != sizes:
            raise InvalidSetting(f"the bounds are for layers of widths {sizes}, the pre-activations have {widths}")
        for layer, (low, high, z) in enumerate(zip(self.lower, self.upper, batches, strict=True)):
            allowed = tolerance * (1.0 + np.abs(z))
            outside = ((z < low - allowed) | (z > high + allowed)).any(axis=0)
            if outside.any():
                j = int(np.argmax(outside))
                raise UnsoundBounds(
                    f"layer {layer}, neuron {j}: a point reaches pre-activations {z[:, j].min()} to {z[:, j].max()}, outside "
                    f"the bounds [{low[j]}, {high[j]}]; were the bounds computed for this network and a region with this point?"
                )


@dataclass(frozen=True)
class BoundMethod(Configurable, ABC):
    """A way to bound pre-activations: one sound pair of bounds for every neuron."""

    @abstractmethod
    def compute(self, network: ReluNetwork, region: Region, deadline: float = float("inf")) -> Bounds:
        """Return bounds on every layer's pre-activations over the region.

        Args:
            deadline: ``time.perf_counter()`` value after which only interval arithmetic, which takes next to no time, bounds
                what is left: looser, and as sound.

        Raises:
            InvalidSetting, InvalidNetwork: as :func:`require_matching` does.
        """


def require_matching(network: ReluNetwork, region: Region, deadline: float = float("inf")) -> None:
    """Raise unless bounds of this network over this region can be computed.

    Raises:
        InvalidSetting: something else than a network and a region, or a region with another number of coordinates than the
            network has inputs.
        InvalidNetwork: values or gradients of the network may go beyond ``LARGEST_VALUE``.
    """
    require_kind("the network", network, ReluNetwork, "ReluNetwork.load(path)")
    require_kind("the region", region, Region, "Region(0.0, 1.0, center, radius, 'l1')")
    if not is_number(deadline):
        raise InvalidSetting(f"deadline must be a time.perf_counter() value, float('inf') for none, got {shown(deadline)}")
    if region.size != network.input_size:
        raise InvalidSetting(f"the region has {region.size} coordinates but the network takes {network.input_size} inputs")
    size = np.maximum(np.abs(region.lower), np.abs(region.upper))
    gain = np.ones(network.input_size)
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        matrix = np.abs(weight)
        with np.errstate(over="ignore", invalid="ignore"):
            size, gain = matrix @ size + np.abs(bias), matrix @ gain
            largest = max(float(size.max(initial=0.0)), float(gain.max(initial=0.0)))
        if not largest <= LARGEST_VALUE:
            raise InvalidNetwork(
                f"layer {layer}: values or slopes of the network may reach {largest:.1g} over the region, and float64's and "
                f"float32's sums are safe up to {LARGEST_VALUE:.0g}: scale its weights down"
            )


def affine_over_box(
    weight: FloatArray, bias: FloatArray, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return interval bounds of ``weight @ y + bias`` for ``lower <= y <= upper``, widened by the slack."""
    positive, negative = np.maximum(weight, 0.0), np.minimum(weight, 0.0)
    low = positive @ lower + negative @ upper + bias
    high = positive @ upper + negative @ lower + bias
    slack = SLACK * (np.abs(weight) @ np.maximum(np.abs(lower), np.abs(upper)) + np.abs(bias))
    return low - slack, high + slack


def affine_over_region(weight: FloatArray, bias: FloatArray, region: Region) -> tuple[FloatArray, FloatArray]:
    """Return the exact range of ``weight @ x + bias`` over the region, widened by the slack."""
    values, _ = region.support(np.concatenate([weight, -weight]))
    largest = np.maximum(np.abs(region.lower), np.abs(region.upper))
    slack = SLACK * (np.abs(weight) @ largest + np.abs(bias))
    return -values[len(weight) :] + bias - slack, values[: len(weight)] + bias + slack
