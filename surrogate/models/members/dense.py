"""The member that proves: the MILP with the dense networks, over bounds that the whole model tightens."""

from __future__ import annotations

import dataclasses
import math
import time

from surrogate.models.programmes.mips import ROOM, StatedModel
from surrogate.models.programmes.tightening import tighten
from surrogate.models.programmes.turns import SolveInTurns
from surrogate.models.state import LIE, SearchState
from surrogate.solvers import Solution, SolverStatus

ALL_ROOM = 0.999
"""Share of the tolerance that rows get where the solver has to exclude every decision that holds: what it finds on the edge of
that still holds after rounding, and what is beyond the edge is within the solver's own tolerance."""


class Dense:
    """Tightens bounds in its first turn, then goes on with one MILP, which starts from the best decision of that time.

    The MILP's rows have little room, so that what it finds holds. A decision may break a row by more, up to the tolerance. So a
    MILP that is infeasible has excluded too little: the verdict is that of a second one, whose rows have all of that room.
    """

    def __init__(self, state: SearchState) -> None:
        self._state = state
        self._solve: SolveInTurns | None = None
        self._room = ROOM
        self._ended = False

    def turn(self, until: float) -> bool:
        """Go on; False when the MILP has ended."""
        if self._solve is None:
            self._begin(until)
            return True
        solution = self._solve.advance(until)
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

    def _begin(self, until: float) -> None:
        state = self._state
        model, settings, incumbent = state.model, state.settings, state.incumbent
        from_best = incumbent.values is not None
        # A little more than what is better: a solver must not call what is left of the model empty for its tolerances' sake.
        room = max(10.0 * settings.tolerance, 0.5 * settings.relative_gap) * max(1.0, abs(incumbent.value))
        cutoff = incumbent.value + room if from_best else None
        bounds, bound = tighten(model, state.ranges, cutoff, settings.tolerance, until)
        if bound is not None:
            state.raise_bound(bound)
        self._solve = SolveInTurns(
            StatedModel(
                model,
                [link.network for link in model.links],
                bounds,
                settings.formulation,
                self._room * settings.tolerance,
                state.pace,
                state.deadline,
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
