"""The member that proves: the MILP with the dense networks, over bounds that the whole model tightens."""

from __future__ import annotations

import dataclasses
import math
import time

from surrogate.models.common import Common
from surrogate.models.mips import StatedModel
from surrogate.models.tightening import tighten
from surrogate.models.turns import SolveInTurns
from surrogate.solvers import Solution, SolverStatus

CONTRADICTION = 1e-3
"""A solver's bound that the best decision beats by more than this, relative to its value where that is above 1, is no bound."""

STRICTLY = 1e-9
"""A decision whose violations are no larger is one for every solver, whatever tolerances it has."""


class Dense:
    """Tightens bounds in its first turn, then goes on with one MILP, which starts from the best decision of that time."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._solve: SolveInTurns | None = None
        self._from_best = False
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
        common = self._common
        model, settings, incumbent = common.model, common.settings, common.incumbent
        self._from_best = incumbent.values is not None
        # A little more than what is better: a solver must not call what is left of the model empty for its tolerances' sake.
        room = max(10.0 * settings.tolerance, 0.5 * settings.relative_gap) * max(1.0, abs(incumbent.value))
        better_than = incumbent.value + room if self._from_best else None
        bounds, bound = tighten(model, common.ranges, better_than, settings.tolerance, until)
        if bound is not None:
            common.raise_bound(bound)
        self._solve = SolveInTurns(
            StatedModel(model, [link.network for link in model.links], bounds, settings.formulation),
            dataclasses.replace(settings.solver, time_limit_seconds=max(common.deadline - time.perf_counter(), 1e-3)),
            common.deadline,
            incumbent.values,
            lambda values: incumbent.offer(values, "dense") and incumbent.wants_end,
        )

    def _take(self, solution: Solution) -> None:
        common = self._common
        common.work.update(solution.work)
        if solution.values is not None:
            common.incumbent.offer(solution.values, "dense")
        if solution.status is SolverStatus.INFEASIBLE:
            if solution.doubt is None:
                self._exclude()
            return
        stated = solution.dual_bound if solution.certain_bound is None else solution.certain_bound
        if stated is None or not math.isfinite(stated):
            return
        bound, value = common.model.sign * stated, common.incumbent.value
        if bound > value + max(CONTRADICTION, common.settings.relative_gap) * max(1.0, abs(value)):
            self._contradict(f"stated the bound {stated:g}")
        else:
            common.raise_bound(bound, rounded=solution.certain_bound is not None)

    def _exclude(self) -> None:
        """Take the verdict that the model has no solution, where no decision that holds speaks against it."""
        common = self._common
        best = common.incumbent.values
        if best is None:
            common.excluded = not self._from_best
        elif float(common.model.violations(best[None]).max(initial=0.0)) <= STRICTLY:
            self._contradict("called the model infeasible")
        elif self._from_best:
            common.bound = common.incumbent.value  # nothing is better than what the bounds were tightened for

    def _contradict(self, claim: str) -> None:
        solver, best = self._common.settings.solver.name, self._common.incumbent.steps[-1].value
        self._common.failures["dense"] = f"{solver} {claim}, but a decision of the value {best:g} holds: its word is not taken"
