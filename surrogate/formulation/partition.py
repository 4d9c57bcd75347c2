"""The partition formulation: big-M with each neuron's sum split into a few parts, up to the convex hull of the neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike, NDArray

from surrogate import rules
from surrogate.bounds import Bounds
from surrogate.bounds.base import affine_over_box
from surrogate.checks import numbers
from surrogate.errors import UnsoundBounds
from surrogate.formulation.base import Embedding, Formulation, linear
from surrogate.formulation.big_m import BigM
from surrogate.formulation.scaling import ORDINARY
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.settings import setting

LayerBox = tuple[FloatArray, FloatArray]
"""Bounds ``lower``, ``upper`` ``(h,)`` of a layer's inputs."""


@dataclass(frozen=True)
class Partition(Formulation):
    r"""Split the sum :math:`w x = \sum_{k=0}^{K-1} p_k` of each unstable neuron, and switch every part on or off with it.

    The weights of a neuron are sorted and cut into :math:`K` groups of equal size. Over the box of the layer's inputs
    :math:`p_k \in [L_k, L_k + R_k]`, widened as all bounds are. To the rows of :class:`BigM` are added, for :math:`k \ge 1`,

    .. math::
        p_k = v_k + d_k + L_k, \qquad 0 \le v_k \le R_k s, \qquad 0 \le d_k \le R_k (1 - s),

    so :math:`v_k` is what the part is above :math:`L_k` while the neuron is on, :math:`d_k` while it is off. The part of the
    largest :math:`R_k` is part 0, what the others leave of the neuron: with :math:`a = b + \sum_k L_k`,

    .. math::
        a s \le y - \sum_{k \ge 1} v_k \le (a + R_0) s, \qquad
        a (1 - s) \le -n - \sum_{k \ge 1} d_k \le (a + R_0)(1 - s).

    One part is big-M; a part for each weight is the convex hull of the neuron over the box of its inputs. As every row of big-M
    stays, a solver's tolerances can do no more to the network than they do there.

    The paper has groups of equal range too; those are not offered. What the parts bring depends on the bounds: a tighter
    relaxation with ``box``, next to nothing in an attack with ``crown``, which knows more of the inputs than their box. Neither
    saved more than 5 % of big-M's time in ``python -m benchmarks formulations``.

    Not split are stable neurons; neurons of the first layer that have an input without finite bounds; and neurons with a part
    wider than is ordinary to a solver (:data:`surrogate.formulation.scaling.ORDINARY`).

    Adds to the block what :class:`BigM` does and, indexed by ``(layer, neuron, part)``, ``v``, ``d``, ``part``, ``part_on``,
    ``part_off``; by ``(layer, neuron)``, ``least_on``, ``most_on``, ``least_off``, ``most_off``.

    The inputs' own bounds count, as they are when the network is embedded: they may be tightened later, not loosened.

    Attributes:
        partitions: :math:`K`, or the number of the neuron's weights where that is less.

    Raises:
        InvalidSetting: ``partitions`` is not an integer of at least 1.

    Source: Tsay, Kronqvist, Thebelt and Misener, Partition-based formulations for mixed-integer optimization of trained ReLU
    neural networks, NeurIPS 2021.
    """

    name: ClassVar[str] = "partition"
    components: ClassVar[tuple[str, ...]] = (
        *BigM.components,
        *("v", "d", "part", "part_on", "part_off", "least_on", "most_on", "least_off", "most_off"),
    )
    partitions: int = setting(2, rules.COUNT)

    def embed(self, block: Any, network: ReluNetwork, inputs: Sequence[Any], bounds: Bounds) -> Embedding:
        whole = BigM().embed(block, network, inputs, bounds)
        boxes = [
            _box_of(inputs),
            *((np.maximum(a, 0.0), np.maximum(b, 0.0)) for a, b in zip(bounds.lower, bounds.upper, strict=True)),
        ]
        split = {(i, j): parts for i, j in block.s if len(parts := self._parts(network.weights[i][j], boxes[i])) > 1}
        keys = [(i, j, k) for (i, j), parts in split.items() for k in range(1, len(parts))]
        reach = {(i, j, k): split[i, j][k].reach for i, j, k in keys}
        least = {(i, j): float(network.biases[i][j]) + sum(part.low for part in parts) for (i, j), parts in split.items()}
        most = {neuron: least[neuron] + parts[0].reach for neuron, parts in split.items()}

        def part(b: Any, i: int, j: int, k: int) -> tuple[Any, float]:
            positions = split[i, j][k].positions
            terms = [inputs[p] if i == 0 else b.y[i - 1, p] for p in positions.tolist()]
            weights = network.weights[i][j, positions].tolist()
            return linear([*weights, -1.0, -1.0], [*terms, b.v[i, j, k], b.d[i, j, k]]), split[i, j][k].low

        def on(b: Any, i: int, j: int, side: float) -> Any:
            """Return ``y`` less all ``v``, less ``side`` times the binary: part 0 of a neuron that is on."""
            others = [b.v[i, j, k] for k in range(1, len(split[i, j]))]
            return linear([1.0, *[-1.0] * len(others), -side], [b.y[i, j], *others, b.s[i, j]])

        def off(b: Any, i: int, j: int, side: float) -> Any:
            """Return ``n`` plus all ``d``, less ``side`` times the binary: part 0 of a neuron that is off, negated."""
            others = [b.d[i, j, k] for k in range(1, len(split[i, j]))]
            return linear([*[1.0] * (1 + len(others)), -side], [b.n[i, j], *others, b.s[i, j]])

        block.v = pyo.Var(keys, bounds=lambda _, *key: (0.0, reach[key]))
        block.d = pyo.Var(keys, bounds=lambda _, *key: (0.0, reach[key]))
        block.part = pyo.Constraint(keys, rule=part)
        block.part_on = pyo.Constraint(
            keys, rule=lambda b, i, j, k: (None, linear([1.0, -reach[i, j, k]], [b.v[i, j, k], b.s[i, j]]), 0.0)
        )
        block.part_off = pyo.Constraint(
            keys, rule=lambda b, i, j, k: (None, linear([1.0, reach[i, j, k]], [b.d[i, j, k], b.s[i, j]]), reach[i, j, k])
        )
        neurons = list(split)
        block.least_on = pyo.Constraint(neurons, rule=lambda b, i, j: (0.0, on(b, i, j, least[i, j]), None))
        block.most_on = pyo.Constraint(neurons, rule=lambda b, i, j: (None, on(b, i, j, most[i, j]), 0.0))
        block.least_off = pyo.Constraint(neurons, rule=lambda b, i, j: (None, off(b, i, j, least[i, j]), -least[i, j]))
        block.most_off = pyo.Constraint(neurons, rule=lambda b, i, j: (-most[i, j], off(b, i, j, most[i, j]), None))
        return _PartitionEmbedding(network, bounds, whole.inputs, whole.outputs, block, whole, split, boxes[0])

    def _parts(self, weights: FloatArray, box: LayerBox) -> list[_PartialSum]:
        """Return the parts of a neuron's sum, the widest first; not more than one if it is not to be split."""
        low, high = box
        used = np.flatnonzero((weights != 0.0) & ((low != 0.0) | (high != 0.0)))  # a dead neuron has no variable
        if not np.isfinite([low[used], high[used]]).all() or min(self.partitions, used.size) < 2:
            return []
        groups = np.array_split(used[np.argsort(weights[used], kind="stable")], min(self.partitions, used.size))
        parts = []
        for group in groups:
            lows, highs = affine_over_box(weights[None, group], np.zeros(1), low[group], high[group])
            parts.append(_PartialSum(np.sort(group), float(lows[0]), float(highs[0])))
        parts.sort(key=lambda part: part.reach, reverse=True)
        return [] if parts[0].reach > ORDINARY[1] else parts


