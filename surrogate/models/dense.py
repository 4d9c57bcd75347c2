"""The member that proves: the MILP with the dense networks, over bounds that the whole model tightens."""

from __future__ import annotations

import dataclasses
import time

from surrogate.errors import SolverFailure, UnsoundBounds
from surrogate.models.common import Common
from surrogate.models.mips import StatedModel
from surrogate.models.tightening import tighten
from surrogate.models.turns import SolveInTurns
from surrogate.solvers import Solution, SolverStatus


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
        try:
            solution = self._solve.finish()
        except (SolverFailure, UnsoundBounds) as error:
            self._common.failures["dense"] = str(error)
            return
        if solution is not None:
            self._take(solution)

    def _begin(self, until: float) -> None:
        common = self._common
        model, settings, incumbent = common.model, common.settings, common.incumbent
        self._from_best = incumbent.values is not None
        bounds, bound = tighten(model, common.ranges, incumbent.value if self._from_best else None, settings.tolerance, until)
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
        if solution.status is SolverStatus.INFEASIBLE and solution.doubt is None:
            if self._from_best:
                common.bound = common.incumbent.value  # nothing is better than what the bounds were tightened for
            else:
                common.excluded = common.incumbent.values is None
        stated = solution.dual_bound if solution.certain_bound is None else solution.certain_bound
        if stated is not None:
            common.raise_bound(common.model.sign * stated)
