"""The search: its members on one clock and one thread, all sharing the best decision and the bound."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from surrogate import bounds as bound_methods
from surrogate import formulation as formulations
from surrogate.bounds import BoundMethod, Bounds
from surrogate.checks import is_number, list_of, require_integer, require_kind, require_name, require_number, shown
from surrogate.errors import InvalidSetting, SolverFailure, UnsoundBounds
from surrogate.formulation import Formulation
from surrogate.models.incumbent import Incumbent
from surrogate.models.mips import StatedModel
from surrogate.models.neighbourhood import Neighbourhoods
from surrogate.models.phases import PhaseProgramme, Vertex
from surrogate.models.points import Points
from surrogate.models.proof import Proof
from surrogate.models.ranges import find_ranges
from surrogate.models.reading import UserModel
from surrogate.models.rows import NetworkRows
from surrogate.models.shares import MEMBERS, Shares
from surrogate.models.tightening import tighten
from surrogate.models.walk import Walker
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.solvers import HighsSolver, Solution, Solver, SolverStatus

FIRST_POINTS = 256
"""Points of the first batch: a first decision should not wait for more."""


@dataclass(frozen=True)
class SearchSettings:
    """How the search goes about it; the defaults are for finding good decisions and proving them.

    Attributes:
        members: those of ``MEMBERS`` that take part.
        sparsities: to which the surrogates member prunes where a place names no surrogate, each tried in turn.
        solver: for the MILPs with dense or pruned networks; its time limit is replaced by what is left of the call's.
        bounds: name of the bound method, or a method.
        formulation: name of the formulation of the MILPs, or a formulation.
        tolerance: constraints and bounds may be violated by this much, relative to their sides where those are above 1.
        relative_gap: value and bound have met when they are this close.
        target: a value at which the search may end; None goes on to the proof or the time limit.
        points: how many points are drawn at a time.
        seed: of all draws.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    members: Sequence[str] = MEMBERS
    sparsities: Sequence[float] = (0.8, 0.5, 0.9)
    solver: Solver = field(default_factory=HighsSolver)
    bounds: str | BoundMethod = "crown"
    formulation: str | Formulation = "big_m"
    tolerance: float = 1e-6
    relative_gap: float = 1e-4
    target: float | None = None
    points: int = 4096
    seed: int = 0

    def __post_init__(self) -> None:
        for member in list_of("members", self.members, f"names among {', '.join(MEMBERS)}"):
            require_name("each of members", member, MEMBERS)
        for sparsity in list_of("sparsities", self.sparsities, "shares, such as (0.5, 0.9)"):
            require_number("each of sparsities", sparsity, "a number in [0, 1)", lambda value: 0.0 <= value < 1.0)
        require_kind("solver", self.solver, Solver, "HighsSolver()")
        bound_methods.method(self.bounds)
        formulations.method(self.formulation)
        require_number("tolerance", self.tolerance, "a number above 0 and at most 0.01", lambda v: 0.0 < v <= 1e-2)
        require_number("relative_gap", self.relative_gap, "a number of at least 0", lambda v: v >= 0.0)
        if self.target is not None and (not is_number(self.target) or not math.isfinite(self.target)):
            raise InvalidSetting(f"target={shown(self.target)} is not allowed: expected a finite number or None")
        require_integer("points", self.points, 1)
        require_integer("seed", self.seed, 0)


