"""The rows that state networks over a model's columns, with every unstable neuron split into its two sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.bounds import Bounds
from surrogate.models.reading import Link, UserModel
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.problems.region import Region

Indices = NDArray[np.int32]


class NetworkRows:
    r"""Networks as rows: :math:`W y_{prev} + b = y - n` with :math:`y, n \ge 0`, the positive and negative part of a neuron.

    Where one of the two parts of each neuron is 0, the rows state the networks exactly. What holds the other part at 0 is
    left to the user of the rows: a phase (a bound of 0 on one part), a binary, or nothing (a relaxation). A neuron that its
    bounds decide has one part, or none.

    With ``regions``, a box a place, inputs that are expressions have its sides as bounds, else they are free.

    Attributes:
        matrix: sparse ``(rows, columns)``; the columns are the model's own, then ``extra`` ones.
        sides: right-hand sides ``(rows,)`` of the equations.
        extra: number of columns behind the model's own.
        upper: upper bounds of the extra columns ``(extra,)``, from the neurons' bounds; ``lower`` their lower bounds.
        positive, negative: per unstable neuron the column of each part ``(k,)``, place after place, layer after layer.
        reach: per unstable neuron ``(k, 2)`` the largest positive and the largest negative part.
        place: per unstable neuron the position of its place in ``model.links``.
    """

    def __init__(
        self,
        model: UserModel,
        networks: Sequence[ReluNetwork],
        bounds: Sequence[Bounds],
        regions: Sequence[Region] | None = None,
    ) -> None:
        from scipy import sparse

        self._regions = regions
        self.networks, self.bounds = list(networks), list(bounds)
        self._links = model.links
        self._unstable = [bound.unstable for bound in bounds]
        self._parts: list[tuple[Any, Any, Any]] = []
        self._rows = 0
        self._sides: list[FloatArray] = []
        self._own = model.columns
        self._lower: list[FloatArray] = []
        self._upper: list[FloatArray] = []
        self._next = model.columns
        self._filled: list[tuple[int, int, Any, Indices, Any, Indices]] = []
        self._read: list[tuple[int, Any, Indices]] = []
        positive: list[Indices] = []
        negative: list[Indices] = []
        reach: list[FloatArray] = []
        place: list[Indices] = []
        for at, (link, network, bound) in enumerate(zip(model.links, networks, bounds, strict=True)):
            before, live = self._inputs(at, link), np.arange(network.input_size)
            for layer, (weight, bias) in enumerate(zip(network.weights[:-1], network.biases[:-1], strict=True)):
                low, high = bound.lower[layer], bound.upper[layer]
                alive, unstable = np.flatnonzero(high > 0.0), self._unstable[at][layer]
                y = self._columns(np.zeros(alive.size), high[alive])
                both = np.flatnonzero(unstable[alive])
                n = self._columns(np.zeros(both.size), -low[alive][both])
                self._equations(
                    [(weight[np.ix_(alive, live)], before), (-np.eye(alive.size), y)],
                    -bias[alive],
                    [(both, n, np.ones(both.size))],
                )
                self._filled.append((at, layer, alive, y, alive[both], n))
                positive.append(y[both])
                negative.append(n)
                reach.append(np.stack([high[alive][both], -low[alive][both]], axis=1))
                place.append(np.full(both.size, at, dtype=np.int32))
                before, live = y, alive
            outputs = np.asarray(link.outputs, dtype=np.int32)
            self._equations([(network.weights[-1][:, live], before), (-np.eye(outputs.size), outputs)], -network.biases[-1], [])
        self.positive, self.negative = np.concatenate(positive), np.concatenate(negative)
        self.reach, self.place = np.concatenate(reach), np.concatenate(place)
        self.extra = self._next - self._own
        self.lower, self.upper = np.concatenate(self._lower), np.concatenate(self._upper)
        self.sides = np.concatenate(self._sides)
        values, rows, columns = (np.concatenate([part[i] for part in self._parts]) for i in range(3))
        self.matrix = sparse.csr_matrix((values, (rows, columns)), shape=(self._rows, self._next))

    @property
    def neurons(self) -> int:
        """Number of unstable neurons."""
        return int(self.positive.size)

    def phases(self, values: FloatArray) -> BoolArray:
        """Return which unstable neurons are positive ``(n, k)`` at completed decisions ``(n, columns)``, by forward passes."""
        found = [np.zeros((len(values), 0), dtype=np.bool_)]
        for link, network, unstable in zip(self._links, self.networks, self._unstable, strict=True):
            z = network.pre_activations(link.inputs_at(values))
            found += [layer[:, mask] > 0.0 for layer, mask in zip(z, unstable, strict=False)]
        return np.concatenate(found, axis=1)

    def extended(self, values: FloatArray) -> FloatArray:
        """Return a completed decision ``(columns,)`` with the values of the extra columns behind it."""
        whole = np.concatenate([values, np.zeros(self.extra)])
        inputs = [link.inputs_at(values[None]) for link in self._links]
        z = [network.pre_activations(x) for network, x in zip(self.networks, inputs, strict=True)]
        for at, layer, alive, y, both, n in self._filled:
            whole[y] = np.maximum(z[at][layer][0, alive], 0.0)
            whole[n] = np.maximum(-z[at][layer][0, both], 0.0)
        for at, other, columns in self._read:
            whole[columns] = inputs[at][0, other]
        return whole

    def _inputs(self, at: int, link: Link) -> Indices:
        """Return the columns of a network's inputs: the model's own where an input is a variable, else new ones."""
        matrix = link.matrix
        count = np.diff(matrix.indptr)
        plain = (count == 1) & (link.constant == 0.0)
        plain[plain] = matrix.data[matrix.indptr[:-1][plain]] == 1.0
        columns = np.empty(matrix.shape[0], dtype=np.int32)
        columns[plain] = matrix.indices[matrix.indptr[:-1][plain]]
        other = np.flatnonzero(~plain)
        if other.size:
            if self._regions is None:
                columns[other] = new = self._columns(np.full(other.size, -np.inf), np.full(other.size, np.inf))
            else:
                columns[other] = new = self._columns(self._regions[at].lower[other], self._regions[at].upper[other])
            row = np.repeat(np.cumsum(~plain) - 1, count)
            part = np.repeat(~plain, count)
            self._read.append((at, other, new))
            self._parts.append((matrix.data[part], self._rows + row[part], matrix.indices[part]))
            self._parts.append((-np.ones(other.size), self._rows + np.arange(other.size), new))
            self._sides.append(-link.constant[other])
            self._rows += other.size
        return columns

    def _columns(self, lower: FloatArray, upper: FloatArray) -> Indices:
        new = np.arange(self._next, self._next + lower.size, dtype=np.int32)
        self._next += lower.size
        self._lower.append(lower)
        self._upper.append(upper)
        return new

    def _equations(self, dense: Sequence[tuple[FloatArray, Indices]], sides: FloatArray, single: Sequence[Any]) -> None:
        """Add a row for each side: blocks of coefficients over columns, and single entries ``(row, column, value)``."""
        for block, columns in dense:
            rows, where = np.nonzero(block)
            self._parts.append((block[rows, where], self._rows + rows, columns[where]))
        for rows, columns, values in single:
            self._parts.append((values, self._rows + rows, columns))
        self._sides.append(np.asarray(sides, dtype=np.float64))
        self._rows += sides.size
