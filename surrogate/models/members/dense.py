"""The member that proves: the MILP with the dense networks, over bounds that the whole model tightens."""

from __future__ import annotations

import dataclasses
import math
import time

from surrogate.models.programmes.mips import ROOM, StatedModel
from surrogate.models.programmes.tightening import tighten
from surrogate.models.programmes.turns import SolveInTurns
from surrogate.models.state import SearchState
from surrogate.solvers import Solution, SolverStatus

LIE = 1e-4
"""A bound contradicts a decision if it is better than the decision's value by more than this share of that value."""

STRICTLY = 1e-9
"""A decision whose violations are no larger is one for every solver, whatever tolerances it has."""


class Dense:
    """Tightens bounds in its first turn, then goes on with one MILP, which starts from the best decision of that time."""

    def __init__(self, state: SearchState) -> None:
        self._state = state
        self._solve: SolveInTurns | None = None
        self._cutoff = math.inf
        self._ended = False

    def turn(self, until: float) -> bool:
        """Go on; False when the MILP has ended."""
        if self._solve is None:
            self._begin(until)
            return True
        solution = self._solve.advance(until)
        if solution is None:
            return True
        self._ended = True
        self._take(solution)
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
        self._cutoff = incumbent.value + room if from_best else math.inf
        bounds, bound = tighten(model, state.ranges, self._cutoff if from_best else None, settings.tolerance, until)
        if bound is not None:
            state.raise_bound(bound)
        self._solve = SolveInTurns(
            StatedModel(
                model,
                [link.network for link in model.links],
                bounds,
                settings.formulation,
                ROOM * settings.tolerance,
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
        best, model = state.incumbent.value, state.model
        if solution.status is SolverStatus.INFEASIBLE:
            if solution.doubt is None and not self._refuted(self._is_allowed(), "there is no decision"):
                if state.incumbent.values is None:
                    state.excluded = True
                elif math.isfinite(self._cutoff):
                    state.bound = best  # nothing is better than the decision that the bounds were tightened for
            return
        stated = solution.dual_bound if solution.certain_bound is None else solution.certain_bound
        if stated is None or not math.isfinite(stated):
            return
        bound, slack = model.sign * stated, LIE * max(1.0, abs(best)) if math.isfinite(best) else 0.0
        if not self._refuted(bound > best + slack, f"no decision is better than {stated:g}"):
            state.raise_bound(bound, rounded=solution.certain_bound is not None)

    def _is_allowed(self) -> bool:
        """Whether the best decision is one of those that the MILP's solver had to find, whatever its tolerances."""
        best = self._state.incumbent.values
        return best is not None and float(self._state.model.violations(best[None]).max(initial=0.0)) <= STRICTLY

    def _refuted(self, is_wrong: bool, verdict: str) -> bool:
        if is_wrong:
            value = self._state.incumbent.steps[-1].value
            self._state.failures["dense"] = (
                f"{self._state.settings.solver.name} claims that {verdict}, but one with the value {value:g} holds"
            )
        return is_wrong
