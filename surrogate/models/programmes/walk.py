"""Walks over the dense networks' linear regions, with the user's model around them."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import blake2b

import numpy as np

from surrogate.models.programmes.phases import PhaseProgramme, Vertex
from surrogate.networks import BoolArray

SINGLE_FLIPS = 12
"""Neurons that are tried one by one where all promising ones together lead to nothing better."""

FEASIBLE = 1e-8
"""A sum of violations up to this counts as none."""


class Walker:
    r"""Walk from region to neighbouring region while the value improves.

    In a region all networks are affine, and the model is a linear programme (:class:`PhaseProgramme`). At its optimum some
    neurons are at 0: the regions beyond them share this point. The reduced cost of a neuron's other part says which of them
    promise better. All of these are flipped at once; where that leads to nothing better, one by one.

    A region is entered once: a walk that meets the path of an earlier one ends there.

    Source: Tong, Cai, Serra, Optimization over trained neural networks: taking a relaxing walk, arXiv 2401.03451, for one
    network over a box; here with a user's constraints, for several networks, and with violations as the first objective.
    """

    def __init__(self, programme: PhaseProgramme) -> None:
        self.programme = programme
        self.visited: set[bytes] = set()
        self.regions = 0

    def walk(
        self, phases: BoolArray, until: float, on_feasible: Callable[[Vertex], None]
    ) -> tuple[Vertex | None, BoolArray | None]:
        """Walk from a region; ``on_feasible`` is called with the first point met that the user's rows allow.

        Returns:
            where the walk ends, None if it found no such point; and the region in which it ran out of time, where another walk
            can go on, None if it came to its end.
        """
        programme = self.programme
        programme.set_phases(phases)
        programme.seek(False)
        vertex = self._solve(until)
        if vertex is None:
            programme.seek(True)
            vertex = self._solve(until)
            if vertex is None:
                return None, None
            vertex, unfinished = self._descend(vertex, until, lambda v: v.value <= FEASIBLE)
            if vertex.value > FEASIBLE:
                return None, unfinished
            programme.seek(False)
            vertex = self._solve(until)
            if vertex is None:
                return None, None
        on_feasible(vertex)
        return self._descend(vertex, until, lambda _: False)

    def _descend(self, vertex: Vertex, until: float, enough: Callable[[Vertex], bool]) -> tuple[Vertex, BoolArray | None]:
        programme = self.programme
        while not enough(vertex) and time.perf_counter() < until:
            if self._key() in self.visited:
                break
            self.visited.add(self._key())
            better = self._step(vertex, until)
            if better is None:
                break
            vertex = better
        if time.perf_counter() >= until and not enough(vertex):
            self.visited.discard(self._key())
            return vertex, programme.phases.copy()
        return vertex, None

    def _step(self, vertex: Vertex, until: float) -> Vertex | None:
        """Go to a better region; None, and stay, if none of those that were tried is better."""
        promising = np.flatnonzero(vertex.gains < -1e-9)
        order = vertex.at_zero[promising[np.argsort(vertex.gains[promising])]]
        tries = [order] if order.size > 1 else []
        tries += [order[i : i + 1] for i in range(min(order.size, SINGLE_FLIPS))]
        for neurons in tries:
            if time.perf_counter() >= until:
                break
            self.programme.flip(neurons)
            found = self._solve(until)
            if found is not None and found.value < vertex.value - 1e-7 * max(1.0, abs(vertex.value)):
                return found
            self.programme.flip(neurons)
        return None

    def _key(self) -> bytes:
        """Return a digest of the region: a minute of walks meets a hundred thousand, whose patterns would fill the memory."""
        programme = self.programme
        whole = programme.phases.tobytes() + bytes([programme.seeks_feasibility]) + programme.held
        return blake2b(whole, digest_size=16).digest()

    def _solve(self, until: float) -> Vertex | None:
        self.regions += 1
        return self.programme.solve(max(until - time.perf_counter(), 0.001))
