"""Where a tolerance, a rounding or a solver's status could make a wrong claim: each measured against what is known by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from test_models_failures import Stub, says

from surrogate.models import Place, Status, optimise
from surrogate.models.incumbent import Incumbent
from surrogate.models.reading import UserModel
from surrogate.models.settings import SearchSettings
from surrogate.models.state import SearchState
from surrogate.networks import ReluNetwork
from surrogate.solvers import SolverStatus

SAME = ReluNetwork([[[1.0]], [[1.0]]], [[10.0], [-10.0]])
"""The identity above -10."""


def one_network(change: Callable[[Any], Any] = lambda _: None, sense: Any = pyo.minimize) -> tuple[Any, Place]:
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(bounds=(-1, 1)), pyo.Var()
    model.goal = pyo.Objective(expr=model.y, sense=sense)
    change(model)
    return model, Place([model.x], [model.y], SAME)


def row(expression: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda model: setattr(model, "row", pyo.Constraint(expr=expression(model)))


OPEN = "a variable of its own"
"""A column a million wide leaves the solver's bound uncertain by a tenth."""

WIDE: dict[str, Callable[[Any], Any]] = {
    "bounds": lambda m: (m.y.setlb(0.0), m.y.setub(1e6)),
    "a row with two sides": row(lambda m: (0.0, m.y, 1e6)),
    "a constant on both sides": row(lambda m: m.y + 1e6 >= 1e6),
    "a row of several columns": row(lambda m: (0.0, m.y + 0.001 * (m.x + 1.0), 1e6)),
    OPEN: lambda m: (
        setattr(m, "w", pyo.Var(bounds=(0.0, 1e6))),
        setattr(m, "row", pyo.Constraint(expr=m.w == m.y)),
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_large_side_lends_no_tolerance_to_the_other(name: str) -> None:
    # A side of 1e6 let the other one, of 0, be broken by 1.
    model, place = one_network(WIDE[name])
    result = optimise(model, place, 1.0 if name == OPEN else 5.0)
    least = -0.001 * (1.0 + model.x.value) if name == "a row of several columns" else 0.0
    assert result.status is (Status.FEASIBLE if name == OPEN else Status.OPTIMAL)
    assert result.value >= least - 1.1e-6
    assert result.value <= least + 1e-4
    assert result.bound <= least + 1e-6


@pytest.mark.parametrize("by", [1e-7, 1e-5])
@pytest.mark.parametrize("unit", [1.0, 1e3])
def test_what_is_out_of_reach_by_less_than_the_tolerance_is_not_called_infeasible(by: float, unit: float) -> None:
    model, place = one_network(row(lambda m: unit * m.y >= unit * (1.0 + by)))
    model.x.set_value(1.0)
    result = optimise(model, place, 3.0)
    holds = by * unit <= 1e-6 * max(1.0, unit)
    assert (result.value is not None) == holds
    assert result.status is (Status.OPTIMAL if holds else Status.INFEASIBLE)
    if holds:
        assert result.value == pytest.approx(1.0, abs=1e-5)


def common_of(model: Any, place: Place) -> SearchState:
    user = UserModel(model, [place], 1e-6)
    return SearchState(user, Incumbent(user, 0.0, 1e-6, None, None), SearchSettings(), math.inf)


@pytest.mark.parametrize(
    ("factor", "offset", "bound", "rounded"),
    [
        (1.0, 0.0, 2.3, 3.0),
        (1.0, 0.0, 2.00005, 2.0),  # an error of the solver's, not the next whole number
        (1.0, 0.0, 2.001, 3.0),
        (1.0, 0.0, -2.3, -2.0),
        (1.0, 0.0, -2.0 - 1e-9, -2.0),
        (5.0, 7.0, 8.0, 12.0),
        (0.25, 0.5, 1.1, 1.25),
        (1e6, 0.0, 1.5e6, 2e6),
    ],
)
def test_bounds_of_whole_objectives_are_rounded_to_values_that_exist(
    factor: float, offset: float, bound: float, rounded: float
) -> None:
    model, place = one_network(lambda m: setattr(m, "n", pyo.Var(domain=pyo.Integers, bounds=(-9, 9))))
    model.goal.set_value(factor * model.n + offset)
    for careful, expected in ((True, rounded), (False, bound)):
        state = common_of(model, place)
        state.raise_bound(bound, rounded=careful)
        assert state.bound == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("objective", ["n + 0.5 * k", "n + x", "n + y", "0.3 * n + 0.1 * k"])
def test_objectives_without_a_common_step_are_not_rounded_up(objective: str) -> None:
    def change(model: Any) -> None:
        model.n, model.k = pyo.Var(domain=pyo.Integers, bounds=(-9, 9)), pyo.Var(domain=pyo.Integers, bounds=(-9, 9))
        terms = {"n": model.n, "k": model.k, "x": model.x, "y": model.y}
        model.goal.set_value(eval(objective, {}, terms))

    model, place = one_network(change)
    state = common_of(model, place)
    state.raise_bound(1.3)
    assert state.bound <= 1.5 + 1e-12 if objective == "n + 0.5 * k" else state.bound == 1.3


def test_the_search_is_right_about_objectives_that_a_rounded_bound_would_spoil() -> None:
    for factors, best in (((1.0, 1.0), -3.0), ((3.0, 2.0), -8.0), ((0.3, 0.1), -0.7)):
        model, place = one_network(row(lambda m: m.y >= -0.5))
        model.n, model.k = pyo.Var(domain=pyo.Integers, bounds=(-2, 2)), pyo.Var(domain=pyo.Integers, bounds=(-1, 1))
        model.least = pyo.Constraint(expr=model.n + model.k >= 2 * model.y - 2)
        model.goal.set_value(factors[0] * model.n + factors[1] * model.k)
        result = optimise(model, place, 5.0)
        assert result.status is Status.OPTIMAL
        assert result.value == pytest.approx(best, abs=1e-9)
        assert result.bound <= best + 1e-9


@pytest.mark.parametrize("status", [SolverStatus.TIME_LIMIT, SolverStatus.STOPPED])
def test_a_solver_that_stopped_proves_no_more_than_its_bound(status: SolverStatus) -> None:
    model, place = one_network()
    result = optimise(model, place, 0.5, solver=Stub(answer=says(status, -7.0)), members=("walks", "dense"))
    assert result.value == pytest.approx(-1.0)
    assert result.bound <= -1.0
    model, place = one_network(row(lambda m: m.y >= 5.0))
    result = optimise(model, place, 0.5, solver=Stub(answer=says(status)), members=("walks", "dense"))
    assert result.status is Status.UNRESOLVED


def test_numbers_that_float64_cannot_hold_prove_nothing() -> None:
    def change(model: Any) -> None:
        model.free = pyo.Var()
        model.one = pyo.Constraint(expr=1e12 * model.free + 1e12 * model.x <= 1e12 - 0.4)
        model.other = pyo.Constraint(expr=1e12 * model.free + 1e12 * model.x >= 1e12 - 0.5)

    model, _ = one_network(change)
    place = Place([model.free + model.x], [model.y], SAME)
    result = optimise(model, place, 1.0)  # the sum is 1
    assert result.status is not Status.INFEASIBLE
    assert result.bound is None or result.bound <= 1.0 + 1e-5


@pytest.mark.parametrize("factor", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("sense", [pyo.minimize, pyo.maximize])
def test_the_scale_of_the_objective_changes_no_claim(factor: float, sense: Any) -> None:
    rng = np.random.default_rng(0)
    network = ReluNetwork([rng.normal(size=(4, 2)), rng.normal(size=(1, 4))], [rng.normal(size=4), [0.1]])
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(range(2), bounds=(-1, 1)), pyo.Var()
    model.goal = pyo.Objective(expr=factor * model.y + 1e3, sense=sense)
    result = optimise(model, Place(list(model.x.values()), [model.y], network), 5.0)
    line = np.linspace(-1.0, 1.0, 401)
    values = factor * network(np.array(np.meshgrid(line, line)).reshape(2, -1).T) + 1e3
    sign, best = (1.0, values.min()) if sense == pyo.minimize else (-1.0, values.max())
    assert result.status is Status.OPTIMAL
    assert sign * result.bound <= sign * best + 1e-6 * 1e3
    assert sign * result.value <= sign * best + 1e-4 * max(1e3, abs(best))


@pytest.mark.parametrize("domain", [pyo.Reals, pyo.Integers])
def test_infeasible_is_told_from_unbounded(domain: Any) -> None:
    # HiGHS's presolve says "infeasible or unbounded", which was taken for a failure of the solver.
    def change(model: Any) -> None:
        model.free = pyo.Var(domain=domain)
        model.goal.set_value(model.y + model.free)
        model.most = pyo.Constraint(expr=model.free <= 5.0)
        model.floor = pyo.Constraint(expr=model.y >= 5.0)

    model, place = one_network(change)
    result = optimise(model, place, 5.0)
    assert (result.status, result.failures.get("dense")) == (Status.INFEASIBLE, None)


def test_a_later_decision_refutes_the_bound_of_a_solver() -> None:
    model, place = one_network()
    state = common_of(model, place)
    assert state.incumbent.offer(np.array([0.5, 0.5]), "points")
    state.raise_bound(0.49999, "no decision is better than 0.49999")
    assert state.proven
    assert state.incumbent.offer(np.array([-1.0, -1.0]), "walks")
    state.hold_bound_against_best()
    assert not state.proven
    assert state.bound == -math.inf
    assert state.failures["dense"] == "highs claims that no decision is better than 0.49999, but one with the value -1 holds"


def test_a_bound_that_was_proven_here_outlives_that_of_a_solver() -> None:
    model, place = one_network()
    state = common_of(model, place)
    state.incumbent.offer(np.array([0.5, 0.5]), "points")
    state.raise_bound(-2.0)
    state.raise_bound(0.4, "no decision is better than 0.4")
    assert state.bound == 0.4
    state.incumbent.offer(np.array([-1.0, -1.0]), "walks")
    state.hold_bound_against_best()
    assert state.bound == -2.0


def barely_out_of_reach(model: Any) -> None:
    model.z = pyo.Var(bounds=(0.0, 10.0))
    model.goal.set_value(model.z)


REACHES: dict[str, Callable[[Any], Any]] = {
    "a row": row(lambda m: m.y >= 1.0 + 9e-7),
    "an output's bound": lambda m: m.y.setlb(1.0 + 9e-7),
}


@pytest.mark.parametrize("name", REACHES)
@pytest.mark.parametrize("knows_one", [True, False])
def test_infeasible_within_the_tolerance_proves_nothing(name: str, knows_one: bool) -> None:
    # Only x = 1 holds, and only to 9e-7; z is free of it.
    model, place = one_network(lambda m: (barely_out_of_reach(m), REACHES[name](m)))
    if knows_one:
        model.x.set_value(1.0)
        model.z.set_value(10.0)
    result = optimise(model, place, 3.0)
    assert result.status is not Status.INFEASIBLE
    assert result.value is None or result.value <= 1e-6 or result.status is Status.FEASIBLE
    if knows_one:
        assert result.value == pytest.approx(0.0, abs=1e-6)


def test_the_gap_of_a_small_objective_is_relative_to_its_range() -> None:
    model, place = one_network()
    model.goal.set_value(1e-5 * model.y)
    model.x.set_value(1.0)
    result = optimise(model, place, 3.0)
    assert result.value == pytest.approx(-1e-5, rel=1e-3)
    assert result.bound <= result.value + 1e-12


def test_other_variables_are_optimised_anew_where_a_network_says_something_else_than_its_copy() -> None:
    model, place = one_network()
    model.z = pyo.Var(bounds=(0.0, 10.0))
    model.above = pyo.Constraint(expr=model.z >= model.y)
    model.goal.set_value(model.z)
    user = UserModel(model, [place])
    values = {"x": 0.2, "y": 5.0, "z": 5.0}  # a copy's y: the dense network makes 0.2 of this x
    incumbent = Incumbent(user, 0.0, 1e-6, None, None)
    assert incumbent.offer(np.array([values[v.name] for v in user.variables]), "surrogates")
    assert incumbent.value == pytest.approx(0.2)


def test_a_start_lacks_no_value_that_follows_from_the_others() -> None:
    model, place = one_network()
    model.z = pyo.Var(bounds=(0.0, 10.0))
    model.above = pyo.Constraint(expr=model.z >= model.y + 2.0)
    model.goal.set_value(model.z)
    model.x.set_value(0.25)
    result = optimise(model, place, 1.0)
    first = result.timeline[0]
    assert (first.source, first.value) == ("start", pytest.approx(2.25))
