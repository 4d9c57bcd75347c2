"""What every pruning method must keep to; a new method in the registry is tested here without another line."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from amounts import examples
from hypothesis import given
from hypothesis import strategies as st
from oracles import random_network, random_region

from surrogate.bounds import Crown
from surrogate.data import Dataset, load
from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.pruning import METHODS, Finetuning, Pruning, SurvivorMethod, prune, sparsity
from surrogate.region import Region

AMOUNTS = (0.0, 0.2, 0.5, 0.8, 0.99)
SURVIVOR_METHODS = sorted(name for name, method in METHODS.items() if issubclass(method, SurvivorMethod))


@functools.cache
def some_digits(side: int) -> Dataset:
    whole = load("digits", side)
    return dataclasses.replace(whole, train_images=whole.train_images[:256], train_labels=whole.train_labels[:256])


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return some_digits(4)


@pytest.fixture(scope="module")
def region() -> Region:
    return random_region(np.random.default_rng(1), 16, "linf")


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return request.param


def dense_network() -> ReluNetwork:
    return random_network(np.random.default_rng(0), (16, 12, 9, 10))


def test_is_registered_under_its_name(method: str) -> None:
    assert METHODS[method].name == method
    assert METHODS[method].__doc__


@pytest.mark.parametrize("amount", AMOUNTS)
def test_shapes_fit_and_no_logit_or_input_is_lost(method: str, amount: float, digits: Dataset, region: Region) -> None:
    dense = dense_network()
    surrogate = prune(Pruning(method, amount), dense, digits, region)
    assert (surrogate.input_size, surrogate.output_size) == (16, 10)
    assert len(surrogate.weights) == len(dense.weights)
    assert all(1 <= size <= before for size, before in zip(surrogate.hidden_sizes, dense.hidden_sizes, strict=True))


def test_the_dense_network_is_not_changed(method: str, digits: Dataset, region: Region) -> None:
    dense = dense_network()
    key = dense.key
    prune(Pruning(method, 0.5), dense, digits, region)
    fresh = ReluNetwork(dense.weights, dense.biases)  # the key is computed once per object
    assert fresh.key == key


def test_an_amount_of_0_changes_nothing(method: str, digits: Dataset, region: Region) -> None:
    dense = dense_network()
    assert prune(Pruning(method, 0.0), dense, digits, region).key == dense.key


def test_more_pruning_leaves_less(method: str, digits: Dataset, region: Region) -> None:
    dense = dense_network()
    surrogates = [prune(Pruning(method, amount), dense, digits, region) for amount in AMOUNTS]
    if METHODS[method].needs_region:  # of what a binary is needed for
        unstable = [Crown().compute(surrogate, region).unstable_count for surrogate in surrogates]
        assert unstable == sorted(unstable, reverse=True)
        assert len(set(unstable)) == len(unstable)
        return
    lacking = [sparsity(dense, surrogate) for surrogate in surrogates]
    assert lacking == sorted(lacking)
    assert lacking[0] == 0.0
    if method != "none":
        assert len(set(lacking)) == len(lacking)


def test_equal_seeds_give_equal_surrogates(method: str, digits: Dataset, region: Region) -> None:
    dense = dense_network()
    one, other = (prune(Pruning(method, 0.5, seed=7), dense, digits, region) for _ in range(2))
    assert one.key == other.key


def test_another_seed_gives_another_surrogate_where_the_method_says_that_it_draws(
    method: str, digits: Dataset, region: Region
) -> None:
    dense = random_network(np.random.default_rng(6), [16, 8, 8, 4])
    keys = {prune(Pruning(method, 0.5, seed=seed), dense, digits, region).key for seed in range(4)}
    assert (len(keys) > 1) == METHODS[method].draws


def test_what_is_needed_is_asked_for_and_what_is_not_is_ignored(method: str, digits: Dataset, region: Region) -> None:
    dense, pruning = dense_network(), Pruning(method, 0.5)
    assert pruning.needs_data == METHODS[method].needs_data
    assert pruning.needs_region == METHODS[method].needs_region
    complete = prune(pruning, dense, digits, region)
    if pruning.needs_data:
        with pytest.raises(InvalidSetting, match=rf"method='{method}' .* give a data set"):
            prune(pruning, dense, None, region)
        with pytest.raises(InvalidSetting, match="images have 4 pixels but the network takes 16"):
            prune(pruning, dense, some_digits(2), region)
    else:
        assert prune(pruning, dense, None, region).key == complete.key
    if pruning.needs_region:
        with pytest.raises(InvalidSetting, match=rf"method='{method}' .* give the region of the instance"):
            prune(pruning, dense, digits)
        with pytest.raises(InvalidSetting, match="region has 3 coordinates but the network takes 16"):
            prune(pruning, dense, digits, Region(0.0, 1.0, np.zeros(3)))
    else:
        assert prune(pruning, dense, digits).key == complete.key


@examples(60)
@given(
    name=st.sampled_from(SURVIVOR_METHODS),
    seed=st.integers(0, 10_000),
    hidden=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    amounts=st.lists(st.floats(0.0, 0.999), min_size=2, max_size=2).map(sorted),
    zeros=st.floats(0.0, 0.9),
)
def test_cutting_is_dropping_and_choosing_again_only_takes_more(
    name: str, seed: int, hidden: list[int], amounts: list[float], zeros: float
) -> None:
    rng = np.random.default_rng(seed)
    full = random_network(rng, (4, *hidden, 3))
    network = ReluNetwork([w * (rng.random(w.shape) >= zeros) for w in full.weights], full.biases)
    method, data, x = METHODS[name](), some_digits(2), rng.normal(size=(20, 4))
    first = method.survivors(network, amounts[0], rng, data)
    cut = first.cut(network)
    restored = first.restore(cut)
    # What is cut out and what is 0 in place are the same function.
    np.testing.assert_allclose(cut(x), restored(x), atol=1e-12)
    assert [mask.shape for mask in first.cut_masks()] == [weight.shape for weight in cut.weights]
    # Whatever is left has its dense value.
    for left, before in zip(restored.weights, network.weights, strict=True):
        assert ((left == before) | (left == 0.0)).all()
    second = method.survivors(restored, amounts[1], rng, data)
    for later, earlier in zip(second.restore(second.cut(full)).weights, first.restore(first.cut(full)).weights, strict=True):
        assert not ((later != 0.0) & (earlier == 0.0)).any()


@pytest.mark.few(16)
@pytest.mark.parametrize("rewind", [True, False])
@pytest.mark.parametrize("rounds", [1, 2, 3])
@pytest.mark.parametrize("method", SURVIVOR_METHODS)
def test_finetuning_keeps_the_sparsity_exactly(method: str, rounds: int, rewind: bool, digits: Dataset) -> None:
    dense = dense_network()
    one_shot = prune(Pruning(method, 0.7), dense, digits)
    finetuning = Finetuning(rounds=rounds, epochs=1, optimizer="adam", rewind=rewind)
    tuned = prune(Pruning(method, 0.7, finetuning=finetuning), dense, digits)
    assert tuned.nonzeros == one_shot.nonzeros
    assert tuned.hidden_sizes == one_shot.hidden_sizes
    assert tuned.key == prune(Pruning(method, 0.7, finetuning=finetuning), dense, digits).key
    if method == "none":
        assert tuned.key == dense.key
    else:
        assert tuned.key != one_shot.key


@pytest.mark.parametrize("method", sorted(name for name, method in METHODS.items() if method.needs_region))
def test_a_surrogate_for_one_region_is_not_finetuned(method: str) -> None:
    with pytest.raises(InvalidSetting, match=rf"finetuning.rounds=2 with method='{method}': .* set the rounds to 0"):
        Pruning(method, 0.5, finetuning=Finetuning(rounds=2))
