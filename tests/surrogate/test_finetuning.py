"""The order of training, pruning and rewinding, with training replaced by something that can be followed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from oracles import random_network

from surrogate.data import Dataset
from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.pruning import Finetuning, Pruning, finetuning, prune
from surrogate.training import Training


@dataclass
class Call:
    network: ReluNetwork
    masks: list[np.ndarray]
    training: Training


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Replace training by one that turns the order of magnitudes around and adds 1 to every bias; record what it is given."""
    recorded: list[Call] = []

    def finetune(
        network: ReluNetwork, masks: Sequence[np.ndarray], training: Training, images: object, labels: object
    ) -> ReluNetwork:
        recorded.append(Call(network, list(masks), training))
        with np.errstate(divide="ignore"):
            return ReluNetwork(
                [np.where(mask, 1.0 / weight, 0.0) for mask, weight in zip(masks, network.weights, strict=True)],
                [bias + 1.0 for bias in network.biases],
            )

    monkeypatch.setattr(finetuning, "finetune", finetune)
    return recorded


DATA = Dataset("digits", 2, np.zeros((1, 4), np.float32), np.array([0]), np.zeros((1, 4), np.float32), np.array([0]), "0")


@pytest.fixture
def dense() -> ReluNetwork:
    """20 + 50 + 20 weights of distinct magnitudes, small ones first: 4-5-10-2."""
    values = np.arange(1.0, 91.0)
    parts = [values[:20].reshape(5, 4), values[20:70].reshape(10, 5), values[70:].reshape(2, 10)]
    return ReluNetwork(parts, [np.full(5, 0.5), np.full(10, 0.5), np.full(2, 0.5)])


def zeros(network: ReluNetwork) -> int:
    return sum(weight.size for weight in network.weights) - network.nonzeros


def test_no_rounds_no_training(calls: list[Call], dense: ReluNetwork) -> None:
    pruned = prune(Pruning("magnitude", 0.5, finetuning=Finetuning(rounds=0, epochs=5)), dense, None)
    assert calls == []
    assert zeros(pruned) == 45
    assert pruned.weights[2].tolist() == dense.weights[2].tolist()


def test_one_round_prunes_then_trains(calls: list[Call], dense: ReluNetwork) -> None:
    tuned = prune(Pruning("magnitude", 0.5, finetuning=Finetuning(rounds=1)), dense, DATA)
    one_shot = prune(Pruning("magnitude", 0.5), dense)
    assert [call.network.key for call in calls] == [one_shot.key]
    for mask, weight in zip(calls[0].masks, one_shot.weights, strict=True):
        np.testing.assert_array_equal(mask, weight != 0.0)
    assert tuned.weights[2][0, 0] == 1.0 / 71.0
    assert tuned.biases[0].tolist() == [1.5] * 5


def test_rounds_follow_the_schedule_prune_by_trained_weights_and_rewind(calls: list[Call], dense: ReluNetwork) -> None:
    rounds, amount = 3, 0.657
    tuned = prune(Pruning("magnitude", amount, finetuning=Finetuning(rounds=rounds, seed=10)), dense, DATA)
    assert len(calls) == rounds + 1
    assert [call.training.seed for call in calls] == [10, 11, 12, 13]
    levels = [0.0, 1 - (1 - amount) ** (1 / 3), 1 - (1 - amount) ** (2 / 3), amount]
    assert [zeros(call.network) for call in calls] == [round(level * 90) for level in levels] == [0, 27, 46, 59]
    # Training turned the order around, so the largest dense weights went first; with rewinding what survives is dense again.
    for call in calls:
        gone = zeros(call.network)
        flat = np.concatenate([weight.ravel() for weight in call.network.weights])
        np.testing.assert_array_equal(flat, np.where(np.arange(90) < 90 - gone, np.arange(1.0, 91.0), 0.0))
        assert call.network.biases[0].tolist() == [0.5] * 5
    assert zeros(tuned) == 59
    assert tuned.weights[0][0, 1] == 0.5  # 1 / 2: the last training counts
    assert tuned.biases[2].tolist() == [1.5, 1.5]


