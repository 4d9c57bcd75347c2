"""Interval arithmetic: exact ranges over the region in the first layer, boxes from there on."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.bounds.base import BoundMethod, Bounds, affine_over_box, affine_over_region, require_matching
from surrogate.networks import ReluNetwork
from surrogate.problems.region import Region


class Interval(BoundMethod):
    r"""Bound each layer from the box of the layer before: :math:`z \in W^+ y^l + W^- y^u + b,\ W^+ y^u + W^- y^l + b`.

    The first layer's bounds are the exact maxima over the whole region, ball included (``Region.support``).
    """

    name: ClassVar[str] = "interval"

    def compute(self, network: ReluNetwork, region: Region, deadline: float = float("inf")) -> Bounds:
        require_matching(network, region)
        low, high = affine_over_region(network.weights[0], network.biases[0], region)
        lower, upper = [low], [high]
        for weight, bias in zip(network.weights[1:], network.biases[1:], strict=True):
            low, high = affine_over_box(weight, bias, np.maximum(low, 0.0), np.maximum(high, 0.0))
            lower.append(low)
            upper.append(high)
        return Bounds(tuple(lower), tuple(upper))
