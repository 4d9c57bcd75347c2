"""Policies that visit activation regions: each once, to the end, with bounds that hold over everything excluded."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import questions
from oracles import brute_force_maximum, linear_pieces, sample
from solving import needs

from surrogate.attack import Exclusion, Instance, Status, SurrogateAttack
from surrogate.attack.milp.model import MaximisationModel
from surrogate.attack.milp.subproblem import polyhedron
from surrogate.bounds import Crown
from surrogate.errors import SolverFailure
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.region import Region
from surrogate.solvers import GurobiSolver, HighsSolver, Solution, SolverStatus

question = functools.partial(questions.question, sizes=(3, 4, 4, 3))

POLICIES = ("exclude_region", "dense_subproblem")


def half(dense: ReluNetwork) -> ReluNetwork:
    return prune(Pruning(method="magnitude", amount=0.4), dense, None)


def optimum(dense: ReluNetwork, instance: Instance) -> float:
    return brute_force_maximum(instance.problem.fold(dense), instance.region)


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> list:
    """The patterns that were cut off, in order."""
    cut, honest = [], MaximisationModel.forbid

    def listening(self: MaximisationModel, pattern: tuple) -> None:
        cut.append(pattern)
        honest(self, pattern)

    monkeypatch.setattr(MaximisationModel, "forbid", listening)
    return cut


@pytest.mark.few(8)
@pytest.mark.parametrize("norm", ["l1", "linf"])
@pytest.mark.parametrize("targeted", [True, False])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", range(3))
def test_the_dense_network_is_still_solved_to_its_optimum(seed: int, policy: str, targeted: bool, norm: str) -> None:
    dense, instance = question(seed, norm, targeted, sizes=(3, 3, 3, 3))
    expected = optimum(dense, instance)
    result = SurrogateAttack(bounds="box", on_incumbent=policy).run(dense, dense, instance)
    assert result.status is (Status.ADVERSARIAL if expected > 0.0 else Status.ROBUST)
    assert result.dual_bound >= expected - 1e-6
    if result.solver_status in ("optimal", "exhausted") and expected > 0.0:
        assert result.margin == pytest.approx(expected, abs=1e-5)
        assert result.dual_bound == pytest.approx(expected, abs=1e-5)
    assert result.work["regions"] == len(result.regions)


@pytest.mark.parametrize("settings", [Exclusion(), Exclusion(interrupt=True), Exclusion(seeds=0)])
@pytest.mark.parametrize("start", ["none", "center", "gradient"])
def test_a_surrogate_s_regions_are_all_visited_once(start: str, settings: Exclusion, forbidden: list) -> None:
    dense, instance = question(1)
    surrogate = half(dense)
    attack = SurrogateAttack(on_incumbent="exclude_region", start=start, exclusion=settings)
    result = attack.run(dense, surrogate, instance)
    assert result.solver_status == "exhausted"
    assert len(forbidden) == len(set(forbidden)) == len(result.regions) == result.work["regions"] > 1
    folded = instance.problem.fold(surrogate)
    bounds = Crown().compute(folded, instance.region)
    model = MaximisationModel(folded, instance.problem, instance.region, bounds, "big_m")
    assert set(model.patterns(sample(np.random.default_rng(0), instance.region, 5_000))) <= set(forbidden)
    assert result.status is not Status.ROBUST  # the surrogate's regions were only checked at points
    assert all(visit.bound is None and visit.seconds >= 0.0 for visit in result.regions)
    assert result.dual_bound >= brute_force_maximum(folded, instance.region) - 1e-6


@pytest.mark.parametrize("norm", ["l1", "linf"])
@pytest.mark.parametrize("seed", range(3))
def test_dense_subproblems_over_all_regions_find_the_dense_optimum(seed: int, norm: str, forbidden: list) -> None:
    dense, instance = question(seed, norm, targeted=False, sizes=(3, 4, 3, 3))
    result = SurrogateAttack(on_incumbent="dense_subproblem").run(dense, half(dense), instance)
    expected = optimum(dense, instance)
    assert result.solver_status == "exhausted"
    assert len(forbidden) == len(set(forbidden))
    assert result.margin == pytest.approx(expected, abs=1e-5)
    assert result.margin == pytest.approx(max(visit.margin_after for visit in result.regions), abs=1e-9)
    assert max(visit.bound for visit in result.regions if visit.bound is not None) == pytest.approx(expected, abs=1e-5)
    for visit in result.regions:
        assert visit.margin_after >= visit.margin_before
        assert visit.bound is None or visit.bound >= visit.margin_after - 1e-5
    assert result.status is (Status.ADVERSARIAL if expected > 0.0 else Status.UNRESOLVED)


def test_dense_subproblems_gain_on_the_incumbents() -> None:
    visits = []
    for seed in range(3):
        dense, instance = question(seed, "l1", targeted=False, sizes=(3, 4, 3, 3))
        visits += SurrogateAttack(on_incumbent="dense_subproblem").run(dense, half(dense), instance).regions
    gained = [visit for visit in visits if visit.margin_after > visit.margin_before + 1e-3]
    assert len(gained) >= 3
    assert all(visit.seconds > 0.0 for visit in visits)


def test_the_polyhedron_is_where_the_surrogate_has_the_pattern() -> None:
    dense, instance = question(2)
    folded = instance.problem.fold(half(dense))
    bounds = Crown().compute(folded, instance.region)
    model = MaximisationModel(folded, instance.problem, instance.region, bounds, "big_m")
    points = sample(np.random.default_rng(0), instance.region, 2_000)
    patterns = model.patterns(points)
    assert len(set(patterns)) > 3
    for pattern in set(patterns):
        A, b = polyhedron(model, pattern)
        inside = (points @ A.T <= b + 1e-12).all(axis=1)
        assert (inside == np.array([other == pattern for other in patterns])).all()


def test_a_dense_region_s_bound_is_its_lp_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = question(4, sizes=(3, 4, 3))
    robust = Instance(replace_radius(instance.region, 0.05), instance.label, instance.target)
    monkeypatch.setattr("surrogate.attack.milp.regions.RegionSearch._closed", lambda _: False)  # visit all, whatever is known
    for question_ in (instance, robust):
        result = SurrogateAttack(bounds="box", on_incumbent="exclude_region").run(dense, dense, question_)
        folded = question_.problem.fold(dense)
        pieces = list(linear_pieces(folded, question_.region))
        assert result.solver_status == "exhausted"
        assert len(result.regions) <= len(pieces)
        expected = brute_force_maximum(folded, question_.region)
        assert max(visit.bound for visit in result.regions) == pytest.approx(expected, abs=1e-5)
        assert result.dual_bound == pytest.approx(expected, abs=1e-5)
        assert result.margin == pytest.approx(expected, abs=1e-5)
    assert result.status is Status.ROBUST


def replace_radius(region: Region, radius: float) -> Region:
    return Region(region.lower, region.upper, region.center, radius, region.norm)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_time_limit_and_a_surrogate_never_prove(policy: str) -> None:
    dense, instance = question(3, sizes=(3, 4, 4, 3))
    small = Instance(replace_radius(instance.region, 0.01), instance.label, instance.target)
    assert SurrogateAttack(on_incumbent=policy).run(dense, dense, small).status is Status.ROBUST
    assert SurrogateAttack(on_incumbent=policy).run(dense, half(dense), small).status is Status.UNRESOLVED
    wide, question_ = question(3, sizes=(6, 30, 30, 3))
    attack = SurrogateAttack(bounds="box", on_incumbent=policy, solver=HighsSolver(time_limit_seconds=1e-6))
    result = attack.run(wide, wide, question_)
    assert (result.status, result.solver_status) == (Status.UNRESOLVED, "time_limit")
    assert result.dual_bound >= result.margin


def test_what_was_excluded_unseen_never_counts_as_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the LP inside a region fails, no later solve may prove anything about the whole."""
    dense, instance = question(0, sizes=(3, 4, 4, 3))
    small = Instance(replace_radius(instance.region, 0.2), instance.label, instance.target)
    monkeypatch.setattr("surrogate.attack.milp.regions.RegionSearch._solve_inside", lambda *_, **__: None)
    monkeypatch.setattr("surrogate.attack.milp.regions.RegionSearch._closed", lambda _: False)
    result = SurrogateAttack(bounds="box", on_incumbent="exclude_region").run(dense, dense, small)
    assert result.solver_status == "exhausted"
    assert result.status is not Status.ROBUST
    assert all(visit.bound is None for visit in result.regions)


