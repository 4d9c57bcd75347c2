"""Neuron bounds from the model's own constraints: two linear programmes a neuron over all networks and rows together."""

from __future__ import annotations

import time
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from surrogate.bounds import Bounds
from surrogate.models.linear import LinearProgramme
from surrogate.models.ranges import Ranges
from surrogate.models.reading import UserModel
from surrogate.models.rows import NetworkRows
from surrogate.networks import FloatArray

SLACK = 1e-9
"""Share of the sum of absolute terms that a bound is widened by for rounding, as everywhere in :mod:`surrogate.bounds`."""


def tighten(
    model: UserModel, ranges: Ranges, better_than: float | None, tolerance: float, deadline: float
) -> tuple[list[Bounds], float | None]:
    r"""Return bounds of all neurons over the decisions that the model allows, and a bound on its minimised objective.

    The relaxation has the model's rows, integers relaxed, and each unstable neuron's triangle
    :math:`-l\,y + u\,n \le -l\,u`. A bound is not the programme's optimum, which HiGHS knows to its tolerances only, but
    what its dual values prove in float64 (Neumaier and Shcherbina, Safe bounds in linear and mixed-integer linear programming,
    2004). It holds however well or badly HiGHS has solved.

    Args:
        ranges: boxes and bounds per link, valid wherever the inputs can go.
        better_than: only decisions with a minimised objective of at most this count; None counts all.
        tolerance: rows and columns may be violated by this much, relative to their sides: what holds to it is not cut off.
        deadline: ``time.perf_counter()`` value after which what is left keeps its bounds.

    Returns:
        the bounds per link, and None where the model's columns leave the objective open.
    """
    bounds = ranges.bounds
    rows = NetworkRows(model, [link.network for link in model.links], bounds, ranges.regions)
    proof = _Proof(model, rows, better_than, tolerance)
    objective = proof.lower_bound(np.concatenate([model.cost, np.zeros(rows.extra)]), deadline)
    lowest = [low.copy() for bound in bounds for low in bound.lower]
    highest = [high.copy() for bound in bounds for high in bound.upper]
    starts = np.cumsum([0, *(len(bound.lower) for bound in bounds)])
    neuron = 0
    for at, bound in enumerate(bounds):
        for layer, mask in enumerate(bound.unstable):
            for j in np.flatnonzero(mask).tolist():
                if time.perf_counter() >= deadline:
                    break
                low, high = lowest[starts[at] + layer], highest[starts[at] + layer]
                row = np.zeros(model.columns + rows.extra)
                row[rows.positive[neuron]], row[rows.negative[neuron]] = 1.0, -1.0
                least, most = proof.lower_bound(row, deadline), proof.lower_bound(-row, deadline)
                if least is not None:
                    low[j] = max(low[j], min(least, high[j]))
                if most is not None:
                    high[j] = min(high[j], max(-most, low[j]))
                neuron += 1
    found = []
    for at, bound in enumerate(bounds):
        part = slice(starts[at], starts[at] + len(bound.lower))
        found.append(Bounds(tuple(lowest[part]), tuple(highest[part])))
    return found, None if objective is None else objective + model.offset


class _Proof:
    """The relaxation, and what its dual values prove."""

    def __init__(self, model: UserModel, rows: NetworkRows, better_than: float | None, tolerance: float) -> None:
        extra, free = rows.extra, rows.neurons
        index = np.arange(free)
        shape = (free, model.columns + extra)
        triangle = sparse.csr_matrix((rows.reach[:, 1], (index, rows.positive)), shape=shape) + sparse.csr_matrix(
            (rows.reach[:, 0], (index, rows.negative)), shape=shape
        )
        parts: list[Any] = [
            sparse.hstack([model.matrix, sparse.csr_matrix((model.matrix.shape[0], extra))]),
            rows.matrix,
            triangle,
        ]
        row_lower = [model.row_lower - tolerance * model.row_scale, rows.sides, np.full(free, -np.inf)]
        row_upper = [model.row_upper + tolerance * model.row_scale, rows.sides, rows.reach[:, 0] * rows.reach[:, 1]]
        if better_than is not None:
            parts.append(sparse.csr_matrix(np.concatenate([model.cost, np.zeros(extra)])[None]))
            row_lower.append(np.array([-np.inf]))
            side = better_than - model.offset
            row_upper.append(np.array([side + tolerance * max(1.0, abs(side))]))
        self._matrix = sparse.csr_matrix(sparse.vstack(parts))
        self._transposed = sparse.csr_matrix(self._matrix.T)
        self._absolute = abs(self._transposed)
        self._row_lower, self._row_upper = np.concatenate(row_lower), np.concatenate(row_upper)
        self._lower = np.concatenate([model.lower - tolerance * model.column_scale, rows.lower])
        self._upper = np.concatenate([model.upper + tolerance * model.column_scale, rows.upper])
        for link, bound in zip(model.links, rows.bounds, strict=True):
            self._lower[link.outputs] = np.maximum(self._lower[link.outputs], bound.lower[-1])
            self._upper[link.outputs] = np.minimum(self._upper[link.outputs], bound.upper[-1])
        self._programme = LinearProgramme(
            self._matrix, self._row_lower, self._row_upper, np.zeros(shape[1]), self._lower, self._upper
        )

    def lower_bound(self, cost: FloatArray, deadline: float) -> float | None:
        """Return a number that ``cost @ columns`` is at least wherever the relaxation holds; None if none was proven."""
        self._programme.set_cost(cost)
        if self._programme.run(max(deadline - time.perf_counter(), 1e-3)) != highspy.HighsModelStatus.kOptimal:
            return None
        prices = self._programme.row_prices()
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
