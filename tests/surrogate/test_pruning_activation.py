"""Activation-aware pruning on networks small enough to prune by hand, and with finetuning."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from oracles import random_network

from surrogate.data import Dataset, load
from surrogate.networks import ReluNetwork
from surrogate.pruning import Finetuning, Pruning, prune
from surrogate.pruning.activation import IMAGES, root_mean_squares
from surrogate.training import accuracy


def images(rows: list[list[float]]) -> Dataset:
    """A data set with the given training images, whatever their labels."""
    pixels = np.array(rows, dtype=np.float32)
    return dataclasses.replace(load("digits"), train_images=pixels, train_labels=np.zeros(len(pixels), dtype=np.int64))


@pytest.mark.parametrize("method", ["activation", "activation_structured"])
def test_activations_decide_and_not_size_alone(method: str) -> None:
    # Root mean squares: pixels 0.5 and 0.1, hidden neurons 2 and 1. Neuron 1 has the larger weights in and out.
    dense = ReluNetwork([[[4.0, 0.0], [0.0, 10.0]], [[3.0, 5.0]]], [[0.0, 0.0], [0.0]])
    pruned = prune(Pruning(method, 0.5), dense, images([[0.5, 0.1], [0.5, 0.1]]))
    if method == "activation_structured":  # 2 * 3 against 1 * 5
        assert [weight.tolist() for weight in pruned.weights] == [[[4.0, 0.0]], [[3.0]]]
    else:  # scores 2, 0, 0, 1 and 6, 5, by layer 0.89, 0.45 and 0.77, 0.64: two zeros and the weight 10
        assert [weight.tolist() for weight in pruned.weights] == [[[4.0, 0.0], [0.0, 0.0]], [[3.0, 5.0]]]


def test_root_mean_squares_are_of_each_layers_inputs() -> None:
    dense = ReluNetwork([[[1.0, -1.0], [-1.0, 0.0]], [[1.0, 1.0], [-2.0, 0.0]], [[1.0, 1.0]]], [[0.0, 1.0], [0.0, 1.0], [0.0]])
    # Images (1, 0), (0, 1): first hidden outputs (1, 0), (0, 1); second (1, 0), (1, 1).
    found = root_mean_squares(dense, images([[1.0, 0.0], [0.0, 1.0]]), "activation")
    for rms, squares in zip(found, [[0.5, 0.5], [0.5, 0.5], [1.0, 0.5]], strict=True):
        np.testing.assert_allclose(rms, np.sqrt(squares))


def test_only_the_first_images_count() -> None:
    few = np.random.default_rng(0).uniform(size=(IMAGES, 2))
    dense = random_network(np.random.default_rng(1), (2, 4, 3))
    more = np.concatenate([few, 100.0 * np.ones((5, 2))])
    for one, other in zip(
        root_mean_squares(dense, images(few.tolist()), "x"), root_mean_squares(dense, images(more.tolist()), "x"), strict=True
    ):
        assert (one == other).all()


def test_weights_of_inputs_that_are_always_0_go_first_and_smallest_first_but_not_beyond_the_amount() -> None:
    dense = ReluNetwork([[[0.1, 9.0, 8.0], [0.2, -7.0, 6.0]], [[0.3, 0.4]]], [[1.0, 1.0], [0.0]])
    data = images([[1.0, 0.0, 0.0]])
    for amount, left in ((0.25, [[0.1, 9.0, 8.0], [0.2, 0.0, 0.0]]), (0.5, [[0.1, 0.0, 0.0], [0.2, 0.0, 0.0]])):
        pruned = prune(Pruning("activation", amount), dense, data)
        assert pruned.weights[0].tolist() == left
        assert pruned.weights[1].tolist() == [[0.3, 0.4]]


@pytest.mark.parametrize("method", ["activation", "activation_structured"])
def test_black_images_and_layers_without_weights(method: str) -> None:
    dense = ReluNetwork([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0]], [[5.0]]], [[-1.0, -1.0], [0.0], [0.0]])
    pruned = prune(Pruning(method, 0.5), dense, images([[0.0, 0.0]]))
    assert np.isfinite(pruned([[0.3, 0.4]])).all()
    if method == "activation":  # round(3.5) of 7: the two zeros and the two smallest of the first layer
        assert [weight.tolist() for weight in pruned.weights] == [[[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0]], [[5.0]]]


def test_finetuning_mends_what_pruning_broke() -> None:
    data = load("digits", 4)
    dense = prune(
        Pruning("magnitude", 0.0, finetuning=Finetuning(rounds=1, epochs=20, optimizer="adam", learning_rate=1e-2)),
        random_network(np.random.default_rng(0), (16, 16, 10)),
        data,
    )
    before = accuracy(prune(Pruning("activation", 0.7), dense, data), data.test_images, data.test_labels)
    settings = Finetuning(rounds=2, epochs=5, optimizer="adam", learning_rate=1e-2)
    tuned = prune(Pruning("activation", 0.7, finetuning=settings), dense, data)
    assert accuracy(tuned, data.test_images, data.test_labels) > before + 0.1
    assert sum(weight.size for weight in tuned.weights) - tuned.nonzeros == round(0.7 * (16 * 16 + 160))
