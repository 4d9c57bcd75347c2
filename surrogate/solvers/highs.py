"""HiGHS through highspy: Pyomo's standard form goes straight into a fresh solver object."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import highspy
import numpy as np
import pyomo.environ as pyo
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from surrogate.errors import InvalidSetting, SolverFailure
from surrogate.solvers.base import OnIncumbent, Solution, Solver, SolverStatus

_STATUS = {
    highspy.HighsModelStatus.kOptimal: SolverStatus.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: SolverStatus.INFEASIBLE,
    highspy.HighsModelStatus.kTimeLimit: SolverStatus.TIME_LIMIT,
}


_DOUBTFUL = (
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kSolveError,
    highspy.HighsModelStatus.kPresolveError,
    highspy.HighsModelStatus.kPostsolveError,
    highspy.HighsModelStatus.kUnknown,
)
"""Verdicts that are asked for a second time, without presolve."""


class _QuietHighs(highspy.Highs):
    """highspy prints its banner while it is constructed, before any option can be set: this hook runs just before that."""

    def enableCallbacks(self) -> None:  # noqa: N802 -- highspy's name
        self.silent()
        super().enableCallbacks()


@dataclass(frozen=True)
class HighsSolver(Solver):
    """The open-source solver HiGHS.

    Attributes:
        time_limit_seconds: wall seconds for a whole attack, bounds and model building included; the solver gets what is left.
        threads: solver threads; keep it at the CPUs that the trial has reserved.
        seed: HiGHS's random seed.
        relative_gap: the solve is optimal when incumbent and bound are this close, relative to the incumbent.

    Raises:
        InvalidSetting: a limit that is not positive, fewer than one thread, a negative seed or gap.
    """

    name: ClassVar[str] = "highs"

    time_limit_seconds: float = 60.0
    threads: int = 1
    seed: int = 0
    relative_gap: float = 1e-6

    def __post_init__(self) -> None:
        if not (0.0 < self.time_limit_seconds < float("inf")):
            raise InvalidSetting(f"solver.time_limit_seconds must be positive and finite, got {self.time_limit_seconds}")
        if self.threads < 1:
            raise InvalidSetting(f"solver.threads must be at least 1, got {self.threads}")
        if self.seed < 0:
            raise InvalidSetting(f"solver.seed must be 0 or larger, got {self.seed}")
        if self.relative_gap < 0.0:
            raise InvalidSetting(f"relative_gap must be 0 or larger, got {self.relative_gap}")

    def solve(
        self, model: Any, watched: Sequence[Any], *, warm_start: bool, on_incumbent: OnIncumbent, deadline: float
    ) -> Solution:
        compiled = LinearStandardFormCompiler().write(model, mixed_form=True)
        highs, size = self._load(compiled)
        column_of = {id(variable): j for j, variable in enumerate(compiled.columns)}
        # A variable that no row uses is no column; it keeps the value it has.
        where = np.array([column_of.get(id(variable), -1) for variable in watched], dtype=np.intp)
        resting = np.array([pyo.value(v, exception=False) or 0.0 for v in watched], dtype=np.float64)

        def watched_values(columns: Any) -> Any:
            return np.where(where >= 0, np.asarray(columns, dtype=np.float64)[np.maximum(where, 0)], resting)

        if warm_start:
            start = highspy.HighsSolution()
            start.col_value = [float(pyo.value(v)) for v in compiled.columns]
            highs.setSolution(start)

        stopped = False
        failure: BaseException | None = None

        def improving(event: Any) -> None:
            nonlocal stopped, failure
            # An exception must not cross the solver's own code: keep it, end the solve, raise it afterwards.
            try:
                objective = float(event.data_out.objective_function_value)
                stopped = on_incumbent(watched_values(event.data_out.mip_solution), objective) or stopped
            except BaseException as error:
                failure = error

        def interrupt(event: Any) -> None:
            if stopped or failure is not None or time.perf_counter() >= deadline:
                event.interrupt()

        highs.cbMipImprovingSolution.subscribe(improving)
        highs.cbMipInterrupt.subscribe(interrupt)
        begin = time.perf_counter()
        left = min(self.time_limit_seconds, deadline - begin)
        if left <= 0.0:
            nothing = {"nodes": 0, "simplex_iterations": 0}
            return Solution(SolverStatus.TIME_LIMIT, None, None, None, 0.0, work=nothing, size=size)
        highs.setOptionValue("time_limit", left)
        highs.run()
        if highs.getModelStatus() in _DOUBTFUL and failure is None and not stopped:
            # Presolve has been seen to call feasible models infeasible, or to fail, on regions of radius 1e-4.
            highs.setOptionValue("presolve", "off")
            highs.setOptionValue("time_limit", max(deadline - time.perf_counter(), 0.1))
            highs.run()
        seconds = time.perf_counter() - begin
        if failure is not None:
            raise failure
        return self._answer(highs, stopped, watched_values, seconds, size)

    def _load(self, compiled: Any) -> tuple[highspy.Highs, dict[str, int]]:
        if len(compiled.objectives) != 1:
            raise InvalidSetting(f"the model must have one active objective, got {len(compiled.objectives)}")
        lp = highspy.HighsLp()
        rows, columns = compiled.A.shape
        lp.num_row_, lp.num_col_ = rows, columns
        # The compiler states objectives to be minimised; a maximised one comes with its sign turned.
        turned = -1.0 if compiled.objectives[0].sense == pyo.maximize else 1.0
        lp.sense_ = highspy.ObjSense.kMaximize if turned < 0.0 else highspy.ObjSense.kMinimize
        lp.col_cost_ = turned * np.asarray(compiled.c.todense(), dtype=np.float64).reshape(columns)
        lp.offset_ = turned * float(compiled.c_offset[0])
        bounds = [variable.bounds for variable in compiled.columns]
        lp.col_lower_ = np.array([-highspy.kHighsInf if low is None else low for low, _ in bounds])
        lp.col_upper_ = np.array([highspy.kHighsInf if high is None else high for _, high in bounds])
        kinds = np.array([variable.is_integer() or variable.is_binary() for variable in compiled.columns])
        lp.integrality_ = [highspy.HighsVarType.kInteger if kind else highspy.HighsVarType.kContinuous for kind in kinds]
        sides = np.array([row.bound_type for row in compiled.rows], dtype=np.int64)
        rhs = np.asarray(compiled.rhs, dtype=np.float64)
        lp.row_lower_ = np.where(sides <= 0, rhs, -highspy.kHighsInf)
        lp.row_upper_ = np.where(sides >= 0, rhs, highspy.kHighsInf)
        matrix = compiled.A.tocsc()
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = matrix.indptr
        lp.a_matrix_.index_ = matrix.indices
        lp.a_matrix_.value_ = matrix.data

        highs = _QuietHighs()
        highs.setOptionValue("threads", self.threads)
        highs.setOptionValue("random_seed", self.seed)
        highs.setOptionValue("mip_rel_gap", self.relative_gap)
        # Below this HiGHS drops a coefficient without a word; the default 1e-9 would drop real weights.
        highs.setOptionValue("small_matrix_value", 1e-12)
        if highs.passModel(lp) == highspy.HighsStatus.kError:
            raise SolverFailure("HiGHS refused the model: check it for bounds or coefficients that are NaN or beyond 1e15")
        return highs, {"binaries": int(kinds.sum()), "rows": rows, "columns": columns, "nonzeros": int(matrix.nnz)}

    def _answer(
        self, highs: highspy.Highs, stopped: bool, watched_values: Any, seconds: float, size: dict[str, int]
    ) -> Solution:
        verdict = highs.getModelStatus()
        if stopped:
            status = SolverStatus.STOPPED
        elif verdict == highspy.HighsModelStatus.kInterrupt:
            status = SolverStatus.TIME_LIMIT  # only the deadline interrupts, when the callback has not
        elif verdict in _STATUS:
            status = _STATUS[verdict]
        else:
            raise SolverFailure(f"HiGHS ended with the status {highs.modelStatusToString(verdict)!r}")
        info = highs.getInfo()
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        is_mip = size["binaries"] > 0
        # A linear programme has no dual bound of its own in HiGHS's information; at optimality it is the objective.
        bound = float(info.mip_dual_bound) if is_mip else float(info.objective_function_value)
        if not np.isfinite(bound) or abs(bound) >= highspy.kHighsInf or (not is_mip and status is not SolverStatus.OPTIMAL):
            known = None
        else:
            known = bound
        return Solution(
            status=status,
            objective=float(info.objective_function_value) if found else None,
            dual_bound=known,
            values=watched_values(highs.getSolution().col_value) if found else None,
            solve_seconds=seconds,
            bound_error=self._bound_error(highs),
            work={
                "nodes": max(int(info.mip_node_count), 0),
                "simplex_iterations": max(int(info.simplex_iteration_count), 0),
            },
            size=size,
        )

    @staticmethod
    def _bound_error(highs: highspy.Highs) -> float:
        _, tolerance = highs.getOptionValue("dual_feasibility_tolerance")
        lp = highs.getLp()
        return float(tolerance * (np.asarray(lp.col_upper_) - np.asarray(lp.col_lower_)).sum())
