"""ReluNetwork: what it accepts, what it computes, and how it is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles import random_network

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.files import PICKLE_MAGIC
from surrogate.networks import ReluNetwork


def test_forward_pass_of_a_hand_made_network() -> None:
    network = ReluNetwork([[[1.0, -1.0], [2.0, 0.0]], [[1.0, 3.0]]], [[0.0, -1.0], [0.5]])
    # z1 = (1 - 2, 2 - 1) = (-1, 1); y = (0, 1); f = 3 + 0.5
    assert network([[1.0, 2.0]]).tolist() == [[3.5]]


def test_gradient_matches_finite_differences() -> None:
    rng = np.random.default_rng(0)
    network = random_network(rng, (5, 7, 6, 3))
    x, direction, step = rng.normal(size=(1, 5)), rng.normal(size=(1, 3)), 1e-6
    shifted = np.concatenate([x + step * np.eye(5), x - step * np.eye(5)])
    values = network(shifted) @ direction[0]
    np.testing.assert_allclose(network.gradient(x, direction)[0], (values[:5] - values[5:]) / (2 * step), atol=1e-5)


def test_compose_folds_a_matrix_into_the_outputs() -> None:
    rng = np.random.default_rng(1)
    network, rows = random_network(rng, (4, 5, 3)), rng.normal(size=(2, 3))
    x = rng.normal(size=(6, 4))
    np.testing.assert_allclose(network.compose(rows)(x), network(x) @ rows.T, atol=1e-12)


def test_weights_are_copied_and_frozen() -> None:
    weight = np.ones((1, 2))
    network = ReluNetwork([weight], [[0.0]])
    weight[0, 0] = 7.0
    assert network.weights[0][0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        network.weights[0][0, 0] = 7.0


def test_key_depends_on_content_alone() -> None:
    one, same = ReluNetwork([[[1.0, 0.0]]], [[2.0]]), ReluNetwork([[[1.0, -0.0]]], [[2.0]])
    assert one.key == same.key
    assert one.key != ReluNetwork([[[1.0, 1e-12]]], [[2.0]]).key
    assert one.key != ReluNetwork([[[1.0], [0.0]]], [[2.0, 0.0]]).key


def test_stored_network_comes_back_bit_for_bit(tmp_path: Path) -> None:
    network = random_network(np.random.default_rng(2), (4, 5, 3))
    network.save(tmp_path / "net.safetensors")
    assert ReluNetwork.load(tmp_path / "net.safetensors").key == network.key


@pytest.mark.parametrize("sizes", [(9, 9, 2, 2, 2, 1), (4, 4, 4, 4, 2, 2, 2, 1), (4, 4, 4, 4, 2, 2, 2, 2, 2, 1)])
def test_a_header_whose_length_looks_like_a_pickle_is_read(sizes: tuple[int, ...], tmp_path: Path) -> None:
    """A safetensors file begins with the length of its header, and 640 or 896 in bytes are how a pickle begins."""
    network = random_network(np.random.default_rng(0), sizes)
    network.save(tmp_path / "net.safetensors")
    assert (tmp_path / "net.safetensors").read_bytes().startswith(PICKLE_MAGIC)
    assert ReluNetwork.load(tmp_path / "net.safetensors").key == network.key


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"not safetensors at all")
    with pytest.raises(InvalidNetwork, match="not a safetensors file"):
        ReluNetwork.load(tmp_path / "net.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda named: named | {"weight.1": np.ones((1, 2))},
            r"net\.safetensors: layer bias has a tensor '0': expected",
        ),
        (
            lambda named: named | {"scale": np.ones(2)},
            r"net\.safetensors: layer bias has a tensor '0': expected",
        ),
    ],
)
def test_tensors_are_never_left_out(
    tmp_path: Path, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]], message: str
) -> None:
    from safetensors.numpy import save, save_file

    named = change({"weight.0": np.ones((2, 3)), "bias.0": np.ones(2)})
    save_file(named, tmp_path / "net.safetensors")
    with pytest.raises(UnsupportedLayer, match=message):
        ReluNetwork.load(tmp_path / "net.safetensors")
    with pytest.raises(InvalidNetwork, match=r"expected tensors weight\.0, bias\.0, .* got "):
        ReluNetwork.from_bytes(save(named))


def test_numbers_that_numpy_lacks_are_named(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    tensors = {"weight.0": torch.ones(2, 3, dtype=torch.bfloat16), "bias.0": torch.ones(2, dtype=torch.bfloat16)}
    save_file(tensors, tmp_path / "net.safetensors")
    with pytest.raises(InvalidNetwork, match="have the type 'BF16', which is not read: store them as F32 or F64"):
        ReluNetwork.load(tmp_path / "net.safetensors")


@pytest.mark.parametrize(
    ("weights", "biases", "message"),
    [
        ([], [], "at least one weight matrix"),
        ([[[1.0]]], [], "1 matrices and 0 vectors"),
        ([[1.0]], [[1.0]], r"layer 0: expected a matrix"),
        ([[[1.0, 2.0]], [[1.0, 2.0]]], [[0.0], [0.0]], "layer 1 takes 2 inputs but layer 0 has 1"),
        ([[[np.nan]]], [[0.0]], "layer 0 has weights or biases that are NaN or infinite"),
        ([[[1.0]]], [[np.inf]], "NaN or infinite"),
        ([[["a"]]], [[0.0]], "arrays of numbers"),
        ([np.zeros((0, 3))], [np.zeros(0)], "no outputs"),
    ],
)
def test_what_is_no_network_is_refused(weights: list, biases: list, message: str) -> None:
    with pytest.raises(InvalidNetwork, match=message):
        ReluNetwork(weights, biases)


def test_a_batch_of_the_wrong_width_is_refused() -> None:
    with pytest.raises(InvalidNetwork, match=r"\(n, 2\), got \(1, 3\)"):
        ReluNetwork([[[1.0, 1.0]]], [[0.0]])([[1.0, 2.0, 3.0]])
