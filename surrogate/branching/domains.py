"""Domains: the parts into which splits divide the region, each with a bound. Also the queue of the open ones."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from surrogate.bounds import Bounds
from surrogate.bounds.multipliers import Multipliers
from surrogate.bounds.relaxation import Relaxation


@dataclass(eq=False)
class Domain:
    """A part of the region in which some neurons' phases are fixed.

    Attributes:
        bound: upper bound on its row.
        row: index of the row of the problem that is bounded.
        alpha, beta, split: multipliers of that row, all layers in one array ``(u,)``; float16, as there may be very many.
        unit: the unit of ``beta``, which is its largest value, so that float16 holds it whatever the network's scale.
        candidates: flat indices of the neurons worth splitting, best first.
        depth: splits since the relaxation was computed.
    """

    bound: float
    row: int
    alpha: NDArray[np.float16]
    beta: NDArray[np.float16]
    split: NDArray[np.int8]
    unit: float
    candidates: NDArray[np.intp]
    depth: int


@dataclass(eq=False)
class Subtree:
    """Domains that share pre-activation bounds, and so a relaxation: those below one node of the search tree.

    Attributes:
        bounds: pre-activation bounds over all of the subtree's domains.
        relaxation: made from them.
        starts: flat index of each layer's first neuron in question, and their number at the end.
    """

    bounds: Bounds
    relaxation: Relaxation
    heap: list[tuple[float, int, Domain]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.starts = np.concatenate([[0], np.cumsum(self.relaxation.sizes)])
        self._order = itertools.count()

    def push(self, domain: Domain) -> None:
        heapq.heappush(self.heap, (-domain.bound, next(self._order), domain))

    def pop(self) -> Domain:
        """Remove and return the domain with the largest bound."""
        return heapq.heappop(self.heap)[2]

    def pop_low(self) -> Domain:
        """Remove and return a domain with one of the smaller bounds: a heap's last entry has no children."""
        return self.heap.pop()[2]

    @property
    def bound(self) -> float:
        """The largest bound of an open domain; minus infinity if none is open."""
        return -self.heap[0][0] if self.heap else -np.inf

    def multipliers(self, domains: list[Domain]) -> Multipliers:
        """Return the multipliers of several domains, a row each."""
        cuts = self.starts[1:-1]
        return Multipliers(
            np.split(np.stack([d.alpha for d in domains]).astype(np.float32), cuts, axis=1),
            np.split(np.stack([d.beta.astype(np.float32) * np.float32(d.unit) for d in domains]), cuts, axis=1),
            np.split(np.stack([d.split for d in domains]), cuts, axis=1),
        )

    def place(self, flat: int) -> tuple[int, int]:
        """Return layer and position there of a flat index."""
        layer = int(np.searchsorted(self.starts, flat, side="right") - 1)
        return layer, int(flat - self.starts[layer])

    def full_split(self, split: NDArray[np.int8]) -> list[NDArray[np.int8]]:
        """Return a domain's phases for all neurons of the network, a vector a hidden layer."""
        full = [np.zeros(len(low), dtype=np.int8) for low in self.bounds.lower[:-1]]
        for layer, size in enumerate(self.relaxation.sizes):
            start = self.starts[layer]
            full[layer][self.relaxation.neurons[layer][:size]] = split[start : start + size]
        return full

    def carry(self, domain: Domain, other: Subtree) -> Multipliers:
        """Return the multipliers of a domain of this subtree as ``other`` arranges them, those that have a place there."""
        carried = other.relaxation.start(1)
        for layer, size in enumerate(self.relaxation.sizes):
            start = self.starts[layer]
            here = self.relaxation.neurons[layer][:size]
            there = other.relaxation.neurons[layer][: other.relaxation.sizes[layer]]
            _, mine, theirs = np.intersect1d(here, there, assume_unique=True, return_indices=True)
            carried.alpha[layer][0, theirs] = domain.alpha[start + mine]
            carried.beta[layer][0, theirs] = domain.beta[start + mine].astype(np.float32) * np.float32(domain.unit)
        return carried
