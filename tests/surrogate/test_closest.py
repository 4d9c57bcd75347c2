"""The closest attack: norms against brute force, lower bounds that hold, and no proof that is none."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import questions
from oracles import brute_force_closest, random_network, sample

from surrogate.attack import ClosestAttack, Instance, Status
from surrogate.attack.closest.approach import shrink
from surrogate.attack.closest.closest import PROVERS
from surrogate.bounds import AlphaCrown, Bounds, Crown
from surrogate.errors import InvalidSetting, SolverFailure, UnsoundBounds
from surrogate.networks import ReluNetwork
from surrogate.problems import Output
from surrogate.pruning import Pruning, prune
from surrogate.region import Region
from surrogate.solvers import HighsSolver

question = functools.partial(questions.question, sizes=(3, 3, 3, 3), radius=3.0)


@functools.cache
def expected_norm(seed: int, norm: str, targeted: bool = True) -> float:
    dense, instance = question(seed, norm, targeted)
    return brute_force_closest(instance.problem.fold(dense), instance.region, ClosestAttack().threshold)


@pytest.mark.few(10)
@pytest.mark.parametrize("targeted", [True, False])
@pytest.mark.parametrize("norm", ["l1", "linf"])
@pytest.mark.parametrize("prover", PROVERS)
@pytest.mark.parametrize("seed", range(4))
def test_the_norm_is_the_brute_force_optimum(seed: int, prover: str, norm: str, targeted: bool) -> None:
    dense, instance = question(seed, norm, targeted)
    expected = expected_norm(seed, norm, targeted)
    result = ClosestAttack(prover=prover).run(dense, dense, instance)
    assert result.solver_status == "optimal"
    if np.isinf(expected):
        assert (result.status, result.witness, result.norms) == (Status.ROBUST, None, {})
        assert result.dual_bound == instance.region.radius
        return
    assert result.status is Status.ADVERSARIAL
    assert result.norms[norm] == pytest.approx(expected, rel=2e-4, abs=1e-6)
    assert result.norms[norm] >= expected - 1e-7
    assert result.dual_bound <= expected + 1e-7
    assert 0.0 <= result.gap <= 1.001e-4
    assert result.gap == pytest.approx((result.norms[norm] - result.dual_bound) / result.norms[norm], abs=1e-12)
    assert instance.problem.value(dense(result.witness[None]))[0] >= 1e-6
    assert instance.region.contains(result.witness)


def test_the_seeds_above_have_both_verdicts() -> None:
    found = [np.isfinite(expected_norm(seed, norm)) for seed in range(4) for norm in ("l1", "linf")]
    assert any(found)
    assert not all(found)


@pytest.mark.parametrize("prover", PROVERS)
def test_l2_has_a_sound_lower_bound_and_a_short_perturbation(prover: str) -> None:
    short = proven = 0
    for seed in range(6):
        dense, instance = question(seed, "l2", targeted=False, radius=0.9)
        result = ClosestAttack(prover=prover).run(dense, dense, instance)
        points = sample(np.random.default_rng(seed), instance.region, 20_000)
        adversarial = points[instance.problem.value(dense(points)) > 0.0]
        distances = instance.region.distance(adversarial)
        assert result.work["solves"] == 0 or prover == "branch_and_bound"  # no linear model can state this ball
        proven += result.solver_status == "optimal"
        assert (distances >= result.dual_bound).all()
        if result.witness is not None:
            short += result.norms["l2"] <= distances.min(initial=np.inf) + 1e-9
            assert result.dual_bound <= result.norms["l2"]
        assert result.status is not Status.ROBUST or result.dual_bound == instance.region.radius
    if prover == "branch_and_bound":
        assert proven >= 4  # more than bounds alone; a domain without a free neuron is closed by multipliers, not exactly
    else:
        assert short >= 2  # nothing but a gradient looks for them, and it may stall


def test_a_surrogate_finds_but_proves_nothing_that_bounds_do_not() -> None:
    proven = 0
    for seed in range(5):
        dense, instance = question(seed, sizes=(4, 5, 5, 3), radius=2.0)
        surrogate = prune(Pruning(method="magnitude", amount=0.5), dense, None)
        result = ClosestAttack(bounds="crown").run(dense, surrogate, instance)
        truth = ClosestAttack().run(dense, dense, instance)
        folded = instance.problem.fold(dense)
        assert result.dual_bound <= truth.dual_bound + 1e-6
        if result.witness is not None:
            assert result.norms["l1"] >= truth.dual_bound - 1e-9
        if result.dual_bound > 0.0:  # whatever is proven, dense bounds alone prove
            inside = Region(0.0, 1.0, instance.region.center, result.dual_bound, "l1")
            assert Crown().compute(folded, inside).upper[-1].max() < 0.0
            proven += 1
        if result.status is Status.ROBUST:
            assert truth.status is Status.ROBUST
    assert proven > 0


@pytest.mark.few(1)
@pytest.mark.parametrize("prover", PROVERS)
def test_a_time_limit_never_proves(prover: str) -> None:
    # No point of this region is adversarial, but bounds alone can't tell.
    dense, instance = hard_robust_question()
    cut_off = ClosestAttack(prover, solver=HighsSolver(time_limit_seconds=1e-6)).run(dense, dense, instance)
    assert cut_off.status is Status.UNRESOLVED
    assert cut_off.dual_bound < instance.region.radius


@functools.cache
def hard_robust_question() -> tuple[ReluNetwork, Instance]:
    for seed in range(40):
        dense, instance = question(seed, sizes=(4, 8, 8, 3), radius=0.8)
        if AlphaCrown().compute(instance.problem.fold(dense), instance.region).upper[-1].max() < 0.0:
            continue
        result = ClosestAttack().run(dense, dense, instance)
        if result.status is Status.ROBUST:
            assert result.work["solves"] > 0
            return dense, instance
    raise AssertionError("no such question among the seeds")


def test_a_failing_solver_keeps_what_was_found_and_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object, **__: object) -> None:
        raise SolverFailure("HiGHS ended with the status 'Solve error'")

    candidates = (question(seed, sizes=(4, 6, 6, 3)) for seed in range(20))
    dense, instance = next(q for q in candidates if not decided_by_bounds(*q))
    honest = ClosestAttack().run(dense, dense, instance)
    monkeypatch.setattr(HighsSolver, "solve", give_up)
    result = ClosestAttack("milp").run(dense, dense, instance)
    assert result.solver_status == "failed"
    assert result.status is Status.ADVERSARIAL
    assert result.dual_bound < honest.dual_bound


def decided_by_bounds(dense: ReluNetwork, instance: Instance) -> bool:
    result = ClosestAttack().run(dense, dense, instance)
    return result.work["solves"] == 0 or result.witness is None


def test_bounds_that_lie_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = next(q for q in (question(s) for s in range(20)) if ClosestAttack().run(q[0], *q).witness is not None)
    honest = Crown.compute

    def optimist(self: Crown, network: ReluNetwork, region: Region, deadline: float = np.inf) -> Bounds:
        bounds = honest(self, network, region)
        return Bounds(bounds.lower, (*bounds.upper[:-1], np.maximum(bounds.lower[-1], -1.0)))

    true_norm = ClosestAttack().run(dense, dense, instance).norms["l1"]
    monkeypatch.setattr(Crown, "compute", optimist)
    # It finds nothing, so that the lie proves the whole region.
    monkeypatch.setattr("surrogate.attack.closest.search.approach", lambda *_, **__: 0)
    lied = ClosestAttack(bounds="crown").run(dense, dense, instance)
    assert lied.dual_bound > true_norm  # without a point there is nothing to catch it by
    monkeypatch.undo()
    monkeypatch.setattr(
        "surrogate.attack.closest.search.ClosestSearch._prove_by_bounds", lambda run: setattr(run, "proven_radius", 2.9)
    )
    with pytest.raises(UnsoundBounds, match=r"although none up to 2\.9"):
        ClosestAttack().run(dense, dense, instance)


def test_a_misclassified_center_is_its_own_closest_input() -> None:
    dense, instance = question(0, targeted=False)
    wrong = Instance(instance.region, (instance.label + 1) % 3)
    result = ClosestAttack().run(dense, dense, wrong)
    assert (result.status, result.norms["l1"], result.dual_bound, result.gap) == (Status.ADVERSARIAL, 0.0, 0.0, 0.0)
    assert result.solver_status == "optimal"


def test_shrinking_keeps_the_margin_and_shortens() -> None:
    dense, instance = question(1, targeted=False, sizes=(5, 8, 8, 3))
    points = sample(np.random.default_rng(0), instance.region, 2_000)
    points = points[instance.problem.value(dense(points)) >= 1e-6]
    assert len(points) > 10
    short = shrink(dense, instance.problem, instance.region.center, points, 1e-6)
    assert (instance.problem.value(dense(short)) >= 1e-6).all()
    assert (instance.region.distance(short) <= instance.region.distance(points) + 1e-12).all()
    a_bit_further = instance.region.center + 0.999 * (short - instance.region.center)
    assert (instance.problem.value(dense(a_bit_further)) < 1e-6).all()


def test_the_result_is_repeatable_and_its_timeline_shortens() -> None:
    dense, instance = question(1, targeted=False, sizes=(5, 5, 5, 3))
    one, two = (ClosestAttack().run(dense, dense, instance) for _ in range(2))
    assert one.norms == two.norms
    lengths = [event.norm for event in one.timeline if event.margin >= 1e-6]
    assert min(lengths) == pytest.approx(one.norms["l1"])
    assert one.first_adversarial_seconds == next(event.seconds for event in one.timeline if event.margin > 1e-9)


def test_what_does_not_fit_is_refused() -> None:
    dense, instance = question(0)
    with pytest.raises(InvalidSetting, match="needs a region with a norm"):
        ClosestAttack().run(dense, dense, Instance(instance.region.without_ball(), instance.label, instance.target))
    with pytest.raises(InvalidSetting, match="needs a question"):
        ClosestAttack().run(dense, dense, Instance(instance.region, problem=Output(0)))
    with pytest.raises(InvalidSetting, match="equal input and output sizes"):
        ClosestAttack().run(dense, random_network(np.random.default_rng(0), (2, 3)), instance)
