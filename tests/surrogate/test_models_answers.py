"""A user's model through the search: what holds on the dense network, what is proven, and what the model is left as."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from solving import extra_solver
from user_models import NETWORK, a_model, grid_optimum, place, require_holding, require_no_threads, shape

from surrogate.models import MEMBERS, Place, Status, Step, optimise
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning
from surrogate.solvers import HighsSolver

HALF = Pruning("magnitude", amount=0.5)


class TestStatus:
    @pytest.mark.parametrize("floor", [0.5, 2.4])
    def test_the_optimum_is_found_and_proven(self, floor: float) -> None:
        model = a_model(floor)
        result = optimise(model, one := place(model), 20.0)
        best = grid_optimum(floor)
        assert (result.status, result.failures) == (Status.OPTIMAL, {})
        assert best - 0.1 < result.value <= best + 1e-5
        assert result.value - 1e-3 <= result.bound <= result.value
        require_holding(model, result, [one])

    def test_maximising_is_minimising_the_negative(self) -> None:
        low, high = a_model(), a_model(sense=pyo.maximize)
        one, other = optimise(low, place(low), 20.0), optimise(high, place(high), 20.0)
        assert other.status is Status.OPTIMAL
        assert other.value == pytest.approx(-one.value, abs=1e-3)
        assert other.bound >= other.value
        assert [step.value for step in other.timeline] == sorted(step.value for step in other.timeline)
        require_holding(high, other, [place(high)])

    def test_no_decision_at_all_is_for_the_dense_model_to_prove(self) -> None:
        for members, status in ((MEMBERS, Status.INFEASIBLE), (("walks", "surrogates"), Status.UNRESOLVED)):
            model = a_model(floor=1e3)
            model.x[0].set_value(0.25)
            result = optimise(model, place(model), 5.0 if status is Status.INFEASIBLE else 0.5, members=members)
            assert result.status is status
            assert (result.value, result.bound, result.inputs, result.outputs, result.timeline) == (None, None, (), (), ())
            assert (result.violation, result.first_feasible_seconds, result.gap) == (None, None, None)
            assert [model.x[0].value, model.x[1].value, model.k.value] == [0.25, None, None]  # as they were

    def test_a_model_that_contradicts_itself_is_infeasible_with_any_network(self) -> None:
        model = a_model(floor=-1e3)
        model.impossible = pyo.Constraint(expr=model.x[0] + model.x[1] >= 2.1)
        assert optimise(model, place(model), 5.0).status is Status.INFEASIBLE
        model.x[0].setlb(None)
        model.other = pyo.Constraint(expr=model.x[0] >= -5.0)
        model.x[0].setub(0.0)
        assert optimise(model, place(model), 5.0).status is Status.INFEASIBLE

    def test_crossed_bounds_are_infeasible(self) -> None:
        model = a_model(floor=-1e3)
        model.x[0].setlb(2.0)
        assert optimise(model, place(model), 5.0).status is Status.INFEASIBLE

    def test_no_time_is_unresolved_and_changes_nothing(self) -> None:
        model = a_model(floor=1e3)
        model.x[0].set_value(0.25)
        begin = time.perf_counter()
        result = optimise(model, place(model), 1e-4)
        assert time.perf_counter() - begin < 5.0
        assert (result.status, result.bound) == (Status.UNRESOLVED, None)
        assert [model.x[0].value, model.x[1].value, model.k.value] == [0.25, None, None]

    def test_an_unbounded_objective_is_never_proven(self) -> None:
        model = a_model(floor=-1e3)
        model.free = pyo.Var()
        model.cost.set_value(model.y[1] + model.free)
        result = optimise(model, place(model), 10.0, members=("dense",))  # which ends when its solver has given up
        assert result.status in (Status.FEASIBLE, Status.UNRESOLVED)
        assert result.bound is None
        assert "give bounds to the variables that the objective needs, such as v[free]" in result.failures.get("dense", "")

    def test_an_equality_on_an_output_holds_to_the_tolerance(self) -> None:
        model = a_model()
        model.floor.deactivate()
        model.exactly = pyo.Constraint(expr=model.y[0] == 0.456)
        result = optimise(model, one := place(model), 10.0)
        assert result.status is Status.OPTIMAL
        assert model.y[0].value == pytest.approx(0.456, abs=1e-6)
        require_holding(model, result, [one])

    def test_bounds_on_an_output_are_constraints_too(self) -> None:
        model = a_model()
        model.floor.deactivate()
        model.y[0].setlb(2.4)
        result = optimise(model, one := place(model), 10.0)
        assert result.status is Status.OPTIMAL
        assert grid_optimum(2.4) - 0.1 < result.value <= grid_optimum(2.4) + 1e-5
        require_holding(model, result, [one])


class TestSurrogates:
    def test_the_dense_network_as_its_own_surrogate_promises_what_holds(self) -> None:
        model = a_model()
        result = optimise(model, one := place(model, NETWORK), 2.0, members=("surrogates",))
        assert result.status is Status.FEASIBLE
        assert result.bound is None  # a surrogate proves nothing
        assert result.surrogate_value == pytest.approx(result.value, abs=1e-4)
        assert {step.source for step in result.timeline} <= {"points", "surrogates"}
        require_holding(model, result, [one])

    def test_a_surrogate_that_finds_nothing_says_nothing_about_the_dense_network(self) -> None:
        nothing = ReluNetwork([0.0 * w for w in NETWORK.weights], [0.0 * b for b in NETWORK.biases])
        model = a_model()
        result = optimise(model, place(model, nothing), 0.5, members=("surrogates",))
        assert result.status is not Status.INFEASIBLE
        assert (result.surrogate_value, result.bound) == (None, None)
        model = a_model()
        result = optimise(model, one := place(model, nothing), 10.0)
        assert result.status is Status.OPTIMAL
        require_holding(model, result, [one])

    @pytest.mark.few(1)
    @pytest.mark.parametrize("surrogate", [None, HALF, Pruning("stable", 0.4)])
    def test_what_a_surrogate_promises_may_be_too_good(self, surrogate: Any) -> None:
        model = a_model()
        result = optimise(model, one := place(model, surrogate), 3.0, members=("surrogates", "walks"), sparsities=(0.5,))
        assert result.surrogate_value is not None
        assert result.work["surrogates"] == 1
        require_holding(model, result, [one])
        assert result.value >= grid_optimum(2.4) - 0.1

    @pytest.mark.parametrize("seed", range(3))
    def test_every_answer_holds_and_none_beats_the_exact_one(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        dense = random_network(rng, (3, 7, 2))
        floor = float(np.quantile(dense(rng.uniform(-1, 1, size=(500, 3)))[:, 0], 0.8))
        exact = optimise(model := a_model(floor), place(model, dense=dense), 10.0)
        assert exact.status is Status.OPTIMAL
        for amount in (0.3, 0.9):
            model = a_model(floor)
            one = place(model, Pruning("magnitude", amount), dense)
            result = optimise(model, one, 0.5, members=("surrogates", "walks"))
            assert (result.status, result.failures) == (Status.FEASIBLE, {})
            require_holding(model, result, [one])
            assert result.value >= exact.bound - 1e-5


class TestOtherVariables:
    def test_are_optimised_anew_for_the_dense_network(self) -> None:
        """The network forecasts a load; whole machines, a user's own variables, have to carry it."""
        model = a_model()
        model.floor.deactivate()
        model.machines = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 100))
        model.carried = pyo.Constraint(expr=0.3 * model.machines >= model.y[0] + 8.0)
        model.cost.deactivate()
        model.expense = pyo.Objective(expr=model.machines - 0.01 * model.x[0] - 0.3 * model.y[1])
        result = optimise(model, one := place(model), 20.0)
        assert result.status is Status.OPTIMAL
        require_holding(model, result, [one])
        y = NETWORK(result.inputs[0][None])[0]
        needed = np.ceil((y[0] + 8.0) / 0.3 - 1e-5)
        assert result.value == pytest.approx(needed - 0.01 * result.inputs[0][0] - 0.3 * y[1], abs=1e-6)
        line = np.linspace(-1.0, 1.0, 101)
        x = np.array(np.meshgrid(line, line, [-1.0, 0.0, 1.0])).reshape(3, -1).T
        x = x[x.sum(axis=1) <= 1.2 + 1e-9]
        seen = NETWORK(x)
        grid = np.ceil((seen[:, 0] + 8.0) / 0.3) - 0.01 * x[:, 0] - 0.3 * seen[:, 1]
        assert result.value <= grid.min() + 1e-5

    def test_whole_objectives_have_whole_bounds(self) -> None:
        model = a_model()
        model.floor.deactivate()
        model.n = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 100))
        model.carried = pyo.Constraint(expr=0.3 * model.n >= model.y[0] + 8.0)
        model.cost.set_value(5 * model.n + 7)
        result = optimise(model, place(model), 10.0)
        assert result.status is Status.OPTIMAL
        assert result.bound == result.value == round(result.value)


