"""LP tightening: the optimum of the triangle relaxation, sound whatever the solver returns, and a budget."""

from __future__ import annotations

import time

import numpy as np
import pytest
from oracles import sample
from questions import network_and_region
from scipy.optimize import linprog

from surrogate.attack import (
    BranchAndBoundAttack,
    ClosestAttack,
    Instance,
    PortfolioAttack,
    RestrictionAttack,
    SurrogateAttack,
)
from surrogate.bounds import AlphaCrown, Bounds, Lp, method
from surrogate.bounds.lp import LayerProgramme
from surrogate.bounds.relaxation import Relaxation
from surrogate.errors import InvalidSetting
from surrogate.models import SearchSettings
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region

LP = Lp(seconds=60.0)


def triangle_maximum(network: ReluNetwork, region: Region, bounds: Bounds, layer: int, row: FloatArray) -> float:
    """Maximise ``row @ y`` over triangles of the layers before ``layer``, stated plainly: x, |x - center|, all z, all y."""
    d, sizes = region.size, network.hidden_sizes[:layer]
    columns = 2 * d + 2 * sum(sizes)
    rows, limits, equal, right = [], [], [], []
    sides = [*zip(region.lower, region.upper, strict=True), *[(0.0, None)] * d, *[(None, None)] * (2 * sum(sizes))]
    for j in range(d):
        for sign in (1.0, -1.0):
            line = np.zeros(columns)
            line[j], line[d + j] = sign, -1.0
            rows.append(line)
            limits.append(sign * region.center[j])
    if region.norm == "l1":
        rows.append(np.repeat([0.0, 1.0, 0.0], [d, d, columns - 2 * d]))
        limits.append(region.radius)
    elif region.norm == "linf":
        sides[d : 2 * d] = [(0.0, region.radius)] * d
    before, at = np.arange(d), 2 * d
    for weight, bias, low, high in list(zip(network.weights, network.biases, bounds.lower, bounds.upper, strict=True))[:layer]:
        z, y = at + np.arange(len(bias)), at + len(bias) + np.arange(len(bias))
        at += 2 * len(bias)
        for j in range(len(bias)):
            line = np.zeros(columns)
            line[z[j]], line[before] = 1.0, -weight[j]
            equal.append(line)
            right.append(bias[j])
            top, bottom = max(high[j], 0.0), min(low[j], 0.0)
            over = np.zeros(columns)  # (top - bottom) y <= top (z - bottom)
            over[y[j]], over[z[j]] = top - bottom, -top
            under = np.zeros(columns)
            under[z[j]], under[y[j]] = 1.0, -1.0
            if low[j] >= 0.0:
                equal.append(under)
                right.append(0.0)
            else:
                rows += [over, under]
                limits += [-top * bottom, 0.0]
            sides[y[j]] = (0.0, top)
        before = y
    goal = np.zeros(columns)
    goal[before] = row
    found = linprog(-goal, A_ub=np.array(rows), b_ub=limits, A_eq=np.array(equal), b_eq=right, bounds=sides)
    assert found.status == 0
    return float(-found.fun)


@pytest.mark.parametrize("norm", ["l1", "linf", "none"])
@pytest.mark.parametrize("seed", range(3))
def test_bounds_are_the_optima_of_the_triangle_relaxation(seed: int, norm: str) -> None:
    _, network, region = network_and_region(seed, norm)
    found, before = LP.compute(network, region), AlphaCrown().compute(network, region)
    compared = 0
    for layer in range(1, 4):
        weight, bias = network.weights[layer], network.biases[layer]
        for j in range(len(bias)):
            if layer == 3 or found.unstable[layer][j]:
                for sign, value in ((1.0, found.upper[layer][j]), (-1.0, -found.lower[layer][j])):
                    optimum = triangle_maximum(network, region, found, layer, sign * weight[j])
                    assert value == pytest.approx(optimum + sign * bias[j], abs=1e-6)
                    compared += 1
    # Stable neurons may come out a little looser, as their slopes start elsewhere; what is asked may not.
    assert (found.lower[-1] >= before.lower[-1] - 1e-6).all()
    assert (found.upper[-1] <= before.upper[-1] + 1e-6).all()
    assert all((now <= then).all() for now, then in zip(found.unstable, before.unstable, strict=True))
    assert compared > 6


@pytest.mark.parametrize("norm", ["l1", "linf", "none"])
def test_wrong_dual_values_are_harmless(norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0)
    honest = LayerProgramme._slopes

    def lying(self: LayerProgramme, reduced_costs: FloatArray) -> object:
        return honest(self, noise.normal(size=reduced_costs.size))

    monkeypatch.setattr(LayerProgramme, "_slopes", lying)
    for seed in range(5):
        rng, network, region = network_and_region(seed, norm)
        found, without = LP.compute(network, region), AlphaCrown().compute(network, region)
        found.require(network.pre_activations(sample(rng, region, 500)), tolerance=0.0)
        assert (found.upper[-1] <= without.upper[-1] + 1e-5).all()


