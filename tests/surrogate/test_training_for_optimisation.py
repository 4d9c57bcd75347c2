"""Training for optimisation: each setting does what it says, bounds are those of the library, and off is as it was before."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from oracles import random_network, sample

from surrogate.bounds import Bounds, Interval
from surrogate.errors import InvalidSetting
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region
from surrogate.training import Training, finetune, fit, r_squared
from surrogate.training.intervals import TrainingRegion, hidden_bounds
from surrogate.training.penalties import instability, mean_width
from surrogate.training.settings import SMALL_WEIGHT

SIZES = [16, 12]

QUICK = {"epochs": 60, "batch_size": 32, "learning_rate": 3e-3, "weight_decay": 0.0}


def data(count: int = 256, inputs: int = 3) -> tuple[FloatArray, FloatArray]:
    """Points of a box that is not the unit box, and a smooth function of them."""
    x = np.random.default_rng(0).uniform(-1.0, 2.0, size=(count, inputs))
    return x, np.sin(2.0 * x[:, 0]) + x[:, 1] * x[:, 2]


def trained(**changed: float) -> ReluNetwork:
    return fit(Training(**{**QUICK, **changed}), SIZES, *data(), outputs=1)  # type: ignore[arg-type]


def over_the_box(network: ReluNetwork) -> Bounds:
    x, _ = data()
    return Interval().compute(network, Region(x.min(axis=0), x.max(axis=0)))


def in_torch(network: ReluNetwork) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    return (
        [torch.tensor(weight, dtype=torch.float32) for weight in network.weights],
        [torch.tensor(bias, dtype=torch.float32) for bias in network.biases],
    )


def by_a_plain_loop(training: Training, x: FloatArray, y: FloatArray) -> ReluNetwork:
    """Train as before there were these settings."""
    generator = torch.Generator().manual_seed(training.seed)
    weights, biases = [], []
    for into, out in itertools.pairwise([x.shape[1], *SIZES, 1]):
        limit = math.sqrt(6.0 / (into + out))
        weights.append(torch.empty(out, into).uniform_(-limit, limit, generator=generator).requires_grad_())
        biases.append(torch.zeros(out).requires_grad_())
    points, values = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)[:, None]
    optimizer = torch.optim.Adam([*weights, *biases], lr=training.learning_rate, weight_decay=training.weight_decay, fused=True)
    for _ in range(training.epochs):
        for batch in torch.randperm(len(points), generator=generator).split(training.batch_size):
            hidden = points[batch]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.nn.functional.linear(hidden, weight, bias).relu()
            loss = torch.nn.functional.mse_loss(torch.nn.functional.linear(hidden, weights[-1], biases[-1]), values[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return ReluNetwork([w.detach().double().numpy() for w in weights], [b.detach().double().numpy() for b in biases])


@pytest.fixture(scope="module")
def plain() -> ReluNetwork:
    return trained()


def test_off_is_bit_for_bit_what_it_was() -> None:
    training = Training(epochs=3, weight_decay=1e-3, seed=5)
    x, y = data()
    assert fit(training, SIZES, x, y, outputs=1).key == by_a_plain_loop(training, x, y).key
    off = Training(epochs=3, weight_decay=1e-3, seed=5, l1=0.0, stability=0.0, big_m=0.0, radius=None, dropout=0.0)
    assert fit(off, SIZES, x, y, outputs=1, box=(-9.0, 9.0)).key == by_a_plain_loop(training, x, y).key


@pytest.mark.parametrize(
    "changed",
    [{"l1": 1e-3}, {"stability": 1e-2}, {"big_m": 1e-2}, {"stability": 1e-2, "radius": 0.1}, {"dropout": 0.2}],
    ids=lambda changed: "-".join(changed),
)
def test_equal_seeds_give_equal_networks_and_leave_global_state_alone(changed: dict[str, float]) -> None:
    changed = {**changed, "epochs": 4}
    state = torch.random.get_rng_state()
    first = trained(**changed)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(3)
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    try:
        assert trained(**changed).key == first.key
        assert torch.get_num_threads() == 2
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(1)
    assert len({first.key, trained(epochs=4).key, trained(**changed, seed=1).key}) == 3


def test_l1_makes_weights_small_and_the_smallest_zero(plain: ReluNetwork) -> None:
    sparse = trained(l1=3e-3)

    def size(network: ReluNetwork) -> float:
        return sum(float(np.abs(weight).sum()) for weight in network.weights)

    def zeros(network: ReluNetwork) -> int:
        return sum(int((weight == 0.0).sum()) for weight in network.weights)

    assert size(sparse) < 0.8 * size(plain)
    assert zeros(plain) == 0 < 20 < zeros(sparse)
    for weight in sparse.weights:
        assert (np.abs(weight[weight != 0.0]) >= np.float32(SMALL_WEIGHT)).all()
    assert any((np.abs(bias) < SMALL_WEIGHT).any() or bias.any() for bias in sparse.biases)
    assert r_squared(sparse, *data()) > 0.8


def test_l1_is_the_gradient_of_the_sum_of_sizes() -> None:
    """One full step without a loss of its own: the values are those of the network."""
    network = random_network(np.random.default_rng(0), (3, 4, 1))
    x = np.zeros((1, 3))
    y = network(x)[:, 0].astype(np.float32).astype(np.float64)
    masks = [np.ones(weight.shape, dtype=bool) for weight in network.weights]
    step = Training(epochs=1, learning_rate=0.1, weight_decay=0.0, optimizer="sgd", l1=0.5)
    stepped = finetune(network, masks, step, x, y)
    for after, before in zip(stepped.weights, network.weights, strict=True):
        np.testing.assert_allclose(after, before - 0.05 * np.sign(before), atol=1e-5)
    for after, before in zip(stepped.biases, network.biases, strict=True):
        np.testing.assert_allclose(after, before, atol=1e-5)


def test_masked_weights_stay_zero_under_every_penalty() -> None:
    network = random_network(np.random.default_rng(3), (3, 8, 6, 1))
    masks = [np.random.default_rng(4).random(weight.shape) < 0.5 for weight in network.weights]
    tuned = finetune(network, masks, Training(epochs=3, l1=1e-3, stability=1e-2, big_m=1e-2, dropout=0.1), *data())
    for weight, mask in zip(tuned.weights, masks, strict=True):
        assert (weight[~mask] == 0.0).all()


def test_stability_leaves_fewer_neurons_unstable(plain: ReluNetwork) -> None:
    steady = trained(stability=1e-2)
    assert over_the_box(steady).unstable_count < over_the_box(plain).unstable_count - 3
    assert r_squared(steady, *data()) > 0.5


def test_stability_around_each_sample(plain: ReluNetwork) -> None:
    x, _ = data()
    radius = 0.2

    def unstable(network: ReluNetwork) -> float:
        box = x.min(axis=0), x.max(axis=0)
        return float(np.mean([Interval().compute(network, Region(*box, one, radius, "linf")).unstable_count for one in x[:40]]))

    assert unstable(trained(stability=5e-2, radius=radius)) < 0.8 * unstable(plain)


def test_big_m_makes_bounds_narrow(plain: ReluNetwork) -> None:
    narrow = trained(big_m=3e-2)
    assert over_the_box(narrow).big_m < 0.8 * over_the_box(plain).big_m
    assert r_squared(narrow, *data()) > 0.5


def test_dropout_thins_and_scales() -> None:
    from surrogate.training.descent import _thinned

    hidden = torch.ones(2000, 10)
    thinned = _thinned(hidden, 0.25, torch.Generator().manual_seed(0))
    assert thinned.unique().tolist() == pytest.approx([0.0, 4.0 / 3.0])
    assert float((thinned == 0.0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(thinned.mean()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_bounds_over_the_box_are_those_of_the_library(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, (4, 7, 6, 5, 2))
    low, high = -rng.uniform(size=4), rng.uniform(size=4)
    expected = Interval().compute(network, Region(low, high))
    found = list(hidden_bounds(*in_torch(network), TrainingRegion((low, high), None).around(torch.zeros(9, 4))))
    assert len(found) == 3
    for (below, above), lower, upper in zip(found, expected.lower, expected.upper, strict=False):
        assert below.shape == (1, len(lower))
        np.testing.assert_allclose(below[0].numpy(), lower, atol=1e-4)
        np.testing.assert_allclose(above[0].numpy(), upper, atol=1e-4)


def test_bounds_around_samples_hold_all_that_is_reached_there() -> None:
    rng = np.random.default_rng(5)
    network = random_network(rng, (4, 7, 6, 1))
    box, radius = (np.zeros(4), np.ones(4)), 0.3
    centers = rng.uniform(size=(6, 4))
    batch = torch.tensor(centers, dtype=torch.float32)
    found = list(hidden_bounds(*in_torch(network), TrainingRegion(box, radius).around(batch)))
    for row, center in enumerate(centers):
        region = Region(*box, center, radius, "linf")
        reached = network.pre_activations(sample(rng, region, 500))
        expected = Interval().compute(network, region)
        for (below, above), z, lower in zip(found, reached, expected.lower, strict=False):
            assert below.shape == (6, z.shape[1])
            assert (z >= below[row].numpy() - 1e-5).all()
            assert (z <= above[row].numpy() + 1e-5).all()
            assert (below[row].numpy() <= lower + 1e-4).all(), "a ball in the largest norm is a box"


def test_the_penalties_by_hand() -> None:
    bounds = [(torch.tensor([[-1.0, 2.0]]), torch.tensor([[3.0, 4.0]])), (torch.tensor([[-2.0]]), torch.tensor([[-1.0]]))]
    # l u / r^2 with half the widths 2, 1 and 0.5
    assert float(instability(bounds)) == pytest.approx(-math.tanh(1.0 - 3.0 / 4.0) - math.tanh(9.0) - math.tanh(9.0))
    assert float(mean_width(bounds)) == pytest.approx((4.0 + 2.0 + 1.0) / 3.0)
    two = [(torch.tensor([[-1.0], [1.0]]), torch.tensor([[1.0], [2.0]]))]
    assert float(instability(two)) == pytest.approx((-math.tanh(0.0) - math.tanh(9.0)) / 2.0)
    constant = [(torch.zeros(1, 1), torch.zeros(1, 1))]
    assert float(instability(constant)) == pytest.approx(-math.tanh(1.0))


def test_stability_pulls_however_wide_bounds_are() -> None:
    """The form of the paper, without units, is flat there: over the box of a dozen inputs it would do nothing."""
    for scale in (1e-2, 1.0, 1e3):
        lower, upper = torch.tensor([[-4.0 * scale]], requires_grad=True), torch.tensor([[6.0 * scale]], requires_grad=True)
        loss = instability([(lower, upper)])
        loss.backward()
        assert float(loss.detach()) == pytest.approx(-math.tanh(1.0 - 24.0 / 25.0), rel=1e-4)
        assert float(lower.grad) * scale == pytest.approx(-0.076, abs=0.05)  # type: ignore[arg-type]
    wide = torch.tensor([[-40.0]], requires_grad=True)
    (-torch.tanh(1.0 + wide * 60.0)).sum().backward()
    assert float(wide.grad) == 0.0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((0.0, 1.0, 2.0), "two sides"),
        (([0.0, 0.0], 1.0), "a finite number or 3 of them"),
        ((0.0, math.inf), "a finite number or 3 of them"),
        ((1.0, [0.0, 2.0, 2.0]), "no lower side above its upper one"),
        (3.0, "two sides"),
    ],
)
def test_a_box_that_does_not_fit_is_refused(box: object, message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        fit(Training(epochs=1, stability=0.1), SIZES, *data(), outputs=1, box=box)  # type: ignore[arg-type]


def test_what_counts() -> None:
    off = {"l1", "stability", "big_m", "dropout", "radius"}
    assert off - set(Training(epochs=0).without_effect()) == set()
    assert set(Training().without_effect()) == {"radius"}
    assert set(Training(l1=1.0, dropout=0.1).without_effect()) == {"radius"}
    assert set(Training(big_m=1.0).without_effect()) == set()
