"""A user's model through a surrogate: what holds on the dense network, what is repaired, and what the model is left as."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from user_models import HALF, NETWORK, a_model, grid_optimum, place, require_holding

from surrogate.errors import InvalidSetting, SolverFailure
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.region import Region
from surrogate.solvers import GurobiSolver, HighsSolver, ScipSolver, Solution, Solver, SolverStatus
from surrogate.substitution import Outcome, Place, SurrogateOptimiser


class TestOutcomes:
    def test_the_dense_network_as_its_own_surrogate_is_exact(self) -> None:
        model = a_model()
        result = SurrogateOptimiser().solve(model, one := place(model, NETWORK))
        assert (result.outcome, result.surrogate_status, result.repairs) == (Outcome.FEASIBLE, SolverStatus.OPTIMAL, ())
        best = grid_optimum(2.4)
        assert best - 0.1 < result.objective <= best + 1e-5
        assert result.dual_bound == pytest.approx(result.objective, abs=1e-4)
        assert result.surrogate_objective == pytest.approx(result.dense_objective, abs=1e-4)
        assert result.sparsity == (0.0,)
        require_holding(model, result, [one])

    def test_a_surrogate_that_breaks_a_constraint_is_repaired(self) -> None:
        model = a_model()
        result = SurrogateOptimiser().solve(model, one := place(model))
        assert result.outcome is Outcome.REPAIRED
        # What the surrogate wanted does not hold, and by the amount that is reported.
        last = result.met[-1]
        assert (last.feasible, last.dense_objective, result.dense_objective) == (False, None, None)
        y = NETWORK(last.inputs[0][None])[0]
        assert last.violations == {"floor": pytest.approx(2.4 - y[0])}
        sparse = prune(HALF, NETWORK)(last.inputs[0][None])[0]
        assert sparse[0] >= 2.4 - 1e-5
        assert result.surrogate_objective == pytest.approx(sparse[1] + 0.2 * last.inputs[0][0], abs=1e-4)
        # What repair found does, near the surrogate's decision.
        require_holding(model, result, [one])
        assert result.repairs[-1].objective == result.objective >= grid_optimum(2.4) - 0.1
        reached = [attempt for attempt in result.repairs if attempt.objective is not None]
        assert reached == [result.repairs[-1]]
        assert (np.abs(result.inputs[0] - last.inputs[0]) <= 2.0 * reached[0].radius + 1e-6).all()
        assert result.dual_bound is None or reached[0].radius == 1.0

    def test_always_goes_on_to_the_optimum_of_the_whole_box(self) -> None:
        model = a_model()
        result = SurrogateOptimiser(repair="always").solve(model, one := place(model))
        exact = SurrogateOptimiser().solve(a := a_model(), place(a, NETWORK))
        assert result.objective == pytest.approx(exact.objective, abs=1e-5)
        assert result.dual_bound == pytest.approx(result.objective, abs=1e-4)
        assert [attempt.radius for attempt in result.repairs] == [0.05, 0.15, 0.4, 1.0]
        require_holding(model, result, [one])

    def test_maximising_is_minimising_the_negative(self) -> None:
        low, high = a_model(), a_model(sense=pyo.maximize)
        one = SurrogateOptimiser(repair="always").solve(low, place(low))
        other = SurrogateOptimiser(repair="always").solve(high, place(high))
        assert other.objective == pytest.approx(-one.objective, abs=1e-5)
        assert other.dual_bound >= other.objective - 1e-5
        require_holding(high, other, [place(high)])

    def test_no_decision_at_all_is_proven_on_the_whole_box_only(self) -> None:
        for radii, outcome in (((0.1, 1.0), Outcome.INFEASIBLE), ((0.1, 0.2), Outcome.UNRESOLVED)):
            model = a_model(floor=1e3)
            result = SurrogateOptimiser(radii=radii).solve(model, place(model))
            assert result.outcome is outcome
            assert result.surrogate_status is SolverStatus.INFEASIBLE
            assert (result.objective, result.inputs, result.met) == (None, (), ())
            assert all(v.value is None for v in model.component_data_objects(pyo.Var))  # as they were

    def test_an_infeasible_surrogate_says_nothing_about_the_dense_network(self) -> None:
        model = a_model()
        nothing = ReluNetwork([0.0 * w for w in NETWORK.weights], [0.0 * b for b in NETWORK.biases])
        result = SurrogateOptimiser().solve(model, one := place(model, nothing))
        assert (result.surrogate_status, result.outcome) == (SolverStatus.INFEASIBLE, Outcome.REPAIRED)
        require_holding(model, result, [one])

    def test_without_repair_the_model_shows_what_is_violated(self) -> None:
        model = a_model()
        result = SurrogateOptimiser(repair="never").solve(model, place(model))
        assert (result.outcome, result.objective, result.repairs) == (Outcome.UNRESOLVED, None, ())
        y = NETWORK(result.met[-1].inputs[0][None])[0]
        np.testing.assert_array_equal([v.value for v in model.y.values()], y)
        assert -model.floor.lslack() == pytest.approx(result.met[-1].violations["floor"])

    def test_no_time_is_unresolved_and_changes_nothing(self) -> None:
        model = a_model()
        model.x[0].set_value(0.25)
        begin = time.perf_counter()
        result = SurrogateOptimiser(solver=HighsSolver(time_limit_seconds=1e-4)).solve(model, place(model))
        assert time.perf_counter() - begin < 5.0
        assert result.outcome is Outcome.UNRESOLVED
        assert [model.x[0].value, model.x[1].value, model.k.value] == [0.25, None, None]

    @pytest.mark.parametrize("seed", range(6))
    def test_every_answer_holds_and_none_beats_the_exact_one(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        dense = random_network(rng, (3, 7, 2))
        floor = float(np.quantile(dense(rng.uniform(-1, 1, size=(500, 3)))[:, 0], 0.8))
        exact = SurrogateOptimiser().solve(model := a_model(floor), place(model, dense, dense))
        for amount in (0.3, 0.6, 0.9):
            model = a_model(floor)
            one = place(model, Pruning("magnitude", amount), dense)
            result = SurrogateOptimiser().solve(model, one)
            assert result.outcome in (Outcome.FEASIBLE, Outcome.REPAIRED)
            require_holding(model, result, [one])
            assert result.objective >= exact.objective - 1e-5

    def test_an_equality_on_an_output_holds_to_the_tolerance(self) -> None:
        model = a_model()
        model.floor.deactivate()
        model.exactly = pyo.Constraint(expr=model.y[0] == 0.456)
        result = SurrogateOptimiser().solve(model, one := place(model))
        assert result.outcome is Outcome.REPAIRED
        assert model.y[0].value == pytest.approx(0.456, abs=1e-6)
        require_holding(model, result, [one])


class TestOtherVariables:
    def machines(self) -> Any:
        """The network forecasts a load; whole machines, a user's own variables, have to carry it."""
        model = a_model()
        model.floor.deactivate()
        model.machines = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 100))
        model.carried = pyo.Constraint(expr=0.3 * model.machines >= model.y[0] + 8.0)
        model.cost.deactivate()
        model.expense = pyo.Objective(expr=model.machines - 0.01 * model.x[0] - 0.3 * model.y[1])
        return model

    def test_are_optimised_anew_for_the_dense_network(self) -> None:
        model = self.machines()
        result = SurrogateOptimiser(repair="never").solve(model, one := place(model))
        assert result.outcome is Outcome.FEASIBLE  # more machines, and the decision holds
        require_holding(model, result, [one])
        differing = 0
        for met in result.met:
            y = NETWORK(met.inputs[0][None])[0]
            needed = np.ceil((y[0] + 8.0) / 0.3 - 1e-9)
            assert met.dense_objective == pytest.approx(needed - 0.01 * met.inputs[0][0] - 0.3 * y[1], abs=1e-6)
            differing += abs(met.dense_objective - met.surrogate_objective) > 0.5
        assert differing > 0

    def test_the_best_of_all_that_was_met_is_kept(self) -> None:
        model = self.machines()
        result = SurrogateOptimiser(repair="never").solve(model, place(model))
        assert len(result.met) > 1
        assert result.objective == min(met.dense_objective for met in result.met)
        seconds = [met.seconds for met in result.met]
        assert seconds == sorted(seconds)
        assert seconds[-1] <= result.timings["total_seconds"]


