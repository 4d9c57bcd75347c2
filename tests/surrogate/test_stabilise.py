"""Affine neurons in place of unstable ones: fewer binaries for every bound method, and an error that is never exceeded."""

from __future__ import annotations

import numpy as np
import pytest
from amounts import examples
from hypothesis import given
from hypothesis import strategies as st
from oracles import brute_force_maximum, random_network, random_region, sample

from surrogate.attack import Instance, Status, SurrogateAttack
from surrogate.bounds import Bounds, Box, Crown, Interval
from surrogate.errors import InvalidSetting
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Margin
from surrogate.pruning import Pruning, Stabilised, prune, prune_for, stabilise
from surrogate.pruning.affine_neurons import LARGEST_SHIFTED, LARGEST_SHIFTED_SHARE
from surrogate.region import Region

MARGIN = np.array([[1.0, -1.0, 0.0], [0.0, -1.0, 1.0]])
NORMS = ("l1", "l2", "linf", "none")
seeds = st.integers(0, 2**32 - 1)


def points_of(rng: np.random.Generator, region: Region, count: int = 100) -> FloatArray:
    """Points inside and on the edge, and corners that linear functions lead to."""
    return np.concatenate([sample(rng, region, count), region.support(rng.normal(size=(count, region.size)))[1]])


def require_sound(dense: ReluNetwork, region: Region, found: Stabilised, points: FloatArray) -> None:
    """The difference stays in its bounds, without any tolerance, and no binary is left of what was replaced."""
    difference = (dense(points) - found.network(points)) @ found.rows.T
    assert (difference >= found.lower).all()
    assert (difference <= found.upper).all()
    assert (np.abs(difference) <= found.error).all()
    before = Crown().compute(dense, region).unstable_count
    for method in (Crown, Interval, Box) if found.replaced else (Crown,):  # looser bounds on an equal network see more
        assert method().compute(found.network, region).unstable_count <= before - found.replaced


@pytest.mark.parametrize("norm", NORMS)
@examples(30)
@given(
    seed=seeds,
    hidden=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    amount=st.floats(0.0, 1.0),
    zeros=st.sampled_from([0.0, 0.3, 0.8]),
    bias=st.booleans(),
)
def test_the_error_is_never_exceeded_and_binaries_fall_by_what_was_asked(
    norm: str, seed: int, hidden: list[int], amount: float, zeros: float, bias: bool
) -> None:
    rng = np.random.default_rng(seed)
    full = random_network(rng, (5, *hidden, 3), bias)
    dense = ReluNetwork([w * (rng.random(w.shape) >= zeros) for w in full.weights], full.biases)  # zero rows, unread neurons
    region = random_region(rng, 5, norm)
    bounds = Crown().compute(dense, region)
    for rows in (None, MARGIN):
        found = stabilise(dense, region, bounds, amount, rows)
        assert found.replaced == round(amount * bounds.unstable_count)
        require_sound(dense, region, found, points_of(rng, region))


@examples(8)
@given(seed=seeds, amount=st.sampled_from([0.3, 0.6, 1.0]), norm=st.sampled_from(["l1", "linf"]))
def test_the_surrogates_maximum_and_the_error_bound_the_dense_maximum(seed: int, amount: float, norm: str) -> None:
    rng = np.random.default_rng(seed)
    dense, region = random_network(rng, (4, 3, 3, 3)), random_region(rng, 4, norm)
    found = stabilise(dense, region, Crown().compute(dense, region), amount, MARGIN[:1])
    exact = brute_force_maximum(dense.compose(MARGIN[:1]), region)
    surrogate = brute_force_maximum(found.network.compose(MARGIN[:1]), region)
    assert exact <= surrogate + found.upper[0] + 1e-7
    assert exact >= surrogate + found.lower[0] - 1e-7


