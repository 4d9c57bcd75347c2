"""The big-M formulation: each neuron's own bounds are its constants, and a neuron that they decide needs no binary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from surrogate.bounds import Bounds
from surrogate.checks import numbers, shown
from surrogate.errors import InvalidSetting
from surrogate.formulation.base import Embedding, Formulation, linear
from surrogate.networks import FloatArray, ReluNetwork


class BigM(Formulation):
    r"""Write each ReLU :math:`y = \max(0, z)`, :math:`z = w x + b \in [l, u]`, by its positive and negative parts.

    * stably inactive (:math:`u \le 0`): nothing; the neuron is 0 in every later row;
    * stably active (:math:`l \ge 0`): :math:`w x - y = -b`;
    * unstable: :math:`w x - y + n = -b`, :math:`y \le u s`, :math:`n \le -l (1 - s)`, :math:`y, n \ge 0`, binary :math:`s`.

    The affine row is written once, and weights that are exactly 0 have no coefficient in it.

    Adds to the block, indexed by ``(layer, neuron)``: ``y``, ``n``, ``s``, ``affine``, ``on``, ``off``; and ``output[o]``,
    ``output_row[o]``.

    Source: Fischetti and Jo, Deep Neural Networks and Mixed Integer Linear Optimization, Constraints 23 (2018), eq. (5)-(8),
    with the stable neurons removed as in Tjeng, Xiao and Tedrake, ICLR 2019.
    """

    name: ClassVar[str] = "big_m"
    components: ClassVar[tuple[str, ...]] = ("y", "n", "s", "affine", "on", "off", "output", "output_row")

    def embed(self, block: Any, network: ReluNetwork, inputs: Sequence[Any], bounds: Bounds) -> Embedding:
        hidden = range(len(network.weights) - 1)
        low = [array.tolist() for array in bounds.lower]
        high = [array.tolist() for array in bounds.upper]
        alive = [(i, j) for i in hidden for j in np.flatnonzero(bounds.upper[i] > 0.0).tolist()]
        unstable = [(i, j) for i in hidden for j in np.flatnonzero(bounds.unstable[i]).tolist()]
        unstable_set = set(unstable)
        outputs = range(network.output_size)

        block.y = pyo.Var(alive, bounds=lambda _, i, j: (max(low[i][j], 0.0), high[i][j]))
        block.n = pyo.Var(unstable, bounds=lambda _, i, j: (0.0, -low[i][j]))
        block.s = pyo.Var(unstable, domain=pyo.Binary)
        block.output = pyo.Var(outputs, bounds=lambda _, o: (low[-1][o], high[-1][o]))

        # Per layer: its input variables and where they sit in the weight matrix; dead neurons have neither.
        variables: list[list[Any]] = [list(inputs)]
        positions = [np.arange(network.input_size)]
        for i in hidden:
            living = [j for layer, j in alive if layer == i]
            variables.append([block.y[i, j] for j in living])
            positions.append(np.asarray(living, dtype=np.intp))

        def row(layer: int, neuron: int, extra: Sequence[tuple[float, Any]]) -> tuple[Any, float]:
            weights = network.weights[layer][neuron, positions[layer]]
            used = np.flatnonzero(weights)
            terms = [variables[layer][p] for p in used]
            coefficients = weights[used].tolist()
            for coefficient, variable in extra:
                coefficients.append(coefficient)
                terms.append(variable)
            return linear(coefficients, terms), -float(network.biases[layer][neuron])

        def affine(b: Any, i: int, j: int) -> tuple[Any, float]:
            negative_part = [(1.0, b.n[i, j])] if (i, j) in unstable_set else []
            return row(i, j, [(-1.0, b.y[i, j]), *negative_part])

        block.affine = pyo.Constraint(alive, rule=affine)
        block.on = pyo.Constraint(
            unstable, rule=lambda b, i, j: (None, linear([1.0, -high[i][j]], [b.y[i, j], b.s[i, j]]), 0.0)
        )
        block.off = pyo.Constraint(
            unstable,
            rule=lambda b, i, j: (None, linear([1.0, -low[i][j]], [b.n[i, j], b.s[i, j]]), -low[i][j]),
        )
        block.output_row = pyo.Constraint(outputs, rule=lambda b, o: row(len(hidden), o, [(-1.0, b.output[o])]))
        return _BigMEmbedding(network, bounds, list(inputs), list(block.output.values()), block)


@dataclass(frozen=True, eq=False)
class _BigMEmbedding(Embedding):
    block: Any

    def set_values(self, x: ArrayLike) -> None:
        point = numbers("the point", x)
        if point.shape != (len(self.inputs),) or not np.isfinite(point).all():
            raise InvalidSetting(f"the point must be {len(self.inputs)} finite numbers, got {shown(x)}")
        z = self.network.pre_activations(point[None])
        self.bounds.require(z)
        _assign(self.inputs, point)
        _assign(self.outputs, z[-1][0])
        for (i, j), variable in self.block.y.items():
            variable.set_value(max(float(z[i][0, j]), 0.0), skip_validation=True)
        for (i, j), variable in self.block.n.items():
            variable.set_value(max(-float(z[i][0, j]), 0.0), skip_validation=True)
            self.block.s[i, j].set_value(int(z[i][0, j] > 0.0), skip_validation=True)


def _assign(variables: Sequence[Any], values: FloatArray) -> None:
    for variable, value in zip(variables, values.tolist(), strict=True):
        variable.set_value(value, skip_validation=True)