@dataclass(frozen=True, eq=False)
class _PartialSum:
    """A part of a neuron's sum: which inputs of the layer are in it, and its bounds."""

    positions: NDArray[np.intp]
    low: float
    high: float

    @property
    def reach(self) -> float:
        return self.high - self.low


def _box_of(inputs: Sequence[Any]) -> LayerBox:
    """Return where the variables can go, infinite where they have no bound; one that is fixed may be unfixed later."""
    low = [-np.inf if variable.lb is None else variable.lb for variable in inputs]
    high = [np.inf if variable.ub is None else variable.ub for variable in inputs]
    for j, variable in enumerate(inputs):
        if variable.fixed:  # perhaps outside its bounds, which count for nothing then
            low[j], high[j] = min(low[j], variable.value), max(high[j], variable.value)
    return np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _PartitionEmbedding(Embedding):
    block: Any
    whole: Embedding
    split: dict[tuple[int, int], list[_PartialSum]]
    box: LayerBox

    def set_values(self, x: ArrayLike) -> None:
        self.whole.set_values(x)
        point = numbers("the point", x)
        self._require_inside(point)
        z = self.network.pre_activations(point[None])
        carried = [point, *(np.maximum(layer[0], 0.0) for layer in z[:-1])]
        for i, j, k in self.block.v:
            part = self.split[i, j][k]
            value = float(self.network.weights[i][j, part.positions] @ carried[i][part.positions]) - part.low
            active = bool(z[i][0, j] > 0.0)
            self.block.v[i, j, k].set_value(value if active else 0.0, skip_validation=True)
            self.block.d[i, j, k].set_value(0.0 if active else value, skip_validation=True)

    def _require_inside(self, point: FloatArray) -> None:
        """Check the point against the inputs' bounds, on which the parts rely as the neurons do on theirs."""
        low, high = self.box
        allowed = 1e-7 * (1.0 + np.abs(point))
        outside = (point < low - allowed) | (point > high + allowed)
        if self.split and outside.any():
            j = int(np.argmax(outside))
            raise UnsoundBounds(
                f"input {j} is {point[j]}, outside the bounds [{low[j]}, {high[j]}] that its variable had when the network was "
                "embedded, and on which the partition formulation relies: embed the network again"
            )