def test_a_false_infeasible_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = question(1)
    honest = HighsSolver.solve

    def liar(self: HighsSolver, model: Any, watched: Any, **settings: Any) -> Solution:
        solution = honest(self, model, watched, **settings)
        return replace(solution, status=SolverStatus.INFEASIBLE) if hasattr(model, "forbidden") else solution

    monkeypatch.setattr(HighsSolver, "solve", liar)
    attack = SurrogateAttack(on_incumbent="exclude_region", exclusion=Exclusion(seeds=1))
    result = attack.run(dense, half(dense), instance)
    assert result.solver_status == "failed"
    at_once = SurrogateAttack(on_incumbent="exclude_region", bounds="box", exclusion=Exclusion(seeds=0))
    monkeypatch.setattr(
        HighsSolver, "solve", lambda self, *a, **k: replace(honest(self, *a, **k), status=SolverStatus.INFEASIBLE)
    )
    with pytest.raises(SolverFailure, match="although the clean input satisfies it"):
        at_once.run(dense, half(dense), instance)


def test_a_solver_that_fails_later_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, instance = question(1)
    honest = HighsSolver.solve

    def fails_with_cuts(self: HighsSolver, model: Any, watched: Any, **settings: Any) -> Solution:
        if hasattr(model, "forbidden"):
            raise SolverFailure("HiGHS ended with the status 'Solve error'")
        return honest(self, model, watched, **settings)

    monkeypatch.setattr(HighsSolver, "solve", fails_with_cuts)
    result = SurrogateAttack(on_incumbent="exclude_region").run(dense, half(dense), instance)
    assert result.solver_status == "failed"
    assert len(result.regions) > 0