class TestPlaces:
    def test_one_network_after_another_in_any_order(self) -> None:
        second = random_network(np.random.default_rng(1), (2, 5, 1))
        values = []
        for turned in (False, True):
            model = pyo.ConcreteModel()
            model.x = pyo.Var(range(3), bounds=(-1.0, 1.0))
            model.middle = pyo.Var(range(2), bounds=(-9.0, 9.0))
            model.y = pyo.Var()
            model.enough = pyo.Constraint(expr=model.y >= 0.1)
            model.cost = pyo.Objective(expr=model.middle[0] + model.x[2])
            places = [
                Place(list(model.x.values()), list(model.middle.values()), NETWORK),
                Place(list(model.middle.values()), [model.y], second, HALF),
            ]
            places = places[::-1] if turned else places
            result = optimise(model, places, 20.0)
            assert result.status is Status.OPTIMAL
            require_holding(model, result, places)
            values.append(result.value)
        assert values[0] == pytest.approx(values[1], abs=1e-3)

    def test_a_network_read_beyond_the_bounds_of_the_one_before(self) -> None:
        model = pyo.ConcreteModel()
        model.x, model.y, model.z = pyo.Var(bounds=(0, 1), initialize=0.0), pyo.Var(bounds=(1, 2)), pyo.Var()
        model.goal = pyo.Objective(expr=model.z, sense=pyo.maximize)
        double, same = ReluNetwork([[[1.0]], [[2.0]]], [[0.0], [0.0]]), ReluNetwork([[[1.0]], [[1.0]]], [[0.0], [0.0]])
        result = optimise(model, [Place([model.x], [model.y], double), Place([model.y], [model.z], same)], 5.0)
        assert (result.status, result.value) == (Status.OPTIMAL, pytest.approx(2.0))

    def test_fixed_inputs_stay_and_numbers_and_expressions_are_read(self) -> None:
        model = a_model(floor=-1e3)
        model.x[1].fix(0.5)
        model.half = pyo.Param(initialize=0.5, mutable=True)
        one = Place([2.0 * model.x[0] - model.half, model.x[1], np.int64(1)], model.y[:], NETWORK)
        result = optimise(model, one, 10.0)
        assert result.status is Status.OPTIMAL
        np.testing.assert_allclose(result.inputs[0], [2.0 * model.x[0].value - 0.5, 0.5, 1.0], atol=1e-12)
        require_holding(model, result, [one])
        x = np.array([[2.0 * a - 0.5, 0.5, 1.0] for a in np.linspace(-1, 1, 2001)])
        best = (NETWORK(x)[:, 1] + 0.1 * (x[:, 0] + 0.5)).min()
        assert best - 1e-2 <= result.value <= best + 1e-6

    def test_inputs_that_only_constraints_bound(self) -> None:
        model = pyo.ConcreteModel()
        model.a, model.b, model.y = pyo.Var(), pyo.Var(bounds=(0.0, None)), pyo.Var()
        model.sum = pyo.Constraint(expr=model.a + model.b <= 1.0)
        model.least = pyo.Constraint(expr=model.a - model.b >= -2.0)
        model.goal = pyo.Objective(expr=model.y)
        dense = random_network(np.random.default_rng(2), (2, 5, 1))
        result = optimise(model, one := Place([model.a, model.b], [model.y], dense), 10.0)
        assert result.status is Status.OPTIMAL
        require_holding(model, result, [one])
        a, b = np.meshgrid(np.linspace(-2.0, 1.0, 301), np.linspace(0.0, 1.5, 301))
        inside = (a + b <= 1.0) & (a - b >= -2.0)
        best = float(dense(np.column_stack([a[inside], b[inside]])).min())
        assert best - 0.05 <= result.value <= best + 1e-6


