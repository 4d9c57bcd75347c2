"""What is maximised over a region: a piecewise linear function of the network's outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surrogate.checks import is_integer, list_of, numbers, require_integer, require_kind, shown
from surrogate.errors import InvalidSetting
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region

LARGEST_ROWS = 2**28
"""Most entries of a problem's rows (two gigabytes): a margin against every other class has the square of their number."""


class Problem(ABC):
    r"""Maximise :math:`v(x) = \max_{g} \min_{k \in g} (a_k f(x) + c_k)` over a region: rows :math:`a_k, c_k` in groups ``g``.

    One group with one row is a linear function of the outputs; groups of one row are a maximum; one group of several rows is a
    minimum. Bounds, models, gradient steps and checks need to know no more of a problem than this.
    """

    asks: ClassVar[bool] = True
    """Whether a positive value answers a question (there is a witness), or values are only larger or smaller."""

    @abstractmethod
    def rows(self, outputs: int) -> tuple[FloatArray, FloatArray]:
        """Return ``a`` of shape ``(k, o)`` and ``c`` of shape ``(k,)`` for a network with ``o = outputs`` outputs.

        Raises:
            InvalidSetting: a network with so many outputs does not have what the problem refers to.
        """

    def groups(self, rows: int) -> tuple[tuple[int, ...], ...]:
        """Return the groups as indices of rows; here each of the ``rows`` rows is one (a maximum)."""
        return tuple((k,) for k in range(rows))

    def fold(self, network: ReluNetwork, region: Region | None = None) -> ReluNetwork:
        """Return the network ``x -> a f(x) + c``, with ``k`` outputs.

        Folding rounds, and the rows may cancel numbers that are much larger than what they leave. With a ``region`` the biases
        are raised by what rounding may have taken there, so that a bound on the folded network is one on ``a f(x) + c``.
        """
        require_kind("the network", network, ReluNetwork, "ReluNetwork.load(path)")
        if region is not None:
            require_kind("the region", region, Region, "Region(0.0, 1.0, center, radius, 'l1')")
        a, c = self.rows(network.output_size)
        return network.compose(a, c) if region is None else _composed_from_above(network, a, c, region)

    def combine(self, values: FloatArray) -> FloatArray:
        """Return ``max_g min_k`` ``(n,)`` of values of the rows, or of bounds on them, ``(n, k)``."""
        batch = _batch(values, "values of the rows", "(n, k)")
        return np.max([batch[:, list(group)].min(axis=1) for group in self.groups(batch.shape[1])], axis=0)

    def value(self, outputs: ArrayLike) -> FloatArray:
        """Return the values ``(n,)`` of outputs ``(n, o)``."""
        batch = _batch(outputs)
        a, c = self.rows(batch.shape[1])
        return self.combine(batch @ a.T + c)

    def value_at(self, network: ReluNetwork, point: FloatArray) -> float:
        """Return the value of a network's outputs at one point ``(d,)``."""
        return float(self.value(network(point[None]))[0])

    def bound(self, upper: FloatArray) -> float:
        """Return an upper bound on the value where every row is at most its entry of ``upper`` ``(k,)``."""
        return float(self.combine(upper[None])[0])

    def deciding(self, outputs: ArrayLike) -> NDArray[np.intp]:
        """Return for outputs ``(n, o)`` the index ``(n,)`` of the row that is the value: its gradient is the value's."""
        batch = _batch(outputs)
        a, c = self.rows(batch.shape[1])
        values = batch @ a.T + c
        groups = self.groups(values.shape[1])
        lowest = np.stack([np.array(group)[values[:, list(group)].argmin(axis=1)] for group in groups], axis=1)
        best = np.take_along_axis(values, lowest, axis=1).argmax(axis=1)
        return np.take_along_axis(lowest, best[:, None], axis=1)[:, 0]


def _batch(values: ArrayLike, name: str = "outputs", shape: str = "(n, o)") -> FloatArray:
    batch = numbers(name, values)
    if batch.ndim != 2 or batch.shape[1] == 0:
        raise InvalidSetting(f"{name} must be a batch {shape}, got shape {batch.shape}")
    return batch


def _require_outputs(outputs: int, rows: int = 1) -> None:
    require_integer("outputs", outputs, 0)
    if rows * outputs > LARGEST_ROWS:
        raise InvalidSetting(f"{rows} rows for {outputs} outputs are more than the {LARGEST_ROWS} numbers allowed")


def _composed_from_above(network: ReluNetwork, a: FloatArray, c: FloatArray, region: Region) -> ReluNetwork:
    r"""Return ``network.compose(a, c)`` with each bias raised so that no output is below :math:`a_k f(x) + c_k` in the region.

    The folded weights and biases are sums of ``o`` and ``o + 1`` products, each off by at most
    :math:`\gamma_n = n u / (1 - n u)` times the sum of their absolute values, with :math:`u = 2^{-53}`; the last hidden layer's
    values are bounded by intervals.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, SIAM 2002, section 3.1.
    """
    low, high = region.tight_box()
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        middle, reach = (low + high) / 2.0, (high - low) / 2.0
        center, spread = weight @ middle + bias, np.abs(weight) @ reach
        spread = spread + 1e-9 * (np.abs(weight) @ (np.abs(middle) + reach) + np.abs(bias))
        low, high = np.maximum(center - spread, 0.0), np.maximum(center + spread, 0.0)
    weight, bias = network.weights[-1], network.biases[-1]
    sizes = np.abs(a) @ (np.abs(weight) @ np.maximum(np.abs(low), np.abs(high)) + np.abs(bias)) + np.abs(c)
    folded = network.compose(a, c)
    terms = network.output_size + 4  # two more than summed, for the products and for the sum of bias and error
    raised = folded.biases[-1] + terms * 2.0**-53 * (1.0 + 1e-6) * sizes
    return ReluNetwork(folded.weights, [*folded.biases[:-1], raised])


