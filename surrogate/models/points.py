"""Points to start from: decisions that keep the model's own constraints, with the networks' outputs by forward passes."""

from __future__ import annotations

import time

import highspy
import numpy as np

from surrogate.models.linear import LinearProgramme
from surrogate.models.ranges import Ranges
from surrogate.models.reading import UserModel
from surrogate.networks import FloatArray

VERTICES = 64
"""Most vertices of the model's linear relaxation that points are mixed from."""

BATCH_NUMBERS = 4_000_000
"""Most numbers of a batch of decisions."""


class Points:
    """Draws decisions.

    The model without its networks, integers relaxed, is a polytope. Its vertices in random directions are found by linear
    programmes; every mixture of them keeps all linear constraints. Beside mixtures there are uniform points of the inputs' box,
    which reach the middle better and are enough where the constraints leave the inputs alone.
    """

    def __init__(self, model: UserModel, ranges: Ranges, rng: np.random.Generator, until: float) -> None:
        self.model, self._rng = model, rng
        lower, upper = model.lower.copy(), model.upper.copy()
        for link, bound in zip(model.links, ranges.bounds, strict=True):
            lower[link.outputs] = np.maximum(lower[link.outputs], bound.lower[-1])
            upper[link.outputs] = np.minimum(upper[link.outputs], bound.upper[-1])
        crossed = lower > upper
        lower[crossed], upper[crossed] = upper[crossed], lower[crossed]
        self.vertices = self._corners(lower, upper, until)
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
        size = max(
            16, min(count, BATCH_NUMBERS // max(1, model.columns + max(sum(n.network.hidden_sizes) for n in model.links)))
        )
        base = self.vertices.mean(axis=0) if len(self.vertices) else np.clip(0.0, model.lower, model.upper)
        uniform = np.repeat(base[None], size // 2 if len(self.vertices) else size, axis=0)
        uniform[:, self._drawn] = rng.uniform(self._low, self._high, size=(len(uniform), self._drawn.size))
        parts = [uniform]
        if len(self.vertices):
            weights = rng.exponential(size=(size - len(uniform), len(self.vertices)))
            kept = rng.integers(1, min(6, len(self.vertices)) + 1, size=len(weights))
            ranks = rng.random(weights.shape).argsort(axis=1)
            weights[ranks >= kept[:, None]] = 0.0
            parts.append(weights / weights.sum(axis=1, keepdims=True) @ self.vertices)
        values = np.concatenate(parts)
        values[:, model.integral] = np.round(values[:, model.integral])
        return model.complete(values)

    def _corners(self, lower: FloatArray, upper: FloatArray, until: float) -> FloatArray:
        model = self.model
        programme = LinearProgramme(model.matrix, model.row_lower, model.row_upper, model.cost, lower, upper)
        width = np.where(np.isfinite(upper - lower) & (upper > lower), upper - lower, 1.0)
        found: list[FloatArray] = []
        for number in range(VERTICES):
            if number:
                direction = np.where(model.is_input, self._rng.normal(size=model.columns), 0.0) / width
                programme.set_cost(direction)
            if programme.run(max(until - time.perf_counter(), 1e-3)) == highspy.HighsModelStatus.kOptimal:
                found.append(programme.columns())
            if time.perf_counter() >= until:
                break
        return np.array(found).reshape(len(found), model.columns)