def test_a_solvers_bound_on_the_surrogate_proves_the_dense_network_robust() -> None:
    rng = np.random.default_rng(5)
    dense = random_network(rng, (6, 10, 8, 3))
    center = rng.uniform(size=6)
    label, target = (int(c) for c in np.argsort(-dense(center[None])[0])[:2])
    proven = 0
    for radius in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3):
        instance = Instance(Region(0.0, 1.0, center, radius, "l1"), label, target)
        found = prune_for(Pruning("stable", 0.5), dense, instance.region, instance.problem)
        result = SurrogateAttack().run(dense, found, instance)
        exact = SurrogateAttack().run(dense, dense, instance)
        assert result.dense_bound is not None
        assert result.dual_bound is not None
        assert result.dense_bound == pytest.approx(result.dual_bound + found.upper[0])
        assert exact.dual_bound is not None
        assert exact.margin is not None
        assert exact.margin <= result.dense_bound
        if result.status is Status.ROBUST:
            assert exact.status is Status.ROBUST
            proven += found.replaced > 0
        # The same surrogate without what bounds its error proves nothing.
        alone = SurrogateAttack().run(dense, found.network, instance)
        assert alone.dense_bound is None or found.network is dense
        assert alone.status is not Status.ROBUST or found.network is dense
    assert proven > 0


@pytest.mark.slow
@pytest.mark.parametrize("on_incumbent", ["check", "exclude_region", "stop", "dense_subproblem"])
def test_no_policy_and_no_target_gives_a_bound_below_what_the_dense_network_reaches(on_incumbent: str) -> None:
    rng = np.random.default_rng(2)
    robust = 0
    for _ in range(6):
        dense, center = random_network(rng, (4, 4, 3, 3)), rng.uniform(size=4)
        label = int(np.argmax(dense(center[None])[0]))
        for radius in (0.2, 0.6):
            instance = Instance(Region(0.0, 1.0, center, radius, "linf"), label)
            found = prune_for(Pruning("stable", 0.4), dense, instance.region, instance.problem)
            result = SurrogateAttack(on_incumbent=on_incumbent).run(dense, found, instance)
            folded = instance.problem.fold(dense)
            exact = max(brute_force_maximum(folded.compose(row[None]), instance.region) for row in np.eye(2))
            assert result.dense_bound is not None
            assert exact <= result.dense_bound + 1e-9
            assert result.status is not Status.ROBUST or exact < 0.0
            robust += result.status is Status.ROBUST
    assert robust > 0


def test_bounds_on_another_error_are_refused() -> None:
    rng = np.random.default_rng(3)
    dense, other = random_network(rng, (4, 6, 3)), random_network(rng, (4, 6, 3))
    region = random_region(rng, 4, "l1")
    wider = Region(region.lower, region.upper, region.center, 1.01 * region.radius, "l1")  # type: ignore[operator]
    found = prune_for(Pruning("stable", 0.5), dense, region, Margin(0, 1))
    for network, instance, what in (
        (other, Instance(region, 0, 1), "another dense network"),
        (dense, Instance(wider, 0, 1), "another region"),
        (dense, Instance(region, 0, 2), "another question"),
        (dense, Instance(region, 0), "another question"),
    ):
        with pytest.raises(InvalidSetting, match=what):
            SurrogateAttack().run(network, found, instance)
    with pytest.raises(InvalidSetting, match="bounds no error: use one of stable"):
        prune_for(Pruning("magnitude", 0.5), dense, region, Margin(0, 1))


def test_by_hand() -> None:
    # Pre-activations x - 0.5 in [-0.5, 0.5] and 2 x - 0.4 in [-0.4, 1.6]: largest distances of the chords 0.125 and 0.16.
    dense = ReluNetwork([[[1.0], [2.0]], [[1.0, -1.0]]], [[-0.5, -0.4], [0.3]])
    region = Region(0.0, 1.0)
    bounds = Crown().compute(dense, region)
    one = stabilise(dense, region, bounds, 0.5)
    assert one.replaced == 1
    assert one.upper == pytest.approx([0.125])
    assert one.lower == pytest.approx([-0.125])
    # (x - 0.5) / 2 + 0.125 over [0, 1] is -0.125 at 0: shifted by that much, and shifted back by the next bias.
    assert one.network.weights[0][0] == pytest.approx([0.5])
    assert one.network.biases[0][0] == pytest.approx(0.0, abs=1e-6)
    assert one.network.biases[1][0] == pytest.approx(0.3 - 0.125, abs=1e-6)
    x = np.linspace(0.0, 1.0, 101)[:, None]
    difference = (dense(x) - one.network(x))[:, 0]
    assert difference.max() == pytest.approx(0.125, abs=1e-6)  # attained, so the bound is as sharp as it can be
    assert difference.min() == pytest.approx(-0.125, abs=1e-6)
    both = stabilise(dense, region, bounds, 1.0)
    assert both.error == pytest.approx([0.125 + 0.16])
    assert Box().compute(both.network, region).unstable_count == 0