class TestTheModelIsLeftAsItWas:
    def test_components_bounds_and_domains(self) -> None:
        model = a_model()
        model.w = pyo.Var(within=pyo.Set(initialize=[0, 5, 10]))
        model.row = pyo.Constraint(expr=model.w >= model.x[0] + 1.0)
        before = shape(model)
        for _ in range(2):  # and it can be solved again
            assert optimise(model, place(model), 10.0).status is Status.OPTIMAL
            assert shape(model) == before
        require_no_threads()

    def test_in_nested_and_indexed_blocks(self) -> None:
        model = pyo.ConcreteModel()
        model.site = pyo.Block(["a", "b"])
        for site in model.site.values():
            site.inner = pyo.Block()
            site.inner.x = pyo.Var(range(3), bounds=(-1, 1))
            site.y = pyo.Var(range(2))
            site.floor = pyo.Constraint(expr=site.y[0] >= 0.5)
        model.budget = pyo.Constraint(expr=sum(v for site in model.site.values() for v in site.inner.x.values()) <= 1.0)
        model.cost = pyo.Objective(expr=sum(site.y[1] for site in model.site.values()))
        places = [Place(list(site.inner.x.values()), list(site.y.values()), NETWORK) for site in model.site.values()]
        before = shape(model)
        result = optimise(model, places, 20.0)
        assert result.status is Status.OPTIMAL
        require_holding(model, result, places)
        assert shape(model) == before


