"""Walking the nodes of an ONNX graph and folding them into the weights and biases of a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks.affine_chain import AffineChain
from surrogate.networks.arrays import FloatArray, WeightsAndBiases

LARGEST_WIDTH = 2**20
"""Most values of an input or a layer: a file of a few bytes can claim any number, and a broadcast constant would fill it."""

CONSTANT_ATTRIBUTES = ("value", "value_float", "value_floats", "value_int", "value_ints")


class GraphReader:
    """Reads a checked model node by node.

    At every time one tensor, ``current``, holds the values of the chain, in row-major order and, whatever its batch axis, of
    one example; ``shape`` is its shape.
    """

    def __init__(self, model: Any, file_name: str) -> None:
        self.graph = model.graph
        self.where = file_name
        self.file_name = file_name
        self.constants = {tensor.name: self._array(tensor) for tensor in self.graph.initializer}
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
            if node.op_type == "Constant":
                self.constants[node.output[0]] = self._constant(attributes)
            elif node.op_type == "Identity" and node.input[0] in self.constants:
                self.constants[node.output[0]] = self.constants[node.input[0]]
            else:
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

    def gemm(self, inputs: list[str], attributes: dict[str, Any]) -> None:
        if inputs[0] != self.current or attributes.get("transA", 0):
            raise UnsupportedLayer(f"{self.where}: only Gemm(x, constant, constant) with transA=0 is supported")
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused by the chain
            matrix = attributes.get("alpha", 1.0) * self._matrix(inputs[1])
        weight = matrix if attributes.get("transB", 0) else matrix.T
        bias = None
        if len(inputs) > 2 and inputs[2]:
            bias = attributes.get("beta", 1.0) * self._spread(inputs[2], (1, weight.shape[0]))
        self._require_row()
        self.chain.affine(weight, bias, self.where)
        self.shape = (1, weight.shape[0])

    def matmul(self, inputs: list[str], attributes: dict[str, Any]) -> None:
        if inputs[0] == self.current:
            weight = self._matrix(inputs[1]).T
            self._require_row()
            shape = (*self.shape[:-1], weight.shape[0])
        else:
            weight = self._matrix(inputs[0])
            if len(self.shape) < 2 or self.shape[-1] != 1 or self.shape[-2] != math.prod(self.shape):
                raise UnsupportedLayer(f"{self.where}: expected one column behind the constant, got shape {self.shape}")
            shape = (*self.shape[:-2], weight.shape[0], 1)
        self.chain.affine(weight, None, self.where)
        self.shape = shape

    def relu(self, inputs: list[str], attributes: dict[str, Any]) -> None:
        try:
            self.chain.relu(self.where)
        except InvalidNetwork as error:
            raise UnsupportedLayer(str(error)) from error

    def add(self, inputs: list[str], attributes: dict[str, Any]) -> None:
        constant = self._spread(self._other(inputs), self.shape)
        self.chain.elementwise(np.ones_like(constant), constant, self.where)

    def sub(self, inputs: list[str], attributes: dict[str, Any]) -> None:
        constant = self._spread(self._other(inputs), self.shape)
        sign = 1.0 if inputs[0] == self.current else -1.0
        self.chain.elementwise(np.full_like(constant, sign), -sign * constant, self.where)

    def mul(self, inputs: list[str], attributes: dict[str, Any]) -> None:
        constant = self._spread(self._other(inputs), self.shape)
        self.chain.elementwise(constant, np.zeros_like(constant), self.where)

    def div(self, inputs: list[str], attributes: dict[str, Any]) -> None:
        constant = self._spread(self._other(inputs), self.shape)
        if inputs[0] != self.current:
            raise UnsupportedLayer(f"{self.where}: dividing by the result so far is not supported")
        if not constant.all():
            raise InvalidNetwork(f"{self.where}: divides by a constant with zeros")
        self.chain.elementwise(1.0 / constant, np.zeros_like(constant), self.where)

    def flatten(self, inputs: list[str], attributes: dict[str, Any]) -> None:
        axis = attributes.get("axis", 1)
        self.shape = (math.prod(self.shape[:axis]), math.prod(self.shape[axis:]))

    def reshape(self, inputs: list[str], attributes: dict[str, Any]) -> None:
        if inputs[0] != self.current:
            raise UnsupportedLayer(f"{self.where}: only a Reshape to a constant shape is supported")
        wanted = [int(size) for size in self.constants[inputs[1]].ravel()]
        if not attributes.get("allowzero", 0):
            wanted = [self.shape[axis] if size == 0 and axis < len(self.shape) else size for axis, size in enumerate(wanted)]
        size, given = math.prod(self.shape), math.prod(axis for axis in wanted if axis != -1)
        if wanted.count(-1) == 1 and given > 0 and size % given == 0:
            wanted[wanted.index(-1)] = size // given
        if any(axis < 0 for axis in wanted) or math.prod(wanted) != size:
            raise InvalidNetwork(f"{self.where}: cannot bring one example of shape {self.shape} to {wanted}")
        self.shape = tuple(wanted)

    def identity(self, inputs: list[str], attributes: dict[str, Any]) -> None:
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

    def _constant(self, attributes: dict[str, Any]) -> NDArray[Any]:
        for name in CONSTANT_ATTRIBUTES:
            if name in attributes:
                return self._array(attributes[name]) if name == "value" else np.asarray(attributes[name])
        raise UnsupportedLayer(f"{self.where}: only constants of numbers are supported, got {', '.join(attributes)}")

    def _array(self, tensor: Any) -> NDArray[Any]:
        try:
            return numpy_helper.to_array(tensor)
        except KeyError as error:
            raise InvalidNetwork(f"{self.where}: {tensor.name} has the unknown data type {error}") from error
        except (TypeError, ValueError) as error:
            raise InvalidNetwork(f"{self.where}: the values of {tensor.name} do not fill its shape: {error}") from error

    def _numbers(self, name: str) -> FloatArray:
        try:
            return self.constants[name].astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidNetwork(f"{self.where}: {name} does not hold numbers: {error}") from error

    def _matrix(self, name: str) -> FloatArray:
        matrix = self._numbers(name)
        if matrix.ndim != 2:
            raise UnsupportedLayer(f"{self.where}: expected {name} to be a matrix, got shape {matrix.shape}")
        return matrix

    def _spread(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Return a constant broadcast to ``shape`` and flattened; it must not make the result larger than ``shape``."""
        constant = self._numbers(name)
        try:
            return np.broadcast_to(constant, shape).ravel()
        except ValueError as error:
            raise UnsupportedLayer(f"{self.where}: {name} of shape {constant.shape} does not fit shape {shape}") from error

    def _other(self, inputs: list[str]) -> str:
        return inputs[1] if inputs[0] == self.current else inputs[0]

    def _require_row(self) -> None:
        if not self.shape or self.shape[-1] != math.prod(self.shape):
            raise UnsupportedLayer(f"{self.where}: expected one row in front of the constant, got shape {self.shape}")


Operation = Callable[[GraphReader, list[str], dict[str, Any]], None]

OPERATIONS: dict[str, Operation] = {
    "Add": GraphReader.add,
    "Constant": GraphReader.identity,  # read() keeps its value; here it counts as supported
    "Div": GraphReader.div,
    "Flatten": GraphReader.flatten,
    "Gemm": GraphReader.gemm,
    "Identity": GraphReader.identity,
    "MatMul": GraphReader.matmul,
    "Mul": GraphReader.mul,
    "Relu": GraphReader.relu,
    "Reshape": GraphReader.reshape,
    "Sub": GraphReader.sub,
}
"""What each supported operator does to the chain."""
