"""The dense network's own problem inside one activation region of a surrogate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyomo.environ as pyo

from surrogate.attack.milp.model import MaximisationModel, Pattern
from surrogate.formulation.base import linear
from surrogate.networks import FloatArray


class DenseSubproblem:
    r"""Maximise the dense value over the inputs on which a surrogate has a given activation pattern.

    With the phases fixed the surrogate is linear, so the inputs with this pattern form a polyhedron: :math:`z_j(x) \ge 0` for
    the active unstable neurons and :math:`z_j(x) \le 0` for the others. Its rows join the dense network's MILP.
    """

    def __init__(self, dense: MaximisationModel) -> None:
        self.dense = dense

    @contextmanager
    def inside(self, surrogate: MaximisationModel, pattern: Pattern, point: FloatArray) -> Iterator[MaximisationModel]:
        """Confine the dense model to the pattern's inputs for the time of a ``with`` block, started from ``point`` ``(d,)``."""
        A, b = polyhedron(surrogate, pattern)
        rows = []
        for row, limit in zip(A, b.tolist(), strict=True):
            used = np.flatnonzero(row)
            if used.size:
                rows.append((None, linear(row[used].tolist(), [self.dense.inputs[j] for j in used]), limit))
        self.dense.set_values(self.dense.region.project(point))
        self.dense.pyomo.pattern = pyo.Constraint(range(len(rows)), rule=lambda _, k: rows[k])
        try:
            yield self.dense
        finally:
            self.dense.pyomo.del_component("pattern")


def polyhedron(model: MaximisationModel, pattern: Pattern) -> tuple[FloatArray, FloatArray]:
    """Return ``A`` ``(k, d)`` and ``b`` ``(k,)``: the unstable neurons have the pattern exactly where ``A x <= b``.

    Rows are scaled to a largest coefficient of 1, so that a solver's tolerance means the same in all of them.
    """
    network, bounds = model.embedding.network, model.embedding.bounds
    phase = dict(zip(model.binaries, pattern, strict=True))
    slope, offset = np.eye(network.input_size), np.zeros(network.input_size)
    A, b = [np.empty((0, network.input_size))], [np.empty(0)]
    for layer, unstable in enumerate(bounds.unstable):
        slope, offset = network.weights[layer] @ slope, network.weights[layer] @ offset + network.biases[layer]
        active = (bounds.lower[layer] >= 0.0).astype(np.float64)
        undecided = np.flatnonzero(unstable)
        active[undecided] = [float(phase[layer, j]) for j in undecided.tolist()]
        sign = 1.0 - 2.0 * active[undecided]  # active: -z <= 0
        rows, limits = sign[:, None] * slope[undecided], -sign * offset[undecided]
        scale = np.abs(rows).max(axis=1, initial=0.0)
        scale[scale == 0.0] = 1.0
        A.append(rows / scale[:, None])
        b.append(limits / scale)
        slope, offset = active[:, None] * slope, active * offset
    return np.concatenate(A), np.concatenate(b)
