"""Bounds proved by a linear programme's dual values. They hold even if the programme was solved badly."""

from __future__ import annotations

import time
from typing import Any

import highspy
import numpy as np

from surrogate.bounds.base import SLACK
from surrogate.models.programmes.linear import LinearProgramme
from surrogate.networks import FloatArray
from surrogate.solvers import HighsSolver


class SafeProgramme:
    r"""Linear functions bounded over a polytope.

    For any row prices :math:`\lambda`, of a sign that their sides allow,
    :math:`c v \ge \lambda b + \min_v (c - A^T \lambda) v` over the columns' bounds. HiGHS gives the prices, and the sum is made
    here, in float64, with room for rounding.

    Attributes:
        programme: what HiGHS solves, minimised; its ``value`` is HiGHS's word.
        solved, infeasible: HiGHS's word on the last solve.

    Source: Neumaier and Shcherbina, Safe bounds in linear and mixed-integer linear programming, 2004.
    """

    def __init__(self, matrix: Any, row_lower: FloatArray, row_upper: FloatArray, lower: FloatArray, upper: FloatArray) -> None:
        from scipy import sparse

        self._matrix = sparse.csr_matrix(matrix)
        self._transposed = sparse.csr_matrix(self._matrix.T)
        self._absolute = abs(self._transposed)
        self._row_lower, self._row_upper, self._lower, self._upper = row_lower, row_upper, lower, upper
        zeros = np.zeros(lower.size)
        # Not tighter than in a proof: what HiGHS calls infeasible here is taken for proven.
        tolerance = HighsSolver.feasibility_tolerance
        self.programme = LinearProgramme(self._matrix, row_lower, row_upper, zeros, lower, upper, tolerance, primal=True)
        self.infeasible = self.solved = False

    def least(self, cost: FloatArray, deadline: float = float("inf")) -> float | None:
        """Return a number that ``cost @ columns`` is at least on the polytope; None if none was proven."""
        self.programme.set_cost(cost)
        status = self.programme.run(max(deadline - time.perf_counter(), 1e-3))
        self.infeasible = status == highspy.HighsModelStatus.kInfeasible
        self.solved = status == highspy.HighsModelStatus.kOptimal
        if not self.solved:
            return None
        prices = self.programme.row_prices()
        # A price on a side that is not there proves nothing: it counts as 0.
        prices = np.where((prices > 0.0) & ~np.isfinite(self._row_lower), 0.0, prices)
        prices = np.where((prices < 0.0) & ~np.isfinite(self._row_upper), 0.0, prices)
        with np.errstate(invalid="ignore"):
            sides = np.where(prices > 0.0, self._row_lower, np.where(prices < 0.0, self._row_upper, 0.0)) * prices
        left = cost - self._transposed @ prices
        rounding = SLACK * (np.abs(cost) + self._absolute @ np.abs(prices))
        total, size = float(sides.sum()), float(np.abs(sides).sum())
        least = [_least(slope, self._lower, self._upper) for slope in (left - rounding, left + rounding)]
        terms = np.minimum(*least)
        if not np.isfinite(terms).all():
            return None
        return total + float(terms.sum()) - SLACK * (size + float(np.abs(terms).sum()))


def _least(slope: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the least value of ``slope * column`` between the column's bounds; minus infinity where it has none."""
    end = np.where(slope > 0.0, lower, upper)
    return np.where(slope == 0.0, 0.0, slope * np.where(slope == 0.0, 0.0, end))