class TestPlaces:
    def test_one_network_after_another(self) -> None:
        model = pyo.ConcreteModel()
        model.x = pyo.Var(range(3), bounds=(-1.0, 1.0))
        model.middle = pyo.Var(range(2), bounds=(-9.0, 9.0))
        model.y = pyo.Var()
        model.enough = pyo.Constraint(expr=model.y >= 0.1)
        model.cost = pyo.Objective(expr=model.middle[0] + model.x[2])
        second = random_network(np.random.default_rng(1), (2, 5, 1))
        places = [
            Place(list(model.x.values()), list(model.middle.values()), NETWORK, HALF),
            Place(list(model.middle.values()), [model.y], second, HALF),
        ]
        result = SurrogateOptimiser().solve(model, places)
        require_holding(model, result, places)
        with pytest.raises(InvalidSetting, match=r"input middle\[0\] is the output of a later place"):
            SurrogateOptimiser().solve(model, places[::-1])

    def test_a_fixed_input_stays(self) -> None:
        model = a_model()
        model.x[1].fix(0.5)
        result = SurrogateOptimiser(repair="always").solve(model, one := place(model))
        assert result.inputs[0][1] == 0.5
        require_holding(model, result, [one])

    def test_bounds_on_an_output_are_constraints_too(self) -> None:
        model = a_model()
        model.floor.deactivate()
        model.y[0].setlb(2.4)
        result = SurrogateOptimiser().solve(model, one := place(model))
        assert result.outcome is Outcome.REPAIRED
        assert set(result.met[-1].violations) == {"y[0]"}
        require_holding(model, result, [one])

    def test_a_pruning_for_one_region_gets_the_box_of_the_inputs(self) -> None:
        model = a_model()
        given = prune(Pruning("stable", 0.4), NETWORK, region=Region(-1.0, 1.0, np.zeros(3)))
        assert place(model, Pruning("stable", 0.4)).sparse().key == given.key


