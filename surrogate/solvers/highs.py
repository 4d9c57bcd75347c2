"""HiGHS through highspy: Pyomo's standard form goes straight into a fresh solver object."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import highspy
import numpy as np
import pyomo.environ as pyo

from surrogate.errors import SolverFailure
from surrogate.quiet_highs import QuietHighs, require_sound_highs
from surrogate.solvers.base import Cut, OnIncumbent, Pause, Solution, Solver, SolverStatus
from surrogate.solvers.listener import Listener
from surrogate.solvers.scaling import ScaledForm
from surrogate.solvers.selftest import require_believable
from surrogate.solvers.standard_form import StandardForm, Watch, exactly, infeasible, nothing_spent, unbounded

_STATUS = {
    highspy.HighsModelStatus.kOptimal: SolverStatus.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: SolverStatus.INFEASIBLE,
    highspy.HighsModelStatus.kTimeLimit: SolverStatus.TIME_LIMIT,
}

_UNBOUNDED = (highspy.HighsModelStatus.kUnbounded, highspy.HighsModelStatus.kUnboundedOrInfeasible)

_DOUBTFUL = (
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kSolveError,
    highspy.HighsModelStatus.kPresolveError,
    highspy.HighsModelStatus.kPostsolveError,
    highspy.HighsModelStatus.kUnknown,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
)
"""Verdicts that are asked for a second time, without presolve."""


@dataclass(frozen=True)
class HighsSolver(Solver):
    """The open-source solver HiGHS; the attributes are those of :class:`Solver`.

    Raises:
        InvalidSetting: a setting out of range, or a version of HiGHS that is known to be wrong.
    """

    name: ClassVar[str] = "highs"
    package: ClassVar[str] = "highspy"
    feasibility_tolerance: ClassVar[float] = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        require_sound_highs()

    def solve(
        self,
        model: Any,
        watched: Sequence[Any],
        *,
        warm_start: bool,
        on_incumbent: OnIncumbent,
        deadline: float,
        pause: Pause | None = None,
        cut: Cut | None = None,
    ) -> Solution:
        self.require_able_to(cut)
        require_believable(self)
        with exactly(model) as form:
            if form is None:
                return infeasible()
            return self._solve(form, watched, warm_start, on_incumbent, deadline, pause)

    def _solve(
        self,
        form: StandardForm,
        watched: Sequence[Any],
        warm_start: bool,
        on_incumbent: OnIncumbent,
        deadline: float,
        pause: Pause | None,
    ) -> Solution:
        scaled = ScaledForm.of(form)
        highs = self._load(form, scaled)
        watch = Watch(watched, form.compiled.columns, scaled.column_unit)

        if warm_start:
            start = highspy.HighsSolution()
            start.col_value = np.array([float(pyo.value(v)) for v in form.compiled.columns]) / scaled.column_unit
            highs.setSolution(start)

        listener = Listener(on_incumbent, pause, deadline)
        root: list[float] = []

        def improving(event: Any) -> None:
            objective = scaled.objective_unit * float(event.data_out.objective_function_value)
            listener.meet(watch.values(event.data_out.mip_solution), objective)

        def interrupt(event: Any) -> None:
            if event.data_out.mip_node_count <= 1:  # the root is the first
                root[:] = [float(event.data_out.mip_dual_bound)]
            if listener.pause():
                event.interrupt()

        highs.cbMipImprovingSolution.subscribe(improving)
        highs.cbMipInterrupt.subscribe(interrupt)
        begin = time.perf_counter()
        left = min(self.time_limit_seconds, deadline - begin)
        if left <= 0.0:
            return Solution(SolverStatus.TIME_LIMIT, None, None, None, 0.0, work=nothing_spent(), size=form.size)
        highs.setOptionValue("time_limit", left)
        with listener.interrupts:
            highs.run()
        if highs.getModelStatus() in _DOUBTFUL and not listener.broken and not listener.stopped:
            # Presolve has been seen to call feasible models infeasible, or to fail, on regions of radius 1e-4.
            highs.setOptionValue("presolve", "off")
            highs.setOptionValue("time_limit", max(deadline - time.perf_counter(), 0.1))
            with listener.interrupts:
                highs.run()
        seconds = time.perf_counter() - begin
        listener.settle()
        return self._answer(highs, listener.stopped, watch, seconds, form, scaled, root)

    def _empty(self) -> QuietHighs:
        highs = QuietHighs()
        highs.setOptionValue("threads", self.threads)
        highs.setOptionValue("random_seed", self.seed)
        highs.setOptionValue("mip_rel_gap", self.relative_gap)
        # The default 1e-6 costs proofs: what is cut off within the tolerance, big-M constants multiply. Below 1e-8 HiGHS 1.16.0
        # has called wrong optima optimal: tests/surrogate/test_highs.py keeps such a model.
        highs.setOptionValue("mip_feasibility_tolerance", self.feasibility_tolerance)
        # Below this HiGHS drops a coefficient without a word; the default 1e-9 would drop real weights.
        highs.setOptionValue("small_matrix_value", 1e-12)
        return highs

    def _load(self, form: StandardForm, scaled: ScaledForm) -> highspy.Highs:
        lp = highspy.HighsLp()
        lp.num_row_, lp.num_col_ = scaled.matrix.shape
        turned = -1.0 if form.maximised else 1.0
        lp.sense_ = highspy.ObjSense.kMaximize if form.maximised else highspy.ObjSense.kMinimize
        lp.col_cost_ = turned * scaled.cost
        lp.offset_ = turned * scaled.offset
        lp.col_lower_, lp.col_upper_ = scaled.lower, scaled.upper
        lp.integrality_ = [
            highspy.HighsVarType.kInteger if kind else highspy.HighsVarType.kContinuous for kind in form.integral
        ]
        lp.row_lower_, lp.row_upper_ = scaled.row_lower, scaled.row_upper
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = scaled.matrix.indptr
        lp.a_matrix_.index_ = scaled.matrix.indices
        lp.a_matrix_.value_ = scaled.matrix.data

        highs = self._empty()
        if highs.passModel(lp) == highspy.HighsStatus.kError:
            raise SolverFailure("HiGHS refused the model: check it for bounds or coefficients that are NaN or beyond 1e15")
        return highs

    def _answer(
        self,
        highs: highspy.Highs,
        stopped: bool,
        watch: Watch,
        seconds: float,
        form: StandardForm,
        scaled: ScaledForm,
        root: list[float],
    ) -> Solution:
        verdict = highs.getModelStatus()
        if stopped:
            status = SolverStatus.STOPPED
        elif verdict == highspy.HighsModelStatus.kInterrupt:
            status = SolverStatus.TIME_LIMIT  # only the deadline interrupts, when the callback has not
        elif verdict in _STATUS:
            status = _STATUS[verdict]
        elif verdict in _UNBOUNDED:
            raise SolverFailure(unbounded("HiGHS", highs.modelStatusToString(verdict), form))
        else:
            raise SolverFailure(f"HiGHS ended with the status {highs.modelStatusToString(verdict)!r}")
        info = highs.getInfo()
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        is_mip = form.size["binaries"] > 0
        # A linear programme has no dual bound of its own in HiGHS's information; at optimality it is the objective.
        bound = float(info.mip_dual_bound) if is_mip else float(info.objective_function_value)
        if not np.isfinite(bound) or abs(bound) >= highspy.kHighsInf or (not is_mip and status is not SolverStatus.OPTIMAL):
            known = None
        else:
            known = scaled.objective_unit * bound
        nodes = max(int(info.mip_node_count), 0)
        told = scaled.objective_unit * root[0] if root and abs(root[0]) < highspy.kHighsInf else None
        return Solution(
            status=status,
            objective=scaled.objective_unit * float(info.objective_function_value) if found else None,
            dual_bound=known,
            values=watch.values(highs.getSolution().col_value) if found else None,
            solve_seconds=seconds,
            bound_error=scaled.bound_error(float(highs.getOptionValue("dual_feasibility_tolerance")[1])),
            work={
                "nodes": nodes,
                "simplex_iterations": max(int(info.simplex_iteration_count), 0),
            },
            size=form.size,
            maximised=form.maximised,
            root_bound=known if nodes <= 1 else told,
        ).doubted(scaled.doubt())