@dataclass(frozen=True)
class Deaf(HighsSolver):
    """HiGHS as a solver without callbacks: one call, with the final solution."""

    def solve(self, model: Any, watched: Any, *, warm_start: bool, on_incumbent: Any, deadline: float) -> Solution:
        silent = HighsSolver.solve(
            self, model, watched, warm_start=warm_start, on_incumbent=lambda *_: False, deadline=deadline
        )
        if silent.values is not None:
            on_incumbent(silent.values, silent.objective)
        return silent


@pytest.mark.parametrize("policy", POLICIES)
def test_a_solver_without_callbacks_visits_them_too(policy: str, forbidden: list) -> None:
    dense, instance = question(1)
    result = SurrogateAttack(on_incumbent=policy, solver=Deaf()).run(dense, half(dense), instance)
    assert result.solver_status == "exhausted"
    assert len(forbidden) == len(set(forbidden)) == len(result.regions)
    if policy == "dense_subproblem":
        assert result.margin == pytest.approx(optimum(dense, instance), abs=1e-5)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_linear_surrogate_is_one_region(policy: str) -> None:
    dense, instance = question(3)
    empty = ReluNetwork([np.zeros_like(w) for w in dense.weights], [np.zeros_like(b) for b in dense.biases])
    result = SurrogateAttack(on_incumbent=policy).run(dense, empty, instance)
    assert (result.solver_status, len(result.regions)) == ("exhausted", 1)
    if policy == "dense_subproblem":
        assert result.margin == pytest.approx(optimum(dense, instance), abs=1e-5)


def test_polishing_counts_as_a_gain() -> None:
    dense, instance = question(1)
    plain = SurrogateAttack(on_incumbent="exclude_region").run(dense, half(dense), instance)
    polished = SurrogateAttack(on_incumbent="exclude_region", polish=True).run(dense, half(dense), instance)
    assert all(visit.margin_after == visit.margin_before for visit in plain.regions)
    assert any(visit.margin_after > visit.margin_before for visit in polished.regions)
    assert polished.margin >= plain.margin


@needs(GurobiSolver)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", range(3))
def test_with_lazy_constraints_one_solve_visits_all_regions(seed: int, policy: str, forbidden: list) -> None:
    dense, instance = question(seed, "l1", targeted=False, sizes=(3, 4, 3, 3))
    settings = Exclusion(interrupt=True, seeds=0)
    attack = SurrogateAttack(on_incumbent=policy, exclusion=settings, solver=GurobiSolver())
    result = attack.run(dense, half(dense), instance)
    assert result.solver_status == "exhausted"
    assert len(forbidden) == len(set(forbidden)) == len(result.regions) > 1
    inside = result.work["regions"] if policy == "dense_subproblem" else 0
    assert result.work["solves"] - inside == 1
    restarted = replace(attack, solver=HighsSolver()).run(dense, half(dense), instance)
    assert restarted.work["solves"] - inside > 1
    assert len(restarted.regions) == len(result.regions)
    if policy == "dense_subproblem":
        assert result.margin == pytest.approx(optimum(dense, instance), abs=1e-5)
    assert result.status is not Status.ROBUST


@needs(GurobiSolver)
def test_a_dense_surrogate_s_incumbents_are_let_stand() -> None:
    dense, instance = question(2, sizes=(3, 3, 3, 3))
    attack = SurrogateAttack(on_incumbent="exclude_region", exclusion=Exclusion(interrupt=True), solver=GurobiSolver())
    result = attack.run(dense, dense, instance)
    assert result.dual_bound >= optimum(dense, instance) - 1e-6
    assert result.solver_status in ("optimal", "exhausted")