def test_a_programme_out_of_time_leaves_a_bound_or_none() -> None:
    rng, network, region = network_and_region(0, "l1", (20, 30, 30, 30, 3))
    bounds = AlphaCrown().compute(network, region)
    programme = LayerProgramme(Relaxation(network, region, bounds.lower[:-1], bounds.upper[:-1]), region)
    row = rng.normal(size=30)
    reached = (np.maximum(network.pre_activations(sample(rng, region, 500))[-2], 0.0) @ row).max()
    assert programme.bound(row, time.perf_counter() - 1.0) >= reached
    in_time = programme.bound(row, time.perf_counter() + 60.0)  # the same programme goes on
    assert reached <= in_time < np.inf
    fresh = LayerProgramme(programme.relaxation, region)
    assert fresh.bound(row, time.perf_counter() + 60.0) == pytest.approx(in_time, abs=1e-6)


def test_without_programmes_it_is_what_it_starts_from(monkeypatch: pytest.MonkeyPatch) -> None:
    _, network, region = network_and_region(1, "l1")
    expected = AlphaCrown().compute(network, region)

    def same(found: Bounds) -> bool:
        return all(map(np.array_equal, (*found.lower, *found.upper), (*expected.lower, *expected.upper)))

    assert not same(LP.compute(network, region))
    assert same(Lp(seconds=0.0).compute(network, region))
    monkeypatch.setattr(LayerProgramme, "bound", lambda *_: np.inf)
    assert same(LP.compute(network, region))


def test_neurons_that_are_not_reached_keep_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    _, network, region = network_and_region(2, "linf", (6, 12, 12, 2))
    before, full = AlphaCrown().compute(network, region), LP.compute(network, region)
    honest, left = LayerProgramme.bound, [6]

    def tired(self: LayerProgramme, row: FloatArray, deadline: float) -> float:
        left[0] -= 1
        return honest(self, row, deadline) if left[0] >= 0 else np.inf

    monkeypatch.setattr(LayerProgramme, "bound", tired)
    partly = LP.compute(network, region)
    changed = (partly.lower[1] != before.lower[1]) | (partly.upper[1] != before.upper[1])
    assert 0 < changed.sum() <= 6
    assert changed.sum() < ((full.lower[1] != before.lower[1]) | (full.upper[1] != before.upper[1])).sum()
    partly.require(network.pre_activations(sample(np.random.default_rng(0), region, 500)), tolerance=0.0)


def test_an_l2_ball_has_no_programme() -> None:
    _, network, region = network_and_region(1, "l2")
    found, expected = LP.compute(network, region), AlphaCrown().compute(network, region)
    assert all(map(np.array_equal, (*found.lower, *found.upper), (*expected.lower, *expected.upper)))


def test_entries_beyond_the_solvers_range_are_left_alone() -> None:
    rng, plain, region = network_and_region(0, "l1", (3, 4, 4, 2))
    scaled = ReluNetwork(
        [plain.weights[0] * 1e-18, plain.weights[1] * 1e18, plain.weights[2]], [plain.biases[0] * 1e-18, *plain.biases[1:]]
    )
    found, expected = LP.compute(scaled, region), AlphaCrown().compute(scaled, region)
    assert found.unstable_count > 0
    np.testing.assert_allclose(found.upper[-1], expected.upper[-1])
    found.require(scaled.pre_activations(sample(rng, region, 300)))


@pytest.mark.parametrize(
    "attack", [SurrogateAttack, ClosestAttack, BranchAndBoundAttack, RestrictionAttack, PortfolioAttack, SearchSettings]
)
def test_what_takes_a_methods_name_takes_a_method(attack: type) -> None:
    assert attack(bounds=LP).bounds is LP
    assert method(LP) is LP
    for wrong in (Lp, "lq", None):
        with pytest.raises(InvalidSetting, match=r"bounds=.* is not one of box, interval, crown, alpha_crown, lp"):
            attack(bounds=wrong)


def test_an_attack_bounds_with_the_method_that_it_is_given() -> None:
    _, network, region = network_and_region(3, "linf")
    found = [SurrogateAttack(bounds=bounds).run(network, network, Instance(region, 0)) for bounds in ("lp", Lp(seconds=0.0))]
    assert found[0].margin == pytest.approx(found[1].margin, abs=1e-5)
    assert found[0].size["binaries"] <= found[1].size["binaries"]  # without a budget these are the slope-optimised bounds
