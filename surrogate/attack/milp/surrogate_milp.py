"""The surrogate attack: it maximises the margin of a pruned network by MILP and checks every incumbent on the dense network."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import MISSING, dataclass
from typing import ClassVar

from surrogate import bounds as bound_methods
from surrogate import formulation as formulations
from surrogate import rules
from surrogate.attack.base import Attack
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.milp.exclusion import Exclusion
from surrogate.attack.milp.model import MaximisationModel
from surrogate.attack.milp.policies import MilpOutcome, MilpSearch
from surrogate.attack.milp.regions import RegionSearch
from surrogate.attack.milp.subproblem import DenseSubproblem
from surrogate.attack.recorder import Recorder, challenge, end_of_bounds, require_consistent, require_surrogate, tightness
from surrogate.attack.result import AttackResult, Status
from surrogate.bounds import BoundMethod
from surrogate.errors import InvalidSetting, SolverFailure
from surrogate.formulation import Formulation
from surrogate.networks import ReluNetwork
from surrogate.problems.instance import Instance
from surrogate.pruning import Stabilised
from surrogate.settings import chosen, part, setting
from surrogate.solvers import HighsSolver, Solver, SolverStatus, require_solver
from surrogate.solvers.base import nothing_spent

ON_INCUMBENT = ("check", "stop", "exclude_region", "dense_subproblem")
"""``check``: evaluate each incumbent on the dense network and go on to the optimum; ``stop``: end as soon as the question is
decided, by a witness or by a proof; ``exclude_region``: check an incumbent, forbid its activation pattern and go on elsewhere;
``dense_subproblem``: optimise the dense network where the surrogate has the incumbent's pattern, then forbid it."""

EXCLUDING = ON_INCUMBENT[2:]
"""The values of ``on_incumbent`` that exclude activation regions."""

CLOSED_GAP = 1.01e-4
"""The best point is called the optimum if the proven bound is this close to it, relative to the point's value (at least 1), or
as close as the solver was told to bring it. What the solver itself calls the point does not count."""

STARTS = ("none", "center", "gradient")
"""Where the MILP starts: from nothing, from the clean input, or from the best point of a gradient attack on the dense
network, whose time counts."""


