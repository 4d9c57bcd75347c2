"""Visits the surrogate's activation regions in turn: records an incumbent, excludes its region, and goes on elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from surrogate import rules
from surrogate.attack.frank_wolfe import ascend, random_starts
from surrogate.attack.milp.model import MaximisationModel, Pattern
from surrogate.attack.milp.policies import MilpOutcome, MilpSearch, certain_bound, require_feasible
from surrogate.attack.milp.subproblem import DenseSubproblem
from surrogate.attack.result import RegionVisit
from surrogate.errors import SolverFailure
from surrogate.networks import FloatArray
from surrogate.settings import Configurable, setting
from surrogate.solvers import Solution, SolverStatus
from surrogate.solvers.base import Row

POOL = 64
"""Points climbed on the surrogate that later solves may start from, each where no region was excluded yet."""

CLEARLY = 1e-5
"""A pre-activation of at least this size decides a neuron's phase whatever a solver's tolerances are."""


@dataclass(frozen=True)
class Exclusion(Configurable):
    """When regions are excluded and how long each is searched.

    HiGHS can't add a constraint while it runs. So a solve is ended, what it met is excluded by no-good cuts, and the model is
    solved afresh with all cuts so far. With ``interrupt`` a solver that has lazy constraints (Gurobi) goes on instead: each
    solution that it meets has its region visited and excluded while it waits. A dense surrogate's incumbents are let stand,
    for they prune the search.

    Attributes:
        interrupt: end each solve at its first incumbent that is not its own start; False lets it run for ``solve_seconds`` and
            excludes everything that it met, which pays where a solve's root takes seconds, since each solve begins with one.
        solve_seconds: most wall seconds between two exclusions.
        subproblem_seconds: most wall seconds for the dense network inside one region (``dense_subproblem``).
        seeds: regions of points climbed on the surrogate that are visited before the first solve, unless it starts from
            nothing; 0 leaves the finding of regions to the solver.
        seed: seed of the points that are climbed.

    Raises:
        InvalidSetting: seconds that are not positive, a number of seeds or a seed that is negative or not whole.
    """

    interrupt: bool = setting(False, rules.FLAG)
    solve_seconds: float = setting(15.0, rules.POSITIVE)
    subproblem_seconds: float = setting(2.0, rules.POSITIVE)
    seeds: int = setting(8, rules.integer(0))
    seed: int = setting(0, rules.SEED, key="solver.seed")


@dataclass
class _Met:
    """An incumbent in a region that is still to be excluded."""

    point: FloatArray
    before: float
    after: float


class RegionSearch:
    """One search over regions.

    The dual bound stays one for the whole input region: what a solve proves holds outside the regions excluded before it, so
    it counts together with what was proven inside them. Inside a region a dense surrogate is linear, and its LP bounds it;
    where a surrogate's region was only checked at a point, nothing is known and later bounds count for nothing.
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
        self._rng = np.random.default_rng(settings.seed)
        self._pool: FloatArray = np.empty((0, search.recorder.region.size))

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

        def cut(values: FloatArray) -> Row:
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
        points = np.concatenate([self._pool, random_starts(self.recorder.region, POOL, self._rng)])
        z = self.model.embedding.network.pre_activations(points)
        sizes = np.stack([np.abs(z[layer][:, neuron]) for layer, neuron in self.model.binaries], axis=1).min(axis=1)
        patterns = self.model.patterns(points)
        if any(size > CLEARLY and pattern not in self.excluded for size, pattern in zip(sizes, patterns, strict=True)):
            return "failed"
        if solution.doubt is None:
            self._bound_by(float("-inf"), float("-inf"))
        return "exhausted"

    def _present_pattern(self) -> Pattern:
        return tuple(bool(variable.value) for variable in self.model.binaries.values())

    def _visit_seeds(self) -> None:
        """Visit the best regions among those of points climbed on the surrogate: they cost no solve."""
        for _ in range(self.settings.seeds):
            point = self._best_elsewhere()
            if point is None or not self.model.binaries or time.perf_counter() >= self.search.deadline:
                return
            self._visit(self.model.patterns(point[None])[0], _Met(point, *self.search.check(point, "start")))

    def _next_start(self) -> Pattern | None:
        """Set the model's variables to the best known point outside all excluded regions; None if there is none."""
        point = self._best_elsewhere()
        if point is None:
            return None
        self.model.set_values(point)
        return self.model.patterns(point[None])[0]

    def _best_elsewhere(self) -> FloatArray | None:
        """Return the point with the largest surrogate value among random and climbed ones outside all excluded regions."""
        region, problem, surrogate = self.recorder.region, self.recorder.problem, self.search.surrogate
        for _ in range(2):
            outside = [pattern not in self.excluded for pattern in self.model.patterns(self._pool)] if len(self._pool) else []
            self._pool = self._pool[np.array(outside, dtype=np.bool_)]
            if len(self._pool):
                return self._pool[int(np.argmax(problem.value(surrogate(self._pool))))]
            starts = random_starts(region, POOL, self._rng)
            climbed, _, spent = ascend(surrogate, region, problem, starts, 10, self.search.deadline)
            self.search.gradient_evaluations += spent
            self._pool = np.concatenate([climbed, starts])
        return None

    def _outcome(self, status: str, size: dict[str, int]) -> MilpOutcome:
        return MilpOutcome(
            status,
            self.certain,
            self.solve_seconds,
            {**self.work, "regions": len(self.regions)},
            size,
            self.regions,
        )
