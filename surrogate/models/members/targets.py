"""The member that moves the networks' inputs. Dual prices of the user's rows tell which place's inputs to move where."""

from __future__ import annotations

import time

import numpy as np

from surrogate.models.members.walks import Walks
from surrogate.models.programmes.phases import PhaseProgramme, Vertex
from surrogate.models.reading import Link
from surrogate.models.state import SearchState
from surrogate.networks import BoolArray, FloatArray

DRAWN = 64
"""Points that are drawn for targets at a time."""

STEPS = np.array([0.05, 0.1, 0.2, 0.35, 0.6, 1.0])
"""Shares of the way to a drawn point at which a place may stop."""


class Targets:
    r"""Decomposes the model by places, as column generation would.

    In the linear region of a decision the model is a linear programme. Its dual values price what the networks read and write:
    moving the columns of one place by :math:`\Delta v` and its outputs by :math:`\Delta y` changes the objective by
    :math:`p_v \Delta v + p_y \Delta y`, to first order in the user's rows and exactly in the network. For each place the best
    of many moves towards drawn points is taken, by forward passes. The regions of all these targets together are where the next
    walk begins; where that is no better, each target alone is tried, the most promising first.
    """

    def __init__(self, state: SearchState, walks: Walks, programme: PhaseProgramme) -> None:
        self._state, self._model, self._walks, self._programme = state, state.model, walks, programme
        self._read = [np.unique(link.matrix.indices) for link in state.model.links]

    def turn(self, until: float) -> bool:
        """Move the places of the best decision, or of the best of the drawn ones while nothing holds."""
        state = self._state
        while time.perf_counter() < until and not state.incumbent.wants_end:
            values = state.incumbent.values
            vertex = self._vertex(self._walks.draws.next_start() if values is None else values, until)
            if vertex is None:
                continue
            targets, gains = self._targets(vertex, until)
            order = [i for i in np.argsort(gains).tolist() if gains[i] < 0.0]
            if not order:
                continue
            before = state.incumbent.value
            self._walk(vertex, targets, order, until)
            if state.incumbent.value < before or len(order) == 1:
                continue
            for i in order:
                if time.perf_counter() >= until:
                    break
                self._walk(vertex, targets, [i], until)
                if state.incumbent.value < before:
                    break
        return True

    def phases_here(self, until: float) -> BoolArray | None:
        """Return the phases at the targets of all places, from where the programme is; None if no place has a better one."""
        vertex = self._programme.solve(max(until - time.perf_counter(), 1e-3))
        if vertex is None:
            return None
        targets, gains = self._targets(vertex, until)
        if not (gains < 0.0).any():
            return None
        moved = vertex.values.copy()
        for i in np.flatnonzero(gains < 0.0).tolist():
            moved[self._read[i]] = targets[i]
        phases: BoolArray = self._state.rows.phases(self._model.complete(moved[None]))[0]
        return phases

    def _vertex(self, values: FloatArray, until: float) -> Vertex | None:
        """Return the optimum of the linear region of a decision, with the prices of the programme left at it."""
        programme, seconds = self._programme, max(until - time.perf_counter(), 1e-3)
        programme.set_phases(self._state.rows.phases(values[None])[0])
        programme.seek(False)
        vertex = programme.solve(seconds)
        if vertex is None:
            programme.seek(True)
            vertex = programme.solve(seconds)
        return vertex

    def _targets(self, vertex: Vertex, until: float) -> tuple[list[FloatArray], FloatArray]:
        """Return for each place its best columns ``(read,)`` and by how much they are better, negative where they are.

        Places that there is no time for keep theirs.
        """
        prices = self._programme.prices()
        drawn = self._walks.draws.draw(DRAWN)
        now = self._model.complete(vertex.values[None])[0]
        found, gains = [], np.zeros(len(self._read))
        for i, (link, read) in enumerate(zip(self._model.links, self._read, strict=True)):
            if not read.size or time.perf_counter() >= until:
                found.append(now[read])
                continue
            moves = (STEPS[:, None, None] * (drawn[:, read] - now[read])).reshape(-1, read.size)
            change = (
                moves @ prices[read] + (self._outputs(link, read, now[read] + moves) - now[link.outputs]) @ prices[link.outputs]
            )
            best = int(np.argmin(change))
            found.append(now[read] + moves[best])
            gains[i] = change[best]
        return found, gains

    def _outputs(self, link: Link, read: FloatArray, values: FloatArray) -> FloatArray:
        return link.network(np.asarray((link.matrix[:, read] @ values.T).T) + link.constant)

    def _walk(self, vertex: Vertex, targets: list[FloatArray], places: list[int], until: float) -> None:
        moved = vertex.values.copy()
        for i in places:
            moved[self._read[i]] = targets[i]
        self._walks.walk_from(self._model.complete(moved[None])[0], "targets", until)
