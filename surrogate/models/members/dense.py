"""The member that proves: the MILP with the dense networks, over bounds that the whole model tightens."""

from __future__ import annotations

import dataclasses
import math
import time

from surrogate.models.programmes.mips import ROOM, StatedModel
from surrogate.models.programmes.tightening import Tightening
from surrogate.models.programmes.turns import SolveInTurns
from surrogate.models.state import LIE, SearchState
from surrogate.solvers import Solution, SolverStatus

ALL_ROOM = 0.999
"""Share of the tolerance that rows get where the solver has to exclude every decision that holds: what it finds on the edge of
that still holds after rounding, and what is beyond the edge is within the solver's own tolerance."""

SHRUNK = 0.5
"""A MILP begins anew when the unstable neurons' ranges have shrunk by this share on average since it began."""

SETTLED = 0.05
"""A MILP that began without a decision begins anew when the best one is as old as this share of the search's time, and at least
half a second."""


class Dense:
    """Goes on with a MILP, and tightens its bounds; each has half of the time.

    The bounds are those of decisions that are better than the best one. Where they have shrunk much, the MILP begins anew with
    them. It does too where it began without a decision to start from, and the other members have found one by now.

    The MILP's rows have little room, so that what it finds holds. A decision may break a row by more, up to the tolerance. So a
    MILP that is infeasible has excluded too little: the verdict is that of a second one, whose rows have all of that room.
    """

    def __init__(self, state: SearchState) -> None:
        self._state = state
        self._tightening = Tightening(state.model, state.ranges, state.settings.tolerance)
        self._spans = self._tightening.spans()
        self._solve: SolveInTurns | None = None
        self._room = ROOM
        self._ended = self._has_start = self._is_tight = False
        self._solving_seconds = self._tightening_seconds = 0.0

    def turn(self, until: float) -> bool:
        """Go on; False when the MILP has ended."""
        if self._solve is None:
            self._tighten(until)
            self._begin()
            return True
        if not self._is_tight and self._tightening_seconds < self._solving_seconds:
            self._tighten(until)
            return True
        if self._is_outdated():
            solution = self._solve.finish()
            if solution is not None:
                self._take(solution)
            self._begin()
        begin = time.perf_counter()
        solution = self._solve.advance(until)
        self._solving_seconds += time.perf_counter() - begin
        if solution is None:
            return True
        self._take(solution)
        if solution.status is SolverStatus.INFEASIBLE and self._room < ALL_ROOM:
            self._room, self._solve = ALL_ROOM, None
            return True
        self._ended = True
        return False

    def finish(self) -> None:
        """End the MILP, and take the bound that it has by then."""
        if self._solve is None or self._ended:
            return
        solution = self._solve.finish()
        if solution is not None:
            self._take(solution)

    def _is_outdated(self) -> bool:
        """Whether a MILP that begins now would be much smaller, or have a decision to start from that this one lacks."""
        if self._tightening.shrunk(self._spans) >= SHRUNK:
            return True
        incumbent = self._state.incumbent
        if self._has_start or incumbent.values is None:
            return False
        over = time.perf_counter() - incumbent.begin
        return over - incumbent.steps[-1].seconds >= max(0.5, SETTLED * over)

    def _tighten(self, until: float) -> None:
        begin = time.perf_counter()
        self._is_tight = self._tightening.advance(until, self._cutoff())
        self._state.raise_bound(self._tightening.bound)
        self._tightening_seconds += time.perf_counter() - begin

    def _cutoff(self) -> float | None:
        """Return the objective of the decisions that count; None for all."""
        incumbent, settings = self._state.incumbent, self._state.settings
        if incumbent.values is None:
            return None
        # A little more than what is better: a solver must not call what is left of the model empty for its tolerances' sake.
        least = 10.0 * settings.tolerance * max(1.0, abs(incumbent.value))
        return incumbent.value + max(least, 0.5 * settings.relative_gap * self._state.size_of(incumbent.value))

    def _begin(self) -> None:
        state, tightened = self._state, self._tightening
        model, settings, incumbent = state.model, state.settings, state.incumbent
        self._spans, self._has_start = tightened.spans(), incumbent.values is not None
        self._solve = SolveInTurns(
            StatedModel(
                model,
                [link.network for link in model.links],
                tightened.bounds,
                settings.formulation,
                self._room * settings.tolerance,
                state.pace,
                state.deadline,
                (tightened.lower, tightened.upper),
            ),
            dataclasses.replace(settings.solver, time_limit_seconds=max(state.deadline - time.perf_counter(), 1e-3)),
            state.deadline,
            incumbent.values,
            lambda values: incumbent.offer(values, "dense") and incumbent.wants_end,
        )

    def _take(self, solution: Solution) -> None:
        """Take the MILP's verdict. One that proves nothing, or that a known decision contradicts, is noted as a failure."""
        state = self._state
        state.measured("dense", solution)
        if solution.values is not None:
            state.incumbent.offer(solution.values, "dense")
        if solution.doubt is not None and not state.proven:
            state.failures["dense"] = f"{state.settings.solver.name}'s verdict is not taken: {solution.doubt}"
        best = state.incumbent.value
        if solution.status is SolverStatus.INFEASIBLE:
            if solution.doubt is not None or self._room < ALL_ROOM:
                return
            if state.incumbent.values is None:
                state.excluded = True
            else:  # the best decision keeps all rows of this MILP, and is no worse than what bounds were tightened for
                state.refuted("there is no decision")
            return
        stated = solution.dual_bound if solution.certain_bound is None else solution.certain_bound
        if stated is None or not math.isfinite(stated):
            return
        bound, claim = state.model.sign * stated, f"no decision is better than {stated:g}"
        if bound > best + LIE * state.size_of(best):
            state.refuted(claim)
        else:
            state.raise_bound(bound, claim, rounded=solution.certain_bound is not None)
