"""Domains without a free neuron: the network is linear there, and a linear programme gives the exact multipliers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from surrogate.bounds.base import rounding
from surrogate.bounds.region_columns import RegionColumns
from surrogate.bounds.relaxation import Relaxation
from surrogate.networks import FloatArray
from surrogate.problems.region import Region
from surrogate.quiet_highs import QuietHighs, to_highs

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
        x = RegionColumns.of(self.region)
        m, u, n = len(goal), len(sides), x.lower.size
        matrix = np.zeros((m + u, n + 2))
        matrix[:m, :n], matrix[:m, n] = goal @ x.step, -1.0
        matrix[m:, :n], matrix[m:, n + 1] = sides @ x.step, 1.0
        row_lower = np.concatenate([-(constant + goal @ x.origin), -(limits + sides @ x.origin)])
        row_upper = np.full(m + u, np.inf)
        if x.radius is not None:
            matrix = np.vstack([matrix, [*np.ones(n), 0.0, 0.0]])
            row_lower, row_upper = np.append(row_lower, -np.inf), np.append(row_upper, x.radius)
        cost = np.append(np.zeros(n), [1.0, -PENALTY])
        lower, upper = np.append(x.lower, [-np.inf, 0.0]), np.append(x.upper, [np.inf, np.inf])
        lp = to_highs(matrix, row_lower, row_upper, cost, lower, upper)
        lp.sense_ = highspy.ObjSense.kMaximize
        return lp, lambda values: x.origin + x.step @ values[:n]
