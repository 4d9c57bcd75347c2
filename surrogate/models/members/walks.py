"""The member that walks: from promising points, and from whatever the other members find."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from surrogate.models.members.draws import Draws
from surrogate.models.programmes.phases import PhaseProgramme, Vertex
from surrogate.models.programmes.walk import Walker
from surrogate.models.state import SearchState
from surrogate.networks import BoolArray, FloatArray

LEAST_NEAR = 0.1
"""The least time of draws near good points, as a share of the time of walks, when these draws find nothing."""

COMPLETING_SECONDS = 2.0
"""Most seconds for making the user's integers whole in one region."""

WHOLE = 1e-6
"""Values of integers that are off a whole number by no more than this count as whole."""


class Walks:
    """Walks with the user's integers relaxed, then with integers made whole and held.

    Attributes:
        draws: the points that walks begin at.
        programme: the model over one linear region at a time; shared with :class:`surrogate.models.members.targets.Targets`.
    """

    def __init__(self, state: SearchState) -> None:
        self._state, self._model = state, state.model
        self.programme = PhaseProgramme(state.model, state.rows)
        self._walker = Walker(self.programme)
        self.draws = Draws(state)
        self._unfinished: BoolArray | None = None
        """The region in which the last walk from a start ran out of time; the next walk goes on there."""
        self._near: FloatArray | None = None
        self._near_seconds = self._walk_seconds = 0.0
        self._near_share = 1.0
        self._integers = np.flatnonzero(state.model.integral)

    def turn(self, until: float) -> bool:
        """Walk from point after point, and draw points near good ones; it never comes to an end of these.

        Draws have as much time as walks, and less each time that they find nothing better.
        """
        now = time.perf_counter
        while now() < until and not self._state.incumbent.wants_end:
            begin = now()
            if self._near_seconds < self._near_share * self._walk_seconds:
                value = self._state.incumbent.value
                self._near = self.draws.look_near(until)
                self._near_share = 1.0 if self._state.incumbent.value < value else max(0.7 * self._near_share, LEAST_NEAR)
                self._near_seconds += now() - begin
                continue
            if self._unfinished is not None:
                self._walk(self._unfinished, "walks", until)
            else:
                start, self._near = self.draws.next_start() if self._near is None else self._near, None
                self.walk_from(start, "walks", until)
            self._walk_seconds += now() - begin
        return True

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
        end, self._unfinished = self._walker.walk(phases, until, lambda vertex: self._take(vertex, source, until))
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
        end, _ = self._walker.walk(phases, until, lambda vertex: self._offer(vertex, source))
        self._count()
        if end is not None:
            self._offer(end, source)
        return end is not None

    def walk_on(
        self, values: FloatArray, phases: BoolArray, hold: bool, source: str, until: float
    ) -> tuple[bool, BoolArray | None]:
        """Walk from a region, with the integers held at those of a decision ``(columns,)`` or relaxed and then made whole.

        Returns:
            whether the user's rows allowed a point; and the region in which the walk ran out of time, where another
            walk can go on, None if it came to its end.
        """
        if hold:
            with self.held(values):
                end, unfinished = self._walker.walk(phases, until, lambda vertex: self._offer(vertex, source))
                if end is not None:
                    self._offer(end, source)
        else:
            end, unfinished = self._walker.walk(phases, until, lambda vertex: self._take(vertex, source, until))
            if end is not None:
                self._take(end, source, until)
        self._unfinished = None
        self._count()
        return end is not None, unfinished

    def _offer(self, vertex: Vertex, source: str) -> None:
        self._state.incumbent.offer(vertex.values, source)

    def _count(self) -> None:
        work = self._state.work
        work["regions"] = self._walker.regions
        work["simplex_iterations"] += self.programme.programme.iterations - work["walk_iterations"]
        work["walk_iterations"] = self.programme.programme.iterations