@dataclass(frozen=True)
class Margin(Problem):
    r"""The margin :math:`m(x) = \max_{c \in T} f_c(x) - f_t(x)`, wrong minus right: positive is adversarial.

    ``label`` is the class ``t``; ``target`` the one class in ``T``, or None for every class but ``t`` (untargeted).

    Raises:
        InvalidSetting: a negative class, or a target that is the label.
    """

    label: int
    target: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("label", self.label), ("target", self.target)):
            if not is_integer(value) and not (name == "target" and value is None):
                raise InvalidSetting(f"{name} must be a class, counted from 0, got {value!r}")
        if self.label < 0 or (self.target is not None and self.target < 0):
            raise InvalidSetting(f"classes count from 0, got label={self.label} and target={self.target}")
        if self.target == self.label:
            raise InvalidSetting(f"target={self.target} is the label itself: choose another class, or None for any")

    def rows(self, outputs: int) -> tuple[FloatArray, FloatArray]:
        _require_outputs(outputs, rows=outputs if self.target is None else 1)
        if max(self.label, self.target or 0) >= outputs or outputs < 2:
            raise InvalidSetting(
                f"label={self.label} and target={self.target} need more logits than the network's {outputs}: "
                f"classes run from 0 to {outputs - 1}"
            )
        wrong = [c for c in range(outputs) if c != self.label] if self.target is None else [self.target]
        matrix = np.zeros((len(wrong), outputs))
        matrix[np.arange(len(wrong)), wrong] = 1.0
        matrix[:, self.label] -= 1.0
        return matrix, np.zeros(len(wrong))


@dataclass(frozen=True)
class Output(Problem):
    """Function maximisation: the largest value of one output, ``f_i(x)``. There is no question and so no witness.

    Raises:
        InvalidSetting: a negative index.
    """

    index: int = 0
    asks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not is_integer(self.index) or self.index < 0:
            raise InvalidSetting(f"outputs count from 0, got index={self.index!r}")

    def rows(self, outputs: int) -> tuple[FloatArray, FloatArray]:
        _require_outputs(outputs)
        if self.index >= outputs:
            raise InvalidSetting(f"index={self.index} is not an output of a network with {outputs}: they run from 0")
        matrix = np.zeros((1, outputs))
        matrix[0, self.index] = 1.0
        return matrix, np.zeros(1)


@dataclass(frozen=True, eq=False)
class Conditions(Problem):
    r"""A disjunction of conjunctions of linear output conditions :math:`a_k f(x) + c_k > 0`, as a VNN-LIB property states it.

    ``disjuncts`` is a sequence of pairs ``(a, c)`` of shapes ``(m, o)`` and ``(m,)``; a positive value satisfies every row of
    one of them.

    Raises:
        InvalidSetting: no disjunct, or shapes that do not fit together.
    """

    matrix: FloatArray
    offset: FloatArray
    sizes: tuple[int, ...]

    def __init__(self, disjuncts: Sequence[tuple[ArrayLike, ArrayLike]]) -> None:
        pairs = list_of("disjuncts", disjuncts, "pairs (a, c) of a matrix and a vector")
        if not pairs:
            raise InvalidSetting("output conditions need at least one disjunct")
        for pair in pairs:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise InvalidSetting(f"a disjunct must be a pair (a, c) of a matrix and a vector, got {shown(pair)}")
        matrices = [numbers("a disjunct's matrix", a) for a, _ in pairs]
        offsets = [numbers("a disjunct's vector", c) for _, c in pairs]
        for matrix, offset in zip(matrices, offsets, strict=True):
            if matrix.ndim != 2 or len(matrix) == 0 or offset.shape != matrix.shape[:1]:
                raise InvalidSetting(f"a disjunct needs a matrix (m, o) and a vector (m,), got {matrix.shape}, {offset.shape}")
            if matrix.shape[1] != matrices[0].shape[1] or not (np.isfinite(matrix).all() and np.isfinite(offset).all()):
                raise InvalidSetting("the disjuncts must be finite and refer to the same number of outputs")
        object.__setattr__(self, "matrix", np.concatenate(matrices))
        object.__setattr__(self, "offset", np.concatenate(offsets))
        object.__setattr__(self, "sizes", tuple(len(matrix) for matrix in matrices))

    def rows(self, outputs: int) -> tuple[FloatArray, FloatArray]:
        require_integer("outputs", outputs, 0)
        if self.matrix.shape[1] != outputs:
            raise InvalidSetting(f"the conditions are on {self.matrix.shape[1]} outputs but the network has {outputs}")
        return self.matrix, self.offset

    def groups(self, rows: int) -> tuple[tuple[int, ...], ...]:
        if rows != sum(self.sizes):
            raise InvalidSetting(f"the conditions have {sum(self.sizes)} rows, got values of {rows}")
        ends = np.cumsum(self.sizes)
        return tuple(tuple(range(end - size, end)) for end, size in zip(ends.tolist(), self.sizes, strict=True))
