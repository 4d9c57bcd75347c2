"""The points that the search begins with: drawn over the whole model, then between good ones and others."""

from __future__ import annotations

import time

import numpy as np

from surrogate.models.points import VERTEX_SECONDS, Points
from surrogate.models.programmes.mips import ROOM
from surrogate.models.state import SearchState
from surrogate.networks import FloatArray

FIRST_POINTS = 256
"""How many points are drawn first. The first decision comes sooner from a small batch."""

FEWEST_POINTS, LEFT = 16, 0.5
"""The least number of points in a batch, and the largest share of the time left that a batch takes, by the last one's pace."""

USED = 0.25
"""Share of a batch, the promising ones first, that walks begin at."""

OFFERED = 4
"""Points of a batch that are checked against the whole model."""

NEAR = 256
"""Points that are drawn near another one at a time."""

NEAREST, FARTHEST = -2.5, -0.3
"""Powers of ten of the least and the largest share of the way from there to a point of the last batch."""

MISSES = 3
"""The search near a point ends after this many batches without a better one."""


class Draws:
    """Draws decisions, ranks them by forward passes, and holds the promising ones against the model."""

    def __init__(self, state: SearchState) -> None:
        self._state, self._model = state, state.model
        self._points = Points(state.model, state.ranges, state.rng)
        self._starts: FloatArray = np.zeros((0, state.model.columns))
        self._next, self._seconds_a_point, self._weight = 0, 1e-9, 1.0
        self._is_best_next = False
        placed = state.model.is_input | state.model.is_output
        others = abs(state.model.matrix) @ (~placed).astype(np.float64)
        self._decided = np.concatenate([others == 0.0, placed])
        self._has_costly_others = bool(state.model.cost[~placed].any())
        self._integers = np.flatnonzero(state.model.integral)

    def begin(self) -> None:
        """Draw the first points, which all members have to begin with."""
        self._starts = self._drawn(FIRST_POINTS)

    def begin_anew(self) -> None:
        """Draw other points, and offer the most promising ones that may hold."""
        self._starts, self._next = self._drawn(self._state.settings.points), 0

    def next_start(self) -> FloatArray:
        """Return the most promising point ``(columns,)`` that has not been used, drawing new ones where none is left."""
        if self._next >= USED * len(self._starts):
            self.begin_anew()
        self._next += 1
        return self._starts[self._next - 1]

    def draw(self, count: int) -> FloatArray:
        """Return completed decisions ``(n, columns)``, ``n`` at most ``count``."""
        return self._points.draw(count)

    def look_near(self, until: float) -> FloatArray:
        """Go from point to better point by draws, from the best decision and from a start in turns; return the last one."""
        model, incumbent = self._model, self._state.incumbent
        self._is_best_next = not self._is_best_next and incumbent.values is not None
        base = incumbent.values if self._is_best_next and incumbent.values is not None else self.next_start()
        if not len(self._starts):
            self.begin_anew()
        merit, misses = self._merits(base[None])[0], 0
        while misses < MISSES and time.perf_counter() < until and not incumbent.wants_end:
            values = model.complete(self._between(base))
            merits = self._merits(values)
            order = np.argsort(merits)
            misses += 1
            if self._offer_hopeful(values[order]) and self._is_best_next and incumbent.values is not None:
                base, misses = incumbent.values, 0
                merit = self._merits(base[None])[0]
            elif merits[order[0]] < merit - 1e-6 * max(1.0, abs(merit)):
                base, merit, misses = values[order[0]], merits[order[0]], 0
        return base

    def _between(self, base: FloatArray) -> FloatArray:
        """Return points ``(n, columns)`` between a decision and points of the last batch; integers have one of both values."""
        rng, integers = self._state.rng, self._integers
        count = self._affordable(NEAR)
        aims = self._starts[rng.integers(len(self._starts), size=count)]
        shares = 10.0 ** rng.uniform(NEAREST, FARTHEST, size=(count, 1))
        values = base + shares * (aims - base)
        moved = rng.random((count, integers.size)) < shares
        values[:, integers] = np.where(moved, aims[:, integers], base[integers])
        return np.asarray(values)

    def _affordable(self, count: int) -> int:
        """Return how many of so many points there is time for."""
        left = LEFT * (self._state.deadline - time.perf_counter())
        return count if left >= count * self._seconds_a_point else max(FEWEST_POINTS, int(left / self._seconds_a_point))

    def _drawn(self, count: int) -> FloatArray:
        """Return new points, ranked: ``count`` of them, or as many as can be drawn and ranked before the deadline."""
        begin = time.perf_counter()
        values = self._points.draw(self._affordable(count))
        ranked = self._ranked(values)
        self._seconds_a_point = max(time.perf_counter() - begin - VERTEX_SECONDS, 1e-6) / len(values)
        return ranked

    def _ranked(self, values: FloatArray) -> FloatArray:
        """Return the decisions, the most promising first, of which some are held against the model."""
        objective, violation = self._model.objective(values), self._model.violations(values).sum(axis=1)
        is_varied = violation.std() > 0.0 and objective.std() > 0.0
        self._weight = float(3.0 * objective.std() / violation.std()) if is_varied else 1.0
        values = values[np.argsort(self._merits(values))]
        self._offer_hopeful(values)
        return values

    def _merits(self, values: FloatArray) -> FloatArray:
        """Return what is less for better decisions: objective and violations, in units of their deviations over a batch."""
        self._state.work["points"] += len(values)
        return self._model.objective(values) + self._weight * self._model.violations(values).sum(axis=1)

    def _offer_hopeful(self, values: FloatArray) -> bool:
        """Offer the first decisions that may hold; return whether one does and is better."""
        incumbent = self._state.incumbent
        # The other variables can be optimised anew: what must hold is what inputs and outputs alone decide.
        decided = self._model.violations(values)[:, self._decided].max(axis=1, initial=0.0)
        # Draws go to the edge of what is let through. A proof's rows have less room, and would be refuted by what is there.
        hopeful = decided <= ROOM * self._state.settings.tolerance
        if incumbent.values is not None and not self._has_costly_others:
            hopeful &= self._model.objective(values) < incumbent.value
        return any(incumbent.offer(one, "points") for one in values[hopeful][:OFFERED])
