"""Walking the nodes of an ONNX graph and folding them into the weights and biases of a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks.affine_chain import AffineChain
from surrogate.networks.arrays import FloatArray, WeightsAndBiases
from surrogate.networks.onnx_files.constants import Attributes, Constants, require_float_type

LARGEST_WIDTH = 2**20
"""Most values of an input or a layer: a file of a few bytes can claim any number, and a broadcast constant would fill it."""


class GraphReader:
    """Reads a checked model node by node.

    At every time one tensor, ``current``, holds the values of the chain, in row-major order and, whatever its batch axis, of
    one example; ``shape`` is its shape.
    """

    def __init__(self, model: Any, file_name: str) -> None:
        self.graph = model.graph
        self.where = file_name
        self.file_name = file_name
        self.constants = Constants(self.graph.initializer, file_name)
        self.current, self.shape = self._input()
        self.chain = AffineChain(math.prod(self.shape))

    def read(self) -> WeightsAndBiases:
        """Return the weights and biases of the network.

        Raises:
            UnsupportedLayer: a node that does not continue the chain of the nodes in front of it; gives index and type.
            InvalidNetwork: weights that are not finite or do not fit together.
        """
        for index, node in enumerate(self.graph.node):
            self.where = f"{self.file_name}, node {index} ({node.op_type})"
            attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            if self.constants.fold(node, attributes, self.where):
                continue
            if [name for name in node.input if name and name not in self.constants] != [self.current]:
                raise UnsupportedLayer(
                    f"{self.where}: expected constants and {self.current}, the result so far, as inputs, "
                    f"got {', '.join(node.input)}"
                )
            OPERATIONS[node.op_type](self, list(node.input), attributes)
            self.current = node.output[0]
        outputs = [output.name for output in self.graph.output]
        if outputs != [self.current]:
            raise InvalidNetwork(f"{self.file_name}: expected {self.current} as the only output, got {', '.join(outputs)}")
        try:
            return self.chain.layers()
        except InvalidNetwork as error:
            raise InvalidNetwork(f"{self.file_name}: {error}") from error

    def gemm(self, inputs: list[str], attributes: Attributes) -> None:
        if inputs[0] != self.current or attributes.get("transA", 0):
            raise UnsupportedLayer(f"{self.where}: only Gemm(x, constant, constant) with transA=0 is supported")
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused by the chain
            matrix = attributes.get("alpha", 1.0) * self.constants.matrix(inputs[1], self.where)
        weight = matrix if attributes.get("transB", 0) else matrix.T
        bias = None
        if len(inputs) > 2 and inputs[2]:
            bias = attributes.get("beta", 1.0) * self._spread(inputs[2], (1, weight.shape[0]))
        self._require_row()
        self.chain.affine(weight, bias, self.where)
        self.shape = (1, weight.shape[0])

    def matmul(self, inputs: list[str], attributes: Attributes) -> None:
        if inputs[0] == self.current:
            weight = self.constants.matrix(inputs[1], self.where).T
            self._require_row()
            shape = (*self.shape[:-1], weight.shape[0])
        else:
            weight = self.constants.matrix(inputs[0], self.where)
            if len(self.shape) < 2 or self.shape[-1] != 1 or self.shape[-2] != math.prod(self.shape):
                raise UnsupportedLayer(f"{self.where}: expected one column behind the constant, got shape {self.shape}")
            shape = (*self.shape[:-2], weight.shape[0], 1)
        self.chain.affine(weight, None, self.where)
        self.shape = shape

    def relu(self, inputs: list[str], attributes: Attributes) -> None:
        self.chain.relu(self.where)

    def batch_normalization(self, inputs: list[str], attributes: Attributes) -> None:
        if inputs[0] != self.current or attributes.get("training_mode", 0) or not attributes.get("spatial", 1):
            raise UnsupportedLayer(f"{self.where}: only a normalisation with constant statistics per channel is supported")
        if len(self.shape) < 2 or self.shape[0] != 1:
            raise UnsupportedLayer(f"{self.where}: expected its channels on the second axis, got shape {self.shape}")
        channels = (1, self.shape[1], *(1 for _ in self.shape[2:]))
        values = [self.constants.numbers(name, self.where) for name in inputs[1:5]]
        if any(value.size != self.shape[1] for value in values):
            raise InvalidNetwork(f"{self.where}: expected {self.shape[1]} values for each statistic, one a channel")
        gamma, beta, mean, variance = values
        deviations = variance + attributes.get("epsilon", 1e-5)
        if not (deviations > 0.0).all():
            raise InvalidNetwork(f"{self.where}: has a variance that is not above 0")
        factors = gamma.ravel() / np.sqrt(deviations.ravel())
        scale, shift = (
            np.broadcast_to(value.reshape(channels), self.shape).ravel()
            for value in (factors, beta.ravel() - factors * mean.ravel())
        )
        self.chain.elementwise(scale, shift, self.where)

    def add(self, inputs: list[str], attributes: Attributes) -> None:
        constant = self._spread(self._other(inputs), self.shape)
        self.chain.elementwise(np.ones_like(constant), constant, self.where)

    def sub(self, inputs: list[str], attributes: Attributes) -> None:
        constant = self._spread(self._other(inputs), self.shape)
        sign = 1.0 if inputs[0] == self.current else -1.0
        self.chain.elementwise(np.full_like(constant, sign), -sign * constant, self.where)

    def mul(self, inputs: list[str], attributes: Attributes) -> None:
        constant = self._spread(self._other(inputs), self.shape)
        self.chain.elementwise(constant, np.zeros_like(constant), self.where)

    def neg(self, inputs: list[str], attributes: Attributes) -> None:
        size = math.prod(self.shape)
        self.chain.elementwise(np.full(size, -1.0), np.zeros(size), self.where)

    def div(self, inputs: list[str], attributes: Attributes) -> None:
        constant = self._spread(self._other(inputs), self.shape)
        if inputs[0] != self.current:
            raise UnsupportedLayer(f"{self.where}: dividing by the result so far is not supported")
        if not constant.all():
            raise InvalidNetwork(f"{self.where}: divides by a constant with zeros")
        with np.errstate(over="ignore"):  # what is not finite is refused by the chain
            factors = 1.0 / constant
        self.chain.elementwise(factors, np.zeros_like(constant), self.where)

    def cast(self, inputs: list[str], attributes: Attributes) -> None:
        require_float_type(attributes, self.where)

    def dropout(self, inputs: list[str], attributes: Attributes) -> None:
        """Change nothing, as in inference."""
        if inputs[0] != self.current or (len(inputs) > 2 and inputs[2] and any(self.constants.integers(inputs[2], self.where))):
            raise UnsupportedLayer(f"{self.where}: drops values at random: export the network in evaluation mode")

    def flatten(self, inputs: list[str], attributes: Attributes) -> None:
        axis = attributes.get("axis", 1)
        self.shape = (math.prod(self.shape[:axis]), math.prod(self.shape[axis:]))

    def reshape(self, inputs: list[str], attributes: Attributes) -> None:
        self._require_first(inputs)
        wanted = self.constants.integers(inputs[1], self.where)
        if not attributes.get("allowzero", 0):
            wanted = [self.shape[axis] if size == 0 and axis < len(self.shape) else size for axis, size in enumerate(wanted)]
        size, given = math.prod(self.shape), math.prod(axis for axis in wanted if axis != -1)
        if wanted.count(-1) == 1 and given > 0 and size % given == 0:
            wanted[wanted.index(-1)] = size // given
        if any(axis < 0 for axis in wanted) or math.prod(wanted) != size:
            raise InvalidNetwork(f"{self.where}: cannot bring one example of shape {self.shape} to {wanted}")
        self.shape = tuple(wanted)

    def squeeze(self, inputs: list[str], attributes: Attributes) -> None:
        axes = self._axes(inputs, attributes, len(self.shape))
        dropped = set(range(len(self.shape))) if axes is None else axes
        if axes is not None and any(self.shape[axis] != 1 for axis in axes):
            raise InvalidNetwork(f"{self.where}: cannot drop the axes {sorted(axes)} of shape {self.shape}")
        self.shape = tuple(size for axis, size in enumerate(self.shape) if size != 1 or axis not in dropped)

    def unsqueeze(self, inputs: list[str], attributes: Attributes) -> None:
        given = self._axes(inputs, attributes, 0)
        size = len(self.shape) + len(given or ())
        axes = self._axes(inputs, attributes, size) or set()
        rest = iter(self.shape)
        self.shape = tuple(1 if axis in axes else next(rest) for axis in range(size))

    def transpose(self, inputs: list[str], attributes: Attributes) -> None:
        order = [int(axis) for axis in attributes.get("perm", reversed(range(len(self.shape))))]
        if sorted(order) != list(range(len(self.shape))):
            raise InvalidNetwork(f"{self.where}: {order} is no order of the axes of shape {self.shape}")
        moved = [axis for axis in order if self.shape[axis] != 1]
        if moved != sorted(moved):
            raise UnsupportedLayer(f"{self.where}: exchanges axes of shape {self.shape}, which moves values: not supported")
        self.shape = tuple(self.shape[axis] for axis in order)

    def identity(self, inputs: list[str], attributes: Attributes) -> None:
        """Change nothing."""

    def _input(self) -> tuple[str, tuple[int, ...]]:
        inputs = [value for value in self.graph.input if value.name not in self.constants]  # old files list weights as inputs
        if len(inputs) != 1:
            raise InvalidNetwork(f"{self.file_name}: expected one input, got {len(inputs)}")
        axes = inputs[0].type.tensor_type.shape.dim
        shape = [axis.dim_value if axis.HasField("dim_value") else None for axis in axes]
        fixed = tuple(axis for axis in shape[1:] if axis)
        if not shape or shape[0] not in (None, 1) or len(fixed) != len(shape) - 1:
            raise InvalidNetwork(
                f"{self.file_name}: expected an input with a first axis of size 1 or open, for the batch, and others of fixed "
                f"size, got {shape}"
            )
        if math.prod(fixed) > LARGEST_WIDTH:
            raise InvalidNetwork(f"{self.file_name}: its input {shape} has more than the {LARGEST_WIDTH} values allowed")
        return inputs[0].name, (1, *fixed)

    def _spread(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        return self.constants.spread(name, shape, self.where)

    def _other(self, inputs: list[str]) -> str:
        return inputs[1] if inputs[0] == self.current else inputs[0]

    def _axes(self, inputs: list[str], attributes: Attributes, size: int) -> set[int] | None:
        """Return the axes that a node names, counted from the front of ``size`` axes (0: as they are); None for all."""
        self._require_first(inputs)
        named = self.constants.integers(inputs[1], self.where) if len(inputs) > 1 and inputs[1] else attributes.get("axes")
        if named is None:
            return None
        axes = {int(axis) + size if axis < 0 else int(axis) for axis in named}
        if size and (len(axes) < len(named) or not all(0 <= axis < size for axis in axes)):
            raise InvalidNetwork(f"{self.where}: the axes {list(named)} are not among {size}")
        return axes

    def _require_first(self, inputs: list[str]) -> None:
        if inputs[0] != self.current:
            raise UnsupportedLayer(f"{self.where}: only a constant may say to what shape the result so far is brought")

    def _require_row(self) -> None:
        if not self.shape or self.shape[-1] != math.prod(self.shape):
            raise UnsupportedLayer(f"{self.where}: expected one row in front of the constant, got shape {self.shape}")


Operation = Callable[[GraphReader, list[str], Attributes], None]

OPERATIONS: dict[str, Operation] = {
    "Add": GraphReader.add,
    "BatchNormalization": GraphReader.batch_normalization,
    "Cast": GraphReader.cast,
    "Div": GraphReader.div,
    "Dropout": GraphReader.dropout,
    "Flatten": GraphReader.flatten,
    "Gemm": GraphReader.gemm,
    "Identity": GraphReader.identity,
    "MatMul": GraphReader.matmul,
    "Mul": GraphReader.mul,
    "Neg": GraphReader.neg,
    "Relu": GraphReader.relu,
    "Reshape": GraphReader.reshape,
    "Squeeze": GraphReader.squeeze,
    "Sub": GraphReader.sub,
    "Transpose": GraphReader.transpose,
    "Unsqueeze": GraphReader.unsqueeze,
}
"""What each supported operator does to the chain."""

SUPPORTED = sorted({*OPERATIONS, "Constant"})
"""Every operator that a file may hold."""
