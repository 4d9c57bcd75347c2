"""Domains without a free neuron: the network is linear there, and a linear programme gives the exact multipliers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from surrogate.bounds.base import rounding
from surrogate.bounds.relaxation import Relaxation
from surrogate.networks import FloatArray
from surrogate.problems.region import Region
from surrogate.quiet_highs import QuietHighs

PENALTY = 1e4
"""Price of violating the splits, in values of the row: an empty domain then has a very small value instead of none."""


@dataclass(frozen=True)
class Leaf:
    """A sound upper bound over the domain, and the point ``(d,)`` that the programme chose, if it solved."""

    bound: float
    point: FloatArray | None


@dataclass(frozen=True)
class LeafSolver:
    """Solves leaves of one relaxation.

    The programme's dual values are only taken as multipliers: the bound is what the relaxation makes of them, so it holds
    however well HiGHS has solved.
    """

    relaxation: Relaxation
    region: Region

    def solve(self, rows: FloatArray, offsets: FloatArray, split: NDArray[np.int8], seconds: float = np.inf) -> Leaf | None:
        """Maximise the smallest of ``rows @ y + offsets``, ``(m, n)`` and ``(m,)``, where ``split`` ``(u,)`` holds.

        Returns:
            None if ``seconds`` were too few.
        """
        relaxation = self.relaxation
        slopes, intercepts, signs, last_slope, last_intercept = self._affine(split)
        outputs = rows[:, relaxation.neurons[-1]]
        goal, constant = outputs @ last_slope, outputs @ last_intercept + offsets
        lp, columns = self._programme(goal, constant, signs[:, None] * slopes, signs * intercepts)
        highs = QuietHighs()
        highs.passModel(lp)
        if np.isfinite(seconds):
            highs.setOptionValue("time_limit", seconds)
        highs.run()
        if highs.getModelStatus() == highspy.HighsModelStatus.kTimeLimit:
            return None
        solved = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        duals = np.abs(np.asarray(highs.getSolution().row_dual)) if solved else np.zeros(lp.num_row_)
        m = len(rows)
        share = duals[:m] / duals[:m].sum() if duals[:m].sum() > 0.0 else np.full(m, 1.0 / m)
        multipliers = relaxation.start(1)
        cuts = np.cumsum(relaxation.sizes)[:-1]
        multipliers.split = [part[None] for part in np.split(split, cuts)]
        multipliers.beta = [part[None] for part in np.split(duals[m : m + split.size], cuts)]
        bound = float(relaxation.bound(share[None] @ rows, multipliers).value[0] + share @ offsets)
        # The rows were mixed in float64, whatever of them cancels.
        terms = np.abs(rows[:, relaxation.neurons[-1]]) @ relaxation.output_size + np.abs(offsets)
        bound += rounding(m) * float(share @ terms)
        if not solved:
            return Leaf(bound, None)
        values = np.asarray(highs.getSolution().col_value)
        return Leaf(bound, self.region.project(columns(values)))

    def _affine(self, split: NDArray[np.int8]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return every fixed neuron's pre-activation as ``(u, d)`` and ``(u,)``, the signs, and the last layer's outputs."""
        relaxation = self.relaxation
        slope, intercept = np.eye(self.region.size), np.zeros(self.region.size)
        slopes, intercepts = [], []
        start = 0
        for weight, bias, size in zip(relaxation.weights, relaxation.biases, relaxation.sizes, strict=True):
            slope, intercept = weight @ slope, weight @ intercept + bias
            slopes.append(slope[:size].copy())
            intercepts.append(intercept[:size].copy())
            off = np.flatnonzero(split[start : start + size] < 0)
            slope[off], intercept[off] = 0.0, 0.0
            start += size
        return np.concatenate(slopes), np.concatenate(intercepts), split.astype(np.float64), slope, intercept

    def _programme(
        self, goal: FloatArray, constant: FloatArray, sides: FloatArray, limits: FloatArray
    ) -> tuple[highspy.HighsLp, Callable[[FloatArray], FloatArray]]:
        """State: maximise ``t - PENALTY e`` with ``t <= goal x + constant``, ``sides x + limits + e >= 0``, x in the region."""
        region, d = self.region, self.region.size
        low, high = region.tight_box()
        ball = region.norm == "l1"
        # With a ball, x = center + plus - minus, so that one row states it.
        blocks = [np.eye(d), -np.eye(d)] if ball else [np.eye(d)]
        center = region.center if ball else np.zeros(d)
        column_low = np.zeros(2 * d) if ball else low
        column_high = np.concatenate([high - center, center - low]) if ball else high
        step = np.hstack(blocks)
        m, u, n = len(goal), len(sides), step.shape[1]
        matrix = np.zeros((m + u + ball, n + 2))
        matrix[:m, :n], matrix[:m, n] = goal @ step, -1.0
        matrix[m : m + u, :n], matrix[m : m + u, n + 1] = sides @ step, 1.0
        lower = np.concatenate([-(constant + goal @ center), -(limits + sides @ center)])
        upper = np.full(m + u, highspy.kHighsInf)
        if ball:
            assert region.radius is not None
            matrix[-1, :n] = 1.0
            lower, upper = np.append(lower, -highspy.kHighsInf), np.append(upper, region.radius)
        lp = highspy.HighsLp()
        lp.num_row_, lp.num_col_ = matrix.shape
        lp.sense_ = highspy.ObjSense.kMaximize
        lp.col_cost_ = np.concatenate([np.zeros(n), [1.0, -PENALTY]])
        lp.col_lower_ = np.concatenate([column_low, [-highspy.kHighsInf, 0.0]])
        lp.col_upper_ = np.concatenate([column_high, [highspy.kHighsInf, highspy.kHighsInf]])
        lp.row_lower_, lp.row_upper_ = lower, upper
        rows, columns = np.nonzero(matrix)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(matrix)))])
        lp.a_matrix_.index_, lp.a_matrix_.value_ = columns, matrix[rows, columns]
        return lp, lambda values: center + step @ values[:n]
