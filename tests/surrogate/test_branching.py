"""Branch and bound on the dense network: optima against brute force, verdicts, limits, and every setting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracles import brute_force_maximum, linear_maximum, random_network, random_region
from questions import question

from surrogate.attack import GradientAttack, Instance, Status
from surrogate.attack.complete.branch_and_bound import BranchAndBoundAttack
from surrogate.attack.result import AttackResult
from surrogate.bounds import Box, Crown
from surrogate.bounds.relaxation import Relaxation
from surrogate.bounds.steps import Polyak, Rates
from surrogate.branching import BranchAndBound, BranchingSearch
from surrogate.branching.leaf import LeafSolver
from surrogate.networks import ReluNetwork
from surrogate.problems import Conditions, Output, Problem
from surrogate.region import Region

GAP = 1e-6
NORMS = ("l1", "linf", "none")
SETTINGS = {
    "one at a time": BranchAndBound(batch=1),
    "small batches": BranchAndBound(batch=3, steps=2),
    "refined after each split": BranchAndBound(refine_depth=1, batch=2),
    "never refined": BranchAndBound(refine_depth=1000),
    "few open": BranchAndBound(most_open=4, batch=2),
    "one candidate": BranchAndBound(candidates=1),
    "towards the threshold": BranchAndBound(rates=Polyak(), batch=2, refine_share=0.0),
    "no steps": BranchAndBound(root_steps=0, steps=0, refine_steps=0),
}


def attack(bounds: str = "box", **settings: object) -> BranchAndBoundAttack:
    """From loose bounds and one start, so that there is something to search."""
    return BranchAndBoundAttack(bounds=bounds, relative_gap=GAP, gradient=GradientAttack(starts=1), **settings)


def search_of(settings: BranchAndBound, network: ReluNetwork, instance: Instance, threshold: Callable[[], float]) -> Any:
    """A search on a network, the problem folded in, from loose bounds."""
    groups = instance.problem.groups(network.output_size)
    bounds = Box().compute(network, instance.region)
    return BranchingSearch(settings, network, groups, instance.region, bounds, threshold, on_points=lambda points: None)


def as_maximum(network: ReluNetwork, problem: Problem, region: Region) -> ReluNetwork:
    """The network whose largest output is the problem's value: a layer more takes ``min(a, b) = a - relu(a - b)``."""
    folded = problem.fold(network)
    groups = problem.groups(folded.output_size)
    shift = 1.0 + max(0.0, -Box().compute(folded, region).lower[-1].min())
    weights, biases, last, base = [], [], np.zeros((len(groups), 0)), []
    unit = np.eye(folded.output_size)
    for g, group in enumerate(groups):
        assert len(group) <= 2
        a = group[0]
        weights.append(unit[a])  # relu(a + shift) - shift is a
        biases.append(shift)
        column = np.zeros((len(groups), len(group)))
        column[g, 0] = 1.0
        if len(group) == 2:
            weights.append(unit[a] - unit[group[1]])
            biases.append(0.0)
            column[g, 1] = -1.0
        last = np.hstack([last, column])
        base.append(-shift)
    W, b = np.array(weights), np.array(biases)
    return ReluNetwork(
        [*folded.weights[:-1], W @ folded.weights[-1], last], [*folded.biases[:-1], W @ folded.biases[-1] + b, base]
    )


def check(result: AttackResult, expected: float, instance: Instance) -> None:
    """The result is the optimum, proven, and the verdict is what it says."""
    allowed = 3.0 * GAP * max(1.0, abs(expected))
    assert result.margin == pytest.approx(expected, abs=allowed)
    assert expected - 1e-6 * max(1.0, abs(expected)) <= result.dual_bound <= expected + allowed
    assert result.solver_status == "optimal"
    assert instance.region.contains(result.best_point)
    if not instance.problem.asks:
        assert result.status is Status.OPTIMAL
    elif abs(expected) > 1e-5:
        assert result.status is (Status.ADVERSARIAL if expected > 0.0 else Status.ROBUST)


