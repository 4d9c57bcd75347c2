"""Solve a user's model with surrogates in it, hold what is met against the dense networks, repair what doesn't hold."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogate.errors import SolverFailure
from surrogate.formulation import Embedding
from surrogate.formulation.scaling import doubt
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.pruning import sparsity
from surrogate.region import Region
from surrogate.solvers import Solution, SolverStatus
from surrogate.solvers.domains import scratch
from surrogate.substitution.place import pin, write_networks
from surrogate.substitution.result import Attempt, Met, Outcome, SubstitutionResult
from surrogate.substitution.user_model import Decision, UserModel

if TYPE_CHECKING:
    from surrogate.substitution.optimiser import SurrogateOptimiser

CHECK_SECONDS = 5.0
"""Most seconds for optimising the other variables anew at one decision."""

SETTLING = 0.01
"""A decision of the dense model that fails the float64 check is solved for again in this share of the neighbourhood: there the
big-M constants are so small that what the solver's tolerances make of them no longer counts."""

SCRATCH = "surrogate_substitution"
"""Name of the block that holds what a solve adds to the model."""

_Raw = tuple[FloatArray, float, float]
"""A solution met: the variables' values, the model's objective, seconds from the start of the call."""


class Run:
    """One call: its clock, what was met, and the best decision so far."""

    def __init__(self, settings: SurrogateOptimiser, view: UserModel, begin: float) -> None:
        self.settings, self.view, self.begin = settings, view, begin
        self.deadline = begin + settings.solver.time_limit_seconds
        self.dense = [place.dense for place in view.places]
        self.best: Decision | None = None
        self.work: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}

    def result(self) -> tuple[SubstitutionResult, Decision | None]:
        """Do it all; also return the decision to leave in the model."""
        view, now = self.view, time.perf_counter
        mark = now()
        surrogates = [place.sparse() for place in view.places]
        self.seconds["prune_seconds"] = now() - mark

        mark = now()
        solution, failure, raw = self._with_surrogate(surrogates)
        self.seconds["surrogate_seconds"] = now() - mark

        mark = now()
        met, decisions = self._check(raw)
        self.seconds["check_seconds"] = now() - mark
        checked = self.best
        holds = bool(met and met[-1].feasible)

        is_dense = all(s.key == d.key for s, d in zip(surrogates, self.dense, strict=True))
        bound = _bound(solution) if is_dense and solution is not None else None
        excluded = is_dense and solution is not None and _excludes(solution)
        mark = now()
        repairs: list[Attempt] = []
        wanted = self.settings.repair == "always" or (self.settings.repair == "needed" and not holds)
        solved = is_dense and solution is not None and solution.status is SolverStatus.OPTIMAL and holds
        if wanted and not excluded and not solved:
            repairs = self._repair(met, decisions)
            if repairs and repairs[-1].radius == 1.0:
                bound = repairs[-1].dual_bound if repairs[-1].dual_bound is not None else bound
                excluded = repairs[-1].excludes
        self.seconds["repair_seconds"] = now() - mark
        self.seconds["total_seconds"] = now() - self.begin

        best = self.best
        if failure is not None and best is None:
            raise failure
        if best is not None and bound is not None and view.better(best.objective, bound):
            bound = best.objective  # the solver's tolerances may leave its bound short of what was reached
        if best is not None:
            outcome = Outcome.FEASIBLE if best is checked else Outcome.REPAIRED
        else:
            outcome = Outcome.INFEASIBLE if excluded else Outcome.UNRESOLVED
            bound = None if excluded else bound
        result = SubstitutionResult(
            outcome=outcome,
            objective=None if best is None else best.objective,
            inputs=() if best is None else view.inputs_of(best.values),
            outputs=() if best is None else view.outputs_of(best.values),
            dual_bound=bound,
            surrogate_status=None if solution is None else solution.status,
            surrogate_failure=None if failure is None else str(failure),
            surrogate_bound=None if solution is None else _bound(solution),
            met=tuple(met),
            repairs=tuple(repairs),
            sparsity=tuple(sparsity(d, s) for s, d in zip(surrogates, self.dense, strict=True)),
            timings=self.seconds,
            work=dict(self.work),
            size={} if solution is None else solution.size,
        )
        return result, best if best is not None else (decisions[-1] if decisions else None)

    def _with_surrogate(self, surrogates: Sequence[ReluNetwork]) -> tuple[Solution | None, SolverFailure | None, list[_Raw]]:
        """Solve with the surrogates; also return the solver's failure, and every solution met before it."""
        view, met = self.view, []
        solution, failure = None, None

        def on_incumbent(values: FloatArray, objective: float) -> bool:
            met.append((np.array(values), float(objective), time.perf_counter() - self.begin))
            return False

        deadline = self.begin + self.settings.surrogate_share * self.settings.solver.time_limit_seconds
        start = view.start() if self.settings.warm_start else None
        with scratch(view.model, SCRATCH) as block:
            regions = [place.box() for place in view.places]
            embeddings = write_networks(
                block, view.places, surrogates, regions, self.settings.bounds, self.settings.formulation
            )
            if start is not None:
                view.assign(start)
                self._start(embeddings, regions)
            try:
                solution = self._call(deadline, start is not None, on_incumbent).doubted(_doubt(embeddings))
            except SolverFailure as error:
                failure = error  # what was met stands, and the dense network may still be solved near it
        if solution is not None and solution.values is not None and solution.objective is not None:
            # Models without binaries have no incumbents, and a solver may end with better than its last one.
            met.append((solution.values, solution.objective, time.perf_counter() - self.begin))
        return solution, failure, met

    def _check(self, raw: Sequence[_Raw]) -> tuple[list[Met], list[Decision]]:
        """Hold every solution met against the dense networks, the surrogate's best first, while there is time."""
        view = self.view
        found: dict[bytes, tuple[Decision, float, float]] = {}
        for values, objective, seconds in reversed(raw):
            decision = view.decide(values)
            key = np.round(np.concatenate(view.inputs_of(decision.values)), 9).tobytes()
            # Met again with better values of the other variables: those count, and the time of the first meeting.
            decision, objective = found[key][:2] if key in found else (decision, objective)
            found[key] = (decision, objective, seconds)
        now = time.perf_counter()
        end = now + (self.deadline - now) / 2.0  # repair needs the rest
        met, decisions = [], []
        for decision, objective, seconds in found.values():
            holding, known = self._hold(decision, end)
            self._keep(holding)
            reached = None if holding is None else holding.objective
            met.append(Met(view.inputs_of(decision.values), objective, reached, decision.violations, known, seconds))
            decisions.append(decision)
        return met[::-1], decisions[::-1]

    def _hold(self, decision: Decision, end: float) -> tuple[Decision | None, bool | None]:
        """Optimise the other variables with the placed ones held; also return whether the answer is known."""
        best = decision if not decision.violations else None
        if not self.view.others:
            return best, best is not None
        known: bool | None = True if best is not None else None
        current = decision
        for integers in (False, True):  # once more with rounded integers held, if rounding was what broke it
            deadline = min(end, time.perf_counter() + CHECK_SECONDS)
            try:
                with scratch(self.view.model, SCRATCH) as block:
                    pin(block, *self.view.pinned(current, integers))
                    solution = self._call(deadline, False)
            except SolverFailure:
                break  # not known then; what was met stands
            if solution.values is None:
                if known is None and solution.status is SolverStatus.INFEASIBLE:
                    known = False
                break
            current = self.view.decide(solution.values)
            if not current.violations:
                if best is None or self.view.better(current.objective, best.objective):
                    best = current
                return best, True
        return best, known

    def _repair(self, met: Sequence[Met], decisions: Sequence[Decision]) -> list[Attempt]:
        """Solve with the dense networks in growing neighbourhoods of one point."""
        attempts: list[Attempt] = []
        center = self._center(met, decisions)
        for radius in self.settings.radii:
            left = self.deadline - time.perf_counter()
            if left <= 0.0:
                break
            last = radius == self.settings.radii[-1]
            attempts.append(self._attempt(center, radius, self.deadline - (0.0 if last else left / 2.0)))
            if attempts[-1].objective is not None:
                if self.settings.repair == "needed":
                    break
                assert self.best is not None
                center = self.best.values
        return attempts

    def _center(self, met: Sequence[Met], decisions: Sequence[Decision]) -> FloatArray | None:
        """The surrogate's best decision if it doesn't hold, else the best that does, else where we started.

        Not the least violated of those met: that one is sooner repaired, but to a worse objective.
        """
        if met and not met[-1].feasible:
            return decisions[-1].values
        return self.view.start() if self.best is None else self.best.values

    def _attempt(self, center: FloatArray | None, radius: float, deadline: float) -> Attempt:
        begin = time.perf_counter()
        solution, failure, found = None, None, None
        try:
            solution = self._near(center, radius, deadline)
            if solution.values is not None:
                decision = self.view.decide(solution.values)
                found, _ = self._hold(decision, self.deadline)
                if found is None:
                    again = self._near(decision.values, radius * SETTLING, deadline)
                    if again.values is not None:
                        found, _ = self._hold(self.view.decide(again.values), self.deadline)
                self._keep(found)
        except SolverFailure as error:
            failure = str(error)
        return Attempt(
            radius=radius,
            status=None if solution is None else solution.status,
            failure=failure,
            objective=None if found is None else found.objective,
            dual_bound=None if solution is None else _bound(solution),
            excludes=solution is not None and _excludes(solution),
            binaries=0 if solution is None else solution.size.get("binaries", 0),
            seconds=time.perf_counter() - begin,
        )

    def _near(self, center: FloatArray | None, radius: float, deadline: float) -> Solution:
        """Solve with the dense networks where every input is within ``radius`` of ``center`` (None: of the middle)."""
        view, settings = self.view, self.settings
        points = [p.box().center for p in view.places] if center is None else view.inputs_of(center)
        regions = [place.near(x, radius) for place, x in zip(view.places, points, strict=True)]
        with scratch(view.model, SCRATCH) as block:
            embeddings = write_networks(block, view.places, self.dense, regions, settings.bounds, settings.formulation)
            if center is not None:
                view.assign(center)
                self._start(embeddings, regions)
            return self._call(deadline, center is not None).doubted(_doubt(embeddings))

    def _start(self, embeddings: Sequence[Embedding], regions: Sequence[Region]) -> None:
        """Complete the values of the inputs, place after place: what one network gives may be another's input."""
        for place, embedding, region in zip(self.view.places, embeddings, regions, strict=True):
            x = np.array([variable.value for variable in place.inputs], dtype=np.float64)
            embedding.set_values(np.clip(x, region.lower, region.upper))
            for variable, output in zip(place.outputs, embedding.outputs, strict=True):
                variable.set_value(output.value, skip_validation=True)

    def _call(self, deadline: float, warm_start: bool, on_incumbent: Any = None) -> Solution:
        solution = self.settings.solver.solve(
            self.view.model,
            self.view.variables,
            warm_start=warm_start,
            on_incumbent=on_incumbent or (lambda *_: False),
            deadline=deadline,
        )
        self.work.update(solution.work)
        return solution

    def _keep(self, decision: Decision | None) -> None:
        if decision is not None and (self.best is None or self.view.better(decision.objective, self.best.objective)):
            self.best = decision


def _bound(solution: Solution) -> float | None:
    """Return the solver's bound with its errors added; where columns without bounds leave them open, as it is stated."""
    return solution.dual_bound if solution.certain_bound is None else solution.certain_bound


def _excludes(solution: Solution) -> bool:
    """Whether it is proven, to the solver's tolerances, that there is no solution."""
    return solution.status is SolverStatus.INFEASIBLE and solution.doubt is None


def _doubt(embeddings: Sequence[Embedding]) -> str | None:
    """Return why one of the networks is too extreme for a solver to prove anything about it, or None."""
    return next((found for found in (doubt(e.network, e.bounds) for e in embeddings) if found is not None), None)