class TestTheModelIsLeftAsItWas:
    @staticmethod
    def shape(model: Any) -> list:
        components = [(c.name, c.ctype) for c in model.component_objects()]
        return [components, [(v.name, v.bounds, v.fixed) for v in model.component_data_objects(pyo.Var)]]

    def test_components_and_bounds(self) -> None:
        model = a_model()
        before = self.shape(model)
        for _ in range(2):  # and it can be solved again
            SurrogateOptimiser(repair="always").solve(model, place(model))
            assert self.shape(model) == before

    def test_after_an_error_in_the_solver(self) -> None:
        model = a_model()
        model.x[0].set_value(0.125)
        before = self.shape(model)
        with pytest.raises(SolverFailure, match="out of ideas"):
            SurrogateOptimiser(solver=Failing(after=0)).solve(model, place(model))
        assert self.shape(model) == before
        assert (model.x[0].value, model.x[1].value) == (0.125, None)

    def test_a_failing_surrogate_is_no_end(self) -> None:
        model = a_model()
        result = SurrogateOptimiser(solver=Failing(after=0, failures=1), repair="always").solve(model, one := place(model))
        assert (result.surrogate_status, result.surrogate_failure, result.size) == (None, "out of ideas", {})
        assert (result.outcome, result.met) == (Outcome.REPAIRED, ())
        assert result.objective == pytest.approx(grid_optimum(2.4), abs=0.02)
        require_holding(model, result, [one])

    def test_a_failing_repair_keeps_what_was_known(self) -> None:
        model = a_model()
        result = SurrogateOptimiser(solver=Failing(after=1)).solve(model, place(model))
        assert result.outcome is Outcome.UNRESOLVED
        assert {attempt.failure for attempt in result.repairs} == {"out of ideas"}
        assert {attempt.status for attempt in result.repairs} == {None}
        assert len(result.met) > 0


@dataclass(frozen=True)
class Failing(Solver):
    """HiGHS for some calls, then failures, for ever or so many times."""

    name: ClassVar[str] = "failing"
    incumbent_callbacks: ClassVar[bool] = True
    after: int = 0
    failures: int = 1_000_000

    def solve(self, *arguments: Any, **settings: Any) -> Solution:
        counted = "after" if self.after > 0 else "failures"
        left = getattr(self, counted)
        object.__setattr__(self, counted, left - 1)
        if counted == "failures" and left > 0:
            raise SolverFailure("out of ideas")
        return HighsSolver().solve(*arguments, **settings)


