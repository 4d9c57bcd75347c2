"""Each pruning method on networks small enough to prune by hand."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import random_network

from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.pruning import METHODS, Finetuning, Pruning, prune, sparsity

SMALL = ReluNetwork(
    [[[5.0, -1.0], [0.5, 3.0], [-2.0, 0.1]], [[4.0, -0.2, 1.5], [0.3, -6.0, 0.7]]],
    [[0.1, 0.2, 0.3], [0.4, 0.5]],
)


def weights(network: ReluNetwork) -> list[list[list[float]]]:
    return [weight.tolist() for weight in network.weights]


def test_magnitude_compares_all_layers() -> None:
    pruned = prune(Pruning("magnitude", 0.5), SMALL)  # 6 of 12: 0.1, 0.2, 0.3, 0.5, 0.7, 1.0
    assert weights(pruned) == [[[5.0, 0.0], [0.0, 3.0], [-2.0, 0.0]], [[4.0, 0.0, 1.5], [0.0, -6.0, 0.0]]]
    assert [bias.tolist() for bias in pruned.biases] == [[0.1, 0.2, 0.3], [0.4, 0.5]]
    assert sparsity(SMALL, pruned) == 0.5


def test_layerwise_magnitude_prunes_every_matrix_alike() -> None:
    pruned = prune(Pruning("layerwise_magnitude", 0.5), SMALL)  # 3 of 6 in both
    assert weights(pruned) == [[[5.0, 0.0], [0.0, 3.0], [-2.0, 0.0]], [[4.0, 0.0, 1.5], [0.0, -6.0, 0.0]]]
    pruned = prune(Pruning("layerwise_magnitude", 0.2), SMALL)  # round(1.2) = 1 of 6 in both
    assert [int((weight == 0.0).sum()) for weight in pruned.weights] == [1, 1]
    assert (pruned.weights[0][2, 1], pruned.weights[1][0, 1]) == (0.0, 0.0)


def test_structured_removes_the_neuron_with_the_least_incoming_weight() -> None:
    pruned = prune(Pruning("structured", 0.4), SMALL)  # norms 6.0, 3.5, 2.1; round(1.2) = 1 of 3
    assert weights(pruned) == [[[5.0, -1.0], [0.5, 3.0]], [[4.0, -0.2], [0.3, -6.0]]]
    assert [bias.tolist() for bias in pruned.biases] == [[0.1, 0.2], [0.4, 0.5]]
    assert sparsity(SMALL, pruned) == pytest.approx(1.0 - 8.0 / 12.0)


@pytest.mark.parametrize("method", ["structured", "random_structured"])
def test_structured_methods_shrink_matrices_and_leave_one_neuron(method: str) -> None:
    dense = random_network(np.random.default_rng(0), (7, 20, 10, 1, 5))
    assert prune(Pruning(method, 0.3), dense).hidden_sizes == (14, 7, 1)
    assert prune(Pruning(method, 0.99), dense).hidden_sizes == (1, 1, 1)
    assert prune(Pruning(method, 0.99), dense).output_size == 5


@pytest.mark.parametrize("method", ["magnitude", "random"])
@pytest.mark.parametrize("amount", [0.2, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99, 0.123])
def test_unstructured_methods_zero_exactly_the_amount(method: str, amount: float) -> None:
    dense = random_network(np.random.default_rng(1), (17, 13, 11, 7))
    total = sum(weight.size for weight in dense.weights)
    pruned = prune(Pruning(method, amount), dense)
    assert total - pruned.nonzeros == round(amount * total)
    for left, before in zip(pruned.weights, dense.weights, strict=True):
        assert ((left == before) | (left == 0.0)).all()


@pytest.mark.parametrize("method", ["magnitude", "random"])
def test_existing_zeros_count(method: str) -> None:
    first = np.arange(1.0, 11.0).reshape(5, 2)
    first[:, 0] = 0.0
    dense = ReluNetwork([first, np.ones((2, 5))], [np.zeros(5), np.zeros(2)])  # 5 zeros of 20
    assert 20 - prune(Pruning(method, 0.4), dense).nonzeros == 8
    assert 20 - prune(Pruning(method, 0.1), dense).nonzeros == 5  # what is gone stays gone


@pytest.mark.parametrize("method", ["magnitude", "layerwise_magnitude", "random"])
def test_weights_that_are_gone_are_not_trained_again(method: str) -> None:
    rng = np.random.default_rng(3)
    dense = random_network(rng, (6, 5, 4))
    thinned = ReluNetwork([weight * (rng.random(weight.shape) < 0.5) for weight in dense.weights], dense.biases)
    survivors = METHODS[method]().survivors(thinned, 0.1, rng)
    for mask, weight in zip(survivors.masks, thinned.weights, strict=True):
        assert not mask[weight == 0.0].any()


@pytest.mark.parametrize("method", ["magnitude", "layerwise_magnitude"])
def test_ties_go_by_index_in_large_matrices_too(method: str) -> None:
    flat = ReluNetwork([np.ones((50, 60)), np.zeros((1, 50))], [np.zeros(50), np.zeros(1)])
    left = prune(Pruning(method, 0.4), flat).weights[0].ravel()
    gone = int((left == 0.0).sum())
    assert gone > 1000
    assert not left[:gone].any()


def test_ties_go_by_index() -> None:
    flat = ReluNetwork([np.ones((2, 3)), np.ones((2, 2))], [np.zeros(2), np.zeros(2)])
    assert weights(prune(Pruning("magnitude", 0.4), flat))[0] == [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
    assert weights(prune(Pruning("layerwise_magnitude", 0.5), flat)) == [
        [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]],
        [[0.0, 0.0], [1.0, 1.0]],
    ]
    numbered = ReluNetwork([np.ones((4, 1)), [[1.0, 2.0, 3.0, 4.0]]], [np.zeros(4), [0.0]])
    assert weights(prune(Pruning("structured", 0.5), numbered))[1] == [[3.0, 4.0]]


def test_a_neuron_that_takes_part_in_nothing_goes_first() -> None:
    dense = ReluNetwork([[[0.0], [0.0], [5.0]], [[7.0, 0.0, 1.0]]], [[2.0, 0.0, 0.0], [0.0]])
    pruned = prune(Pruning("structured", 0.34), dense)  # neuron 0 has no incoming weights either, but a bias that counts
    assert weights(pruned)[1] == [[7.0, 1.0]]


@pytest.mark.parametrize("method", ["random", "random_structured"])
def test_random_methods_depend_on_the_seed_only(method: str) -> None:
    dense = random_network(np.random.default_rng(1), (17, 13, 11, 7))
    keys = {prune(Pruning(method, 0.5, seed=seed), dense).key for seed in range(5)}
    assert len(keys) == 5


def test_random_draws_uniformly() -> None:
    dense = ReluNetwork([np.ones((4, 5)), np.ones((2, 4))], [np.zeros(4), np.zeros(2)])
    left = sum(prune(Pruning("random", 0.5, seed=seed), dense).weights[0] for seed in range(400))
    assert (np.abs(left / 400 - 0.5) < 0.12).all()  # five standard deviations


def test_none_ignores_everything_else() -> None:
    assert prune(Pruning("none", 0.8, finetuning=Finetuning(rounds=3)), SMALL) is SMALL


def test_sparsity_of_the_dense_network_is_its_share_of_zeros() -> None:
    assert sparsity(SMALL, SMALL) == 0.0
    assert sparsity(ReluNetwork([[[0.0, 1.0]]], [[0.0]]), ReluNetwork([[[0.0, 1.0]]], [[0.0]])) == 0.5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "magnitud"}, ("'magnitud'", *METHODS)),
        ({"finetuning": 3}, ("finetuning must be a Finetuning", "got int 3")),
    ],
)
def test_settings_that_are_refused(settings: dict, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Pruning(**settings)
    for word in words:
        assert word in str(caught.value)
