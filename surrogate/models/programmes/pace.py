"""Estimates how long a MILP takes to build and load. Neither step can be interrupted, so it starts only if there is time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from surrogate.bounds import Bounds
from surrogate.networks import ReluNetwork

NEURON = 60
"""The variables and rows of a neuron take as long as this many coefficients."""

FIRST_STATING = 6e-7
"""Seconds a unit of work on a fast core, used until a measurement exists."""

HANDED = 0.8
"""How long handing over takes relative to stating, used until a measurement exists: that of HiGHS, which has the least work."""

LITTLE = 10_000.0
"""The first guess weighs as much as a measurement of this many units of work."""


class NoTime(Exception):
    """A programme cannot be stated and handed over before the deadline; says how long that takes."""


@dataclass
class _Rate:
    """Seconds a unit of work, over all that was measured."""

    seconds: float = 0.0
    units: float = 0.0

    @property
    def per_unit(self) -> float:
        return self.seconds / self.units

    def add(self, units: float, seconds: float) -> None:
        self.units += units
        self.seconds += seconds


@dataclass
class Pace:
    """Learns from every network that is stated in a search, and says whether another one can be in the time that is left.

    Attributes:
        stating: of building the model.
        handing: of a solver's reading it, until it begins to solve.
    """

    stating: _Rate = field(default_factory=lambda: _Rate(FIRST_STATING * LITTLE, LITTLE))
    handing: _Rate = field(default_factory=_Rate)

    def require(self, to_state: float, to_hand: float, deadline: float) -> None:
        """Raise NoTime if so many units of work cannot be done before a ``time.perf_counter()`` value."""
        handing = self.handing.per_unit if self.handing.units else HANDED * self.stating.per_unit
        seconds = to_state * self.stating.per_unit + to_hand * handing
        left = deadline - time.perf_counter()
        if seconds > left:
            raise NoTime(
                f"stating the MILP takes about {seconds:.2g} s, and {max(left, 0.0):.2g} s of the time limit are left: "
                "raise the limit"
            )


def work_of(network: ReluNetwork, bounds: Bounds) -> float:
    """Return the units of work of stating a network: its coefficients between neurons that are not dead, and its neurons."""
    alive = [np.ones(network.input_size, dtype=np.bool_), *(high > 0.0 for high in bounds.upper[:-1])]
    alive.append(np.ones(network.output_size, dtype=np.bool_))
    weights = sum(
        int(np.count_nonzero(weight[np.ix_(after, before)]))
        for weight, (before, after) in zip(network.weights, pairwise(alive), strict=True)
    )
    return float(weights + NEURON * sum(int(layer.sum()) for layer in alive[1:]))


def works_of(networks: Sequence[ReluNetwork], bounds: Sequence[Bounds]) -> list[float]:
    """Return the units of work of each network, one a link."""
    return [work_of(network, bound) for network, bound in zip(networks, bounds, strict=True)]
