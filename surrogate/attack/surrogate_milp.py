"""The surrogate attack: maximise the margin of a pruned network by MILP, check every incumbent on the dense one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from surrogate import bounds as bound_methods
from surrogate.attack.frank_wolfe import ascend
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.model import MaximisationModel
from surrogate.attack.recorder import Recorder
from surrogate.attack.result import AttackResult, Instance, Status
from surrogate.errors import InvalidSetting, SolverFailure, UnsoundBounds
from surrogate.formulation import METHODS as FORMULATIONS
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.solvers import HighsSolver, Solution, Solver, SolverStatus

ON_INCUMBENT = ("check", "stop")
"""``check``: evaluate each incumbent on the dense network and go on to the optimum; ``stop``: end as soon as the question is
decided, by a witness or by a proof."""

STARTS = ("none", "center", "gradient")
"""Where the MILP starts: from nothing, from the clean input, or from the best point of a gradient attack on the dense
network, whose time counts."""

ROBUST_MARGIN = 1e-6
"""A solver's dual bound must be below minus this, and below minus its own ``bound_error``, to prove robustness: the tolerance
to which it keeps its constraints. Pre-activation bounds carry their slack already and need only be negative."""

CONTRADICTION = 1e-4
"""A dense margin above the dense dual bound by more than this share of its size is a fault of the encoding, and raises."""


@dataclass(frozen=True)
class SurrogateAttack:
    """Solve the MILP of a surrogate and check what it meets on the dense network.

    ``SurrogateAttack().run(net, net, instance)`` is the dense MILP, the baseline; it alone can prove robustness.

    Attributes:
        bounds: name of the bound method (``surrogate.bounds.METHODS``).
        formulation: name of the formulation (``surrogate.formulation.METHODS``).
        solver: the solver; its ``time_limit_seconds`` is the limit of the whole attack.
        on_incumbent: one of ``ON_INCUMBENT``.
        start: one of ``STARTS``.
        polish: climb the dense margin by Frank-Wolfe from each incumbent.
        polish_steps: most steps per incumbent.
        gradient: the gradient attack of ``start="gradient"``.

    Raises:
        InvalidSetting: an unknown name; lists those that there are.
    """

    bounds: str = "crown"
    formulation: str = "big_m"
    solver: Solver = field(default_factory=HighsSolver)
    on_incumbent: str = "check"
    start: str = "center"
    polish: bool = False
    polish_steps: int = 20
    gradient: GradientAttack = field(default_factory=GradientAttack)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("bounds", self.bounds, tuple(bound_methods.METHODS)),
            ("formulation", self.formulation, tuple(FORMULATIONS)),
            ("on_incumbent", self.on_incumbent, ON_INCUMBENT),
            ("start", self.start, STARTS),
        ):
            if value not in allowed:
                raise InvalidSetting(f"{name}={value!r} is not one of {', '.join(allowed)}")
        if self.polish_steps < 1:
            raise InvalidSetting(f"polish_steps must be at least 1, got {self.polish_steps}")

    def run(self, dense: ReluNetwork, surrogate: ReluNetwork, instance: Instance) -> AttackResult:
        """Attack one instance.

        Args:
            dense: the network in question; margins, witnesses and verdicts are about it.
            surrogate: the network that the MILP describes, of the same input and output sizes.
            instance: the region and the question.

        Raises:
            InvalidSetting: networks and region that do not fit together, or an l2 region.
            SolverFailure: the solver gave up, or contradicted the clean input, with nothing proven before.
            UnsoundBounds: a point met contradicts a bound; nothing of this attack can be trusted then.
        """
        recorder = Recorder(dense, instance)
        if (surrogate.input_size, surrogate.output_size) != (dense.input_size, dense.output_size):
            raise InvalidSetting(
                f"surrogate and dense network must have equal input and output sizes: {surrogate!r}, {dense!r}"
            )
        if instance.region.norm == "l2":
            raise InvalidSetting('norm="l2" has no linear formulation: use l1 or linf, or the gradient attack')
        deadline = recorder.begin + self.solver.time_limit_seconds
        problem = recorder.problem
        folded = problem.fold(surrogate)

        point = instance.region.center
        recorder.meet(point, "start", float(problem.value(surrogate(point[None]))[0]))
        evaluations = 0
        if self.start == "gradient":
            evaluations = self.gradient.climb(recorder)
            point = recorder.best.point if recorder.best is not None else point

        before_bounds = time.perf_counter()
        bounds = bound_methods.method(self.bounds).compute(folded, instance.region)
        before_build = time.perf_counter()
        model = MaximisationModel(folded, problem, instance.region, bounds, self.formulation)
        # The center is in the region by construction: a model that cuts it off is wrong, whatever it is started from.
        model.set_values(instance.region.center)
        if self.start == "gradient":
            model.set_values(point)
        timings = {"bounds_seconds": before_build - before_bounds, "build_seconds": time.perf_counter() - before_build}

        is_dense = surrogate.key == dense.key
        bound = float(problem.combine(bounds.upper[-1][None])[0])
        proven = is_dense and problem.asks and bound < 0.0
        solution, solver_status = None, None
        if not (self.on_incumbent == "stop" and (proven or recorder.witness is not None)):
            try:
                solution, spent = self._solve(model, recorder, surrogate, deadline)
            except SolverFailure:
                if not proven:
                    raise
                solver_status = "failed"  # what the bounds prove stands without the solver
            else:
                evaluations += spent
                solver_status = str(solution.status)
                if solution.dual_bound is not None:
                    bound = min(bound, solution.dual_bound)
                    threshold = -max(ROBUST_MARGIN, solution.bound_error)
                    proven |= is_dense and problem.asks and solution.dual_bound < threshold
        timings["solve_seconds"] = 0.0 if solution is None else solution.solve_seconds

        margin = recorder.best.margin if recorder.best is not None else float("-inf")
        if is_dense and margin > bound + CONTRADICTION * (1.0 + abs(bound)):
            raise UnsoundBounds(f"the dense network reaches the margin {margin} although {bound} was proven to bound it")
        if is_dense:
            bound = max(bound, margin)  # the solver's tolerance may leave its bound below what was reached
        status = Status.ADVERSARIAL if recorder.witness else Status.ROBUST if proven else Status.UNRESOLVED
        if is_dense and not problem.asks and solution is not None and solution.status is SolverStatus.OPTIMAL:
            status = Status.OPTIMAL
        met = [event.surrogate_margin for event in recorder.timeline if event.surrogate_margin is not None]
        return recorder.result(
            status,
            timings,
            {**(solution.work if solution else {"nodes": 0, "simplex_iterations": 0}), "gradient_evaluations": evaluations},
            surrogate_margin=max(met, default=None),
            dual_bound=bound,
            size=solution.size if solution else {},
            solver_status=solver_status,
        )

    def _solve(
        self, model: MaximisationModel, recorder: Recorder, surrogate: ReluNetwork, deadline: float
    ) -> tuple[Solution, int]:
        evaluations = 0

        def on_incumbent(x: FloatArray, _objective: float) -> bool:
            nonlocal evaluations
            # What the surrogate really says there, not what the solver's tolerances make of it.
            recorder.meet(x, "incumbent", float(recorder.problem.value(surrogate(x[None]))[0]))
            if self.polish:
                inside = recorder.region.project(x)[None]
                points, _, spent = ascend(
                    recorder.dense, recorder.region, recorder.problem, inside, self.polish_steps, deadline
                )
                recorder.meet(points[0], "polish")
                evaluations += spent
            return self.on_incumbent == "stop" and recorder.witness is not None

        solution = self.solver.solve(
            model.pyomo, model.inputs, warm_start=self.start != "none", on_incumbent=on_incumbent, deadline=deadline
        )
        if solution.status is SolverStatus.INFEASIBLE:
            raise SolverFailure("the solver calls the model infeasible although the clean input satisfies it")
        if solution.values is not None and solution.status is SolverStatus.OPTIMAL:
            on_incumbent(solution.values, float("nan"))  # a model without binaries has an optimum but no incumbents
        return solution, evaluations
