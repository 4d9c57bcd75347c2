"""The member that walks: from promising points, and from whatever the other members find."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from surrogate.models.points import VERTEX_SECONDS, Points
from surrogate.models.programmes.phases import PhaseProgramme, Vertex
from surrogate.models.programmes.walk import Walker
from surrogate.models.state import SearchState
from surrogate.networks import BoolArray, FloatArray

FIRST_POINTS = 256
"""How many points are drawn first. The first decision comes sooner from a small batch."""

FEWEST_POINTS, LEFT = 16, 0.5
"""A batch has at least so many points, and takes at most this share of the time that is left, by the pace of the last one."""

USED = 0.25
"""Share of a batch, the promising ones first, that walks begin at."""

OFFERED = 4
"""Points of a batch that are held against the whole model as long as nothing is known that holds."""

COMPLETING_SECONDS = 2.0
"""Most seconds for making the user's integers whole in one region."""

WHOLE = 1e-6


class Walks:
    """Walks with the user's integers relaxed, then with integers made whole and held.

    Attributes:
        programme: the model over one linear region at a time; shared with :class:`surrogate.models.members.targets.Targets`.
    """

    def __init__(self, state: SearchState) -> None:
        self._state, self._model = state, state.model
        self.programme = PhaseProgramme(state.model, state.rows)
        self._walker = Walker(self.programme)
        self._points = Points(state.model, state.ranges, state.rng)
        self._starts: FloatArray = np.zeros((0, state.model.columns))
        self._next, self._seconds_a_point = 0, 1e-9
        placed = state.model.is_input | state.model.is_output
        others = abs(state.model.matrix) @ (~placed).astype(np.float64)
        self._decided = np.concatenate([others == 0.0, placed])
        self._integers = np.flatnonzero(state.model.integral)

    def start(self) -> None:
        """Draw the first points, which all members have to begin with."""
        self._starts = self._drawn(FIRST_POINTS)

    def draw_anew(self) -> None:
        """Draw other points, and offer the most promising ones that may hold."""
        self._starts, self._next = self._drawn(self._state.settings.points), 0

    def turn(self, until: float) -> bool:
        """Walk from point after point; it never comes to an end of these."""
        while time.perf_counter() < until and not self._state.incumbent.wants_end:
            if self._walker.unfinished is not None:
                self._walk(self._walker.unfinished, "walks", until)
                continue
            self.walk_from(self.next_start(), "walks", until)
        return True

    def next_start(self) -> FloatArray:
        """Return the most promising point ``(columns,)`` that has not been used, drawing new ones where none is left."""
        if self._next >= USED * len(self._starts):
            self.draw_anew()
        self._next += 1
        return self._starts[self._next - 1]

    def draw(self, count: int) -> FloatArray:
        """Return completed decisions ``(n, columns)``, ``n`` at most ``count``."""
        return self._points.draw(count)

    def walk_from(self, values: FloatArray, source: str, until: float) -> None:
        """Walk from a completed decision ``(columns,)``, whether it holds or not, and offer what is met."""
        self._walk(self._state.rows.phases(values[None])[0], source, until)

    def improve(self, source: str, until: float) -> None:
        """Walk from the best decision, with its integers held."""
        best = self._state.incumbent.values
        if best is None:
            return
        if self._integers.size:
            self._walk_whole(best, source, until)
        else:
            self.walk_from(best, source, until)

    def _walk(self, phases: BoolArray, source: str, until: float) -> None:
        end = self._walker.walk(phases, until, lambda vertex: self._take(vertex, source, until))
        self._count()
        if end is not None:
            self._take(end, source, until)

    def _take(self, vertex: Vertex, source: str, until: float) -> None:
        """Offer a region's optimum; where integers are not whole there, first make them so."""
        model, incumbent = self._model, self._state.incumbent
        if vertex.value >= incumbent.value - 1e-9 * max(1.0, abs(vertex.value)):
            return
        off = np.abs(vertex.values - np.round(vertex.values))[self._integers]
        if not off.size or off.max() <= WHOLE:
            incumbent.offer(vertex.values, source)
            return
        phases = self.programme.phases.copy()
        found = self.programme.completed(max(min(until - time.perf_counter(), COMPLETING_SECONDS), 0.05))
        better = found is not None and incumbent.offer(found, source)
        near = vertex.values if found is None else found
        if better or (found is None and model.is_input[self._integers].any()):
            self._walk_whole(model.complete(near[None])[0], source, until)
        self.programme.set_phases(phases)

    def _walk_whole(self, values: FloatArray, source: str, until: float) -> None:
        """Walk with the integers held at the whole numbers nearest to those of ``values``."""
        whole = values.copy()
        whole[self._integers] = np.clip(
            np.round(whole[self._integers]), self._model.lower[self._integers], self._model.upper[self._integers]
        )
        with self.held(whole):
            self.walk_held(self._state.rows.phases(self._model.complete(whole[None]))[0], source, until)

    @contextmanager
    def held(self, values: FloatArray) -> Iterator[None]:
        """Hold the integers at those of a decision ``(columns,)`` meanwhile."""
        self.programme.hold(self._integers, values[self._integers])
        try:
            yield
        finally:
            self.programme.release(self._integers)

    def walk_held(self, phases: BoolArray, source: str, until: float) -> bool:
        """Walk with the integers as they are held, and offer what is met; return whether the user's rows allowed a point."""
        unfinished = self._walker.unfinished
        end = self._walker.walk(phases, until, lambda vertex: self._offer(vertex, source))
        self._walker.unfinished = unfinished
        self._count()
        if end is not None:
            self._offer(end, source)
        return end is not None

    def walk_on(
        self, values: FloatArray, phases: BoolArray, hold: bool, source: str, until: float
    ) -> tuple[bool, BoolArray | None]:
        """Walk from a region, with the integers held at those of a decision ``(columns,)`` or relaxed and then made whole.

        Returns:
            whether the user's rows allowed a point; and the region in which the time ended, to go on from, else None.
        """
        if hold:
            with self.held(values):
                end = self._walker.walk(phases, until, lambda vertex: self._offer(vertex, source))
                unfinished = self._walker.unfinished
                if end is not None:
                    self._offer(end, source)
        else:
            end = self._walker.walk(phases, until, lambda vertex: self._take(vertex, source, until))
            unfinished = self._walker.unfinished
            if end is not None:
                self._take(end, source, until)
        self._walker.unfinished = None
        self._count()
        return end is not None, unfinished

    def _offer(self, vertex: Vertex, source: str) -> None:
        self._state.incumbent.offer(vertex.values, source)

    def _drawn(self, count: int) -> FloatArray:
        """Return new points, ranked: ``count`` of them, or as many as can be drawn and ranked before the deadline."""
        begin = time.perf_counter()
        left = LEFT * (self._state.deadline - begin)
        if left < count * self._seconds_a_point:
            count = max(FEWEST_POINTS, int(left / self._seconds_a_point))
        values = self._points.draw(count)
        ranked = self._ranked(values)
        self._seconds_a_point = max(time.perf_counter() - begin - VERTEX_SECONDS, 1e-6) / len(values)
        return ranked

    def _ranked(self, values: FloatArray) -> FloatArray:
        """Return the decisions, the most promising first. Objective and violations are added in units of their deviations."""
        state = self._state
        objective, everything = self._model.objective(values), self._model.violations(values)
        violation = everything.sum(axis=1)
        state.work["points"] += len(values)
        weight = 3.0 * objective.std() / violation.std() if violation.std() > 0.0 and objective.std() > 0.0 else 1.0
        order = np.argsort(objective + weight * violation)
        # The other variables can be optimised anew: what must hold is what inputs and outputs alone decide.
        decided = np.maximum(everything[:, self._decided].max(axis=1, initial=0.0), 0.0)
        for i in order[decided[order] <= state.settings.tolerance][: 1 if state.incumbent.values is not None else OFFERED]:
            if state.incumbent.offer(values[i], "points"):
                break
        return values[order]

    def _count(self) -> None:
        work = self._state.work
        work["regions"] = self._walker.regions
        work["simplex_iterations"] += self.programme.programme.iterations - work["walk_iterations"]
        work["walk_iterations"] = self.programme.programme.iterations