def test_without_rewinding_rounds_go_on_from_trained_weights(calls: list[Call], dense: ReluNetwork) -> None:
    prune(Pruning("magnitude", 0.75, finetuning=Finetuning(rounds=2, rewind=False)), dense, DATA)
    assert [call.network.biases[0][0] for call in calls] == [0.5, 1.5, 2.5]
    assert calls[1].network.weights[0][0, 1] == 0.5  # trained once
    # Trained twice, the values are the dense ones, so the second pruning took the smallest of what the first had left.
    left = np.concatenate([weight.ravel() for weight in calls[2].network.weights])
    assert np.flatnonzero(left).tolist() == list(range(45 - round(90 * 0.25), 45))


@pytest.mark.parametrize("rewind", [True, False])
def test_structured_rounds_train_the_smaller_network(calls: list[Call], dense: ReluNetwork, rewind: bool) -> None:
    tuned = prune(Pruning("structured", 0.6, finetuning=Finetuning(rounds=2, rewind=rewind)), dense, DATA)
    level = 1 - 0.4 ** (1 / 2)
    sizes = [(5, 10), (5 - round(level * 5), 10 - round(level * 10)), (2, 4)]
    assert [call.network.hidden_sizes for call in calls] == sizes
    assert tuned.hidden_sizes == (2, 4)
    assert all(mask.all() for call in calls for mask in call.masks)
    last = calls[-1].network
    assert last.biases[0].tolist() == [0.5 if rewind else 2.5] * 2
    if rewind:  # survivors of the reversed order: the first neurons, with their dense weights
        np.testing.assert_array_equal(last.weights[0], dense.weights[0][:2])
        np.testing.assert_array_equal(last.weights[1], dense.weights[1][:4, :2])
        np.testing.assert_array_equal(last.weights[2], dense.weights[2][:, :4])


@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("method", ["magnitude", "structured"])
def test_without_epochs_rounds_are_one_shot_and_need_no_data(
    calls: list[Call], dense: ReluNetwork, rounds: int, method: str
) -> None:
    rounds_only = prune(Pruning(method, 0.5, finetuning=Finetuning(rounds=rounds, epochs=0)), dense, None)
    assert calls == []
    assert rounds_only.key == prune(Pruning(method, 0.5), dense).key


def test_training_settings_reach_training(calls: list[Call], dense: ReluNetwork) -> None:
    settings = Finetuning(rounds=1, epochs=3, optimizer="adam", learning_rate=0.5, weight_decay=0.25, batch_size=7, seed=4)
    prune(Pruning("random", 0.5, finetuning=settings), dense, DATA)
    assert calls[0].training == Training(3, 4, 7, 0.5, 0.25, "adam", bias=True)


def test_a_network_without_biases_stays_one(calls: list[Call], dense: ReluNetwork) -> None:
    without = ReluNetwork(dense.weights, [np.zeros_like(bias) for bias in dense.biases])
    prune(Pruning("magnitude", 0.5, finetuning=Finetuning(rounds=2)), without, DATA)
    assert calls[0].training.bias is False


def test_training_needs_data() -> None:
    network = random_network(np.random.default_rng(0), (4, 3, 2))
    with pytest.raises(InvalidSetting, match="rounds=2 needs a data set"):
        prune(Pruning("magnitude", 0.5, finetuning=Finetuning(rounds=2)), network)


@pytest.mark.parametrize("rounds", [0, 1, 2, 5])
def test_levels_end_at_exactly_the_amount(rounds: int) -> None:
    levels = Finetuning(rounds=rounds).levels(0.8)
    assert levels[-1] == 0.8
    steps = max(rounds, 1)
    np.testing.assert_allclose(levels, [1 - 0.2 ** (i / steps) for i in range(1, steps + 1)])
