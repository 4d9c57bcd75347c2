"""The backward pass: bounds for any multipliers and phases, gradient steps that only help, and parts of the region."""

from __future__ import annotations

import numpy as np
import pytest
from amounts import examples
from hypothesis import given
from hypothesis import strategies as st
from oracles import linear_maximum, random_network, random_region, sample
from questions import network_and_region

from surrogate.bounds import AlphaCrown, Bounds, Crown
from surrogate.bounds.crown import refine
from surrogate.bounds.multipliers import Multipliers
from surrogate.bounds.relaxation import Relaxation
from surrogate.bounds.steps import Polyak, Rates
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region

seeds = st.integers(0, 2**32 - 1)
NORMS = ("l1", "l2", "linf", "none")
ODD = {
    "dead layer": ReluNetwork([[[1.0, -1.0]], [[1.0], [1.0]], [[1.0, 1.0]]], [[0.0], [-9.0, -9.0], [1.0]]),
    "zero rows": ReluNetwork(
        [[[0.0, 0.0], [1.0, -1.0]], [[0.0, 0.0], [1.0, -1.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0, 0.0], [0.0]]
    ),
    "no bias": random_network(np.random.default_rng(1), (2, 4, 4, 1), bias=False),
    "one hidden layer": random_network(np.random.default_rng(2), (2, 5, 2)),
    "tiny weights": ReluNetwork([[[1e-8, -1e-8], [1.0, 1.0]], [[1e-8, 1.0]]], [[0.0, -0.5], [0.0]]),
    "always active": ReluNetwork([[[1.0, -1.0], [0.5, 0.5]], [[1.0, -2.0]]], [[5.0, 1.0], [0.0]]),
}


def relax(network: ReluNetwork, region: Region, bounds: Bounds | None = None, split: list | None = None) -> Relaxation:
    found = bounds or Crown().compute(network, region)
    return Relaxation(network, region, found.lower[:-1], found.upper[:-1], split)


def outputs(network: ReluNetwork, points: FloatArray) -> FloatArray:
    """What rows of the last layer are applied to."""
    z = network.pre_activations(points)
    return np.maximum(z[-2], 0.0)


def absolute(network: ReluNetwork, rows: FloatArray) -> FloatArray:
    """The sum of the absolute terms ``(k,)`` that a bound of ``rows`` can be added up from, inputs in the unit box."""
    size, total = np.abs(rows), np.ones(len(rows))
    for weight, bias in zip(network.weights[-2::-1], network.biases[-2::-1], strict=True):
        total += size @ np.abs(bias)
        size = size @ np.abs(weight)
    return total + size.sum(axis=1)


def phases(rng: np.random.Generator, network: ReluNetwork, point: FloatArray, share: float) -> list[np.ndarray]:
    """The phases that ``point`` has, of a random share of all neurons; 0 of the others."""
    z = network.pre_activations(point[None])[:-1]
    return [np.where(rng.uniform(size=v.shape[1]) < share, np.where(v[0] > 0.0, 1, -1), 0).astype(np.int8) for v in z]


def inside(network: ReluNetwork, points: FloatArray, split: list[np.ndarray]) -> FloatArray:
    """The points that have the phases in ``split``."""
    z = network.pre_activations(points)[:-1]
    return points[np.all([(v * s >= 0.0).all(axis=1) for v, s in zip(z, split, strict=True)], axis=0)]


def near(rng: np.random.Generator, region: Region, point: FloatArray) -> FloatArray:
    """Points of the region, many of them close to ``point``."""
    close = point + rng.uniform(0.0, 0.4, size=(300, 1)) * rng.normal(size=(300, point.size))
    return np.concatenate([point[None], region.project(close), sample(rng, region, 100)])


def shake(rng: np.random.Generator, multipliers: Multipliers) -> Multipliers:
    """Random multipliers; some slopes lie outside [0, 1] and some beta below 0, which must be harmless."""
    multipliers.alpha = [rng.uniform(-0.2, 1.2, size=a.shape) for a in multipliers.alpha]
    multipliers.beta = [np.where(s != 0, rng.exponential(size=s.shape) - 0.2, 0.0) for s in multipliers.split]
    return multipliers


@pytest.mark.parametrize("given_early", [True, False])
@pytest.mark.parametrize("norm", NORMS)
@examples(15)
@given(seed=seeds)
def test_any_multipliers_bound_every_point_of_the_part(norm: str, given_early: bool, seed: int) -> None:
    rng, network, region = network_and_region(seed, norm)
    point = sample(rng, region, 1)[0]
    split = phases(rng, network, point, 0.3)
    relaxation = relax(network, region, split=split if given_early else None)
    rows = rng.normal(size=(4, 4))
    multipliers = relaxation.start(len(rows))
    for layer, (neurons, size) in enumerate(zip(relaxation.neurons, relaxation.sizes, strict=True)):
        multipliers.split[layer][:] = split[layer][neurons[:size]]
    points = inside(network, near(rng, region, point), split)
    assert len(points) >= 1
    reached = (outputs(network, points) @ rows.T).max(axis=0)
    for chosen in (multipliers, shake(rng, multipliers)):
        found = relaxation.bound(rows, chosen)
        assert (found.value >= reached).all()
        assert all(region.contains(x) for x in found.point)
    for rates in (Rates(), Polyak()):
        found, _ = relaxation.optimise(rows, multipliers, 5, reached - 1.0, rates)
        assert (found.value >= reached).all()


@pytest.mark.parametrize("norm", NORMS)
@examples(15)
@given(seed=seeds)
def test_steps_never_make_it_worse_and_single_precision_only_ranks(norm: str, seed: int) -> None:
    rng, network, region = network_and_region(seed, norm)
    relaxation, rows = relax(network, region), rng.normal(size=(6, 4))
    begin = shake(rng, relaxation.start(len(rows)))
    begin.alpha = [np.clip(a, 0.0, 1.0) for a in begin.alpha]
    before = relaxation.bound(rows, begin).value
    rounding = 1e-6 * absolute(network, rows)
    assert (np.abs(relaxation.quick(rows, begin) - before) <= rounding).all()
    kept = [a.copy() for a in begin.alpha]
    after, best = relaxation.optimise(rows, begin, 20)
    assert (after.value <= before + rounding).all()
    assert np.array_equal(after.value, relaxation.bound(rows, best).value)
    assert all(np.array_equal(a, b) for a, b in zip(begin.alpha, kept, strict=True))
    assert all(((a >= 0.0) & (a <= 1.0)).all() for a in best.alpha)


def test_steps_gain_something_and_end_where_they_may() -> None:
    rng, network, region = network_and_region(0, "l1", (8, 12, 12, 3))
    relaxation, rows = relax(network, region), rng.normal(size=(10, 12))
    before = relaxation.bound(rows, relaxation.start(10)).value
    after, _ = relaxation.optimise(rows, relaxation.start(10), 30)
    assert (before - after.value).sum() > 0.1
    # Rows that are low enough leave the batch; the others go on as if they had been alone.
    enough = np.full(10, -np.inf)
    enough[::2] = before[::2] + 1.0
    early, _ = relaxation.optimise(rows, relaxation.start(10), 30, enough)
    np.testing.assert_allclose(early.value[1::2], after.value[1::2], rtol=1e-4, atol=1e-4)
    assert (early.value[::2] <= before[::2] + 1e-4).all()
    alone, _ = relaxation.optimise(rows[1::2], relaxation.start(5), 30)
    np.testing.assert_allclose(alone.value, after.value[1::2], rtol=1e-4, atol=1e-4)


def test_polyak_reaches_targets_that_a_rate_takes_long_for() -> None:
    rng, network, region = network_and_region(0, "l1", (8, 12, 12, 3))
    relaxation, rows = relax(network, region), rng.normal(size=(40, 12))
    best = relaxation.optimise(rows, relaxation.start(40), 400, rates=Rates(decay=0.99))[0].value
    before = relaxation.bound(rows, relaxation.start(40)).value
    target = best + 0.1 * (before - best)
    reached = {
        name: int((relaxation.optimise(rows, relaxation.start(40), 10, target, rates)[0].value < target).sum())
        for name, rates in (("adam", Rates()), ("polyak", Polyak()))
    }
    assert reached["polyak"] > reached["adam"]
    assert reached["polyak"] >= 30


def test_polyak_shows_that_a_part_is_empty() -> None:
    # Both neurons are positive where x > 1 and where x < -1: nowhere. No target is too low then.
    network = ReluNetwork([[[1.0], [-1.0]], [[1.0, 1.0]]], [[-1.0, -1.0], [0.0]])
    relaxation = relax(network, Region(-2.0, 2.0))
    multipliers = relaxation.start(1)
    multipliers.split[0][:] = 1
    found, _ = relaxation.optimise(np.ones((1, 2)), multipliers, 20, -15.0, Polyak())
    assert found.value[0] < -15.0


@pytest.mark.few(8)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ODD)
def test_odd_networks(name: str, norm: str) -> None:
    network, rng = ODD[name], np.random.default_rng(3)
    region = random_region(rng, 2, norm)
    relaxation, points = relax(network, region), sample(rng, region, 300)
    rows = rng.normal(size=(5, network.hidden_sizes[-1]))
    reached = (outputs(network, points) @ rows.T).max(axis=0)
    multipliers = shake(rng, relaxation.start(5))
    assert (relaxation.bound(rows, multipliers).value >= reached).all()
    optimised, _ = relaxation.optimise(rows, multipliers, 5)
    assert (optimised.value >= reached).all()
    if relaxation.unstable_count == 0:  # then the network is linear over the region, and the bound is attained
        attained = np.einsum("kn,kn->k", outputs(network, optimised.point), rows)
        np.testing.assert_allclose(optimised.value, attained, rtol=1e-7, atol=1e-7)


