"""Policies for incumbents, and what they share: a MILP is solved, and each incumbent is checked on the dense network."""

from __future__ import annotations

from dataclasses import dataclass, field

from surrogate.attack.frank_wolfe import ascend
from surrogate.attack.milp.model import MaximisationModel
from surrogate.attack.recorder import Recorder
from surrogate.attack.result import RegionVisit
from surrogate.errors import SolverFailure
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.solvers import Solution, Solver, SolverStatus


@dataclass
class MilpOutcome:
    """What the MILP part of an attack came to.

    Attributes:
        status: the solver's last verdict; see ``AttackResult.solver_status``.
        certain_bound: upper bound on the value of the MILP's network over the whole region, with everything added by which the
            solver's tolerances may have it wrong; infinite if nothing was proven. Below 0 it proves that no point is
            adversarial for the MILP's network.
        solve_seconds: wall seconds inside solvers.
        work: ``nodes`` and ``simplex_iterations`` of all solves, and ``regions`` and ``solves`` where there may be several.
        size: of the model that was solved first.
        root_bound: what the solver had proven of that model before it branched; None if it told nothing.
        regions: regions visited.
    """

    status: str
    certain_bound: float
    solve_seconds: float = 0.0
    work: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)
    regions: list[RegionVisit] = field(default_factory=list)
    root_bound: float | None = None


@dataclass
class MilpSearch:
    """What all policies share: the MILP, the clock, and the check of an incumbent.

    Attributes:
        model: the MILP of the surrogate.
        recorder: the clock and the check on the dense network.
        surrogate: the network inside the MILP, not folded.
        solver: solves it.
        warm_start: start from the values that the model's variables have.
        polish_steps: Frank-Wolfe steps on the dense network from every incumbent; 0 leaves polishing out.
        deadline: ``time.perf_counter()`` value at which everything ends.
        gradient_evaluations: spent by polishing, counted here.
    """

    model: MaximisationModel
    recorder: Recorder
    surrogate: ReluNetwork
    solver: Solver
    warm_start: bool
    polish_steps: int
    deadline: float
    gradient_evaluations: int = 0

    def surrogate_margin(self, x: FloatArray) -> float:
        """Return what the surrogate really says at ``x`` ``(d,)``, not what a solver's tolerances make of it."""
        return self.recorder.problem.value_at(self.surrogate, x)

    def check(self, x: FloatArray, source: str = "incumbent") -> tuple[float, float]:
        """Check a point on the dense network, polish it if set; return the dense margins before and after."""
        checked = self.recorder.meet(x, source, self.surrogate_margin(x))
        before = after = float("-inf") if checked is None else checked.margin
        if self.polish_steps and checked is not None:
            recorder = self.recorder
            points, margins, spent = ascend(
                recorder.dense,
                recorder.region,
                recorder.problem,
                recorder.region.project(x)[None],
                self.polish_steps,
                self.deadline,
            )
            recorder.meet(points[0], "polish")
            self.gradient_evaluations += spent
            after = max(after, float(margins[0]))
        return before, after

    def once(self, stop: bool) -> MilpOutcome:
        """Solve the MILP and check every incumbent; ``stop``: end at the first witness.

        Raises:
            SolverFailure: the solver gave up, or calls a model infeasible that the clean input satisfies.
        """

        def on_incumbent(x: FloatArray, _objective: float) -> bool:
            self.check(x)
            return stop and self.recorder.witness is not None

        solution = self.model.solve(
            self.solver,
            self.model.inputs,
            warm_start=self.warm_start,
            on_incumbent=on_incumbent,
            deadline=self.deadline,
        )
        require_feasible(solution)
        if solution.values is not None and solution.status is SolverStatus.OPTIMAL:
            on_incumbent(solution.values, float("nan"))  # a model without binaries has an optimum but no incumbents
        return MilpOutcome(
            str(solution.status),
            certain_bound(solution),
            solution.solve_seconds,
            solution.work,
            solution.size,
            root_bound=solution.root_bound,
        )


def certain_bound(solution: Solution) -> float:
    """Return the dual bound with all its possible errors added; infinite without one."""
    return float("inf") if solution.certain_bound is None else solution.certain_bound


def require_feasible(solution: Solution) -> None:
    """Raise SolverFailure if a model that the clean input satisfies is called infeasible."""
    if solution.status is SolverStatus.INFEASIBLE:
        raise SolverFailure("the solver calls the model infeasible although the clean input satisfies it")
