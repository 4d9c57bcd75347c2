"""A linear programme that changes little between solves: each solve starts from the basis of the one before."""

from __future__ import annotations

import math
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from surrogate.bounds.lp import PRIMAL_SIMPLEX
from surrogate.errors import SolverFailure
from surrogate.networks import FloatArray
from surrogate.quiet_highs import QuietHighs, to_highs
from surrogate.solvers import HighsSolver

FEASIBILITY = 1e-9
"""HiGHS keeps rows and bounds to this tolerance here: a decision is checked on the dense networks to 1e-6 afterwards."""


class LinearProgramme:
    """One HiGHS object, minimising, solved by the simplex method from the last basis.

    ``primal``: by the primal one, for programmes whose costs change and whose bounds do not.

    Attributes:
        value: the objective of the last solve that was optimal.
        solves: number of solves so far.
        iterations: simplex iterations of all solves.
    """

    def __init__(
        self,
        matrix: Any,
        row_lower: FloatArray,
        row_upper: FloatArray,
        cost: FloatArray,
        lower: FloatArray,
        upper: FloatArray,
        feasibility: float = FEASIBILITY,
        primal: bool = False,
    ) -> None:
        self._highs = QuietHighs()
        for option, setting in (
            ("threads", 1),
            ("presolve", "off"),
            ("solver", "simplex"),
            ("primal_feasibility_tolerance", feasibility),
            ("small_matrix_value", 1e-12),
        ):
            self._highs.setOptionValue(option, setting)
        if primal:
            self._highs.setOptionValue("simplex_strategy", PRIMAL_SIMPLEX)
        if self._highs.passModel(to_highs(matrix, row_lower, row_upper, cost, lower, upper)) == highspy.HighsStatus.kError:
            raise SolverFailure("HiGHS refused the model: check it for bounds or coefficients that are NaN or beyond 1e15")
        self._all = np.arange(cost.size, dtype=np.int32)
        self.value = math.nan
        self.solves = self.iterations = 0

    def set_cost(self, cost: FloatArray) -> None:
        """Minimise another function ``(columns,)``."""
        self._highs.changeColsCost(self._all.size, self._all, cost)

    def set_bounds(self, columns: NDArray[np.int32], lower: FloatArray, upper: FloatArray) -> None:
        """Give some columns other bounds."""
        if columns.size:
            self._highs.changeColsBounds(columns.size, columns, lower, upper)

    def run(self, seconds: float = math.inf) -> highspy.HighsModelStatus:
        """Solve; return HiGHS's status."""
        if math.isfinite(seconds):
            self._highs.setOptionValue("time_limit", self._highs.getRunTime() + max(seconds, 1e-3))
        self._highs.run()
        self.solves += 1
        self.iterations += max(int(self._highs.getInfo().simplex_iteration_count), 0)
        status = self._highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            self.value = float(self._highs.getObjectiveValue())
        return status

    def columns(self) -> FloatArray:
        """Return the columns' values of the last solve."""
        return np.array(self._highs.getSolution().col_value)

    def reduced_costs(self) -> FloatArray:
        """Return the columns' reduced costs of the last solve."""
        return np.array(self._highs.getSolution().col_dual)

    def row_prices(self) -> FloatArray:
        """Return the rows' dual values of the last solve."""
        return np.array(self._highs.getSolution().row_dual)


class MixedProgramme:
    """A mixed-integer linear programme, minimised by a fresh HiGHS object for each solve.

    Attributes:
        nodes: branch-and-bound nodes of all solves.
    """

    def __init__(
        self,
        matrix: Any,
        row_lower: FloatArray,
        row_upper: FloatArray,
        cost: FloatArray,
        lower: FloatArray,
        upper: FloatArray,
        integral: Any,
    ) -> None:
        self._lp = to_highs(matrix, row_lower, row_upper, cost, lower, upper)
        self._lp.integrality_ = [
            highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous for whole in integral
        ]
        self.lower, self.upper = lower.copy(), upper.copy()
        self.nodes = 0

    def solve(self, seconds: float, start: FloatArray | None = None) -> tuple[highspy.HighsModelStatus, FloatArray | None]:
        """Solve within ``lower`` and ``upper`` as they are now; return HiGHS's status and the best solution's columns."""
        self._lp.col_lower_, self._lp.col_upper_ = self.lower, self.upper
        highs = QuietHighs()
        for option, setting in (
            ("threads", 1),
            ("mip_feasibility_tolerance", HighsSolver.feasibility_tolerance),
            ("small_matrix_value", 1e-12),
        ):
            highs.setOptionValue(option, setting)
        highs.setOptionValue("time_limit", max(seconds, 1e-2))
        if highs.passModel(self._lp) == highspy.HighsStatus.kError:
            raise SolverFailure("HiGHS refused the model: check it for bounds or coefficients that are NaN or beyond 1e15")
        if start is not None:
            given = highspy.HighsSolution()
            given.col_value = start
            highs.setSolution(given)
        highs.run()
        info = highs.getInfo()
        self.nodes += max(int(info.mip_node_count), 0)
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        return highs.getModelStatus(), np.array(highs.getSolution().col_value) if found else None
