"""Bounds of neurons that hold where the user's constraints hold. Each neuron takes two linear programmes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from surrogate.bounds import Bounds
from surrogate.models.programmes.ranges import Ranges, within_reach
from surrogate.models.programmes.rows import NetworkRows
from surrogate.models.programmes.safe import SafeProgramme
from surrogate.models.reading import UserModel


def tighten(
    model: UserModel, ranges: Ranges, better_than: float | None, tolerance: float, deadline: float
) -> tuple[list[Bounds], float | None]:
    r"""Return bounds of all neurons over the decisions that the model allows, and a bound on its minimised objective.

    The relaxation has the model's rows, integers relaxed, and each unstable neuron's triangle
    :math:`-l\,y + u\,n \le -l\,u`. A bound is not the programme's optimum, which HiGHS knows to its tolerances only, but
    what its dual values prove in float64 (:class:`surrogate.models.programmes.safe.SafeProgramme`).

    Args:
        ranges: boxes and bounds per link, valid wherever the inputs can go.
        better_than: only decisions with a minimised objective of at most this count; None counts all.
        tolerance: rows and columns may be violated by this much, relative to their sides: what holds to it is not cut off.
        deadline: ``time.perf_counter()`` value after which what is left keeps its bounds.

    Returns:
        the bounds per link, and None where the model's columns leave the objective open.
    """
    bounds = ranges.bounds
    if time.perf_counter() >= deadline:
        return list(bounds), None
    rows = NetworkRows(model, [link.network for link in model.links], bounds, ranges.regions)
    proof = _relaxation(model, rows, better_than, tolerance)
    objective = proof.least(np.concatenate([model.cost, np.zeros(rows.extra)]), deadline)
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
                least, most = proof.least(row, deadline), proof.least(-row, deadline)
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


def _relaxation(model: UserModel, rows: NetworkRows, better_than: float | None, tolerance: float) -> SafeProgramme:
    """Return the model's rows, integers relaxed, with the triangle of each unstable neuron."""
    from scipy import sparse

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
    low, high = model.rows_within(tolerance)
    row_lower, row_upper = [low, rows.sides, np.full(free, -np.inf)], [high, rows.sides, rows.reach[:, 0] * rows.reach[:, 1]]
    if better_than is not None:
        parts.append(sparse.csr_matrix(np.concatenate([model.cost, np.zeros(extra)])[None]))
        row_lower.append(np.array([-np.inf]))
        side = better_than - model.offset
        row_upper.append(np.array([side + tolerance * max(1.0, abs(side))]))
    lower = np.concatenate([model.lower - tolerance * model.column_scale, rows.lower])
    upper = np.concatenate([model.upper + tolerance * model.column_scale, rows.upper])
    lower, upper = within_reach(model.links, rows.bounds, lower, upper)
    return SafeProgramme(sparse.vstack(parts), np.concatenate(row_lower), np.concatenate(row_upper), lower, upper)
