"""Branch and bound on the dense network: a complete verifier without a MILP solver."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from surrogate import bounds as bound_methods
from surrogate.attack.frank_wolfe import ascend
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.recorder import Recorder
from surrogate.attack.result import AttackResult, Instance, Status
from surrogate.branching import BranchAndBound, Outcome
from surrogate.errors import InvalidSetting, UnsoundBounds
from surrogate.networks import FloatArray, ReluNetwork

GOALS = ("optimum", "verdict")
"""``optimum``: go on until the bound meets the best point; ``verdict``: end as soon as the question is decided."""

CLIMB_SHARE = 0.15
"""Points that the search offers climb by Frank-Wolfe for at most this share of the time; bounds are what takes long."""

CONTRADICTION = 1e-4
"""A dense margin above the proven bound by more than this share of its size is a fault of the bounds, and raises."""


@dataclass(frozen=True)
class BranchAndBoundAttack:
    """Multi-start gradient, then branch and bound on linear relaxations, sharing the best point.

    Attributes:
        bounds: name of the method for the root's pre-activation bounds (``surrogate.bounds.METHODS``).
        goal: one of ``GOALS``.
        time_limit_seconds: wall seconds for all of it.
        relative_gap: ``optimum``: the bound meets the best margin when it is this close, relative to its size (at least 1).
        gradient: the gradient attack that comes first; its time counts.
        climb_steps: most Frank-Wolfe steps of a point that the search offers.
        search: settings of the branch and bound.

    Raises:
        InvalidSetting: an unknown name, a limit or a gap that is not positive.
    """

    bounds: str = "alpha_crown"
    goal: str = "optimum"
    time_limit_seconds: float = 60.0
    relative_gap: float = 1e-4
    gradient: GradientAttack = field(default_factory=lambda: GradientAttack(starts=100))
    climb_steps: int = 10
    search: BranchAndBound = field(default_factory=BranchAndBound)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("bounds", self.bounds, tuple(bound_methods.METHODS)),
            ("goal", self.goal, GOALS),
        ):
            if value not in allowed:
                raise InvalidSetting(f"{name}={value!r} is not one of {', '.join(allowed)}")
        if not 0.0 < self.time_limit_seconds < float("inf"):
            raise InvalidSetting(f"time_limit_seconds must be positive and finite, got {self.time_limit_seconds}")
        if not self.relative_gap > 0.0:
            raise InvalidSetting(f"relative_gap must be positive, got {self.relative_gap}")

    def run(self, dense: ReluNetwork, instance: Instance) -> AttackResult:
        """Attack or verify one instance.

        Raises:
            InvalidSetting: network and instance that do not fit together.
            UnsoundBounds: a point met contradicts a bound; nothing of this attack can be trusted then.
        """
        recorder = Recorder(dense, instance)
        deadline = recorder.begin + self.time_limit_seconds
        recorder.meet(instance.region.center, "start")
        evaluations = self.gradient.climb(recorder)
        timings: dict[str, float] = {}
        work = {"gradient_evaluations": evaluations, "nodes": 0}
        bound, proven = float("inf"), False
        before = recorder.elapsed()
        if not (self.goal == "verdict" and recorder.witness is not None):
            outcome, timings["bounds_seconds"] = self._prove(recorder, instance, deadline, work)
            bound = outcome.bound
            proven = bound < 0.0
        timings["solve_seconds"] = recorder.elapsed() - before - timings.get("bounds_seconds", 0.0)
        return conclude(recorder, instance, bound, proven, self.relative_gap, timings, work)

    def _prove(self, recorder: Recorder, instance: Instance, deadline: float, work: dict[str, int]) -> tuple[Outcome, float]:
        problem, region, dense = instance.problem, instance.region, recorder.dense
        folded = problem.fold(dense)
        before = time.perf_counter()
        bounds = bound_methods.method(self.bounds).compute(folded, region)
        bounds_seconds = time.perf_counter() - before

        def threshold() -> float:
            if self.goal == "verdict" and problem.asks:
                return -1e-12
            best = recorder.best.margin if recorder.best is not None else -np.inf
            return best + self.relative_gap * max(1.0, abs(best))

        begin, climbing = time.perf_counter(), 0.0

        def on_points(points: FloatArray) -> None:
            nonlocal climbing
            now = time.perf_counter()
            reached, margins = points, problem.value(dense(points))
            if climbing <= CLIMB_SHARE * (now - begin):
                reached, margins, spent = ascend(dense, region, problem, points, self.climb_steps, deadline)
                climbing += time.perf_counter() - now
                work["gradient_evaluations"] += spent
            top = int(np.argmax(margins))  # also of points that did not climb: a leaf's is the optimum there
            if recorder.best is None or margins[top] > recorder.best.margin:
                recorder.meet(reached[top], "relaxation")

        outcome = self.search.run(
            folded,
            problem.groups(folded.output_size),
            region,
            bounds,
            threshold=threshold,
            on_points=on_points,
            deadline=deadline,
            stop=lambda: self.goal == "verdict" and recorder.witness is not None,
        )
        work["nodes"] += outcome.domains
        return outcome, bounds_seconds


def conclude(
    recorder: Recorder,
    instance: Instance,
    bound: float,
    proven: bool,
    relative_gap: float,
    timings: dict[str, float],
    work: dict[str, int],
) -> AttackResult:
    """Return the result of a search on the dense network that has proven ``bound`` (infinite: nothing)."""
    margin = recorder.best.margin if recorder.best is not None else float("-inf")
    if margin > bound + CONTRADICTION * (1.0 + abs(bound)):
        raise UnsoundBounds(f"the dense network reaches the margin {margin} although {bound} was proven to bound it")
    bound = max(bound, margin)
    optimal = bound - margin <= 2.0 * relative_gap * max(1.0, abs(margin))
    if recorder.witness is not None:
        status = Status.ADVERSARIAL
    elif instance.problem.asks:
        status = Status.ROBUST if proven else Status.UNRESOLVED
    else:
        status = Status.OPTIMAL if optimal else Status.UNRESOLVED
    ended = "optimal" if optimal else "stopped" if status in (Status.ROBUST, Status.ADVERSARIAL) else "time_limit"
    return recorder.result(status, timings, work, dual_bound=bound if np.isfinite(bound) else None, solver_status=ended)
