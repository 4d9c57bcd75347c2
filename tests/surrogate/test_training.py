"""Training: one step by hand, seeds, exact zeros under masks, and the accuracy that the paper's smallest network must reach."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from oracles import random_network

from surrogate.data import Dataset, load
from surrogate.errors import DataUnavailable, InvalidSetting, TrainingDiverged
from surrogate.networks import ReluNetwork
from surrogate.training import Training, accuracy, finetune, fit


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


def step_by_hand(network: ReluNetwork, x: np.ndarray, y: np.ndarray, rate: float, decay: float) -> ReluNetwork:
    """One full-batch gradient step of the mean cross-entropy, by the chain rule in numpy."""
    z = network.pre_activations(x)
    probabilities = np.exp(z[-1] - z[-1].max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    backward = (probabilities - np.eye(network.output_size)[y]) / len(x)
    weights, biases = [], []
    for layer in reversed(range(len(network.weights))):
        inputs = np.maximum(z[layer - 1], 0.0) if layer else x
        weight, bias = network.weights[layer], network.biases[layer]
        weights.insert(0, weight - rate * (backward.T @ inputs + decay * weight))
        biases.insert(0, bias - rate * (backward.sum(axis=0) + decay * bias))
        if layer:
            backward = (backward @ weight) * (z[layer - 1] > 0.0)
    return ReluNetwork(weights, biases)


def test_one_step_is_the_gradient_step() -> None:
    rng = np.random.default_rng(0)
    network = random_network(rng, (6, 5, 4, 3))
    x, y = rng.uniform(size=(20, 6)), rng.integers(0, 3, 20)
    everything = [np.ones(weight.shape, dtype=bool) for weight in network.weights]
    settings = Training(epochs=1, batch_size=20, learning_rate=0.5, weight_decay=0.1, optimizer="sgd")
    trained, expected = finetune(network, everything, settings, x, y), step_by_hand(network, x, y, 0.5, 0.1)
    for found, wanted in zip(trained.to_arrays().values(), expected.to_arrays().values(), strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_masked_step_is_the_gradient_step_of_the_masked_network() -> None:
    rng = np.random.default_rng(1)
    network = random_network(rng, (6, 5, 3))
    x, y = rng.uniform(size=(20, 6)), rng.integers(0, 3, 20)
    masks = [rng.random(weight.shape) < 0.5 for weight in network.weights]
    masked = ReluNetwork([np.where(m, w, 0.0) for m, w in zip(masks, network.weights, strict=True)], network.biases)
    settings = Training(epochs=1, batch_size=20, learning_rate=0.5, weight_decay=0.0, optimizer="sgd")
    trained, expected = finetune(network, masks, settings, x, y), step_by_hand(masked, x, y, 0.5, 0.0)
    for found, wanted, mask in zip(trained.weights, expected.weights, masks, strict=True):
        np.testing.assert_allclose(found, np.where(mask, wanted, 0.0), atol=2e-6)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_masked_weights_are_exactly_zero_after_training(digits: Dataset, optimizer: str) -> None:
    dense = fit(Training(epochs=1), [12, 8], digits.train_images, digits.train_labels)
    rng = np.random.default_rng(2)
    masks = [rng.random(weight.shape) < 0.3 for weight in dense.weights]
    settings = Training(epochs=3, learning_rate=1e-2, weight_decay=1e-2, optimizer=optimizer)
    trained = finetune(dense, masks, settings, digits.train_images, digits.train_labels)
    for weight, mask, before in zip(trained.weights, masks, dense.weights, strict=True):
        assert (weight[~mask] == 0.0).all()
        assert not np.signbit(weight[~mask]).any()
        assert (weight[mask] != before[mask]).any()


def test_without_epochs_masks_are_applied_and_float64_is_kept() -> None:
    network = ReluNetwork([[[1.0 / 3.0, 2.0]], [[1e-300]]], [[0.1], [0.2]])
    kept = finetune(network, [np.array([[True, False]]), np.array([[True]])], Training(epochs=0), [[0.0, 0.0]], [0])
    assert kept.weights[0].tolist() == [[1.0 / 3.0, 0.0]]
    assert kept.weights[1].tolist() == [[1e-300]]
    assert kept.biases[0].tolist() == [0.1]


def test_digits_are_learnt(digits: Dataset) -> None:
    network = fit(Training(epochs=30), [16, 16], digits.train_images, digits.train_labels)
    assert network.hidden_sizes == (16, 16)
    assert accuracy(network, digits.test_images, digits.test_labels) > 0.85
    assert accuracy(network, digits.train_images, digits.train_labels) > 0.93


@pytest.mark.slow
def test_2x32_reaches_95_percent_on_mnist_in_5_epochs() -> None:
    try:
        data = load("mnist", 28)
    except DataUnavailable as error:
        pytest.skip(str(error))
    network = fit(Training(), [32, 32], data.train_images, data.train_labels)
    assert accuracy(network, data.test_images, data.test_labels) >= 0.95


def test_seeds_decide_and_global_state_is_left_alone(digits: Dataset) -> None:
    images, labels = digits.train_images[:200], digits.train_labels[:200]
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    first = fit(Training(epochs=2, seed=3), [8], images, labels)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    torch.rand(5)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            again = fit(Training(epochs=2, seed=3), [8], images, labels)
    finally:
        torch.set_default_dtype(torch.float32)
    assert again.key == first.key
    assert fit(Training(epochs=2, seed=4), [8], images, labels).key != first.key
    masks = [np.ones(weight.shape, dtype=bool) for weight in first.weights]
    tuned = [finetune(first, masks, Training(epochs=1, seed=seed), images, labels).key for seed in (0, 0, 1)]
    assert tuned[0] == tuned[1] != tuned[2]
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_decide_nothing(digits: Dataset, threads: int) -> None:
    images, labels = digits.train_images[:200], digits.train_labels[:200]
    training = Training(epochs=1)
    dense = fit(training, [64, 64], images, labels)  # with the one thread of this module
    masks = [np.ones(weight.shape, dtype=bool) for weight in dense.weights]
    tuned = finetune(dense, masks, training, images, labels)
    torch.set_num_threads(threads)
    try:
        assert fit(training, [64, 64], images, labels).key == dense.key
        assert finetune(dense, masks, training, images, labels).key == tuned.key
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(1)


def test_trainings_side_by_side_take_one_thread_each(digits: Dataset) -> None:
    """The first that ends must not give the others more, and the last gives back what was there."""
    images, labels = digits.train_images[:200], digits.train_labels[:200]
    alone = [fit(Training(epochs=epochs), [64, 64], images, labels).key for epochs in (1, 20)]
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(2) as pool:
            together = [pool.submit(fit, Training(epochs=epochs), [64, 64], images, labels) for epochs in (1, 20)]
            assert [future.result().key for future in together] == alone
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_initial_weights_are_xavier_uniform() -> None:
    network = fit(Training(epochs=0), [300, 200], np.zeros((1, 100)), [0])
    for weight, bias in zip(network.weights, network.biases, strict=True):
        limit = np.sqrt(6.0 / sum(weight.shape))
        assert np.abs(weight).max() <= limit
        assert weight.std() == pytest.approx(limit / np.sqrt(3.0), rel=0.03)
        assert not bias.any()


def test_bias(digits: Dataset) -> None:
    images, labels = digits.train_images[:200], digits.train_labels[:200]
    without = fit(Training(epochs=2, bias=False), [8], images, labels)
    assert not any(bias.any() for bias in without.biases)
    with_bias = fit(Training(epochs=2), [8], images, labels)
    assert all(bias.any() for bias in with_bias.biases)
    masks = [np.ones(weight.shape, dtype=bool) for weight in with_bias.weights]
    kept = finetune(with_bias, masks, Training(epochs=1, bias=False), images, labels)
    for found, before in zip(kept.biases, with_bias.biases, strict=True):
        np.testing.assert_array_equal(found, before)


def test_divergence_is_reported_with_its_epoch(digits: Dataset) -> None:
    settings = Training(optimizer="sgd", learning_rate=1e30)
    with pytest.raises(TrainingDiverged, match="epoch 1 of 5"):
        fit(settings, [8], digits.train_images, digits.train_labels)
    # One batch: the loss is finite, and the step from it overflows.
    with pytest.raises(TrainingDiverged, match=r"epoch 1 of 1: the weights.*learning_rate"):
        fit(
            Training(epochs=1, optimizer="sgd", learning_rate=1e38, batch_size=4096, weight_decay=1e30),
            [8],
            digits.train_images,
            digits.train_labels,
        )


IMAGES, LABELS = np.zeros((4, 6)), np.array([0, 1, 2, 3])


@pytest.mark.parametrize(
    ("sizes", "images", "labels", "message"),
    [
        ([], IMAGES, LABELS, "hidden_sizes"),
        ([4, 0], IMAGES, LABELS, "hidden_sizes=0"),
        ([4.0], IMAGES, LABELS, "hidden_sizes=4.0"),
        ([4], IMAGES[0], LABELS, "images must have shape"),
        ([4], IMAGES[:0], LABELS[:0], "n at least 1"),
        ([4], IMAGES + np.nan, LABELS, "images must be finite"),
        ([4], IMAGES.astype(str), LABELS, "images must be finite numbers"),
        ([4], IMAGES, LABELS[:3], "labels must have shape"),
        ([4], IMAGES, LABELS + 7, "labels must be from 0 to 9, got 7 to 10"),
        ([4], IMAGES, LABELS - 1, "labels must be from 0 to 9, got -1 to 2"),
        ([4], IMAGES, LABELS + 0.5, "labels must be integers"),
    ],
)
def test_data_that_are_refused(sizes: list, images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        fit(Training(), sizes, images, labels)


def test_masks_that_are_refused() -> None:
    network = random_network(np.random.default_rng(0), (6, 5, 4))
    good = [np.ones(weight.shape, dtype=bool) for weight in network.weights]
    for masks in (good[:1], [good[0], good[1].T], [mask.astype(float) for mask in good]):
        with pytest.raises(InvalidSetting, match="masks must be boolean matrices"):
            finetune(network, masks, Training(), IMAGES, LABELS)
    with pytest.raises(InvalidSetting, match=r"shape \(n, 6\)"):
        finetune(network, good, Training(), IMAGES[:, :5], LABELS)


def test_accuracy_counts_the_largest_logit() -> None:
    network = ReluNetwork([np.eye(3)], [np.zeros(3)])
    images = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 1.0], [0.0, 1.0, 3.0], [5.0, 0.0, 0.0]])
    assert accuracy(network, images, np.array([0, 1, 2, 2])) == 0.75
    many = np.tile(images, (3000, 1))  # more than one batch
    assert accuracy(network, many, np.tile([0, 1, 2, 2], 3000)) == 0.75
    with pytest.raises(InvalidSetting, match="labels must be from 0 to 2"):
        accuracy(network, images, np.array([0, 1, 2, 3]))