class TestOnTheWay:
    def test_values_that_the_model_has_are_the_first_decision(self) -> None:
        model = a_model(floor=-1e3)  # everything holds
        for variable, value in ((model.x[0], 0.5), (model.x[1], -0.5), (model.k, 0)):
            variable.set_value(value)
        result = optimise(model, place(model), 10.0)
        y = NETWORK(np.array([[0.5, -0.5, 0.0]]))[0]
        assert (result.timeline[0].source, result.timeline[0].value) == ("start", pytest.approx(y[1] + 0.1, abs=1e-12))

    @pytest.mark.parametrize("value", [3.0, 1.0 + 5e-7, float("nan")])
    def test_values_beyond_bounds_are_moved_or_passed_over(self, value: float) -> None:
        model = a_model(floor=-1e3)
        for variable in (model.x[0], model.k):
            variable.set_value(0)
        model.x[1].set_value(value, skip_validation=True)
        result = optimise(model, one := place(model), 10.0)
        assert result.status is Status.OPTIMAL
        assert (result.timeline[0].source == "start") == (value == value)
        require_holding(model, result, [one])

    def test_each_better_decision_is_told_while_the_model_holds_it(self) -> None:
        model = a_model()
        told: list[tuple[Step, float, float]] = []

        def on_better(step: Step) -> bool:
            told.append((step, pyo.value(model.cost), model.y[0].value))
            return False

        result = optimise(model, place(model), 10.0, on_better=on_better)
        assert tuple(step for step, _, _ in told) == result.timeline
        assert all(step.value == value and y >= 2.4 - 1e-5 for step, value, y in told)
        assert [step.seconds for step, _, _ in told] == sorted(step.seconds for step, _, _ in told)
        values = [step.value for step, _, _ in told]
        assert values == sorted(values, reverse=True)
        assert result.first_feasible_seconds == told[0][0].seconds <= result.seconds
        assert {step.source for step, _, _ in told} <= {"start", "points", *MEMBERS}

    def test_the_caller_may_ask_for_the_end(self) -> None:
        model = a_model()
        result = optimise(model, one := place(model), 60.0, on_better=lambda _: True)
        assert (result.status, len(result.timeline)) == (Status.FEASIBLE, 1)
        require_holding(model, result, [one])
        require_no_threads()

    def test_a_target_ends_it(self) -> None:
        target = grid_optimum(2.4) + 0.3
        for sense, sign in ((pyo.minimize, 1.0), (pyo.maximize, -1.0)):
            model = a_model(sense=sense)
            result = optimise(model, place(model), 60.0, target=sign * target, members=("walks", "targets"))
            assert result.status is Status.FEASIBLE
            assert sign * result.value <= target
            assert all(sign * step.value > target for step in result.timeline[:-1])