@dataclass(frozen=True)
class SurrogateAttack(Attack):
    """Solve the MILP of a surrogate and check what it meets on the dense network.

    ``SurrogateAttack().run(net, net, instance)`` is the dense MILP, the baseline. It can prove robustness, and so can a
    surrogate whose error over the region is bounded (``surrogate.pruning.prune_for``); another surrogate can't.

    Attributes:
        bounds: name of the bound method (``surrogate.bounds.METHODS``), or a method.
        formulation: name of the formulation (``surrogate.formulation.METHODS``), or a formulation.
        solver: the solver; its ``time_limit_seconds`` is the limit of the whole attack.
        on_incumbent: one of ``ON_INCUMBENT``.
        start: one of ``STARTS``.
        polish: climb the dense margin by Frank-Wolfe from each incumbent.
        polish_steps: most steps per incumbent.
        gradient: the gradient attack of ``start="gradient"``.
        exclusion: when regions are excluded, and how long each is searched (the last two policies).

    Raises:
        InvalidSetting: an unknown name (lists those that there are), or another value that is not allowed.
    """

    name: ClassVar[str] = "surrogate"
    takes_surrogate: ClassVar[bool] = True
    takes_l2: ClassVar[bool] = False

    bounds: str | BoundMethod = chosen("bounds", "crown", bound_methods.method)
    formulation: str | Formulation = chosen("formulation", "big_m", formulations.method)
    solver: Solver = chosen("solver", MISSING, require_solver, make=HighsSolver)
    on_incumbent: str = setting("check", rules.one_of(*ON_INCUMBENT))
    start: str = setting("center", rules.one_of(*STARTS))
    polish: bool = setting(False, rules.FLAG)
    polish_steps: int = setting(20, rules.COUNT)
    gradient: GradientAttack = part(GradientAttack)
    exclusion: Exclusion = part(Exclusion, key="exclusion")

    def without_effect(self) -> Collection[str]:
        excludes = self.on_incumbent in EXCLUDING
        return (
            *(() if self.start == "gradient" else ("gradient",)),
            *(() if self.polish else ("polish_steps",)),
            *(() if excludes else ("exclusion",)),
            *(("exclusion.seeds",) if excludes and self.start == "none" else ()),
        )

    def at_default(self) -> Collection[str]:
        return ("exclusion.subproblem_seconds",) if self.on_incumbent == "exclude_region" else ()

    def answer(self, dense: ReluNetwork, surrogate: ReluNetwork | Stabilised | None, instance: Instance) -> AttackResult:
        assert surrogate is not None
        return self.run(dense, surrogate, instance)

    def run(self, dense: ReluNetwork, surrogate: ReluNetwork | Stabilised, instance: Instance) -> AttackResult:
        """Attack one instance.

        Args:
            dense: the network in question; margins, witnesses and verdicts are about it.
            surrogate: the network that the MILP describes, of the same input and output sizes; or one with bounds on its
                error, made for this region and problem: its dual bound plus its error is a bound on the dense network.
            instance: the region and the question.

        Raises:
            InvalidSetting: networks and region that do not fit together, bounds on another error, or an l2 region.
            SolverFailure: the solver gave up, or contradicted the clean input, with nothing proven before.
            UnsoundBounds: a point met contradicts a bound; nothing of this attack can be trusted then.
        """
        recorder = Recorder(dense, instance)
        error = float("inf")
        if isinstance(surrogate, Stabilised):
            rows, _ = recorder.problem.rows(dense.output_size)
            error, surrogate = surrogate.upper_error(dense, instance.region, rows), surrogate.network
        surrogate = require_surrogate(dense, surrogate)
        if instance.region.norm == "l2":
            raise InvalidSetting('norm="l2" has no linear formulation: use l1 or linf, or the gradient attack')
        deadline = recorder.begin + self.solver.time_limit_seconds
        problem = recorder.problem
        folded = problem.fold(surrogate, instance.region)

        center = instance.region.center
        recorder.meet(center, "start", problem.value_at(surrogate, center))
        evaluations = 0
        if self.start == "gradient":
            evaluations = self.gradient.climb(recorder, deadline)

        before_bounds = time.perf_counter()
        bounds = bound_methods.method(self.bounds).compute(folded, instance.region, end_of_bounds(deadline))
        before_build = time.perf_counter()
        model = MaximisationModel(folded, problem, instance.region, bounds, self.formulation)
        # The center is in the region by construction: a model that cuts it off is wrong, whatever it is started from.
        model.set_values(center)
        if self.start == "gradient":
            model.set_values(recorder.point)
        timings = {"bounds_seconds": before_build - before_bounds, "build_seconds": time.perf_counter() - before_build}

        is_dense = surrogate.key == dense.key
        error = 0.0 if is_dense else error
        proves = error < float("inf")
        bound = problem.bound(bounds.upper[-1])
        proven = proves and problem.asks and bound + error < 0.0
        search = MilpSearch(
            model, recorder, surrogate, self.solver, self.start != "none", self.polish_steps if self.polish else 0, deadline
        )
        outcome: MilpOutcome | None = None
        solver_status = None
        if not (self.on_incumbent == "stop" and (proven or recorder.witness is not None)):
            try:
                outcome = self._search(search)
            except SolverFailure:
                if not proven:
                    raise
                solver_status = "failed"  # what the bounds prove stands without the solver
            else:
                solver_status = outcome.status
                certain = outcome.certain_bound
                if proves and certain < bound and not challenge(recorder, instance.region, certain + error):
                    certain, solver_status = float("inf"), "contradicted"
                bound = min(bound, certain)
                proven |= proves and problem.asks and certain + error < 0.0
        timings["solve_seconds"] = 0.0 if outcome is None else outcome.solve_seconds
        evaluations += search.gradient_evaluations

        margin = recorder.margin
        dense_bound = None
        if proves:
            require_consistent(recorder, bound + error)
            bound = max(bound, margin - error)  # the solver's tolerance may leave its bound below what was reached
            dense_bound = bound + error
            proven &= margin < 0.0  # as rounding leaves it, what looks like 0 or more is no proof
        status = Status.ADVERSARIAL if recorder.witness else Status.ROBUST if proven else Status.UNRESOLVED
        closed = dense_bound is not None and dense_bound - margin <= self._gap() * max(1.0, abs(margin))
        if is_dense and solver_status in (str(SolverStatus.OPTIMAL), "exhausted"):
            if closed and not problem.asks:
                status = Status.OPTIMAL
            elif not closed and solver_status != "exhausted":
                solver_status = "inexact"  # optimal by the solver's tolerances, whose errors leave more open
        return recorder.result(
            status,
            timings,
            {**(outcome.work if outcome else nothing_spent()), "gradient_evaluations": evaluations},
            surrogate_margin=recorder.surrogate_margin,
            dual_bound=bound,
            dense_bound=dense_bound,
            gap=None if dense_bound is None else (dense_bound - margin) / max(1.0, abs(margin)),
            size=outcome.size if outcome else {},
            solver_status=solver_status,
            regions=outcome.regions if outcome else [],
            tightness=tightness(bounds, recorder.surrogate_margin, outcome.root_bound if outcome else None),
        )

    def _gap(self) -> float:
        return max(CLOSED_GAP, 1.01 * self.solver.relative_gap)

    def _search(self, search: MilpSearch) -> MilpOutcome:
        if self.on_incumbent in ("check", "stop"):
            return search.once(stop=self.on_incumbent == "stop")
        subproblem = None
        if self.on_incumbent == "dense_subproblem":
            dense, problem, region = search.recorder.dense, search.recorder.problem, search.recorder.region
            folded = problem.fold(dense, region)
            bounds = bound_methods.method(self.bounds).compute(folded, region, search.deadline)
            subproblem = DenseSubproblem(MaximisationModel(folded, problem, region, bounds, self.formulation))
        return RegionSearch(search, self.exclusion, subproblem).run()
