"""The constants of an ONNX graph, and the nodes that compute constants from constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks.arrays import FloatArray

FLOAT_TYPES = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
"""Types that a Cast may lead to; what is read is in float64 whatever they are."""

ATTRIBUTES = ("value", "value_float", "value_floats", "value_int", "value_ints")
"""Attributes of a Constant that hold numbers."""

Attributes = dict[str, Any]
Fold = Callable[[list[NDArray[Any]], Attributes], NDArray[Any]]


class Constants:
    """Every constant that the nodes so far know, by its name. ``where`` in a call names the node in errors."""

    def __init__(self, initializers: Sequence[Any], where: str) -> None:
        self._arrays = {tensor.name: _array(tensor, where) for tensor in initializers}

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def fold(self, node: Any, attributes: Attributes, where: str) -> bool:
        """Keep the result of a node that takes constants alone, and say whether this one does.

        Raises:
            UnsupportedLayer: a Constant that holds no numbers, or a node that makes no constant that is needed here.
            InvalidNetwork: shapes that do not fit, or a result that is larger than what it is made of.
        """
        if node.op_type == "Constant":
            self._arrays[node.output[0]] = _value(attributes, where)
            return True
        inputs = [name for name in node.input if name]
        if not inputs or not all(name in self._arrays for name in inputs):
            return False
        if node.op_type not in FOLDS:
            raise UnsupportedLayer(f"{where}: of constants alone only {', '.join(FOLDS)} are supported")
        arrays = [self._arrays[name] for name in inputs]
        try:
            if node.op_type in ARITHMETIC:  # a few bytes could ask for any number of entries
                size, largest = math.prod(np.broadcast_shapes(*(x.shape for x in arrays))), max(x.size for x in arrays)
                if size > largest:
                    raise InvalidNetwork(f"{where}: spreads its constants to {size} entries, and the larger one has {largest}")
            with np.errstate(all="ignore"):  # what is not finite is refused where it is used
                self._arrays[node.output[0]] = FOLDS[node.op_type](arrays, attributes)
        except (TypeError, ValueError, IndexError) as error:
            raise InvalidNetwork(f"{where}: its constants do not fit together: {error}") from error
        return True

    def numbers(self, name: str, where: str) -> FloatArray:
        try:
            return self._arrays[name].astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidNetwork(f"{where}: {name} does not hold numbers: {error}") from error

    def integers(self, name: str, where: str) -> list[int]:
        array = self._arrays[name]
        if array.dtype.kind not in "iub":
            raise InvalidNetwork(f"{where}: expected {name} to hold whole numbers, got {array.dtype}")
        return [int(value) for value in array.ravel()]

    def matrix(self, name: str, where: str) -> FloatArray:
        matrix = self.numbers(name, where)
        if matrix.ndim != 2:
            raise UnsupportedLayer(f"{where}: expected {name} to be a matrix, got shape {matrix.shape}")
        return matrix

    def spread(self, name: str, shape: tuple[int, ...], where: str) -> FloatArray:
        """Return a constant broadcast to ``shape`` and flattened; it must not make the result larger than ``shape``."""
        constant = self.numbers(name, where)
        # Axes of size 1 in front change no value, so they may be left out.
        extra = max(0, constant.ndim - len(shape))
        if math.prod(constant.shape[:extra]) == 1:
            constant = constant.reshape(constant.shape[extra:])
        try:
            return np.broadcast_to(constant, shape).ravel()
        except ValueError as error:
            raise UnsupportedLayer(f"{where}: {name} of shape {constant.shape} does not fit shape {shape}") from error


def require_float_type(attributes: Attributes, where: str) -> None:
    """Raise UnsupportedLayer unless a Cast leads to a type of floats: every other rounds the values."""
    wanted = attributes.get("to", 0)
    if wanted not in FLOAT_TYPES:
        known = {number: name for name, number in TensorProto.DataType.items()}
        allowed = ", ".join(known[number] for number in FLOAT_TYPES)
        raise UnsupportedLayer(f"{where}: casts to {known.get(wanted, wanted)}, expected one of {allowed}")


def _array(tensor: Any, where: str) -> NDArray[Any]:
    try:
        return numpy_helper.to_array(tensor)
    except KeyError as error:
        raise InvalidNetwork(f"{where}: {tensor.name} has the unknown data type {error}") from error
    except (TypeError, ValueError) as error:
        raise InvalidNetwork(f"{where}: the values of {tensor.name} do not fill its shape: {error}") from error


def _value(attributes: Attributes, where: str) -> NDArray[Any]:
    for name in ATTRIBUTES:
        if name in attributes:
            return _array(attributes[name], where) if name == "value" else np.asarray(attributes[name])
    raise UnsupportedLayer(f"{where}: only constants of numbers are supported, got {', '.join(attributes)}")


def _cast(arrays: list[NDArray[Any]], attributes: Attributes) -> NDArray[Any]:
    return arrays[0].astype(helper.tensor_dtype_to_np_dtype(attributes["to"]))


def _divide(arrays: list[NDArray[Any]], attributes: Attributes) -> NDArray[Any]:
    if any(array.dtype.kind in "iu" for array in arrays):
        raise ValueError("integers are not divided")
    return np.divide(*arrays)


def _squeeze(arrays: list[NDArray[Any]], attributes: Attributes) -> NDArray[Any]:
    axes = _axes(arrays, attributes)
    return np.squeeze(arrays[0], axis=None if axes is None else tuple(axes))


def _unsqueeze(arrays: list[NDArray[Any]], attributes: Attributes) -> NDArray[Any]:
    return np.expand_dims(arrays[0], tuple(_axes(arrays, attributes) or ()))


def _axes(arrays: list[NDArray[Any]], attributes: Attributes) -> list[int] | None:
    given = arrays[1].ravel() if len(arrays) > 1 else attributes.get("axes")
    return None if given is None else [int(axis) for axis in given]


ARITHMETIC = ("Add", "Div", "Mul", "Sub")

FOLDS: dict[str, Fold] = {
    "Add": lambda arrays, attributes: np.add(*arrays),
    "Cast": _cast,
    "Div": _divide,
    "Identity": lambda arrays, attributes: arrays[0],
    "Mul": lambda arrays, attributes: np.multiply(*arrays),
    "Neg": lambda arrays, attributes: np.negative(arrays[0]),
    "Squeeze": _squeeze,
    "Sub": lambda arrays, attributes: np.subtract(*arrays),
    "Transpose": lambda arrays, attributes: np.transpose(arrays[0], attributes.get("perm")),
    "Unsqueeze": _unsqueeze,
}
"""What each operator makes of constants alone."""
