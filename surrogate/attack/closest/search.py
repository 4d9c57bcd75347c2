"""The search of the closest attack: proofs by ball after ball, and the shorter perturbations that are met on the way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from surrogate import bounds as bound_methods
from surrogate.attack.closest.approach import approach, ball
from surrogate.attack.closest.ball_milp import BallMilp
from surrogate.attack.closest.clearing import Clearing
from surrogate.attack.recorder import NearestRecorder, challenge
from surrogate.attack.result import AttackResult, Status
from surrogate.errors import SolverFailure, UnsoundBounds
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.solvers import SolverStatus

if TYPE_CHECKING:
    from surrogate.attack.closest.closest import ClosestAttack

BOUND_BISECTIONS = 12
"""Halvings of the radius that bounds alone prove free of adversarial inputs."""

WIDENING = 4.0
"""Factor by which the gap between the next ball and the best perturbation grows when the solver's own error hid the proof."""

MAIN_SHARE = 0.9
"""The share of the time left that goes to the ball that would prove optimality. If that fails, smaller balls have the rest."""

GROWTH = 0.25
"""A smaller ball's radius, as a share of the way from what is proven to what was not: small ones close in seconds."""


class ClosestSearch:
    """One search: the largest ball proven free of adversarial inputs grows while the best perturbation shrinks."""

    def __init__(self, attack: ClosestAttack, recorder: NearestRecorder, surrogate: ReluNetwork) -> None:
        self.attack, self.recorder, self.surrogate = attack, recorder, surrogate
        self.region, self.problem = recorder.region, recorder.problem
        self.is_dense = surrogate.key == recorder.dense.key
        self.branches = self.is_dense and attack.prover == "branch_and_bound"
        self.deadline = recorder.begin + attack.solver.time_limit_seconds
        self.rng = np.random.default_rng(attack.seed)
        self.proven_radius = 0.0
        self.timings = {"bounds_seconds": 0.0, "build_seconds": 0.0, "solve_seconds": 0.0}
        self.work = {"nodes": 0, "simplex_iterations": 0, "gradient_evaluations": 0, "solves": 0}
        self.size: dict[str, int] = {}

    def result(self) -> AttackResult:
        self.recorder.meet(self.region.center, "start")
        self._approach()
        self._prove_by_bounds()
        solver_status = str(SolverStatus.OPTIMAL) if self._closed() else None
        if solver_status is None and (self.branches or self.region.norm != "l2"):
            solver_status = self._prove()
        norm = self.recorder.norm
        if norm is not None and norm < self.proven_radius * (1.0 - 1e-6):
            raise UnsoundBounds(
                f"a perturbation of length {norm} is adversarial although none up to {self.proven_radius} was proven to be"
            )
        if norm is not None:
            self.proven_radius = min(self.proven_radius, norm)
        proven = norm is None and self.proven_radius >= self._largest()
        status = Status.ADVERSARIAL if self.recorder.witness else Status.ROBUST if proven else Status.UNRESOLVED
        return self.recorder.result(
            status,
            self.timings,
            self.work,
            surrogate_margin=self.recorder.surrogate_margin,
            dual_bound=self.proven_radius,
            gap=None if norm is None else (norm - self.proven_radius) / norm if norm > 0.0 else 0.0,
            size=self.size,
            solver_status=solver_status,
        )

    def _largest(self) -> float:
        assert self.region.radius is not None  # the recorder has checked it
        return self.region.radius

    def _closed(self) -> bool:
        norm = self.recorder.norm
        wanted = self._largest() if norm is None else norm * (1.0 - self.attack.relative_gap)
        return self.proven_radius >= wanted

    def _approach(self, near: FloatArray | None = None) -> None:
        attack = self.attack
        self.work["gradient_evaluations"] += approach(self.recorder, attack.starts, attack.steps, self.rng, self.deadline, near)

    def _prove_by_bounds(self) -> None:
        """Bisect for the largest ball over which the bounds of the dense network leave no positive margin."""
        folded = self.problem.fold(self.recorder.dense, self.region)
        begin = time.perf_counter()
        norm = self.recorder.norm
        high = self._largest() if norm is None else norm * (1.0 - self.attack.relative_gap)
        for k in range(BOUND_BISECTIONS):
            if high <= self.proven_radius or time.perf_counter() >= self.deadline:
                break
            radius = high if k == 0 else (self.proven_radius + high) / 2.0
            bounds = bound_methods.method(self.attack.bounds).compute(folded, ball(self.region, radius), self.deadline)
            if self.problem.bound(bounds.upper[-1]) < 0.0:
                self.proven_radius = radius
            else:
                high = radius
        self.timings["bounds_seconds"] += time.perf_counter() - begin

    def _prove(self) -> str:
        """Maximise the margin over balls until the proof meets the perturbation; return the last search's status.

        Where the optimum is within the solver's own error of 0, a ball further from the perturbation is proven instead; the
        gap that this leaves is ``inexact``.
        """
        gap, failed = self.attack.relative_gap, False
        while True:
            norm = self.recorder.norm
            radius = self._largest() if norm is None else norm * (1.0 - gap)
            if failed:
                radius = self.proven_radius + GROWTH * (radius - self.proven_radius)
            left = self.deadline - time.perf_counter()
            if left <= 0.0:
                return str(SolverStatus.TIME_LIMIT)
            share = 1.0 if failed or not self.is_dense else MAIN_SHARE
            deadline = time.perf_counter() + share * left
            try:
                certain, status = self._branch(radius, deadline) if self.branches else self._solve(radius, deadline)
            except SolverFailure:
                return "failed"  # what was found and proven before stands
            if self.recorder.norm is not None and (norm is None or self.recorder.norm < norm):
                continue  # a smaller ball, with tighter bounds
            if self.is_dense and certain < 0.0:
                stands = challenge(self.recorder, ball(self.region, radius), certain)
                if self.recorder.norm is not None and (norm is None or self.recorder.norm < norm):
                    continue
                if not stands:
                    return "contradicted"
                self.proven_radius = max(self.proven_radius, radius)
                if self._closed():
                    return str(SolverStatus.OPTIMAL)
                if not failed:
                    return "inexact"
                continue
            if status is not SolverStatus.OPTIMAL:
                if failed or not self.is_dense:
                    return str(status)
                failed = True
            elif not self.is_dense:
                return str(status)
            elif norm is None or gap * WIDENING >= 1.0:
                return "inexact"
            else:
                gap *= WIDENING

    def _branch(self, radius: float, deadline: float) -> tuple[float, SolverStatus]:
        """Search a ball by branch and bound; return the proven bound on the margin, and whether the search came to its end."""
        folded, inside = self.problem.fold(self.recorder.dense, self.region), ball(self.region, radius)
        begin = time.perf_counter()
        bounds = bound_methods.method(self.attack.bounds).compute(folded, inside, deadline)
        before_search = time.perf_counter()
        clearing = Clearing(self.recorder, inside)
        clearing.search(folded, bounds, deadline)
        self.timings["bounds_seconds"] += before_search - begin
        self.timings["solve_seconds"] += time.perf_counter() - before_search
        self.work["solves"] += 1
        self.work["nodes"] += clearing.domains
        self.work["gradient_evaluations"] += clearing.climbs.evaluations
        if clearing.shorter:
            self._approach(np.stack(clearing.shorter))
        return clearing.bound, SolverStatus.OPTIMAL if clearing.complete else SolverStatus.TIME_LIMIT

    def _solve(self, radius: float, deadline: float) -> tuple[float, SolverStatus]:
        """Solve the MILP over a ball; return the certain bound on the margin of its network, and the solver's status."""
        attack, milp = self.attack, BallMilp(self.recorder, ball(self.region, radius), self.surrogate)
        try:
            milp.solve(attack.bounds, attack.formulation, attack.solver, attack.steps, deadline)
        finally:  # what a solver that gave up has cost counts too
            for name, seconds in milp.seconds.items():
                self.timings[name] += seconds
            for name, count in milp.work.items():
                self.work[name] += count
        assert milp.status is not None
        self.size = self.size or milp.size
        if milp.shorter:
            self._approach(np.stack(milp.shorter))
        return milp.bound, milp.status