class Search:
    """One call."""

    def __init__(self, model: UserModel, incumbent: Incumbent, settings: SearchSettings, deadline: float) -> None:
        self.model, self.incumbent, self.settings, self.deadline = model, incumbent, settings, deadline
        self.bound = -math.inf
        """Proven lower bound on the minimised objective."""
        self.excluded = False
        """Whether it is proven that no decision holds."""
        self.surrogate_value: float | None = None
        self.failures: dict[str, str] = {}
        self.work: Counter[str] = Counter()
        self._rng = np.random.default_rng(settings.seed)
        self._sparsity = 0

    def run(self) -> None:
        """Search until a proof, the target, the caller or the deadline ends it."""
        settings, model, now = self.settings, self.model, time.perf_counter
        self._ranges = find_ranges(model, settings.bounds, self.deadline)
        start = model.start()
        if start is not None:
            self.incumbent.offer(start, "start")
        self._points = Points(model, self._ranges, self._rng)
        self._rows = NetworkRows(model, [link.network for link in model.links], self._ranges.bounds)
        self._programme = PhaseProgramme(model, self._rows)
        self._walker = Walker(self._programme)
        self._boxes = Neighbourhoods(model, self._ranges, self._rng)
        self._starts = self._ranked(self._points.draw(FIRST_POINTS))
        self._next = 0
        turns = {
            "walks": self._walks,
            "neighbourhoods": self._neighbourhoods,
            "surrogates": self._surrogates,
            "dense": self._dense,
        }
        self._shares = shares = Shares([name for name in turns if name in settings.members])
        self._proof: Proof | None = None
        try:
            while shares.members and not self._ended():
                name = shares.next()
                begin, before = now(), self.incumbent.value
                try:
                    turns[name](min(self.deadline, begin + shares.slice_seconds))
                except (SolverFailure, UnsoundBounds) as error:
                    self.failures[name] = str(error)
                    if name == "dense":
                        shares.leave(name)
                shares.took(name, now() - begin, self.incumbent.value < before)
        finally:
            self._end_proof()
        self.work["regions"] = self._walker.regions
        self.work["programmes"] = self._programme.programme.solves
        self.work["simplex_iterations"] += self._programme.programme.iterations
        self.work["nodes"] += self._boxes.nodes

    def _ended(self) -> bool:
        return self.excluded or self.incumbent.wants_end or self.proven or time.perf_counter() >= self.deadline

    @property
    def proven(self) -> bool:
        """Whether the best decision and the bound have met."""
        if self.incumbent.values is None:
            return False
        gap = self.incumbent.value - self.bound
        return gap <= self.settings.relative_gap * max(1.0, abs(self.incumbent.value))

    def _ranked(self, values: FloatArray) -> FloatArray:
        """Return decisions, the promising ones first: by objective and violations, each measured by its spread."""
        objective, violation = self.model.objective(values), self.model.violations(values).sum(axis=1)
        self.work["points"] += len(values)
        weight = 3.0 * objective.std() / violation.std() if violation.std() > 0.0 and objective.std() > 0.0 else 1.0
        order = np.argsort(objective + weight * violation)
        holding = order[violation[order] <= self.settings.tolerance][:1]
        for i in holding:
            self.incumbent.offer(values[i], "points")
        return values[order]

    def _walks(self, until: float) -> None:
        while time.perf_counter() < until and not self.incumbent.wants_end:
            if self._walker.unfinished is not None:
                self._walk_from(self._walker.unfinished, "walks", until)
                continue
            if self._next >= len(self._starts) // 4:
                self._starts, self._next = self._ranked(self._points.draw(self.settings.points)), 0
            self._walk_from(self._rows.phases(self._starts[self._next][None])[0], "walks", until)
            self._next += 1

    def _walk_from(self, phases: BoolArray, source: str, until: float) -> None:
        end = self._walker.walk(phases, until, lambda vertex: self._take(vertex, source, until))
        if end is not None:
            self._take(end, source, until)

    def _walk_from_best(self, until: float) -> None:
        if "walks" in self.settings.members and self.incumbent.values is not None:
            self._walk_from(self._rows.phases(self.incumbent.values[None])[0], "walks", until)

    def _take(self, vertex: Vertex, source: str, until: float) -> None:
        """Offer a region's optimum, with integers made whole in the region where they are not."""
        model = self.model
        if vertex.value >= self.incumbent.value - 1e-9 * max(1.0, abs(vertex.value)):
            return
        whole = np.abs(vertex.values - np.round(vertex.values))[model.integral]
        if whole.size and whole.max() > 1e-6:
            found = self._programme.completed(max(min(until - time.perf_counter(), 2.0), 0.05))
            if found is None:
                return
            self.incumbent.offer(found, source)
        else:
            self.incumbent.offer(vertex.values, source)

    def _neighbourhoods(self, until: float) -> None:
        while self.incumbent.values is not None and time.perf_counter() < until and not self.incumbent.wants_end:
            offer = lambda values: self.incumbent.offer(values, "neighbourhoods")  # noqa: E731
            if self._boxes.search(self.incumbent.values, until, offer):
                self._walk_from_best(until)

    def _surrogates(self, until: float) -> None:
        """Solve the model with one set of pruned copies; hold what is met, and walk from it."""
        model, settings, begin = self.model, self.settings, time.perf_counter()
        sparsities = list(settings.sparsities) or [0.8]
        amount = sparsities[self._sparsity % len(sparsities)]
        self._sparsity += 1
        networks = [self._pruned(at, amount) for at in range(len(model.links))]
        bounds = [self._bounds_of(network, at) for at, network in enumerate(networks)]
        met: list[FloatArray] = []

        def on_point(values: FloatArray) -> bool:
            met.append(np.array(values))
            return self.incumbent.wants_end

        stated = StatedModel(model, networks, bounds, settings.formulation)
        solution = stated.solve(settings.solver, until, None, on_point)
        self._count(solution)
        if solution.values is not None:
            met.append(solution.values)
        if solution.objective is not None:
            promised = solution.objective
            best = self.surrogate_value
            self.surrogate_value = (
                promised if best is None else (min(best, promised) if model.sign > 0 else max(best, promised))
            )
        for values in reversed(met):
            self.incumbent.offer(values, "surrogates")
        if met and "walks" in settings.members:
            self._walk_from(
                self._rows.phases(model.complete(met[-1][None]))[0], "surrogates", time.perf_counter() + 0.5 * (until - begin)
            )

    def _pruned(self, at: int, amount: float) -> ReluNetwork:
        place, link = self.model.places[self.model.order[at]], self.model.links[at]
        if isinstance(place.surrogate, ReluNetwork):
            return place.surrogate
        pruning = Pruning("magnitude", amount) if place.surrogate is None else place.surrogate
        return prune(pruning, link.network, region=self._ranges.regions[at])

    def _bounds_of(self, network: ReluNetwork, at: int) -> Bounds:
        return bound_methods.method(self.settings.bounds).compute(network, self._ranges.regions[at], self.deadline)

    def _dense(self, until: float) -> None:
        """Prove: tighten bounds over the model, then go on with the dense MILP, which starts from the best decision."""
        model, settings = self.model, self.settings
        if self._proof is None:
            best = self.incumbent.value if self.incumbent.values is not None else None
            bounds, bound = tighten(model, self._ranges, best, settings.tolerance, until)
            if bound is not None:
                self.bound = max(self.bound, min(bound, self.incumbent.value))
            stated = StatedModel(model, [link.network for link in model.links], bounds, settings.formulation)
            self._had_best = best is not None
            self._proof = Proof(
                stated,
                dataclasses.replace(settings.solver, time_limit_seconds=max(self.deadline - time.perf_counter(), 1e-3)),
                self.deadline,
                self.incumbent.values,
                lambda values: self.incumbent.offer(values, "dense") and self.incumbent.wants_end,
            )
            return
        solution = self._proof.advance(until)
        if solution is not None:
            self._shares.leave("dense")
            self._prove(solution)

    def _prove(self, solution: Solution) -> None:
        """Take what the dense MILP ended with."""
        self._count(solution)
        if solution.values is not None:
            self.incumbent.offer(solution.values, "dense")
        if solution.status is SolverStatus.INFEASIBLE and solution.doubt is None:
            if self._had_best:
                self.bound = self.incumbent.value  # nothing is better than the decision that the bounds were tightened for
            else:
                self.excluded = self.incumbent.values is None
        stated = solution.dual_bound if solution.certain_bound is None else solution.certain_bound
        if stated is not None:
            # Bounds tightened below the best decision say nothing of worse ones: the bound cannot be above it.
            self.bound = max(self.bound, min(self.model.sign * stated, self.incumbent.value))

    def _end_proof(self) -> None:
        if self._proof is None or "dense" not in self._shares.members:
            return
        try:
            solution = self._proof.finish()
        except (SolverFailure, UnsoundBounds) as error:
            self.failures["dense"] = str(error)
            return
        if solution is not None:
            self._prove(solution)

    def _count(self, solution: Solution) -> None:
        self.work.update(solution.work)