def test_the_cheapest_neurons_go_first() -> None:
    # Equal neurons, read with weights 3, 1, 2: by cost they are 1, 2, 0.
    dense = ReluNetwork([[[1.0], [1.0], [1.0]], [[3.0, -1.0, 2.0]]], [[-0.5] * 3, [0.0]])
    region = Region(0.0, 1.0)
    bounds = Crown().compute(dense, region)
    assert [stabilise(dense, region, bounds, k / 3).error[0] for k in range(4)] == pytest.approx([0.0, 0.125, 0.375, 0.75])
    still = [Crown().compute(stabilise(dense, region, bounds, k / 3).network, region).unstable[0].tolist() for k in (1, 2)]
    assert still == [[True, False, True], [True, False, False]]


def test_a_difference_passes_the_relus_that_stay_and_stops_at_those_that_are_stable() -> None:
    # Three second-layer neurons on one replaced neuron, off by at most 0.125: always on, always off, unstable.
    dense = ReluNetwork(
        [[[1.0]], [[1.0], [1.0], [1.0]], [[1.0, 1.0, 1.0]]],
        [[-0.5], [1.0, -9.0, -0.25], [0.0]],
    )
    region = Region(0.0, 1.0)
    bounds = Crown().compute(dense, region)
    assert [layer.tolist() for layer in bounds.unstable] == [[True], [False, False, True]]
    errors = {}
    for column in range(3):
        rest = np.zeros((1, 3))
        rest[0, column] = 1.0
        network = ReluNetwork([*dense.weights[:2], rest], dense.biases)
        for count in (1, 2):
            found = stabilise(network, region, Crown().compute(network, region), count / 2)
            errors[column, count] = (found.lower[0], found.upper[0])
            require_sound(network, region, found, np.linspace(0.0, 1.0, 101)[:, None])
    # Read through the unstable neuron alone, it is cheaper to replace that one: [-0.25, 0.25], so 0.0625 off. Both replaced:
    # half of 0.125 is passed on. Not read at all, nothing is off.
    assert errors[0, 2] == pytest.approx((-0.125, 0.125), abs=1e-6)
    assert errors[1, 2] == pytest.approx((0.0, 0.0), abs=1e-6)
    assert errors[2, 1] == pytest.approx((-0.0625, 0.0625), abs=1e-6)
    assert errors[2, 2] == pytest.approx((-0.125, 0.125), abs=1e-6)


def test_nothing_to_replace_gives_the_network_back() -> None:
    dense, region = random_network(np.random.default_rng(0), (4, 6, 3)), random_region(np.random.default_rng(1), 4, "l1")
    single = random_network(np.random.default_rng(0), (4, 3))
    dead = ReluNetwork([-np.ones((5, 4)), np.ones((2, 5)), np.ones((3, 2))], [np.zeros(5), np.ones(2), np.zeros(3)])
    for network, amount in ((dense, 0.0), (single, 1.0), (dead, 1.0)):
        found = stabilise(network, region, Crown().compute(network, region), amount)
        assert found.network is network
        assert found.replaced == 0
        assert not found.error.any()