def test_a_split_whose_multiplier_is_needed() -> None:
    # y2 = x + 1/2 everywhere; where x <= 0 (neuron 1 inactive) it is at most 1/2, which only the multiplier of the split knows.
    network = ReluNetwork([[[1.0], [1.0]], [[0.0, 1.0]]], [[0.0, 0.5], [0.0]])
    region = Region(-0.25, 1.0)
    split = [np.array([-1, 0], dtype=np.int8)]
    bounds = Crown().compute(network, region)
    row = np.array([[0.0, 1.0]])
    for known in (bounds, refine(network, region, bounds, split, 0)):
        assert known is not None
        relaxation = relax(network, region, known, split)
        assert relaxation.neurons[0].tolist() == [0, 1]
        assert relaxation.sizes == [1]  # in question, although its phase is known
        multipliers = relaxation.start(1)
        assert multipliers.split[0].tolist() == [[-1]]
        assert relaxation.bound(row, multipliers).value[0] == pytest.approx(1.5, abs=1e-7)
        multipliers.beta[0][:] = 1.0
        assert relaxation.bound(row, multipliers).value[0] == pytest.approx(0.5, abs=1e-7)
        found, best = relaxation.optimise(row, relaxation.start(1), 60)
        assert found.value[0] == pytest.approx(0.5, abs=0.05)
        assert best.beta[0][0, 0] == pytest.approx(1.0, abs=0.1)


