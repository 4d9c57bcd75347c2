"""Bounds of inputs and neurons that hold where the user's constraints hold. Each takes two linear programmes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from surrogate.bounds import Bounds
from surrogate.bounds.base import affine_over_region
from surrogate.bounds.crown import tighten
from surrogate.errors import UnsoundBounds
from surrogate.models.programmes.ranges import Ranges, within_reach
from surrogate.models.programmes.rows import NetworkRows
from surrogate.models.programmes.safe import SafeProgramme
from surrogate.models.reading import UserModel
from surrogate.networks import FloatArray
from surrogate.problems.region import Region

WORTH = 0.03
"""Another round begins where the last one shrank the unstable neurons' ranges by this share on average."""

GAIN = 0.01
"""A side of a range that moved by less than this share of the range rests for a round, then for two."""

LEAST_SECONDS = 0.2
"""The least time limit of a linear programme, even if less is left of the turn."""

ROUNDED = 1e-6
"""A bound of an integer that is above a whole number by no more than this stays at that one."""


class Tightening:
    r"""Bounds over the decisions that the model allows, tightened little by little.

    The relaxation has the model's rows, integers relaxed, and each unstable neuron's triangle
    :math:`-l\,y + u\,n \le -l\,u`. A round bounds the networks' inputs over it, then the neurons, layer after layer. What is
    found for a layer makes the triangles of the next linear programmes smaller, and CROWN carries it through the layers
    behind. A bound is not a programme's optimum, which HiGHS knows to its tolerances only, but what its dual values prove in
    float64 (:class:`surrogate.models.programmes.safe.SafeProgramme`).

    Attributes:
        lower, upper: bounds of the model's columns ``(columns,)``.
        bounds: per link the bounds of its neurons.
        bound: what the minimised objective is at least; minus infinity so far.

    Source: Gleixner, Berthold, Müller, Weltge, Three enhancements for optimization-based bound tightening, 2017, with neurons
    beside variables.
    """

    def __init__(self, model: UserModel, ranges: Ranges, tolerance: float) -> None:
        self._model, self._tolerance = model, tolerance
        self._regions = list(ranges.regions)
        self.bounds = list(ranges.bounds)
        self.lower = model.lower - tolerance * model.column_scale
        self.upper = model.upper + tolerance * model.column_scale
        self.bound = -math.inf
        self._better_than: float | None = None
        self._until = math.inf
        self._work: Iterator[None] | None = None
        self._is_done = self._has_rested = False
        self._round = 0
        self._rests: dict[tuple[int, ...], tuple[int, int]] = {}

    def advance(self, until: float, better_than: float | None) -> bool:
        """Go on until a ``time.perf_counter()`` value; return whether another round promises little.

        ``better_than``: only decisions with a minimised objective of at most this count from the next layer on; None counts
        all. It never rises from call to call.
        """
        self._is_done = self._is_done and better_than == self._better_than
        self._until, self._better_than = until, better_than
        if self._is_done:
            return True
        if self._work is None:
            self._work = self._rounds()
        for _ in self._work:
            if time.perf_counter() >= until:
                return False
        self._work, self._is_done = None, True
        return True

    def shrunk(self, since: FloatArray) -> float:
        """Return by which share the ranges of the neurons that were unstable at some time have shrunk since, on average.

        ``since``: :meth:`spans` of that time. 0 where none was unstable.
        """
        free = since > 0.0
        return float((1.0 - self.spans()[free] / since[free]).mean()) if free.any() else 0.0

    def _rounds(self) -> Iterator[None]:
        while True:
            self._round, self._has_rested = self._round + 1, False
            before = self.spans()
            yield from self._inputs()
            for layer in range(max(len(bound.lower) - 1 for bound in self.bounds)):
                yield from self._neurons(layer)
            if self.shrunk(before) >= WORTH:
                continue
            if not self._has_rested:
                return
            self._rests.clear()  # the last word is that of a round in which nothing rests

    def spans(self) -> FloatArray:
        """Return the ranges of all hidden neurons, 0 for those that are not unstable."""
        return np.concatenate(
            [
                np.where(mask, high - low, 0.0)
                for bound in self.bounds
                for low, high, mask in zip(bound.lower, bound.upper, bound.unstable, strict=False)
            ]
        )

    def _inputs(self) -> Iterator[None]:
        """Bound the inputs of each network, then its neurons over the box of these inputs."""
        model = self._model
        rows, proof = self._relaxation()
        yield
        known: set[int] = set()
        for at, link in enumerate(model.links):
            region = self._regions[at]
            low, high = region.lower.copy(), region.upper.copy()
            for j in np.flatnonzero(low < high).tolist():
                part = slice(*link.matrix.indptr[j : j + 2])
                columns, factors = link.matrix.indices[part], link.matrix.data[part]
                row = np.zeros(model.columns + rows.extra)
                row[columns] = factors
                if len(columns) > 1 or link.constant[j] != 0.0 or factors[0] != 1.0:
                    low[j], high[j] = self._ends((at, j), proof, row, low[j], high[j], float(link.constant[j]))
                    yield
                    continue
                column = int(columns[0])
                if column not in known:
                    known.add(column)
                    self._narrow_column(proof, column, row)
                    yield
                low[j] = max(low[j], min(self.lower[column], high[j]))
                high[j] = min(high[j], max(self.upper[column], low[j]))
            if (low > region.lower).any() or (high < region.upper).any():
                self._regions[at] = Region(low, high)
                self._carry(at, 0)

    def _narrow_column(self, proof: SafeProgramme, column: int, row: FloatArray) -> None:
        least, most = self._ends((column,), proof, row, self.lower[column], self.upper[column])
        if self._model.integral[column]:
            least, most = float(np.ceil(least - ROUNDED)), float(np.floor(most + ROUNDED))
        self.lower[column] = max(self.lower[column], min(least, self.upper[column]))
        self.upper[column] = min(self.upper[column], max(most, self.lower[column]))

    def _neurons(self, layer: int) -> Iterator[None]:
        """Bound the unstable neurons of one layer of all networks."""
        if not any(layer < len(bound.lower) - 1 and bound.unstable[layer].any() for bound in self.bounds):
            return
        rows, proof = self._relaxation()
        yield
        neuron = 0
        for at, bound in enumerate(list(self.bounds)):
            changed = False
            lower, upper = [low.copy() for low in bound.lower], [high.copy() for high in bound.upper]
            for depth, mask in enumerate(bound.unstable):
                for j in np.flatnonzero(mask).tolist():
                    if depth == layer:
                        row = np.zeros(self._model.columns + rows.extra)
                        row[rows.positive[neuron]], row[rows.negative[neuron]] = 1.0, -1.0
                        low, high = lower[layer], upper[layer]
                        ends = self._ends((at, layer, j), proof, row, low[j], high[j])
                        changed = changed or ends != (low[j], high[j])
                        low[j], high[j] = ends
                        self.bounds[at] = Bounds(tuple(lower), tuple(upper))
                        yield
                    neuron += 1
            if changed:
                self._carry(at, layer + 1)

    def _ends(
        self, key: tuple[int, ...], proof: SafeProgramme, row: FloatArray, low: float, high: float, constant: float = 0.0
    ) -> tuple[float, float]:
        """Return a range ``low`` to ``high`` of a linear function, with ``constant`` added, as far as it can be narrowed."""
        ends = [low, high]
        for side, sign in enumerate((1.0, -1.0)):
            due, rests = self._rests.get((*key, side), (0, 0))
            if due > self._round:
                self._has_rested = True
                continue
            least = proof.least(sign * row, max(self._until, time.perf_counter() + LEAST_SECONDS))
            if least is None:
                continue
            end, before = sign * least + constant, ends[1] - ends[0]
            ends[side] = min(max(end, ends[0]), ends[1])
            rests = 0 if not ends[1] - ends[0] > (1.0 - GAIN) * before else min(rests + 1, 2)
            self._rests[(*key, side)] = (self._round + 1 + rests, rests)
        return ends[0], ends[1]

    def _carry(self, at: int, first: int) -> None:
        """Bound the hidden layers of a network from ``first`` on anew, over what is known of those before.

        Outputs keep their ranges: by these it is measured what a solver's tolerances may hide.
        """
        network, region, known = self._model.links[at].network, self._regions[at], self.bounds[at]
        lower, upper = list(known.lower[:first]), list(known.upper[:first])
        try:
            for layer in range(first, len(network.weights) - 1):
                if layer == 0:
                    low, high = affine_over_region(network.weights[0], network.biases[0], region)
                    low, high = np.maximum(low, known.lower[0]), np.minimum(high, known.upper[0])
                else:
                    low, high = tighten(network, region, lower, upper, layer, 0, known)
                lower.append(low)
                upper.append(high)
            self.bounds[at] = Bounds((*lower, known.lower[-1]), (*upper, known.upper[-1]))
        except UnsoundBounds:  # they meet, and cross by rounding: the known ones stay
            return

    def _relaxation(self) -> tuple[NetworkRows, SafeProgramme]:
        """Return the networks' rows, and the relaxation over what is known by now; the objective's bound first."""
        from scipy import sparse

        model, tolerance = self._model, self._tolerance
        rows = NetworkRows(model, [link.network for link in model.links], self.bounds, self._regions)
        extra, free = rows.extra, rows.neurons
        index, shape = np.arange(free), (free, model.columns + extra)
        triangle = sparse.csr_matrix((rows.reach[:, 1], (index, rows.positive)), shape=shape) + sparse.csr_matrix(
            (rows.reach[:, 0], (index, rows.negative)), shape=shape
        )
        parts: list[Any] = [
            sparse.hstack([model.matrix, sparse.csr_matrix((model.matrix.shape[0], extra))]),
            rows.matrix,
            triangle,
        ]
        low, high = model.rows_within(tolerance)
        row_lower = [low, rows.sides, np.full(free, -np.inf)]
        row_upper = [high, rows.sides, rows.reach[:, 0] * rows.reach[:, 1]]
        cost = np.concatenate([model.cost, np.zeros(extra)])
        if self._better_than is not None:
            parts.append(sparse.csr_matrix(cost[None]))
            row_lower.append(np.array([-np.inf]))
            side = self._better_than - model.offset
            row_upper.append(np.array([side + tolerance * max(1.0, abs(side))]))
        lower, upper = within_reach(
            model.links, rows.bounds, np.concatenate([self.lower, rows.lower]), np.concatenate([self.upper, rows.upper])
        )
        proof = SafeProgramme(sparse.vstack(parts), np.concatenate(row_lower), np.concatenate(row_upper), lower, upper)
        objective = proof.least(cost, max(self._until, time.perf_counter() + LEAST_SECONDS))
        if objective is not None:
            self.bound = max(self.bound, objective + model.offset)
        return rows, proof
