"""Merged networks are equal over the region, smaller, and need no binary more."""

from __future__ import annotations

import numpy as np
import pytest
from amounts import examples
from hypothesis import given
from hypothesis import strategies as st
from oracles import random_network, random_region, sample

from surrogate.bounds import Bounds, Crown
from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.pruning import merge_stable, stabilise
from surrogate.region import Region


@pytest.mark.parametrize("norm", ["l1", "l2", "linf", "none"])
@examples(30)
@given(
    seed=st.integers(0, 2**32 - 1),
    hidden=st.lists(st.integers(1, 12), min_size=0, max_size=4),
    outputs=st.integers(1, 4),
    zeros=st.sampled_from([0.0, 0.4, 0.9]),
    scale=st.sampled_from([1.0, 1e-6, 1e6]),
)
def test_equal_over_the_region_and_no_binary_more(
    norm: str, seed: int, hidden: list[int], outputs: int, zeros: float, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    full = random_network(rng, (5, *hidden, outputs))
    weights = [w * (rng.random(w.shape) >= zeros) for w in full.weights]
    dense = ReluNetwork([weights[0] * scale, *weights[1:]], [full.biases[0] * scale, *full.biases[1:]])
    region = random_region(rng, 5, norm)
    bounds = Crown().compute(dense, region)
    small = merge_stable(dense, region, bounds)
    points = np.concatenate([sample(rng, region, 100), region.support(rng.normal(size=(100, 5)))[1]])
    largest = 1.0 + max(np.abs(z).max() for z in dense.pre_activations(points))
    np.testing.assert_allclose(small(points), dense(points), atol=1e-9 * largest)
    assert Crown().compute(small, region).unstable_count <= bounds.unstable_count
    read_by = [*small.hidden_sizes, outputs][1:]
    for size, before, unstable, readers in zip(small.hidden_sizes, dense.hidden_sizes, bounds.unstable, read_by, strict=True):
        assert size <= before
        assert size <= max(1, unstable.sum() + readers)


def test_what_is_always_active_becomes_what_is_read_of_it() -> None:
    # Always active: 0 and 1, read as 2 z_0 - z_1; never: 2; unstable: 3.
    dense = ReluNetwork(
        [[[1.0], [3.0], [-1.0], [1.0]], [[2.0, -1.0, 7.0, 5.0]]],
        [[0.5, 0.1, -0.1, -0.5], [0.25]],
    )
    region = Region(0.0, 1.0)
    small = merge_stable(dense, region, Crown().compute(dense, region))
    assert small.weights[0].tolist() == [[1.0], [-1.0]]
    assert small.biases[0] == pytest.approx([-0.5, 1.0], abs=1e-6)  # 0.9 - x in [-0.1, 0.9], shifted by 0.1
    assert small.weights[1].tolist() == [[5.0, 1.0]]
    assert small.biases[1] == pytest.approx([0.15], abs=1e-6)


def test_a_network_that_is_affine_over_the_region_shrinks_to_its_outputs() -> None:
    rng = np.random.default_rng(0)
    dense = random_network(rng, (6, 30, 30, 30, 2))
    region = Region(0.0, 1.0, rng.uniform(size=6), 1e-4, "linf")
    bounds = Crown().compute(dense, region)
    assert bounds.unstable_count == 0
    assert merge_stable(dense, region, bounds).hidden_sizes == (2, 2, 2)
    single = dense.compose([[1.0, -1.0]])
    assert merge_stable(single, region, Crown().compute(single, region)).hidden_sizes == (1, 1, 1)


def test_a_dead_layer_and_a_network_of_one_layer() -> None:
    dead = ReluNetwork([-np.ones((5, 4)), np.ones((2, 5)), np.ones((3, 2))], [-0.1 * np.ones(5), -np.ones(2), np.arange(3.0)])
    region = Region(0.0, 1.0, np.full(4, 0.5))
    small = merge_stable(dead, region, Crown().compute(dead, region))
    assert small.hidden_sizes == (1, 1)
    assert small([[0.1, 0.2, 0.3, 0.4]]).tolist() == [[0.0, 1.0, 2.0]]
    single = random_network(np.random.default_rng(0), (4, 3))
    assert merge_stable(single, region, Crown().compute(single, region)).key == single.key


def test_after_stabilising_only_the_unstable_neurons_and_their_readers_are_left() -> None:
    rng = np.random.default_rng(1)
    dense, region = random_network(rng, (8, 40, 30, 3)), random_region(rng, 8, "l1")
    bounds = Crown().compute(dense, region)
    found = stabilise(dense, region, bounds, 0.8)
    after = Crown().compute(found.network, region)
    small = merge_stable(found.network, region, after)
    first, second = (int(layer.sum()) for layer in after.unstable)
    assert small.hidden_sizes == (first + second + 3, second + 3)
    points = sample(rng, region, 200)
    assert (np.abs(dense(points) - small(points)) <= found.error + 1e-9).all()


def test_what_does_not_fit_is_refused() -> None:
    dense, region = random_network(np.random.default_rng(0), (2, 3, 2)), Region(0.0, 1.0, [0.5, 0.5])
    bounds = Crown().compute(dense, region)
    with pytest.raises(InvalidSetting, match="region has 3 coordinates but the network takes 2"):
        merge_stable(dense, Region(0.0, 1.0, np.zeros(3)), bounds)
    with pytest.raises(InvalidSetting, match=r"bounds are for layers of sizes \[3\]"):
        merge_stable(dense, region, Bounds(bounds.lower[:1], bounds.upper[:1]))