def test_only_split_neurons_get_multipliers() -> None:
    rng, network, region = network_and_region(5, "linf", (6, 10, 10, 2))
    split = phases(rng, network, region.center, 0.4)
    relaxation = relax(network, region, split=split)
    for layer, (neurons, size) in enumerate(zip(relaxation.neurons, relaxation.sizes, strict=True)):
        assert set(np.flatnonzero(split[layer])) <= set(neurons[:size].tolist())
        assert np.array_equal(relaxation.split[layer], split[layer][neurons[:size]])
    rows = rng.normal(size=(6, 10))
    _, best = relaxation.optimise(rows, relaxation.start(6), 20)
    assert sum(np.abs(b).sum() for b in best.beta) > 0.0
    assert all((b[s == 0] == 0.0).all() for b, s in zip(best.beta, best.split, strict=True))


@pytest.mark.parametrize("steps", [0, 5])
@pytest.mark.parametrize("norm", NORMS)
@examples(15)
@given(seed=seeds)
def test_refined_bounds_hold_on_the_part(norm: str, steps: int, seed: int) -> None:
    rng, network, region = network_and_region(seed, norm)
    known = AlphaCrown().compute(network, region)
    point = sample(rng, region, 1)[0]
    split = phases(rng, network, point, 0.4)
    found = refine(network, region, known, split, steps)
    assert found is not None  # the point lies in it
    found.require(network.pre_activations(inside(network, near(rng, region, point), split)), tolerance=0.0)
    for layer, s in enumerate(split):
        assert (found.lower[layer] >= known.lower[layer]).all()
        assert (found.upper[layer] <= known.upper[layer]).all()
        assert (found.lower[layer][s > 0] >= 0.0).all()
        assert (found.upper[layer][s < 0] <= 0.0).all()


def test_parts_are_called_empty_only_if_they_are() -> None:
    empty = claimed = 0
    for seed in range(60):
        rng, network, region = network_and_region(seed, ("l1", "linf")[seed % 2], (3, 4, 4, 2))
        known = Crown().compute(network, region)
        # All phases of the first layer and one of the second: there, the part is a polyhedron.
        first = rng.choice([-1, 1], size=4).astype(np.int8)
        second = np.zeros(4, dtype=np.int8)
        second[rng.integers(4)] = rng.choice([-1, 1])
        slope = network.weights[1] @ ((first > 0)[:, None] * network.weights[0])
        offset = network.weights[1] @ ((first > 0) * network.biases[0]) + network.biases[1]
        A = -np.concatenate([first[:, None] * network.weights[0], second[:, None] * slope])
        b = np.concatenate([first * network.biases[0], second * offset])
        if refine(network, region, known, [first, second], 5) is None:
            claimed += 1
            assert linear_maximum(region, np.zeros(3), A, b - 1e-7 * np.abs(A).any(axis=1)) is None, f"seed {seed}"
        empty += linear_maximum(region, np.zeros(3), A, b) is None
    assert 60 > empty >= claimed > 0
