"""Every bound method: sound, never looser than what it is meant to improve, and clear about misuse."""

from __future__ import annotations

import time

import numpy as np
import pytest
from amounts import examples
from hypothesis import given
from hypothesis import strategies as st
from oracles import random_network, random_region, sample

from surrogate.bounds import METHODS, Bounds, method
from surrogate.errors import InvalidSetting, UnsoundBounds
from surrogate.networks import ReluNetwork
from surrogate.region import Region

seeds = st.integers(0, 2**32 - 1)
NORMS = ("l1", "l2", "linf")


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", METHODS)
@examples(30)
@given(seed=seeds)
def test_no_point_of_the_region_leaves_the_bounds(name: str, norm: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    network, region = random_network(rng, (5, 6, 5, 4, 3)), random_region(rng, 5, norm)
    bounds = method(name).compute(network, region)
    points = np.concatenate([sample(rng, region, 200), region.support(rng.normal(size=(50, 5)))[1]])
    for low, high, z in zip(bounds.lower, bounds.upper, network.pre_activations(points), strict=True):
        assert (z >= low).all()
        assert (z <= high).all()


@pytest.mark.parametrize("norm", NORMS)
@examples(30)
@given(seed=seeds)
def test_each_method_is_inside_the_looser_one(norm: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    network, region = random_network(rng, (5, 6, 5, 4, 3)), random_region(rng, 5, norm)
    box, interval, crown = (method(name).compute(network, region) for name in ("box", "interval", "crown"))
    for loose, tight in ((box, interval), (interval, crown)):
        for layer in range(4):
            slack = 1e-7 * (1.0 + np.abs(loose.upper[layer]) + np.abs(loose.lower[layer]))
            assert (tight.lower[layer] >= loose.lower[layer] - slack).all()
            assert (tight.upper[layer] <= loose.upper[layer] + slack).all()


def test_first_layer_is_exact_over_the_ball() -> None:
    network = ReluNetwork([[[2.0, 1.0]], [[1.0]]], [[0.0], [0.0]])
    region = Region(0.0, 1.0, [0.0, 0.0], 1.5, "l1")
    for name in ("interval", "crown"):
        bounds = method(name).compute(network, region)
        assert bounds.lower[0][0] == pytest.approx(0.0, abs=1e-7)
        assert bounds.upper[0][0] == pytest.approx(2.5, abs=1e-7)
    assert method("box").compute(network, region).upper[0][0] == pytest.approx(3.0, abs=1e-7)


@pytest.mark.few(10)
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "network",
    [
        ReluNetwork([[[1e-8, -1e-8]], [[1.0], [-1.0]]], [[0.0], [0.0, 0.0]]),
        ReluNetwork([[[0.0, 0.0], [1.0, 1.0]], [[1.0, 1.0]]], [[0.0, -9.0], [1.0]]),
        ReluNetwork([[[1.0, 2.0], [3.0, 4.0]]], [[0.0, 1.0]]),
        ReluNetwork([[[1e8, -1e8]], [[1e-8]]], [[0.0], [0.0]]),
    ],
    ids=["tiny weights", "zero row and dead neuron", "one layer", "huge weights"],
)
def test_odd_networks(name: str, network: ReluNetwork) -> None:
    region = Region(0.0, 1.0, [0.5, 0.0], 0.4, "l1")
    bounds = method(name).compute(network, region)
    bounds.require(network.pre_activations(sample(np.random.default_rng(0), region, 100)), tolerance=0.0)


@pytest.mark.parametrize("name", METHODS)
def test_a_pruned_row_needs_no_binary(name: str) -> None:
    network = ReluNetwork([[[0.0, 0.0], [1.0, -1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    bounds = method(name).compute(network, Region(0.0, 1.0, [0.5, 0.5], 0.5, "l1"))
    assert bounds.unstable[0].tolist() == [False, True]


def test_unknown_method_lists_the_known() -> None:
    with pytest.raises(InvalidSetting, match="bounds='crwon' is not one of box, interval, crown"):
        method("crwon")


def test_crossing_bounds_are_an_error() -> None:
    with pytest.raises(UnsoundBounds, match="layer 0, neuron 1"):
        Bounds((np.array([0.0, 1.0]),), (np.array([0.0, 0.5]),))


def test_a_forward_pass_outside_the_bounds_is_an_error() -> None:
    bounds = Bounds((np.array([0.0]),), (np.array([1.0]),))
    bounds.require([np.array([[0.5], [1.0]])])
    with pytest.raises(UnsoundBounds, match="reaches pre-activations"):
        bounds.require([np.array([[0.5], [1.1]])])


@pytest.mark.parametrize("name", METHODS)
def test_a_passed_deadline_leaves_interval_bounds(name: str) -> None:
    rng = np.random.default_rng(2)
    network, region = random_network(rng, (6, 10, 10, 3)), random_region(rng, 6, "l1")
    late = method(name).compute(network, region, deadline=time.perf_counter() - 1.0)
    expected = method("box" if name == "box" else "interval").compute(network, region)
    for found, interval in zip((*late.lower, *late.upper), (*expected.lower, *expected.upper), strict=True):
        np.testing.assert_array_equal(found, interval)


@pytest.mark.parametrize("name", ["crown", "alpha_crown", "lp"])
def test_a_deadline_is_kept_and_what_is_cut_off_is_sound(name: str) -> None:
    rng = np.random.default_rng(3)
    network = random_network(rng, (100, 256, 256, 256, 256, 10))  # takes all three far longer
    region = Region(0.0, 1.0, rng.uniform(size=100), 0.1, "linf")
    begin = time.process_time()  # other programs may hold up this one
    bounds = method(name).compute(network, region, deadline=time.perf_counter() + 0.2)
    assert time.process_time() - begin < 1.5
    bounds.require(network.pre_activations(sample(rng, region, 500)), tolerance=1e-12)
