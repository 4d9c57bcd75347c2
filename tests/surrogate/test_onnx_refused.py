"""ONNX files that are refused: what would be misread, what is damaged, what asks for other files or for all memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from onnx_graphs import B1, GEMM_CHAIN, TWO_LAYERS, W1, W2, model, node, onnx, stored

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks import ReluNetwork

TensorProto, helper, numpy_helper = onnx.TensorProto, onnx.helper, onnx.numpy_helper


@pytest.mark.parametrize("way", ["relative", "absolute", "link"])
def test_weights_outside_the_folder_are_refused(tmp_path: Path, way: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path, secret = inside / "network.onnx", tmp_path / "secret"
    secret.write_bytes(W1.tobytes())
    onnx.save(model(GEMM_CHAIN, TWO_LAYERS), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    proto = onnx.load(str(path), load_external_data=False)
    if way == "link":
        (inside / "weights.bin").unlink()
        (inside / "weights.bin").symlink_to(secret)
    else:
        location = "../secret" if way == "relative" else str(secret)
        for tensor in proto.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = location
        path.write_bytes(proto.SerializeToString())
    with pytest.raises(InvalidNetwork, match="outside the file's folder"):
        ReluNetwork.from_onnx(path)


REFUSED = {
    "unsupported node": (
        [GEMM_CHAIN[0], node("Sigmoid", ["z"], "h"), GEMM_CHAIN[2]],
        TWO_LAYERS,
        UnsupportedLayer,
        r"node 1 \(Sigmoid\)",
    ),
    "another domain": (
        [GEMM_CHAIN[0], node("Relu", ["z"], "h", domain="my.own"), GEMM_CHAIN[2]],
        TWO_LAYERS,
        UnsupportedLayer,
        r"node 1 \(Relu\)",
    ),
    "skip connection": (
        [GEMM_CHAIN[0], node("Relu", ["z"], "h"), node("Add", ["h", "z"], "y")],
        TWO_LAYERS,
        UnsupportedLayer,
        r"node 2 \(Add\)",
    ),
    "branch": (
        [*GEMM_CHAIN, node("Relu", ["z"], "other")],
        TWO_LAYERS,
        UnsupportedLayer,
        r"node 3 \(Relu\)",
    ),
    "weights computed from the input": (
        [node("Gemm", ["w1", "x", "b"], "y", transB=1)],
        {"w1": W1, "b": np.zeros(1)},
        UnsupportedLayer,
        r"node 0 \(Gemm\)",
    ),
    "transA": ([node("Gemm", ["x", "w1", "b1"], "y", transA=1)], TWO_LAYERS, UnsupportedLayer, r"node 0 \(Gemm\).*transA"),
    "division by the input": (
        [node("Div", ["c", "x"], "a"), node("Gemm", ["a", "w1", "b1"], "y", transB=1)],
        {**TWO_LAYERS, "c": np.ones(6)},
        UnsupportedLayer,
        r"node 0 \(Div\)",
    ),
    "constant that makes the result larger": (
        [*GEMM_CHAIN[:2], node("Add", ["h", "c"], "y")],
        {**TWO_LAYERS, "c": np.zeros((4, 5))},
        UnsupportedLayer,
        r"node 2 \(Add\).*\(4, 5\)",
    ),
    "Dropout in training": (
        [*GEMM_CHAIN[:2], node("Dropout", ["h", "r", "yes"], "d"), node("Gemm", ["d", "w2", "b2"], "y", transB=1)],
        {**TWO_LAYERS, "r": np.array(0.5), "yes": np.array(True)},
        UnsupportedLayer,
        r"node 2 \(Dropout\).*evaluation mode",
    ),
    "Cast to whole numbers": (
        [node("Cast", ["x"], "a", to=TensorProto.INT64), node("Gemm", ["a", "w1", "b1"], "y", transB=1)],
        TWO_LAYERS,
        UnsupportedLayer,
        r"node 0 \(Cast\): casts to INT64, expected one of FLOAT, DOUBLE",
    ),
    "BatchNormalization of a negative variance": (
        [node("BatchNormalization", ["x", "c", "c", "c", "v"], "a"), node("Gemm", ["a", "w1", "b1"], "y", transB=1)],
        {**TWO_LAYERS, "c": np.ones(6), "v": -np.ones(6)},
        InvalidNetwork,
        r"node 0 \(BatchNormalization\).*variance",
    ),
    "BatchNormalization of another size": (
        [node("BatchNormalization", ["x", "c", "c", "c", "c"], "a"), node("Gemm", ["a", "w1", "b1"], "y", transB=1)],
        {**TWO_LAYERS, "c": np.ones(5)},
        InvalidNetwork,
        r"node 0 \(BatchNormalization\): expected 6 values",
    ),
    "Squeeze of an axis that is not of size 1": (
        [node("Squeeze", ["x", "one"], "a"), node("Gemm", ["a", "w1", "b1"], "y", transB=1)],
        {**TWO_LAYERS, "one": np.array([1])},
        InvalidNetwork,
        r"node 0 \(Squeeze\)",
    ),
    "Transpose that moves values": (
        [
            node("Reshape", ["x", "s"], "a"),
            node("Transpose", ["a"], "b"),
            node("Reshape", ["b", "r"], "c"),
            node("Gemm", ["c", "w1", "b1"], "y", transB=1),
        ],
        {**TWO_LAYERS, "s": np.array([2, 3]), "r": np.array([1, 6])},
        UnsupportedLayer,
        r"node 1 \(Transpose\).*moves values",
    ),
    "constants that spread": (
        [node("Mul", ["c", "r"], "w"), node("MatMul", ["x", "w"], "y")],
        {"c": np.ones((6, 1)), "r": np.ones((1, 5))},
        InvalidNetwork,
        r"node 0 \(Mul\): spreads its constants to 30 entries",
    ),
    "a product of constants": (
        [node("MatMul", ["w1", "w2"], "w"), node("MatMul", ["x", "w"], "y")],
        {"w1": W1.T, "w2": W2.T},
        UnsupportedLayer,
        r"node 0 \(MatMul\): of constants alone only Add, Cast",
    ),
    "NaN": (GEMM_CHAIN, {**TWO_LAYERS, "w2": W2 * np.nan}, InvalidNetwork, r"node 2 \(Gemm\).*NaN"),
    "infinite bias": (
        GEMM_CHAIN,
        {**TWO_LAYERS, "b1": B1 + np.inf},
        InvalidNetwork,
        r"node 0.*infinite",
    ),
    "division by zero": (
        [node("Div", ["x", "c"], "a"), node("Gemm", ["a", "w1", "b1"], "y", transB=1)],
        {**TWO_LAYERS, "c": np.zeros(6)},
        InvalidNetwork,
        r"node 0 \(Div\).*zeros",
    ),
    "sizes that do not fit": (GEMM_CHAIN, {**TWO_LAYERS, "w2": W2[:, :4]}, InvalidNetwork, r"node 2 \(Gemm\).*takes 4 inputs"),
    "reshape that does not fit": (
        [node("Reshape", ["x", "s"], "a"), node("Gemm", ["a", "w1", "b1"], "y", transB=1)],
        {**TWO_LAYERS, "s": np.array([-1, 4])},
        InvalidNetwork,
        r"node 0 \(Reshape\)",
    ),
    "undefined weights": (GEMM_CHAIN, {"w1": W1, "b1": B1, "w2": W2}, InvalidNetwork, "well-formed"),
    "text": (GEMM_CHAIN, {**TWO_LAYERS, "b1": np.array(list("abcde"), dtype=object)}, InvalidNetwork, "node 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_graphs_that_are_refused(name: str, tmp_path: Path) -> None:
    nodes, constants, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message) as caught:
        ReluNetwork.from_onnx(stored(tmp_path, nodes, constants))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shape": (8, 6)}, r"first axis of size 1 or open.*\[8, 6\]"),
        ({"shape": ("n", "d")}, "fixed size"),
        ({"output": "z"}, "only output"),
        ({"opset": 6}, "version 6: expected 7"),
    ],
)
def test_models_that_are_refused(settings: dict, message: str, tmp_path: Path) -> None:
    nodes = GEMM_CHAIN
    with pytest.raises(InvalidNetwork, match=message):
        ReluNetwork.from_onnx(stored(tmp_path, nodes, TWO_LAYERS, **settings))


BYTES_TO_GIGABYTES = {
    "an input that a constant is spread over": (
        [node("Add", "xc", "y")],
        {"c": np.ones(1)},
        (1, 2**27),
        "more than the 1048576",
    ),
    "a reshape of it": ([node("Reshape", "xs", "y")], {"s": np.array([2**10, -1])}, (1, 2**40), "more than the 1048576"),
    "a reshape to more": ([node("Reshape", "xs", "y")], {"s": np.array([2**40, 2**10])}, (1, 6), "cannot bring one example"),
    "an elementwise map alone": ([node("Add", "xc", "y")], {"c": np.ones(1)}, (1, 2**19), "524288 x 524288 entries"),
    "an elementwise map and a ReLU": (
        [node("Add", "xc", "z"), node("Relu", "z", "y")],
        {"c": np.ones(1)},
        (1, 2**19),
        "524288 x 524288 entries",
    ),
    "a column times a row": (
        [node("MatMul", "xa", "z"), node("MatMul", "zb", "y")],
        {"a": np.ones((2**14, 1), dtype=np.float32), "b": np.ones((1, 2**14), dtype=np.float32)},
        (1, 2**14),
        "16384 x 16384 entries",
    ),
}


@pytest.mark.parametrize("name", BYTES_TO_GIGABYTES)
def test_small_files_cannot_ask_for_all_memory(name: str, tmp_path: Path) -> None:
    nodes, constants, shape, message = BYTES_TO_GIGABYTES[name]
    path = stored(tmp_path, nodes, constants, shape=shape)
    tracemalloc.start()
    with pytest.raises((InvalidNetwork, UnsupportedLayer), match=message):
        ReluNetwork.from_onnx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize("kind", ["Gemm", "MatMul"])
def test_a_first_layer_of_another_width_than_the_input_is_refused(kind: str, tmp_path: Path) -> None:
    if kind == "Gemm":
        path = stored(tmp_path, [node("Gemm", ["x", "w"], "y", transB=1)], {"w": np.ones((4, 5))}, (1, 3))
    else:
        path = stored(tmp_path, [node("MatMul", ["x", "w"], "y")], {"w": np.ones((5, 4))}, (1, 3))
    with pytest.raises(InvalidNetwork, match=rf"node 0 \({kind}\): takes 5 inputs, but the input of the network has 3 values"):
        ReluNetwork.from_onnx(path)


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    proto = model(GEMM_CHAIN, TWO_LAYERS)
    proto.graph.input.append(helper.make_tensor_value_info("more", TensorProto.DOUBLE, [1, 6]))
    path = tmp_path / "network.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InvalidNetwork, match="expected one input, got 2"):
        ReluNetwork.from_onnx(path)


def test_files_that_are_malformed(tmp_path: Path) -> None:
    whole = model(GEMM_CHAIN, TWO_LAYERS).SerializeToString()
    wrong_size = model(GEMM_CHAIN, TWO_LAYERS)
    wrong_size.graph.initializer[0].dims[0] = 50
    for content in (b"", b"no network at all", whole[:-20], whole[: len(whole) // 2], wrong_size.SerializeToString()):
        path = tmp_path / "network.onnx"
        path.write_bytes(content)
        with pytest.raises(InvalidNetwork) as caught:
            ReluNetwork.from_onnx(path)
        assert "network.onnx" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InvalidNetwork, match="cannot be read: No such file"):
        ReluNetwork.from_onnx(tmp_path / "absent.onnx")


@pytest.mark.parametrize("location", ["", "a\0b", ".", "weights\n.bin"])
def test_strange_names_of_files_beside_it_are_refused(tmp_path: Path, location: str) -> None:
    proto = model(GEMM_CHAIN, TWO_LAYERS)
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path = tmp_path / "network.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InvalidNetwork, match=r"is not there|is not allowed") as caught:
        ReluNetwork.from_onnx(path)
    assert "\n" not in str(caught.value)


def test_files_named_inside_of_nodes_are_refused(tmp_path: Path) -> None:
    """onnx loads tensors that lie in subgraphs and lists too, so these may not name a file either."""
    outside = numpy_helper.from_array(W1, "w")
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../secret")
    (tmp_path / "secret").write_bytes(W1.tobytes())
    (tmp_path / "inside").mkdir()
    path = tmp_path / "inside" / "network.onnx"
    graph = helper.make_graph([], "inner", [], [], [outside])
    for attribute, message in (
        (helper.make_attribute("value", outside), "outside the file's folder"),
        (helper.make_attribute("values", [outside]), "graphs or lists of tensors"),
        (helper.make_attribute("body", graph), "graphs or lists of tensors"),
    ):
        constant = helper.make_node("Constant", [], ["w1"])
        constant.attribute.append(attribute)
        path.write_bytes(model([constant, *GEMM_CHAIN], {k: v for k, v in TWO_LAYERS.items() if k != "w1"}).SerializeToString())
        with pytest.raises(InvalidNetwork, match=message):
            ReluNetwork.from_onnx(path)
