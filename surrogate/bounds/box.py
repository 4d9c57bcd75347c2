"""Interval arithmetic over the box alone, as in embedding tools that know no norm ball."""

from __future__ import annotations

from typing import ClassVar

from surrogate.bounds.base import BoundMethod, Bounds, require_matching
from surrogate.bounds.interval import Interval
from surrogate.networks import ReluNetwork
from surrogate.problems.region import Region


class Box(BoundMethod):
    """Interval arithmetic over the box, the ball ignored: sound, loose, and the setting of the paper being reproduced."""

    name: ClassVar[str] = "box"

    def compute(self, network: ReluNetwork, region: Region, deadline: float = float("inf")) -> Bounds:
        require_matching(network, region)
        return Interval().compute(network, region.without_ball())
