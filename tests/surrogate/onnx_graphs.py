"""ONNX files of small graphs, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

RNG = np.random.default_rng(0)
W1, B1, W2, B2 = RNG.normal(size=(5, 6)), RNG.normal(size=5), RNG.normal(size=(3, 5)), RNG.normal(size=3)


def node(kind: str, inputs: Sequence[str], output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, list(inputs), [output], **attributes)


def model(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    shape: Sequence[int | str] = ("n", 6),
    output: str = "y",
    opset: int = 13,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, list(shape))],
        [helper.make_tensor_value_info(output, TensorProto.DOUBLE, ["rows", "outputs"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def stored(tmp_path: Path, *arguments: object, **settings: object) -> Path:
    path = tmp_path / "network.onnx"
    onnx.save(model(*arguments, **settings), str(path))  # type: ignore[arg-type]
    return path


TWO_LAYERS = {"w1": W1, "b1": B1, "w2": W2, "b2": B2}
GEMM_CHAIN = [
    node("Gemm", ["x", "w1", "b1"], "z", transB=1),
    node("Relu", ["z"], "h"),
    node("Gemm", ["h", "w2", "b2"], "y", transB=1),
]
