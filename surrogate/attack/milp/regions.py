"""Visits the surrogate's activation regions in turn: records an incumbent, excludes its region, and goes on elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from surrogate.attack.milp.exclusion import Exclusion
from surrogate.attack.milp.model import MaximisationModel, Pattern
from surrogate.attack.milp.policies import MilpOutcome, MilpSearch, certain_bound, require_feasible
from surrogate.attack.milp.pool import Pool
from surrogate.attack.milp.subproblem import DenseSubproblem
from surrogate.attack.result import RegionVisit
from surrogate.errors import SolverFailure
from surrogate.networks import FloatArray
from surrogate.solvers import Solution, SolverStatus
from surrogate.solvers.base import CutRow


@dataclass
class _Met:
    """An incumbent in a region that is still to be excluded."""

    point: FloatArray
    before: float
    after: float


class RegionSearch:
    """One search over regions.

    The dual bound is always one for the whole input region. A solve proves something outside the activation regions that were
    excluded before it, and that counts together with what was proven inside them. Inside such a region a dense surrogate is
    linear, and a linear programme bounds it. Of another surrogate's region only one point was checked: nothing is proven
    there, and bounds of later solves count for nothing.
    """

    def __init__(self, search: MilpSearch, settings: Exclusion, subproblem: DenseSubproblem | None) -> None:
        """``subproblem`` optimises the dense network inside a region; None only checks incumbents."""
        self.search, self.settings, self.subproblem = search, settings, subproblem
        self.model, self.recorder = search.model, search.recorder
        self.is_dense = search.surrogate.key == search.recorder.dense.key
        self.excluded: set[Pattern] = set()
        self.regions: list[RegionVisit] = []
        self.work = {"nodes": 0, "simplex_iterations": 0, "solves": 0}
        self.solve_seconds = 0.0
        # As the solver states them, by which it ends, and with its errors added, which is what is proven.
        self.inside_bound = self.inside_certain = float("-inf")  # over what was excluded
        self.bound = self.certain = float("inf")  # over the whole region
        self.pool = Pool(search, settings.seed)

    def run(self) -> MilpOutcome:
        """Search until the time is over, every region was visited, or nothing better can be left (a dense surrogate).

        Raises:
            SolverFailure: the solver gave up on the first model; later it ends the search with the status ``failed``.
        """
        watched = [*self.model.inputs, *self.model.binaries.values()]
        size: dict[str, int] = {}
        slice_seconds = self.settings.solve_seconds
        start: Pattern | None = self._present_pattern() if self.search.warm_start else None
        if self.search.warm_start:
            self._visit_seeds()
        while True:
            if self.search.warm_start and (start is None or start in self.excluded):
                start = self._next_start()
            met: dict[Pattern, _Met] = {}
            lazy = self._lazily()

            def on_incumbent(values: FloatArray, _objective: float, met: dict = met, start: Pattern | None = start) -> bool:
                x, pattern = self._point_and_pattern(values)
                met[pattern] = _Met(x, *self.search.check(x))  # a later one of the same region is the better one
                return self.settings.interrupt and pattern != start

            try:
                solution = self.model.solve(
                    self.search.solver,
                    watched,
                    warm_start=start is not None,
                    on_incumbent=on_incumbent,
                    deadline=self.search.deadline if lazy else min(self.search.deadline, time.perf_counter() + slice_seconds),
                    **lazy,
                )
            except SolverFailure:
                if not self.excluded:
                    raise
                return self._outcome("failed", size)
            size = size or solution.size
            self._count(solution)
            if solution.status is SolverStatus.INFEASIBLE:
                return self._outcome(self._exhausted(solution), size)
            if solution.values is not None and solution.status is SolverStatus.OPTIMAL:
                on_incumbent(solution.values, float("nan"))
            self._bound_by(solution.dual_bound, certain_bound(solution))
            if self._closed():
                return self._outcome(str(SolverStatus.OPTIMAL), size)
            if time.perf_counter() >= self.search.deadline:
                return self._outcome(str(SolverStatus.TIME_LIMIT), size)
            fresh = [pattern for pattern in met if pattern not in self.excluded]
            for pattern in fresh:
                self._visit(pattern, met[pattern])
            if self.excluded and not self.model.binaries:
                return self._outcome("exhausted", size)  # the surrogate is linear here: one region
            if not fresh:
                if solution.status is SolverStatus.OPTIMAL:
                    return self._outcome("failed", size)  # an optimum in a region that its cuts exclude
                slice_seconds *= 2.0  # nothing was met in this time

    def _point_and_pattern(self, values: FloatArray) -> tuple[FloatArray, Pattern]:
        inputs = len(self.model.inputs)
        return values[:inputs], tuple((values[inputs:] > 0.5).tolist())

    def _lazily(self) -> dict[str, Any]:
        """Return what has the solver exclude while it runs; nothing where it can't, or where incumbents should stand."""
        if not self.settings.interrupt or self.is_dense or not self.model.binaries or not self.search.solver.lazy_constraints:
            return {}

        def cut(values: FloatArray) -> CutRow:
            x, pattern = self._point_and_pattern(values)
            if pattern not in self.excluded:
                self._visit(pattern, _Met(x, *self.search.check(x)))
            signs, low = self.model.no_good(pattern)
            return np.array([0.0] * len(x) + signs), low

        return {"cut": cut}

    def _visit(self, pattern: Pattern, met: _Met) -> None:
        begin = time.perf_counter()
        margin = self.search.surrogate_margin(met.point)
        after, bound, certain = met.after, None, float("inf")
        solution: Solution | None = None
        if self.is_dense:
            with self.model.fixed(pattern):
                solution = self._solve_inside(self.model)
        elif self.subproblem is not None:
            with self.subproblem.inside(self.model, pattern, met.point) as dense:
                solution = self._solve_inside(dense, warm_start=True)
        if solution is not None:
            if solution.values is not None:
                checked = self.recorder.meet(solution.values, "region", self.search.surrogate_margin(solution.values))
                after = max(after, float("-inf") if checked is None else checked.margin)
            bound, certain = solution.dual_bound, certain_bound(solution)
        if self.is_dense:
            self.inside_bound = max(self.inside_bound, float("inf") if bound is None else bound)
            self.inside_certain = max(self.inside_certain, certain)
        else:
            self.inside_bound = self.inside_certain = float("inf")
        self.excluded.add(pattern)
        if pattern:
            self.model.forbid(pattern)
        proven = certain if np.isfinite(certain) else None
        self.regions.append(RegionVisit(time.perf_counter() - begin, margin, met.before, after, proven))

    def _solve_inside(self, model: MaximisationModel, warm_start: bool = False) -> Solution | None:
        """Solve within one region under its own limit; None if the solver gave up or there is no point (to its tolerance)."""

        def on_incumbent(x: FloatArray, _objective: float) -> bool:
            self.recorder.meet(x, "region", self.search.surrogate_margin(x))
            return False

        deadline = min(self.search.deadline, time.perf_counter() + self.settings.subproblem_seconds)
        try:
            solution = model.solve(
                self.search.solver, model.inputs, warm_start=warm_start, on_incumbent=on_incumbent, deadline=deadline
            )
        except SolverFailure:
            return None
        self._count(solution)
        return None if solution.status is SolverStatus.INFEASIBLE else solution

    def _count(self, solution: Solution) -> None:
        self.solve_seconds += solution.solve_seconds
        self.work["solves"] += 1
        for name in ("nodes", "simplex_iterations"):
            self.work[name] += solution.work.get(name, 0)

    def _bound_by(self, bound: float | None, certain: float) -> None:
        if bound is not None:
            self.bound = min(self.bound, max(bound, self.inside_bound))
        self.certain = min(self.certain, max(certain, self.inside_certain))

    def _closed(self) -> bool:
        """Whether a dense surrogate's best point is as good as what can be left, or nothing adversarial can be."""
        if not self.is_dense:
            return False
        margin = self.recorder.margin
        gap = self.search.solver.relative_gap * max(1.0, abs(margin))
        return self.bound <= margin + gap or (self.recorder.problem.asks and self.certain < 0.0)

    def _exhausted(self, solution: Solution) -> str:
        """Believe that no region is left, unless a point is known in one that was not visited."""
        if not self.excluded:
            require_feasible(solution)
        if self.pool.reaches_beyond(self.excluded):
            return "failed"
        if solution.doubt is None:
            self._bound_by(float("-inf"), float("-inf"))
        return "exhausted"

    def _present_pattern(self) -> Pattern:
        return tuple(bool(variable.value) for variable in self.model.binaries.values())

    def _visit_seeds(self) -> None:
        """Visit the best regions among those of points climbed on the surrogate: they cost no solve."""
        for _ in range(self.settings.seeds):
            point = self.pool.best_beyond(self.excluded)
            if point is None or not self.model.binaries or time.perf_counter() >= self.search.deadline:
                return
            self._visit(self.model.patterns(point[None])[0], _Met(point, *self.search.check(point, "start")))

    def _next_start(self) -> Pattern | None:
        """Set the model's variables to the best known point outside all excluded regions; None if there is none."""
        point = self.pool.best_beyond(self.excluded)
        if point is None:
            return None
        self.model.set_values(point)
        return self.model.patterns(point[None])[0]

    def _outcome(self, status: str, size: dict[str, int]) -> MilpOutcome:
        return MilpOutcome(
            status,
            self.certain,
            self.solve_seconds,
            {**self.work, "regions": len(self.regions)},
            size,
            self.regions,
        )
