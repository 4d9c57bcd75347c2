"""Is a ball free of adversarial inputs? One MILP decides: its solver bounds the margin of its network over the ball."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from surrogate import bounds as bound_methods
from surrogate.attack.closest.approach import shrink
from surrogate.attack.frank_wolfe import ascend
from surrogate.attack.milp.model import MaximisationModel
from surrogate.attack.milp.policies import certain_bound, require_feasible
from surrogate.attack.recorder import NearestRecorder
from surrogate.bounds import BoundMethod
from surrogate.formulation import Formulation
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region
from surrogate.solvers import Solver, SolverStatus


@dataclass
class BallMilp:
    """The MILP of one ball, which ends with a bound, with a shorter perturbation, or with its time.

    Attributes:
        recorder: checks every incumbent on the dense network.
        inside: the ball.
        surrogate: the network inside the MILP, dense or pruned.
        bound: upper bound on the margin of the MILP's network over the ball, with everything added by which the solver's
            tolerances may have it wrong; infinite if nothing was proven.
        status: the solver's verdict; None before it.
        shorter: points ``(d,)`` that reach the recorder's threshold and are shorter than what was known, drawn to the center.
        seconds: ``bounds_seconds``, ``build_seconds`` and ``solve_seconds``.
        work: ``solves``, ``nodes``, ``simplex_iterations`` and ``gradient_evaluations``.
        size: of the model that was solved.
    """

    recorder: NearestRecorder
    inside: Region
    surrogate: ReluNetwork
    bound: float = float("inf")
    status: SolverStatus | None = None
    shorter: list[FloatArray] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    work: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)

    def solve(
        self, bounds: str | BoundMethod, formulation: str | Formulation, solver: Solver, steps: int, deadline: float
    ) -> None:
        """Build the model, start it from the best point known, climbed ``steps`` steps, and solve it until ``deadline``.

        Raises:
            SolverFailure: the solver gave up, or calls a model infeasible that the clean input satisfies.
        """
        recorder, problem, center = self.recorder, self.recorder.problem, self.recorder.region.center
        begin = time.perf_counter()
        folded = problem.fold(self.surrogate, recorder.region)
        found = bound_methods.method(bounds).compute(folded, self.inside, deadline)
        self.seconds["bounds_seconds"] = time.perf_counter() - begin
        model = MaximisationModel(folded, problem, self.inside, found, formulation)
        self.seconds["build_seconds"] = time.perf_counter() - begin - self.seconds["bounds_seconds"]
        model.set_values(center)  # a guard: a model that cuts the clean input off is wrong
        model.set_values(self._start(steps, deadline))

        def on_incumbent(x: FloatArray, _objective: float) -> bool:
            before = recorder.norm
            checked = recorder.meet(x, "incumbent", problem.value_at(self.surrogate, x))
            if checked is None or checked.margin < recorder.threshold:
                return False
            moved = shrink(recorder.dense, problem, center, checked.point[None], recorder.threshold)
            recorder.meet(moved[0], "shrink")
            if before is not None and recorder.norm is not None and recorder.norm >= before:
                return False
            self.shorter.append(moved[0])
            return True

        solution = model.solve(solver, model.inputs, warm_start=True, on_incumbent=on_incumbent, deadline=deadline)
        require_feasible(solution)
        if solution.values is not None and solution.status is SolverStatus.OPTIMAL:
            on_incumbent(solution.values, float("nan"))
        self.seconds["solve_seconds"] = solution.solve_seconds
        self.work |= {"solves": 1, **{name: solution.work.get(name, 0) for name in ("nodes", "simplex_iterations")}}
        self.bound, self.status, self.size = certain_bound(solution), solution.status, solution.size

    def _start(self, steps: int, deadline: float) -> FloatArray:
        """Return the best point known for the model: the perturbation drawn into the ball, or the center, then climbed."""
        recorder = self.recorder
        known = self.inside.project(np.stack([recorder.region.center, recorder.point]))
        points, margins, spent = ascend(self.surrogate, self.inside, recorder.problem, known, steps, deadline)
        self.work["gradient_evaluations"] = spent
        return points[int(np.argmax(margins))]