@pytest.mark.few(6)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("targeted", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_optimum_equals_brute_force(seed: int, targeted: bool, norm: str) -> None:
    dense, instance = question(seed, norm, targeted)
    check(attack().run(dense, instance), brute_force_maximum(instance.problem.fold(dense), instance.region), instance)


@pytest.mark.parametrize("bounds", ["crown", "alpha_crown", "lp"])
def test_every_bound_method_may_start_it(bounds: str) -> None:
    dense, instance = question(4, "linf", targeted=False)
    expected = brute_force_maximum(instance.problem.fold(dense), instance.region)
    check(attack(bounds).run(dense, instance), expected, instance)


@pytest.mark.few(6)
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("seed", [0, 11])
def test_settings_change_the_way_not_the_optimum(name: str, seed: int) -> None:
    dense, instance = question(seed, "linf", targeted=False, sizes=(3, 5, 4, 3))
    result = attack(search=SETTINGS[name]).run(dense, instance)
    assert result.work["nodes"] > 2
    check(result, brute_force_maximum(instance.problem.fold(dense), instance.region), instance)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("sizes", [(3, 4, 3, 3), (3, 5, 3), (3, 3)])
def test_conditions_with_conjunctions(sizes: tuple[int, ...], norm: str) -> None:
    rng = np.random.default_rng(len(sizes))
    dense, region = random_network(rng, sizes), random_region(rng, 3, norm)
    pair = Conditions([(rng.normal(size=(2, 3)), rng.normal(size=2))])
    mixed = Conditions([(rng.normal(size=(2, 3)), rng.normal(size=2)), (rng.normal(size=(1, 3)), rng.normal(size=1))])
    for problem in (pair, mixed):
        instance = Instance(region, problem=problem)
        check(attack().run(dense, instance), brute_force_maximum(as_maximum(dense, problem, region), region), instance)


@pytest.mark.parametrize("norm", NORMS)
def test_function_maximisation(norm: str) -> None:
    dense, _ = question(2, norm)
    instance = Instance(random_region(np.random.default_rng(2), 4, norm), problem=Output(1))
    check(attack().run(dense, instance), brute_force_maximum(dense.compose([[0.0, 1.0, 0.0]]), instance.region), instance)


@pytest.mark.parametrize(
    "dense",
    [
        random_network(np.random.default_rng(0), (3, 3)),
        random_network(np.random.default_rng(1), (3, 5, 3), bias=False),
        ReluNetwork([-np.ones((2, 3)), np.ones((2, 2)), np.ones((3, 2))], [np.zeros(2), np.ones(2), [0.3, 0.1, 0.2]]),
        ReluNetwork(
            [[[1e-8, -1e-8, 0.0], [0.0, 0.0, 0.0]], [[1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]]], [[0.0, 0.0], [0.1, 0.0, 0.2]]
        ),
    ],
    ids=["one layer", "no bias", "dead layer", "tiny weights and a zero row"],
)
def test_odd_networks(dense: ReluNetwork) -> None:
    region = random_region(np.random.default_rng(5), 3, "l1")
    label = int(dense(region.center[None]).argmax())
    for instance in (Instance(region, label), Instance(region, problem=Output(0))):
        check(attack().run(dense, instance), brute_force_maximum(instance.problem.fold(dense), region), instance)


def test_verdicts() -> None:
    seen = set()
    for seed in range(12):
        dense, instance = question(seed, "linf", targeted=False)
        expected = brute_force_maximum(instance.problem.fold(dense), instance.region)
        result = attack(goal="verdict").run(dense, instance)
        assert result.status is (Status.ADVERSARIAL if expected > 0.0 else Status.ROBUST), f"seed {seed}"
        assert result.dual_bound is None or result.dual_bound >= expected - 1e-9
        assert (result.witness is not None) == (expected > 0.0)
        seen.add(result.status)
    assert seen == {Status.ADVERSARIAL, Status.ROBUST}


def robust_question() -> tuple[ReluNetwork, Instance]:
    """Robust, which the root's relaxation does not show."""
    return question(21, "linf", targeted=False, sizes=(4, 6, 5, 3))


@pytest.mark.parametrize("goal", ["optimum", "verdict"])
def test_a_time_limit_never_proves(goal: str) -> None:
    dense, instance = robust_question()
    search = BranchAndBound(root_steps=0, steps=0)
    proven = attack(goal=goal, search=search).run(dense, instance)
    assert (proven.status, proven.work["nodes"] > 10) == (Status.ROBUST, True)
    result = attack(goal=goal, search=search, time_limit_seconds=1e-6).run(dense, instance)
    assert result.status is Status.UNRESOLVED
    assert result.solver_status == "time_limit"
    assert result.dual_bound >= max(result.margin, 0.0)


def test_a_search_that_ends_early_still_bounds_all_that_is_open() -> None:
    dense, instance = question(0, "linf", targeted=False, sizes=(4, 8, 8, 3))
    folded = instance.problem.fold(dense)
    optimum = attack().run(dense, instance)
    assert optimum.solver_status == "optimal"
    last = np.inf
    for batches in (0, 1, 3, 10, 1000):
        left = [batches]

        def stop(left: list[int] = left) -> bool:
            left[0] -= 1
            return left[0] < 0

        search = search_of(BranchAndBound(batch=2), folded, instance, lambda: optimum.margin + 1e-6)
        outcome = search.run(time.perf_counter() + 60.0, stop)
        assert optimum.margin - 1e-6 <= outcome.bound <= last + 1e-9
        last = outcome.bound
    assert outcome.complete
    assert outcome.bound <= optimum.margin + 1e-6


@pytest.mark.few(1)
@pytest.mark.parametrize("rates", [Rates(), Polyak()], ids=["adam", "polyak"])
def test_the_scale_of_a_network_changes_nothing(rates: Rates | Polyak) -> None:
    dense, instance = question(3, "linf", sizes=(6, 14, 14, 3))
    folded = instance.problem.fold(dense)
    optimum = attack().run(dense, instance).margin
    found = []
    for scale in (1.0, 2.0**-10, 2.0**10):
        scaled = ReluNetwork(
            [*folded.weights[:-1], scale * folded.weights[-1]], [*folded.biases[:-1], scale * folded.biases[-1]]
        )
        settings = BranchAndBound(batch=4, steps=10, refine_share=0.0, rates=rates)
        search = search_of(settings, scaled, instance, lambda scale=scale: scale * (optimum + 1e-3))
        outcome = search.run(time.perf_counter() + 60.0)
        assert outcome.complete
        found.append((outcome.domains, outcome.bound / scale))
    assert found[0][0] > 20
    for domains, bound in found[1:]:
        assert domains == pytest.approx(found[0][0], rel=0.2)  # rounding may decide a tie
        assert optimum - 1e-6 <= bound <= optimum + 1.1e-3


def test_many_leaves_keep_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = question(0, "linf", targeted=False, sizes=(4, 8, 8, 3))
    folded = instance.problem.fold(dense)
    solve, limits = LeafSolver.solve, []

    def slowly(self: LeafSolver, rows: object, offsets: object, split: object, seconds: float) -> object:
        limits.append(seconds)
        time.sleep(min(0.05, seconds))
        return solve(self, rows, offsets, split, seconds)  # type: ignore[arg-type]

    monkeypatch.setattr(LeafSolver, "solve", slowly)
    # Nothing is ever low enough, so that every branch ends in leaves.
    search = search_of(BranchAndBound(steps=0, refine_share=0.0), folded, instance, lambda: -1e9)
    begin = time.perf_counter()
    outcome = search.run(begin + 2.0)
    assert time.perf_counter() - begin < 20.0
    assert not outcome.complete
    assert 3 < len(limits) < 60
    assert max(limits) <= 2.0
    assert outcome.bound >= max(folded(instance.region.center[None])[0])


def test_a_leaf_without_time_is_left_open() -> None:
    rng = np.random.default_rng(0)
    network, region = random_network(rng, (300, 200, 1)), random_region(rng, 300, "l1")
    bounds = Crown().compute(network, region)
    relaxation = Relaxation(network, region, bounds.lower[:-1], bounds.upper[:-1])
    split = rng.choice([-1, 1], size=relaxation.sizes[0]).astype(np.int8)
    solver = LeafSolver(relaxation, region)
    assert solver.solve(network.weights[1], network.biases[1], split, seconds=1e-6) is None
    assert solver.solve(network.weights[1], network.biases[1], split) is not None


def test_an_l2_ball_is_bounded_but_never_wrongly_closed() -> None:
    for seed in range(4):
        dense, instance = question(seed, "l2", targeted=False)
        result = attack().run(dense, instance)
        reached = GradientAttack(starts=2000).run(dense, instance).margin
        assert result.dual_bound >= reached - 1e-6
        assert result.margin >= reached - 1e-2 * (1.0 + abs(reached))
        assert (result.status is Status.ROBUST) <= (reached <= 0.0)


@pytest.mark.parametrize("norm", NORMS)
def test_leaves_are_exact_and_empty_ones_close(norm: str) -> None:
    empty = full = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        network, region = random_network(rng, (3, 5, 2)), random_region(rng, 3, norm)
        bounds = Crown().compute(network, region)
        relaxation = Relaxation(network, region, bounds.lower[:-1], bounds.upper[:-1])
        solver = LeafSolver(relaxation, region)
        size = relaxation.sizes[0]
        for _ in range(6):
            split = rng.choice([-1, 1], size=size).astype(np.int8)
            phase = (bounds.lower[0] >= 0.0).astype(float)
            phase[relaxation.neurons[0][:size]] = split > 0
            sign = 2.0 * phase - 1.0
            row = network.weights[1][0] * phase
            expected = linear_maximum(
                region, row @ network.weights[0], -sign[:, None] * network.weights[0], sign * network.biases[0]
            )
            leaf = solver.solve(network.weights[1][:1], network.biases[1][:1], split)
            if expected is None:
                empty += 1
                assert leaf.bound < 100.0  # at most what the relaxation gives; below any value if it is clearly empty
            else:
                full += 1
                assert leaf.bound == pytest.approx(expected + row @ network.biases[0] + network.biases[1][0], abs=1e-5)
                assert leaf.point is not None
                assert region.contains(leaf.point)
    assert empty > 3
    assert full > 3


def test_the_limit_holds_the_gradient_start_too() -> None:
    dense, instance = question(1, "l1", targeted=False)
    starts = 10**9  # without the limit they would never end
    result = BranchAndBoundAttack(gradient=GradientAttack(starts=starts), time_limit_seconds=0.2).run(dense, instance)
    assert 0 < result.work["gradient_evaluations"] < starts
