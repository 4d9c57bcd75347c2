"""Branch and bound on the dense network: a complete verifier without a MILP solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from surrogate import bounds as bound_methods
from surrogate import rules
from surrogate.attack.base import DenseAttack
from surrogate.attack.complete.members import GOAL_OF, GOALS, DenseSearch
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.recorder import Recorder, end_of_bounds, require_consistent, tightness
from surrogate.attack.result import AttackResult, Status
from surrogate.bounds import BoundMethod, Bounds
from surrogate.bounds.steps import Polyak
from surrogate.branching import BranchAndBound
from surrogate.checks import require_kind
from surrogate.networks import ReluNetwork
from surrogate.problems.instance import Instance
from surrogate.settings import chosen, internal, part, setting

SEARCHES = {
    "optimum": BranchAndBound(refine_share=0.0, steps=20, rates=Polyak()),
    "verdict": BranchAndBound(),
}
"""Settings by goal, chosen by trial. Bounds of their own for deep domains help with some properties of 4x256 networks and slow
the search for the optimum of 4x32 ones down. The optimum needs precise multipliers: more steps, which shrink."""


@dataclass(frozen=True)
class BranchAndBoundAttack(DenseAttack):
    """Multi-start gradient, then branch and bound on linear relaxations, sharing the best point.

    Attributes:
        bounds: name of the method for the root's pre-activation bounds (``surrogate.bounds.METHODS``), or a method.
        goal: one of ``GOALS``.
        time_limit_seconds: wall seconds for all of it.
        relative_gap: ``optimum``: the bound meets the best margin when it is this close, relative to its size (at least 1).
        gradient: the gradient attack that comes first; its time counts.
        climb_steps: most Frank-Wolfe steps of a point that the search offers.
        search: settings of the branch and bound; None: those of the goal.

    Raises:
        InvalidSetting: an unknown name, a limit or a gap that is not positive, fewer than one step.
    """

    name: ClassVar[str] = "branch_and_bound"

    bounds: str | BoundMethod = chosen("bounds", "alpha_crown", bound_methods.method)
    goal: str = setting("optimum", rules.one_of(*GOALS), key="on_incumbent", words=GOAL_OF)
    time_limit_seconds: float = setting(60.0, rules.POSITIVE, key="solver.time_limit_seconds")
    relative_gap: float = setting(1e-4, rules.POSITIVE, key="solver.relative_gap", may_be_null=True)
    gradient: GradientAttack = part(GradientAttack, make=lambda: GradientAttack(starts=100))
    climb_steps: int = internal(10, rules.COUNT)
    search: BranchAndBound | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.search is not None:
            require_kind("search", self.search, BranchAndBound, "BranchAndBound()")

    def run(self, dense: ReluNetwork, instance: Instance) -> AttackResult:
        """Attack or verify one instance.

        Raises:
            InvalidSetting: network and instance that do not fit together.
            UnsoundBounds: a point met contradicts a bound; nothing of this attack can be trusted then.
        """
        recorder = Recorder(dense, instance)
        deadline = recorder.begin + self.time_limit_seconds
        recorder.meet(instance.region.center, "start")
        evaluations = self.gradient.climb(recorder, deadline)
        before = recorder.elapsed()
        search = None
        timings = {"bounds_seconds": 0.0}
        bounds: Bounds | None = None
        if not (self.goal == "verdict" and recorder.witness is not None):
            folded = instance.problem.fold(dense, instance.region)
            bounds = bound_methods.method(self.bounds).compute(folded, instance.region, end_of_bounds(deadline))
            timings["bounds_seconds"] = recorder.elapsed() - before
            settings = self.search or SEARCHES[self.goal]
            search = DenseSearch(recorder, folded, bounds, settings, self.goal, self.relative_gap, self.climb_steps)
            search.round(deadline)
            evaluations += search.climbs.evaluations
        timings["solve_seconds"] = recorder.elapsed() - before - timings["bounds_seconds"]
        work = {"gradient_evaluations": evaluations, "nodes": search.domains if search else 0}
        result = conclude(recorder, search, self.relative_gap, timings, work)
        if bounds is not None and result.margin is not None:
            result.tightness = tightness(bounds, result.margin, instance.problem.bound(bounds.upper[-1]))
        return result


def conclude(
    recorder: Recorder,
    search: DenseSearch | None,
    relative_gap: float,
    timings: dict[str, float],
    work: dict[str, int],
) -> AttackResult:
    """Return the result of a search on the dense network (None: the gradient attack decided before it began)."""
    margin = recorder.margin
    if search is None:
        return recorder.result(Status.ADVERSARIAL, timings, work, solver_status="stopped")
    bound = search.bound
    require_consistent(recorder, bound)
    bound = max(bound, margin)
    gap = (bound - margin) / max(1.0, abs(margin))
    optimal = gap <= relative_gap * (1.0 + 1e-6)
    if recorder.witness is not None:
        status = Status.ADVERSARIAL
    elif recorder.problem.asks:
        status = Status.ROBUST if search.proven and margin < 0.0 else Status.UNRESOLVED
    else:
        status = Status.OPTIMAL if optimal else Status.UNRESOLVED
    ended = "optimal" if optimal else "stopped" if search.decided else "time_limit"
    return recorder.result(status, timings, work, dual_bound=bound, dense_bound=bound, gap=gap, solver_status=ended)