@pytest.mark.parametrize("kind", [GurobiSolver, ScipSolver])
def test_other_solvers_reach_the_same_optimum(kind: Any) -> None:
    if importlib.util.find_spec(kind.package) is None:
        pytest.skip(f"{kind.package} is not installed")
    results = {}
    for solver in (HighsSolver(), kind()):
        model = a_model()
        one = place(model)
        results[solver.name] = SurrogateOptimiser(solver=solver, repair="always").solve(model, one)
        require_holding(model, results[solver.name], [one])
    first, second = results.values()
    assert first.surrogate_objective == pytest.approx(second.surrogate_objective, abs=1e-4)
    assert first.objective == pytest.approx(second.objective, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_fuzz_against_the_dense_model(seed: int) -> None:
    """Random networks and floors, some out of reach, with integer and continuous variables of the user's own around them."""
    rng = np.random.default_rng(seed)
    dense = random_network(rng, [(3, 6, 2), (3, 8, 4, 2), (3, 12, 2)][seed % 3])
    seen = dense(rng.uniform(-1.0, 1.0, size=(500, 3)))[:, 0]
    floor = float(np.quantile(seen, rng.uniform(0.5, 1.0)) + 3.0 * np.ptp(seen) * (seed % 5 == 0))
    sense, sign = (pyo.minimize, 1.0) if seed % 2 else (pyo.maximize, -1.0)

    def build() -> Any:
        model = a_model(floor, sense)
        model.n = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 50))
        model.w = pyo.Var(bounds=(0, None))
        model.cover = pyo.Constraint(expr=model.w + 0.7 * model.n >= model.y[1])
        model.short = pyo.Constraint(expr=model.w - model.x[0] <= 0.9)
        model.cost.deactivate()
        model.goal = pyo.Objective(expr=sign * (model.n + 0.3 * model.w + model.x[1] + 0.1 * model.y[0]), sense=sense)
        return model

    exact = SurrogateOptimiser().solve(model := build(), place(model, dense, dense))
    for method in ("magnitude", "structured", "random"):
        for repair in ("needed", "always"):
            model = build()
            one = place(model, Pruning(method, float(rng.uniform(0.2, 0.9))), dense)
            result = SurrogateOptimiser(repair=repair).solve(model, one)
            assert (result.outcome is Outcome.INFEASIBLE) == (exact.outcome is Outcome.INFEASIBLE)
            if result.objective is None or exact.objective is None:
                assert result.outcome is Outcome.INFEASIBLE
                continue
            require_holding(model, result, [one])
            assert sign * result.objective >= sign * exact.objective - 1e-5
            if repair == "always":
                assert result.objective == pytest.approx(exact.objective, abs=1e-4)


def test_weights_of_a_million_keep_their_optimum_and_its_bound() -> None:
    # Before columns had units of their own, HiGHS called 2.9e-5 the largest value.
    rng = np.random.default_rng(3)
    first, last = rng.normal(size=(5, 3)) * 1e6, rng.normal(size=(1, 5)) * 1e6
    network = ReluNetwork([first, last], [rng.normal(size=5) * 3e5, [0.0]])
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(range(3), bounds=(0, 1)), pyo.Var()
    model.goal = pyo.Objective(expr=model.y, sense=pyo.maximize)
    result = SurrogateOptimiser().solve(model, Place(list(model.x.values()), [model.y], network, network))
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
    reached = float(network(corners).max())
    assert reached > 1e11
    assert result.objective >= reached * (1.0 - 1e-6)
    assert result.dual_bound >= result.objective
    assert result.dual_bound == pytest.approx(result.objective, rel=1e-3)


def test_what_tolerances_hide_is_neither_bounded_nor_excluded() -> None:
    network = ReluNetwork([[[1.0]], [[1e15]]], [[-0.5], [0.0]])
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(bounds=(0.0, 0.5 + 1e-9)), pyo.Var()
    model.goal = pyo.Objective(expr=model.y, sense=pyo.maximize)
    model.floor = pyo.Constraint(expr=model.y >= 5e5)
    result = SurrogateOptimiser().solve(model, Place([model.x], [model.y], network, network))
    assert result.outcome is not Outcome.INFEASIBLE  # x = 0.5 + 1e-9 gives 1e6
    assert result.dual_bound is None or result.dual_bound >= 0.999e6


def test_nothing_feasible_has_no_bound() -> None:
    model = a_model(floor=1e3)
    result = SurrogateOptimiser(repair="always").solve(model, place(model))
    assert (result.outcome, result.objective, result.dual_bound) == (Outcome.INFEASIBLE, None, None)