def test_neurons_that_are_off_or_unread_lose_their_weights() -> None:
    dense = ReluNetwork(
        [[[1.0], [-1.0], [1.0]], [[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], [[1.0, 0.0]]],
        [[-0.5, -0.1, -0.7], [-0.2, 0.0], [0.0]],
    )
    region = Region(0.0, 1.0)
    found = stabilise(dense, region, Crown().compute(dense, region), 0.5)
    first, second, last = found.network.weights
    assert (first[1], first[2]) == (0.0, 0.0)  # always off; read only by a neuron that nothing reads
    assert second[1].tolist() == [0.0, 0.0, 0.0]
    assert second[:, 1].tolist() == [0.0, 0.0]
    assert last[0, 1] == 0.0
    require_sound(dense, region, found, np.linspace(0.0, 1.0, 101)[:, None])


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("depth", [2, 6])
def test_wide_and_deep_networks_keep_their_neurons_at_ordinary_sizes(depth: int, amount: float) -> None:
    rng = np.random.default_rng(depth)
    dense, region = random_network(rng, (20, *[30] * depth, 3)), random_region(rng, 20, "l1")
    bounds = Crown().compute(dense, region)
    found = stabilise(dense, region, bounds, amount, MARGIN)
    loosest = max(np.abs(low).max() for low in Box().compute(dense, region).lower[:-1])
    assert (loosest > 100.0 * LARGEST_SHIFTED) == (depth == 6)  # in the deep network the box would shift too far
    after = Crown().compute(found.network, region)
    assert after.unstable_count <= bounds.unstable_count - found.replaced
    points = points_of(rng, region)
    difference = (dense(points) - found.network(points)) @ MARGIN.T
    assert (difference >= found.lower).all()
    assert (difference <= found.upper).all()
    sizes = [high.max() for high in after.upper[:-1]]
    ranges = [(high - low).max() for low, high in zip(bounds.lower, bounds.upper, strict=True)]
    assert all(
        size <= max(2.0 * LARGEST_SHIFTED, LARGEST_SHIFTED_SHARE * width) for size, width in zip(sizes, ranges, strict=False)
    )
    if depth == 2:
        assert Box().compute(found.network, region).unstable_count <= bounds.unstable_count - found.replaced


@pytest.mark.parametrize("scale", [1e-12, 1e-8, 1.0, 1e8, 1e12])
def test_weights_of_extreme_size(scale: float) -> None:
    rng = np.random.default_rng(3)
    plain, region = random_network(rng, (5, 7, 6, 3)), random_region(rng, 5, "l1")
    dense = ReluNetwork(
        [plain.weights[0] * scale, plain.weights[1] / scale, plain.weights[2]],
        [plain.biases[0] * scale, plain.biases[1], plain.biases[2]],
    )
    bounds = Crown().compute(dense, region)
    for amount in (0.3, 0.7, 1.0):
        found = stabilise(dense, region, bounds, amount)
        assert found.error.max() == pytest.approx(
            stabilise(plain, region, Crown().compute(plain, region), amount).error.max(), rel=1e-3
        )
        points = points_of(rng, region)
        assert (np.abs(dense(points) - found.network(points)) <= found.error).all()
        assert Crown().compute(found.network, region).unstable_count <= bounds.unstable_count - found.replaced


@examples(20)
@given(seed=seeds)
def test_looser_bounds_are_as_sound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dense, region = random_network(rng, (5, 6, 5, 4, 3)), random_region(rng, 5, "l1")
    bounds = Box().compute(dense, region)
    found = stabilise(dense, region, bounds, 0.4)
    points = points_of(rng, region)
    assert (np.abs(dense(points) - found.network(points)) <= found.error).all()
    assert Box().compute(found.network, region).unstable_count <= bounds.unstable_count - found.replaced


def test_the_pruning_method_replaces_for_all_outputs() -> None:
    rng = np.random.default_rng(4)
    dense, region = random_network(rng, (5, 8, 6, 3)), random_region(rng, 5, "l1")
    expected = stabilise(dense, region, Crown().compute(dense, region), 0.5).network
    assert prune(Pruning("stable", 0.5), dense, region=region).key == expected.key
    assert expected.key != dense.key


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan"), "half"])
def test_an_amount_that_is_no_share_is_refused(amount: float) -> None:
    dense, region = random_network(np.random.default_rng(0), (2, 3, 2)), Region(0.0, 1.0, [0.5, 0.5])
    with pytest.raises(InvalidSetting, match=r"amount=.* expected a number in \[0, 1\]"):
        stabilise(dense, region, Crown().compute(dense, region), amount)


def test_what_does_not_fit_is_refused() -> None:
    dense, region = random_network(np.random.default_rng(0), (2, 3, 2)), Region(0.0, 1.0, [0.5, 0.5])
    bounds = Crown().compute(dense, region)
    with pytest.raises(InvalidSetting, match="region has 3 coordinates but the network takes 2"):
        stabilise(dense, Region(0.0, 1.0, np.zeros(3)), bounds, 0.5)
    with pytest.raises(InvalidSetting, match=r"bounds are for layers of sizes \[3\]"):
        stabilise(dense, region, Bounds(bounds.lower[:1], bounds.upper[:1]), 0.5)
    with pytest.raises(InvalidSetting, match=r"rows must be a finite matrix \(k, 2\), got shape \(1, 3\)"):
        stabilise(dense, region, bounds, 0.5, np.ones((1, 3)))
    with pytest.raises(InvalidSetting, match="rows must be a finite matrix"):
        stabilise(dense, region, bounds, 0.5, [[np.nan, 1.0]])
