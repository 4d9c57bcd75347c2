"""ONNX files: agreement with onnx's own reference evaluator; what is refused is in test_onnx_refused.py."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from onnx_graphs import B1, B2, GEMM_CHAIN, RNG, TWO_LAYERS, W1, W2, model, node, onnx, stored
from oracles import random_network

from surrogate.errors import InvalidNetwork, SurrogateError
from surrogate.networks import ReluNetwork
from surrogate.networks.onnx_files import MissingExtra

helper, numpy_helper = onnx.helper, onnx.numpy_helper
ReferenceEvaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator

ROOT = Path(__file__).resolve().parents[2]
VNNCOMP = ROOT.parent / "shared" / "data" / "vnncomp_mnist_fc" / "onnx"


def assert_agrees(path: Path, network: ReluNetwork, shape: tuple[int, ...], tolerance: float = 1e-5) -> None:
    evaluator = ReferenceEvaluator(str(path))
    kind = evaluator.proto_.graph.input[0].type.tensor_type.elem_type
    for x in np.random.default_rng(1).uniform(-1.0, 1.0, size=(20, *shape)):
        feed = x[None].astype(helper.tensor_dtype_to_np_dtype(kind))
        expected = evaluator.run(None, {evaluator.input_names[0]: feed})[0]
        np.testing.assert_allclose(network(feed.reshape(1, -1)).ravel(), np.ravel(expected), atol=tolerance)


STATISTICS = ("gamma", "beta", "mean", "variance")


def statistics(size: int) -> dict[str, np.ndarray]:
    """Weights and statistics of a batch normalisation, by their names in a graph."""
    return {f"{name}{size}": RNG.uniform(0.5, 2.0, size=size) for name in STATISTICS}


GRAPHS = {
    "Gemm": (GEMM_CHAIN, TWO_LAYERS, ("n", 6)),
    "Gemm with alpha and beta, not transposed, without bias": (
        [
            node("Gemm", ["x", "w1t", "b1"], "z", alpha=0.5, beta=-2.0),
            node("Relu", ["z"], "h"),
            node("Gemm", ["h", "w2t"], "y", alpha=3.0),
        ],
        {"w1t": W1.T, "b1": B1, "w2t": W2.T},
        (1, 6),
    ),
    "Gemm with a scalar bias": (
        [node("Gemm", ["x", "w1", "b"], "y", transB=1)],
        {"w1": W1, "b": np.array([0.7])},
        (1, 6),
    ),
    "MatMul and Add, either order": (
        [
            node("MatMul", ["x", "w1t"], "a"),
            node("Add", ["a", "b1"], "z"),
            node("Relu", ["z"], "h"),
            node("MatMul", ["h", "w2t"], "c"),
            node("Add", ["b2", "c"], "y"),
        ],
        {"w1t": W1.T, "b1": B1, "w2t": W2.T, "b2": B2},
        ("n", 6),
    ),
    "MatMul on columns": (
        [
            node("MatMul", ["w1", "x"], "a"),
            node("Add", ["a", "b1"], "z"),
            node("Relu", ["z"], "h"),
            node("MatMul", ["w2", "h"], "y"),
        ],
        {"w1": W1, "b1": B1[:, None], "w2": W2},
        (1, 6, 1),
    ),
    "normalised image": (
        [
            node("Sub", ["x", "mean"], "a"),
            node("Div", ["a", "deviation"], "b"),
            node("Flatten", ["b"], "c"),
            node("Gemm", ["c", "w1", "b1"], "z", transB=1),
            node("Relu", ["z"], "h"),
            node("Gemm", ["h", "w2", "b2"], "y", transB=1),
        ],
        {**TWO_LAYERS, "mean": RNG.uniform(size=(1, 1, 2, 3)), "deviation": np.array([[0.5], [2.0]])},
        ("n", 1, 2, 3),
    ),
    "scaled logits and a constant minus them": (
        [
            *GEMM_CHAIN[:2],
            node("Gemm", ["h", "w2", "b2"], "g", transB=1),
            node("Mul", ["g", "s"], "m"),
            node("Sub", ["c", "m"], "y"),
        ],
        {**TWO_LAYERS, "s": np.array([2.0, -1.0, 0.5]), "c": np.array(1.5)},
        ("n", 6),
    ),
    "ReLU of a normalisation": (
        [node("Sub", ["x", "c"], "a"), node("Relu", ["a"], "h"), node("Gemm", ["h", "w1", "b1"], "y", transB=1)],
        {"w1": W1, "b1": B1, "c": np.array(0.25)},
        ("n", 6),
    ),
    "Reshape, Identity and Constant": (
        [
            helper.make_node("Constant", [], ["shape"], value_ints=[-1, 6]),
            helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(W1)),
            node("Identity", ["w"], "w1"),
            node("Reshape", ["x", "shape"], "a"),
            node("Identity", ["a"], "b"),
            node("Gemm", ["b", "w1", "b1"], "z", transB=1),
            node("Relu", ["z"], "h0"),
            node("Relu", ["h0"], "h"),
            node("Reshape", ["h", "same"], "h1"),
            node("Gemm", ["h1", "w2", "b2"], "y", transB=1),
        ],
        {"b1": B1, "w2": W2, "b2": B2, "same": np.array([0, -1])},
        ("n", 2, 3),
    ),
    "ReLU of the inputs": ([node("Relu", ["x"], "h"), node("Gemm", ["h", "w1", "b1"], "y", transB=1)], TWO_LAYERS, ("n", 6)),
    "ReLU at the end": (
        [*GEMM_CHAIN[:2], node("Gemm", ["h", "w2", "b2"], "g", transB=1), node("Relu", ["g"], "y")],
        TWO_LAYERS,
        (1, 6),
    ),
    "ReLU alone": ([node("Relu", ["x"], "y")], {}, (1, 6)),
    "Neg, at both ends": (
        [
            node("Neg", ["x"], "a"),
            node("Gemm", ["a", "w1", "b1"], "z", transB=1),
            node("Relu", ["z"], "h"),
            node("Gemm", ["h", "w2", "b2"], "g", transB=1),
            node("Neg", ["g"], "y"),
        ],
        TWO_LAYERS,
        ("n", 6),
    ),
    "BatchNormalization in front, between and behind": (
        [
            node("BatchNormalization", ["x", *(f"{name}6" for name in STATISTICS)], "a"),
            node("Gemm", ["a", "w1", "b1"], "z", transB=1),
            node("BatchNormalization", ["z", *(f"{name}5" for name in STATISTICS)], "b", epsilon=0.1),
            node("Relu", ["b"], "h"),
            node("BatchNormalization", ["h", *(f"{name}5" for name in STATISTICS)], "c"),
            node("Gemm", ["c", "w2", "b2"], "g", transB=1),
            node("BatchNormalization", ["g", *(f"{name}3" for name in STATISTICS)], "y"),
        ],
        {**TWO_LAYERS, **statistics(6), **statistics(5), **statistics(3)},
        ("n", 6),
    ),
    "BatchNormalization of channels": (
        [
            node("BatchNormalization", ["x", *(f"{name}2" for name in STATISTICS)], "a"),
            node("Flatten", ["a"], "f"),
            node("Gemm", ["f", "w1", "b1"], "y", transB=1),
        ],
        {**TWO_LAYERS, **statistics(2)},
        ("n", 2, 3, 1),
    ),
    "Cast, Dropout, Squeeze, Unsqueeze and Transpose": (
        [
            node("Cast", ["x"], "a", to=onnx.TensorProto.DOUBLE),
            node("Squeeze", ["a", "minus_one"], "b"),
            node("Unsqueeze", ["b", "two"], "c"),
            node("Transpose", ["c"], "d", perm=[0, 2, 1]),
            node("Squeeze", ["d", "one"], "e"),
            node("Gemm", ["e", "w1", "b1"], "z", transB=1),
            node("Relu", ["z"], "h0"),
            node("Dropout", ["h0", "ratio", "no"], "h"),
            node("Gemm", ["h", "w2", "b2"], "g", transB=1),
            node("Dropout", ["g"], "y"),
        ],
        {
            **TWO_LAYERS,
            "minus_one": np.array([-1]),
            "one": np.array([1]),
            "two": np.array([2]),
            "ratio": np.array(0.5),
            "no": np.array(False),
        },
        ("n", 6, 1),
    ),
    "arithmetic of constants alone": (
        [
            node("Transpose", ["w1"], "w1t", perm=[1, 0]),
            node("Cast", ["halves"], "s", to=onnx.TensorProto.DOUBLE),
            node("Mul", ["w1t", "s"], "ws"),
            node("Neg", ["b1"], "nb"),
            node("Unsqueeze", ["nb", "zero"], "row"),
            node("Sub", ["row", "s"], "bs"),
            node("MatMul", ["x", "ws"], "a"),
            node("Add", ["a", "bs"], "z"),
            node("Relu", ["z"], "h"),
            node("Gemm", ["h", "w2", "b2"], "y", transB=1),
        ],
        {**TWO_LAYERS, "halves": np.full(5, 0.5, dtype=np.float32), "zero": np.array([0])},
        ("n", 6),
    ),
    "arithmetic in front of everything": (
        [
            node("Mul", ["x", "c"], "a"),
            node("Add", ["one", "a"], "b"),
            node("Div", ["b", "c"], "d"),
            node("Sub", ["c", "d"], "e"),
            node("Gemm", ["e", "w1", "b1"], "y", transB=1),
        ],
        {**TWO_LAYERS, "c": RNG.uniform(0.5, 2.0, size=6), "one": np.array([[[1.0]]])},
        ("n", 6),
    ),
    "neighbouring affine layers": (
        [node("Gemm", ["x", "w1", "b1"], "z", transB=1), node("Gemm", ["z", "w2", "b2"], "y", transB=1)],
        TWO_LAYERS,
        ("n", 6),
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_outputs_agree_with_the_reference_evaluator(name: str, tmp_path: Path) -> None:
    nodes, constants, shape = GRAPHS[name]
    # The evaluator takes a BatchNormalization of versions before 14 for one in training.
    path = stored(tmp_path, nodes, constants, shape, opset=15 if "BatchNormalization" in name else 13)
    assert_agrees(path, ReluNetwork.from_onnx(path), shape[1:], tolerance=1e-12)


@pytest.mark.parametrize("opset", [7, 9, 12])
def test_the_attributes_of_older_operators_are_read(opset: int, tmp_path: Path) -> None:
    nodes = [
        node("Squeeze", ["x"], "a", axes=[1]),
        node("Unsqueeze", ["a"], "b", axes=[1]),
        node("Flatten", ["b"], "c"),
        node("Gemm", ["c", "w1", "b1"], "z", transB=1),
        node("Dropout", ["z"], "d", **({} if opset == 12 else {"ratio": 0.3})),
        node("Relu", ["d"], "h"),
        node("Gemm", ["h", "w2", "b2"], "y", transB=1),
    ]
    path = stored(tmp_path, nodes, TWO_LAYERS, ("n", 1, 6), opset=opset)
    assert_agrees(path, ReluNetwork.from_onnx(path), (1, 6), tolerance=1e-12)


def test_what_torch_exports_agrees(tmp_path: Path) -> None:
    """As its exporter writes a network in evaluation mode, with folded constants and without."""
    import torch
    from torch import nn

    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Flatten(),
            nn.BatchNorm1d(6),
            nn.Linear(6, 5),
            nn.BatchNorm1d(5),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(5, 3),
            nn.ReLU(),
        )
        module(torch.rand(40, 2, 3))  # statistics of a batch
    module.eval()
    for fold in (True, False):
        path = tmp_path / f"exported-{fold}.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, of its older exporter, which needs no further package
            torch.onnx.export(module, (torch.rand(1, 2, 3),), str(path), dynamo=False, do_constant_folding=fold)
        network = ReluNetwork.from_onnx(path)
        assert_agrees(path, network, (2, 3))
        np.testing.assert_allclose(ReluNetwork.from_torch(module)(np.ones((1, 6))), network(np.ones((1, 6))), atol=1e-6)


def test_neighbouring_affine_layers_become_one(tmp_path: Path) -> None:
    nodes, constants, shape = GRAPHS["neighbouring affine layers"]
    assert ReluNetwork.from_onnx(stored(tmp_path, nodes, constants, shape)).hidden_sizes == ()
    nodes, constants, shape = GRAPHS["normalised image"]
    assert ReluNetwork.from_onnx(stored(tmp_path, nodes, constants, shape)).hidden_sizes == (5,)


def test_round_trip_is_exact(tmp_path: Path) -> None:
    network = random_network(np.random.default_rng(2), (6, 5, 4, 3))
    path = tmp_path / "network.onnx"
    network.to_onnx(path)
    assert ReluNetwork.from_onnx(str(path)).key == network.key
    assert_agrees(path, network, (6,), tolerance=1e-12)
    onnx.checker.check_model(str(path), full_check=True)


@pytest.mark.parametrize("size", ["256x2", "256x4", "256x6"])
def test_networks_of_vnn_comp(size: str) -> None:
    path = VNNCOMP / f"mnist-net_{size}.onnx"
    if not path.is_file():
        pytest.skip("the networks of VNN-COMP 2022 mnist_fc lie in ../shared/data/vnncomp_mnist_fc, which is not here")
    network = ReluNetwork.from_onnx(path)
    assert network.hidden_sizes == (256,) * int(size[-1])
    assert_agrees(path, network, (784, 1))


def test_weights_in_a_file_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    onnx.save(model(GEMM_CHAIN, TWO_LAYERS), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").is_file()
    assert_agrees(path, ReluNetwork.from_onnx(path), (6,), tolerance=1e-12)
    (tmp_path / "weights.bin").write_bytes(b"short")
    with pytest.raises(InvalidNetwork):
        ReluNetwork.from_onnx(path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(InvalidNetwork, match=r"weights\.bin, which is not there"):
        ReluNetwork.from_onnx(path)


def test_old_files_that_list_weights_as_inputs_are_read(tmp_path: Path) -> None:
    proto = model(GEMM_CHAIN, TWO_LAYERS)
    for tensor in proto.graph.initializer:
        proto.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    path = tmp_path / "network.onnx"
    path.write_bytes(proto.SerializeToString())
    assert ReluNetwork.from_onnx(path).hidden_sizes == (5,)


def test_without_the_extra_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "modules", {name: module for name, module in sys.modules.items() if name.split(".")[0] != "onnx"})
    monkeypatch.setattr(sys, "path", [])
    for attempt in (
        lambda: ReluNetwork.from_onnx(tmp_path / "network.onnx"),
        lambda: random_network(np.random.default_rng(0), (3, 2)).to_onnx(tmp_path / "network.onnx"),
    ):
        with pytest.raises(MissingExtra, match=r"pip install 'surrogate-sweep\[onnx\]'") as caught:
            attempt()
        assert isinstance(caught.value, SurrogateError)
        assert isinstance(caught.value, ImportError)
