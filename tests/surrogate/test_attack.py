"""The attacks: optima against brute force, verdicts that are proven, and points that are checked."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import questions
import torch
from oracles import brute_force_maximum, random_network, random_region, sample

from surrogate.attack import (
    STARTS,
    AttackResult,
    BranchAndBoundAttack,
    GradientAttack,
    Instance,
    PortfolioAttack,
    RestrictionAttack,
    Status,
    SurrogateAttack,
)
from surrogate.attack.frank_wolfe import ascend, random_starts
from surrogate.attack.recorder import Recorder
from surrogate.bounds import METHODS as BOUNDS
from surrogate.bounds import Bounds, Crown
from surrogate.errors import InvalidSetting, SolverFailure, UnsoundBounds
from surrogate.networks import ReluNetwork
from surrogate.problems import Conditions, Output
from surrogate.pruning import METHODS as PRUNINGS
from surrogate.pruning import Pruning, prune
from surrogate.region import Region
from surrogate.solvers import HighsSolver, Solution

question = functools.partial(questions.question, sizes=(4, 3, 3, 3))


def check_consistency(result: AttackResult, dense: ReluNetwork, instance: Instance) -> None:
    """Whatever the verdict: what is reported about points is true of the dense network, recomputed by torch."""
    rows = instance.problem.rows(dense.output_size)[0]
    if result.best_point is not None:
        logits = dense.to_torch()(torch.from_numpy(result.best_point)).detach().numpy()
        assert result.margin == pytest.approx((rows @ logits).max(), abs=1e-6)
        assert instance.region.contains(result.best_point)
        assert result.margin == max(event.margin for event in result.timeline)
    assert (result.witness is not None) == (result.status is Status.ADVERSARIAL)
    assert (result.first_adversarial_seconds is not None) == (result.status is Status.ADVERSARIAL)
    if result.witness is not None:
        assert result.margin > 0.0
        assert result.norms["l1"] == pytest.approx(np.abs(result.witness - instance.region.center).sum())
    assert all(earlier.seconds <= later.seconds for earlier, later in pairwise(result.timeline))


@pytest.mark.few(18)
@pytest.mark.parametrize("norm", ["l1", "linf"])
@pytest.mark.parametrize("targeted", [True, False])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("pruning", [name for name, method in PRUNINGS.items() if not method.needs_data])
def test_optimum_equals_brute_force(pruning: str, seed: int, targeted: bool, norm: str) -> None:
    dense, instance = question(seed, norm, targeted)
    surrogate = prune(Pruning(method=pruning, amount=0.0 if pruning == "none" else 0.4), dense, None, instance.region)
    expected = brute_force_maximum(surrogate.compose(instance.problem.rows(3)[0]), instance.region)
    for bounds in BOUNDS:
        result = SurrogateAttack(bounds=bounds).run(dense, surrogate, instance)
        assert result.solver_status == "optimal"
        assert result.surrogate_margin == pytest.approx(expected, abs=1e-5)
        assert result.dual_bound == pytest.approx(expected, abs=1e-5)
        check_consistency(result, dense, instance)
        if pruning == "none":
            assert result.margin == pytest.approx(expected, abs=1e-5)
            if abs(expected) > 1e-4:
                assert result.status is (Status.ADVERSARIAL if expected > 0.0 else Status.ROBUST)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("polish", [True, False])
def test_starts_and_polishing_change_the_way_not_the_optimum(start: str, polish: bool) -> None:
    dense, instance = question(11, sizes=(5, 6, 5, 3))
    result = SurrogateAttack(start=start, polish=polish).run(dense, dense, instance)
    expected = brute_force_maximum(dense.compose(instance.problem.rows(3)[0]), instance.region)
    assert result.margin == pytest.approx(expected, abs=1e-5)
    check_consistency(result, dense, instance)
    assert {event.source for event in result.timeline} >= {"start", "incumbent"} | ({"polish"} if polish else set())


def robust_question() -> tuple[ReluNetwork, Instance]:
    return question(3, radius=0.01)


def test_robust_comes_only_from_the_dense_network() -> None:
    dense, instance = robust_question()
    assert SurrogateAttack().run(dense, dense, instance).status is Status.ROBUST
    for method in ("magnitude", "structured"):
        surrogate = prune(Pruning(method=method, amount=0.4), dense, None)
        result = SurrogateAttack().run(dense, surrogate, instance)
        assert result.dual_bound < 0.0  # the surrogate's optimum is not adversarial, which says nothing about the dense network
        assert result.status is Status.UNRESOLVED


def test_a_time_limit_never_proves() -> None:
    dense, instance = question(3, sizes=(6, 30, 30, 3))
    result = SurrogateAttack(bounds="box", solver=HighsSolver(time_limit_seconds=1e-6)).run(dense, dense, instance)
    assert result.solver_status == "time_limit"
    assert result.status is Status.UNRESOLVED
    assert result.dual_bound >= result.margin


@pytest.mark.few(9)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("scale", [1e-12, 1e-9, 2e-6, 5e-6, 1.0, 1e4, 1e7, 1e10, 1e14])
def test_layers_of_extreme_size_prove_nothing_wrong(scale: float, start: str) -> None:
    def skewed(s: float) -> ReluNetwork:  # the same function whatever s is: the second layer undoes it
        return ReluNetwork([[[s, 0.0], [0.0, -s]], [[0.0, 0.0], [1.0 / s, 1.0 / s]]], [[-0.35 * s, 0.1 * s], [0.3, 0.0]])

    network = skewed(scale)
    for norm in ("linf", "l1"):
        instance = Instance(Region(0.0, 1.0, [0.3, 0.3], 0.5, norm), 0, 1)
        expected = brute_force_maximum(skewed(1.0).compose(instance.problem.rows(2)[0]), instance.region)
        assert expected > 0.1
        for bounds in BOUNDS:
            result = SurrogateAttack(bounds=bounds, start=start).run(network, network, instance)
            assert result.status is not Status.ROBUST
            assert result.margin == pytest.approx(expected, abs=1e-5)
            assert result.dual_bound >= result.margin


def test_a_proof_by_bounds_survives_a_solver_that_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object, **__: object) -> None:
        raise SolverFailure("HiGHS ended with the status 'Solve error'")

    monkeypatch.setattr(HighsSolver, "solve", give_up)
    dense, instance = robust_question()
    result = SurrogateAttack().run(dense, dense, instance)
    assert (result.status, result.solver_status) == (Status.ROBUST, "failed")
    assert result.dual_bound < 0.0
    with pytest.raises(SolverFailure, match="Solve error"):
        SurrogateAttack().run(dense, prune(Pruning(method="magnitude", amount=0.4), dense, None), instance)


def test_a_dual_bound_within_its_own_error_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = question(3, sizes=(6, 8, 8, 3))  # box bounds leave it open, the MILP proves it
    attack = SurrogateAttack(bounds="box")
    proven = attack.run(dense, dense, instance)
    assert proven.status is Status.ROBUST
    honest = HighsSolver.solve

    def doubtful(self: HighsSolver, *arguments: object, **settings: object) -> Solution:
        return replace(honest(self, *arguments, **settings), bound_error=1e3)

    monkeypatch.setattr(HighsSolver, "solve", doubtful)
    doubted = attack.run(dense, dense, instance)
    assert doubted.dual_bound > 0.0  # what the bounds alone say
    assert doubted.status is Status.UNRESOLVED


@pytest.mark.parametrize("on_incumbent", ["check", "exclude_region"])
def test_optimal_needs_a_closed_gap_whatever_the_solver_says(on_incumbent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = question(3, sizes=(6, 8, 8, 3))
    instance = replace(instance, label=None, target=None, problem=Output(0))
    attack = SurrogateAttack(bounds="box", on_incumbent=on_incumbent)
    assert attack.run(dense, dense, instance).status is Status.OPTIMAL
    honest = HighsSolver.solve

    def loose(self: HighsSolver, *arguments: object, **settings: object) -> Solution:
        return replace(honest(self, *arguments, **settings), bound_error=0.5)

    monkeypatch.setattr(HighsSolver, "solve", loose)
    result = attack.run(dense, dense, instance)
    assert result.status is Status.UNRESOLVED
    assert result.solver_status in ("inexact", "exhausted")
    assert result.dual_bound > result.margin + 0.1


def test_the_yardstick_has_no_points_of_the_gradient_attack_that_tests_its_bound() -> None:
    better = 0
    for seed in range(6):
        dense, instance = question(seed, sizes=(6, 8, 8, 3))
        # The solver stops at a gap of a half, with a bound that is then tested by climbing.
        result = SurrogateAttack(solver=HighsSolver(relative_gap=0.5)).run(dense, dense, instance)
        assert {event.source for event in result.timeline} <= {"start", "incumbent"}
        better += GradientAttack(starts=8).run(dense, instance).margin > result.margin + 1e-6
    assert better > 0, "there was something to find by climbing"


def test_stop_ends_when_the_question_is_decided() -> None:
    dense, instance = robust_question()
    proven = SurrogateAttack(on_incumbent="stop").run(dense, dense, instance)
    assert (proven.status, proven.solver_status) == (Status.ROBUST, None)  # CROWN alone decides: no MILP is solved
    dense, instance = question(0, targeted=False, sizes=(8, 10, 10, 3))
    wide = Instance(Region(0.0, 1.0, instance.region.center, 6.0, "l1"), instance.label)
    found = SurrogateAttack(on_incumbent="stop", bounds="box").run(dense, dense, wide)
    full = SurrogateAttack(bounds="box").run(dense, dense, wide)
    assert (found.status, found.solver_status) == (Status.ADVERSARIAL, "stopped")
    assert found.margin <= full.margin + 1e-6


def test_every_incumbent_is_what_the_networks_say(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = question(7, sizes=(6, 8, 8, 3))
    surrogate = prune(Pruning(method="magnitude", amount=0.5), dense, None)
    points, meet = [], Recorder.meet

    def listening(self: Recorder, x: np.ndarray, *arguments: object) -> object:
        checked = meet(self, x, *arguments)
        points.append((np.array(x), checked.point))
        return checked

    monkeypatch.setattr(Recorder, "meet", listening)
    result = SurrogateAttack(bounds="box", start="none").run(dense, surrogate, instance)
    incumbents = [event for event in result.timeline if event.source == "incumbent"]
    margins = [event.surrogate_margin for event in incumbents]
    assert len(incumbents) >= 1
    assert result.surrogate_margin == max(event.surrogate_margin for event in result.timeline)
    assert margins == sorted(margins)
    assert len(points) == len(result.timeline)
    rows = instance.problem.rows(3)[0]
    for (met, inside), event in zip(points, result.timeline, strict=True):
        by_torch = [net.to_torch()(torch.tensor(x)).detach().numpy() for net, x in ((dense, inside), (surrogate, met))]
        assert event.margin == pytest.approx((rows @ by_torch[0]).max(), abs=1e-6)
        assert event.surrogate_margin == pytest.approx((rows @ by_torch[1]).max(), abs=1e-6)


def test_contradicting_bounds_raise_instead_of_proving(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = question(0)
    optimum = SurrogateAttack().run(dense, dense, instance).margin
    at_center = instance.problem.value(dense(instance.region.center[None]))[0]
    assert optimum > at_center + 0.1
    honest = Crown.compute

    def optimist(self: Crown, network: ReluNetwork, region: Region, deadline: float = np.inf) -> Bounds:
        bounds = honest(self, network, region)
        return Bounds(bounds.lower, (*bounds.upper[:-1], np.array([(optimum + at_center) / 2.0])))

    monkeypatch.setattr(Crown, "compute", optimist)
    with pytest.raises(UnsoundBounds, match="outside the bounds"):
        SurrogateAttack(start="gradient").run(dense, dense, instance)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2)])
def test_one_layer_and_no_bias(bias: bool, sizes: tuple[int, ...]) -> None:
    dense = random_network(np.random.default_rng(0), sizes, bias=bias)
    region = random_region(np.random.default_rng(1), 3, "l1")
    label = int(dense(region.center[None]).argmax())
    instance = Instance(region, label)
    result = SurrogateAttack().run(dense, dense, instance)
    expected = brute_force_maximum(dense.compose(instance.problem.rows(2)[0]), region)
    assert result.margin == pytest.approx(expected, abs=1e-5)
    check_consistency(result, dense, instance)


def test_a_surrogate_of_zeros_is_unresolved_not_robust() -> None:
    dense, instance = question(3)
    empty = ReluNetwork([np.zeros_like(w) for w in dense.weights], [np.zeros_like(b) for b in dense.biases])
    result = SurrogateAttack().run(dense, empty, instance)
    assert result.status in (Status.UNRESOLVED, Status.ADVERSARIAL)
    assert result.surrogate_margin == pytest.approx(0.0, abs=1e-9)
    check_consistency(result, dense, instance)


class TestGradient:
    @pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
    def test_it_climbs_and_stays_inside(self, norm: str) -> None:
        dense, instance = question(2, norm, sizes=(8, 16, 16, 4))
        result = GradientAttack().run(dense, instance)
        at_center = instance.problem.value(dense(instance.region.center[None]))[0]
        assert result.margin > at_center
        check_consistency(result, dense, instance)

    def test_more_starts_are_no_worse_and_are_seeded(self) -> None:
        dense, instance = question(4, sizes=(8, 16, 16, 4))
        one, many = GradientAttack().run(dense, instance), GradientAttack(starts=40).run(dense, instance)
        assert many.margin >= one.margin
        assert GradientAttack(starts=40).run(dense, instance).margin == many.margin
        assert many.work["gradient_evaluations"] > one.work["gradient_evaluations"]

    def test_it_never_exceeds_the_optimum_and_never_proves(self) -> None:
        for seed in range(5):
            dense, instance = question(seed)
            result = GradientAttack(starts=20).run(dense, instance)
            assert result.margin <= brute_force_maximum(dense.compose(instance.problem.rows(3)[0]), instance.region) + 1e-9
            assert result.status is not Status.ROBUST
            assert result.dual_bound is None

    def test_the_limit_is_kept_between_batches(self) -> None:
        dense, instance = question(4, sizes=(8, 16, 16, 4))
        begin = time.perf_counter()
        GradientAttack(starts=10**9, time_limit_seconds=0.2).run(dense, instance)
        assert time.perf_counter() - begin < 30.0  # a guard against never ending, not a measurement

    def test_ascent_never_goes_down(self) -> None:
        rng = np.random.default_rng(9)
        dense, instance = question(9, sizes=(8, 16, 16, 4))
        points = sample(rng, instance.region, 20)
        reached, margins, _ = ascend(dense, instance.region, instance.problem, points, steps=10)
        assert (margins >= instance.problem.value(dense(points)) - 1e-12).all()
        np.testing.assert_allclose(margins, instance.problem.value(dense(reached)), atol=1e-9)

    @pytest.mark.parametrize("norm", ["l1", "l2", "linf", "none"])
    def test_random_starts_lie_in_the_region(self, norm: str) -> None:
        region = random_region(np.random.default_rng(0), 6, norm)
        points = random_starts(region, 50, np.random.default_rng(1))
        assert all(region.contains(point) for point in points)
        assert len(np.unique(points.round(9), axis=0)) > 25


def test_what_does_not_fit_together_is_refused() -> None:
    dense, instance = question(0)
    other = random_network(np.random.default_rng(0), (4, 3, 2))
    with pytest.raises(InvalidSetting, match="equal input and output sizes"):
        SurrogateAttack().run(dense, other, instance)
    with pytest.raises(InvalidSetting, match="3 coordinates but the dense network takes 4"):
        GradientAttack().run(dense, Instance(Region(0.0, 1.0, [0.5] * 3, 0.1, "l1"), 0, 1))
    with pytest.raises(InvalidSetting, match="classes run from 0 to 2"):
        GradientAttack().run(dense, Instance(instance.region, 0, 7))
    with pytest.raises(InvalidSetting, match="no linear formulation"):
        SurrogateAttack().run(dense, dense, Instance(Region(0.0, 1.0, [0.5] * 4, 0.1, "l2"), 0, 1))


class TestOtherProblems:
    def test_output_maximisation_is_proven_optimal(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(5):
            dense, region = random_network(rng, [3, 5, 4, 2]), random_region(rng, 3, "none")
            result = SurrogateAttack().run(dense, dense, Instance(region, problem=Output(1)))
            assert result.margin == pytest.approx(brute_force_maximum(dense.compose([[0.0, 1.0]]), region), abs=1e-5)
            assert (result.status, result.witness) == (Status.OPTIMAL, None)

    def test_conjunctions_inside_a_disjunction(self) -> None:
        rng = np.random.default_rng(1)
        for _ in range(8):
            dense, region = random_network(rng, [2, 5, 3]), random_region(rng, 2, "linf")
            problem = Conditions([(rng.standard_normal((2, 3)), rng.standard_normal(2)) for _ in range(2)])
            result = SurrogateAttack().run(dense, dense, Instance(region, problem=problem))
            # By points: the minimum of two rows is not convex on an activation region, so the oracle does not serve.
            best = problem.value(dense(sample(rng, region, 20_000))).max()
            assert result.margin is not None
            assert result.dual_bound is not None
            assert result.margin >= best - 1e-6
            assert result.margin == pytest.approx(result.dual_bound, abs=1e-4)


@pytest.mark.parametrize("norm", ["l1", "linf"])
def test_bounds_leave_time_for_the_search(norm: str) -> None:
    rng = np.random.default_rng(0)
    dense = random_network(rng, (100, 256, 256, 256, 256, 10))
    region = Region(0.0, 1.0, rng.uniform(size=100), {"l1": 2.0, "linf": 0.1}[norm], norm)
    instance = Instance(region, int(dense(region.center[None]).argmax()))
    gradient = GradientAttack(starts=1, steps=2)
    for attack in (
        lambda: BranchAndBoundAttack(time_limit_seconds=0.5, gradient=gradient).run(dense, instance),
        lambda: RestrictionAttack(time_limit_seconds=0.5, gradient=gradient).run(dense, instance),
        lambda: PortfolioAttack(time_limit_seconds=0.5, gradient=gradient).run(dense, dense, instance),
    ):
        begin = time.process_time()  # other programs may hold up this one
        result = attack()
        assert time.process_time() - begin < 1.5  # alpha_crown alone takes seconds
        assert result.timings["bounds_seconds"] < 1.5
        assert result.dual_bound is None or result.dual_bound >= result.margin