@extra_solver
def test_other_solvers_reach_the_same_optimum(kind: Any) -> None:
    results = {}
    for solver in (HighsSolver(), kind()):
        model = a_model()
        one = place(model)
        results[solver.name] = optimise(model, one, 20.0, solver=solver)
        require_holding(model, results[solver.name], [one])
        require_no_threads()
    first, second = results.values()
    assert (first.status, second.status, second.failures) == (Status.OPTIMAL, Status.OPTIMAL, {})
    assert first.value == pytest.approx(second.value, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_fuzz_against_a_grid(seed: int) -> None:
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

    exact = optimise(model := build(), place(model, dense=dense), 20.0)
    assert exact.status in (Status.OPTIMAL, Status.INFEASIBLE)
    for method in ("magnitude", "structured", "random"):
        model = build()
        one = place(model, Pruning(method, float(rng.uniform(0.2, 0.9))), dense)
        result = optimise(model, one, 20.0)
        assert result.status is exact.status
        if result.value is not None:
            require_holding(model, result, [one])
            assert result.value == pytest.approx(exact.value, rel=3e-4, abs=3e-4)


def test_weights_of_a_million_keep_their_optimum_and_its_bound() -> None:
    # Before columns had units of their own, HiGHS called 2.9e-5 the largest value.
    rng = np.random.default_rng(3)
    first, last = rng.normal(size=(5, 3)) * 1e6, rng.normal(size=(1, 5)) * 1e6
    network = ReluNetwork([first, last], [rng.normal(size=5) * 3e5, [0.0]])
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(range(3), bounds=(0, 1)), pyo.Var()
    model.goal = pyo.Objective(expr=model.y, sense=pyo.maximize)
    result = optimise(model, Place(list(model.x.values()), [model.y], network), 10.0)
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
    reached = float(network(corners).max())
    assert reached > 1e11
    assert result.value >= reached * (1.0 - 1e-6)
    assert result.bound is None or result.bound >= reached
    assert result.status is not Status.INFEASIBLE


def test_what_tolerances_hide_is_neither_bounded_nor_excluded() -> None:
    network = ReluNetwork([[[1.0]], [[1e15]]], [[-0.5], [0.0]])
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(bounds=(0.0, 0.5 + 1e-9)), pyo.Var()
    model.goal = pyo.Objective(expr=model.y, sense=pyo.maximize)
    model.floor = pyo.Constraint(expr=model.y >= 5e5)
    result = optimise(model, Place([model.x], [model.y], network), 2.0)
    assert result.status is not Status.INFEASIBLE  # x = 0.5 + 1e-9 gives 1e6
    assert result.bound is None or result.bound >= 0.999e6
