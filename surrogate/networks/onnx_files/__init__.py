"""Networks from and to ONNX files; needs the ``onnx`` extra."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from surrogate.errors import InvalidSetting, MissingExtra
from surrogate.networks.arrays import FloatArray, WeightsAndBiases

OPSET_VERSION = 13
IR_VERSION = 8
"""Versions of the files written: old enough for every onnx that the extra allows."""


def read_onnx(path: Path) -> WeightsAndBiases:
    """Return the weights and biases of the network in an ONNX file, in float64; inputs are flattened row by row.

    Supported are a chain of Gemm, MatMul and Relu; BatchNormalization, Neg, and Add, Sub, Mul and Div with a constant, which
    are folded into their neighbours; Flatten, Reshape, Squeeze, Unsqueeze and Transpose where they move no value, Identity,
    Dropout, and Cast to floats; Constant, and arithmetic of constants alone. A ReLU may stand at either end. The batch size
    must be 1 or open. A Cast to a type of fewer digits rounds when the file is run, and what is read keeps float64.

    Raises:
        UnsupportedLayer: another node, or one that does not continue the chain; gives index and type.
        InvalidNetwork: a file that is unreadable or malformed, points outside its folder, or has weights that are not finite.
        MissingExtra: onnx is not installed.
    """
    _require_onnx()
    from surrogate.networks.onnx_files.graph import GraphReader
    from surrogate.networks.onnx_files.loading import load_model

    return GraphReader(load_model(path), path.name).read()


def write_onnx(weights: Sequence[FloatArray], biases: Sequence[FloatArray], path: Path) -> None:
    """Write a network as Gemm and Relu nodes with float64 weights; input ``x`` ``(n, d)``, output ``logits`` ``(n, o)``.

    Raises:
        InvalidSetting: the file cannot be written.
        MissingExtra: onnx is not installed.
    """
    _require_onnx()
    from onnx import TensorProto, helper, numpy_helper, save

    nodes, tensors, current = [], [], "x"
    last = len(weights) - 1
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        tensors += [numpy_helper.from_array(weight, f"weight.{index}"), numpy_helper.from_array(bias, f"bias.{index}")]
        affine = "logits" if index == last else f"z.{index}"
        nodes.append(helper.make_node("Gemm", [current, f"weight.{index}", f"bias.{index}"], [affine], transB=1))
        if index < last:
            current = f"y.{index}"
            nodes.append(helper.make_node("Relu", [affine], [current]))
    graph = helper.make_graph(
        nodes,
        "relu_network",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n", weights[0].shape[1]])],
        [helper.make_tensor_value_info("logits", TensorProto.DOUBLE, ["n", weights[-1].shape[0]])],
        tensors,
    )
    opset = [helper.make_opsetid("", OPSET_VERSION)]
    try:
        save(helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="surrogate"), str(path))
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be written: {error.strerror}") from error


def _require_onnx() -> None:
    if find_spec("onnx") is None:
        raise MissingExtra("ONNX files need the package onnx, which is not installed: pip install 'surrogate-sweep[onnx]'")


__all__ = ["MissingExtra", "read_onnx", "write_onnx"]
