"""Points to start from: decisions that satisfy the model's own constraints, with the networks' outputs by forward passes."""

from __future__ import annotations

import time

import highspy
import numpy as np

from surrogate.models.programmes.linear import LinearProgramme
from surrogate.models.programmes.ranges import Ranges
from surrogate.models.reading import UserModel
from surrogate.networks import FloatArray

VERTICES = 16
"""Vertices of the model's linear relaxation that are found for each batch, and mixed with those of former batches."""

MOST_VERTICES = 128

VERTEX_SECONDS = 0.1
"""Most seconds for the vertices of a batch."""

BATCH_NUMBERS = 4_000_000
"""Most numbers of a batch of decisions."""


class Points:
    """Draws decisions.

    The model without its networks, integers relaxed, is a polytope. Its vertices in random directions are found by linear
    programmes; every mixture of them keeps all linear constraints. Beside mixtures there are uniform points of the inputs' box,
    which reach the middle better and are enough where the constraints leave the inputs alone.
    """

    def __init__(self, model: UserModel, ranges: Ranges, rng: np.random.Generator) -> None:
        self.model, self._rng = model, rng
        lower, upper = model.lower.copy(), model.upper.copy()
        for link, bound in zip(model.links, ranges.bounds, strict=True):
            lower[link.outputs] = np.maximum(lower[link.outputs], bound.lower[-1])
            upper[link.outputs] = np.minimum(upper[link.outputs], bound.upper[-1])
        crossed = lower > upper  # the outputs' own bounds and their networks exclude each other: nothing holds, points go on
        lower[crossed], upper[crossed] = upper[crossed], lower[crossed]
        self._programme = LinearProgramme(model.matrix, model.row_lower, model.row_upper, model.cost, lower, upper)
        self._vertices: list[FloatArray] = []
        self._width = np.where(np.isfinite(upper - lower) & (upper > lower), upper - lower, 1.0)
        for link, region in zip(model.links, ranges.regions, strict=True):
            matrix = link.matrix
            for j in np.flatnonzero(np.diff(matrix.indptr) == 1).tolist():
                column, factor = matrix.indices[matrix.indptr[j]], matrix.data[matrix.indptr[j]]
                ends = sorted(((region.lower[j] - link.constant[j]) / factor, (region.upper[j] - link.constant[j]) / factor))
                lower[column], upper[column] = max(lower[column], ends[0]), min(upper[column], ends[1])
        self._drawn = np.flatnonzero(model.is_input & ~model.is_output & np.isfinite(lower) & np.isfinite(upper))
        self._low, self._high = lower[self._drawn], np.maximum(upper[self._drawn], lower[self._drawn])

    def draw(self, count: int) -> FloatArray:
        """Return completed decisions ``(n, columns)``, ``n`` at most ``count``."""
        model, rng = self.model, self._rng
        widest = max(sum(link.network.hidden_sizes) for link in model.links)
        size = max(16, min(count, BATCH_NUMBERS // (model.columns + widest)))
        self._find_vertices(time.perf_counter() + VERTEX_SECONDS)
        vertices = np.array(self._vertices).reshape(len(self._vertices), model.columns)
        base = vertices.mean(axis=0) if len(vertices) else np.clip(0.0, model.lower, model.upper)
        uniform = np.repeat(base[None], size // 2 if len(vertices) else size, axis=0)
        uniform[:, self._drawn] = rng.uniform(self._low, self._high, size=(len(uniform), self._drawn.size))
        parts = [uniform]
        if len(vertices):
            weights = rng.exponential(size=(size - len(uniform), len(vertices)))
            kept = rng.integers(1, min(6, len(vertices)) + 1, size=len(weights))
            ranks = rng.random(weights.shape).argsort(axis=1).argsort(axis=1)
            weights[ranks >= kept[:, None]] = 0.0
            parts.append(weights / weights.sum(axis=1, keepdims=True) @ vertices)
        values = np.concatenate(parts)
        values[:, model.integral] = np.round(values[:, model.integral])
        return model.complete(values)

    def _find_vertices(self, until: float) -> None:
        model = self.model
        for _ in range(VERTICES):
            if self._vertices:
                self._programme.set_cost(np.where(model.is_input, self._rng.normal(size=model.columns), 0.0) / self._width)
            if self._programme.run(max(until - time.perf_counter(), 1e-3)) == highspy.HighsModelStatus.kOptimal:
                self._vertices.append(self._programme.columns())
            if time.perf_counter() >= until:
                break
        del self._vertices[1 : max(1, len(self._vertices) - MOST_VERTICES)]
