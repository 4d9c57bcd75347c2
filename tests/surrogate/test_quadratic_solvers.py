"""Solvers that take quadratic terms, on models whose optimum is known by trying all of it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from solving import solve

from surrogate.errors import InvalidSetting
from surrogate.solvers import HighsSolver, Solver, SolverStatus
from surrogate.solvers.products import linearised, quadratic_parts
from surrogate.solvers.standard_form import exactly


def random_model(seed: int, sense: Any, unit: float = 1.0) -> Any:
    """Integers and binaries with a quadratic objective and two quadratic rows; one factor stands nowhere else."""
    rng = np.random.default_rng(seed)
    model = pyo.ConcreteModel()
    model.k = pyo.Var(range(3), domain=pyo.Integers, bounds=(-2, 3))
    model.b = pyo.Var(range(2), domain=pyo.Binary)
    v = [*(unit * one for one in model.k.values()), *model.b.values()]
    square, straight = rng.normal(size=(3, 5, 5)).round(2), rng.normal(size=(3, 5)).round(2)
    straight[:, 4] = 0.0

    def form(i: int) -> Any:
        return sum(square[i, a, b] * v[a] * v[b] for a in range(5) for b in range(5)) + sum(
            straight[i, a] * v[a] for a in range(5)
        )

    model.low, model.goal = pyo.Constraint(expr=form(0) >= -unit), pyo.Objective(expr=form(1) + 2.0, sense=sense)
    model.between = pyo.Constraint(expr=(-20.0 * unit**2, form(2) + 1.0, 9.0 * unit**2))
    return model


def best_of_all(model: Any) -> float | None:
    variables, found = [*model.k.values(), *model.b.values()], []
    for values in itertools.product(*[range(-2, 4)] * 3, *[(0, 1)] * 2):
        for variable, value in zip(variables, values, strict=True):
            variable.set_value(value)
        if all(min(row.lslack(), row.uslack()) >= 0.0 for row in (model.low, model.between)):
            found.append(pyo.value(model.goal))
    if not found:
        return None
    return min(found) if model.goal.sense == pyo.minimize else max(found)


@pytest.mark.parametrize("seed", range(8))
def test_the_optimum_of_small_models(solver: Solver, seed: int) -> None:
    model = random_model(seed, pyo.minimize if seed % 2 else pyo.maximize)
    best = best_of_all(model)
    solution = solve(solver, model, [*model.k.values(), *model.b.values()], warm=seed % 4 == 0)
    if best is None:
        assert solution.status is SolverStatus.INFEASIBLE
        return
    assert (solution.status, solution.doubt) == (SolverStatus.OPTIMAL, None)
    assert solution.objective == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert solution.dual_bound == pytest.approx(best, rel=1e-5, abs=1e-5)
    for variable, value in zip([*model.k.values(), *model.b.values()], solution.values, strict=True):
        variable.set_value(round(value))
    assert pyo.value(model.goal) == pytest.approx(best, rel=1e-9)
    assert min(one.lslack() for one in (model.low, model.between)) >= -1e-9


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_large_numbers_prove_nothing_beside_products(solver: Solver, seed: int) -> None:
    """SCIP calls other decisions than the best one optimal there."""
    model = random_model(seed, pyo.minimize if seed % 2 else pyo.maximize, 2.0**12)
    solution = solve(solver, model, [*model.k.values(), *model.b.values()])
    assert (solution.dual_bound, solution.certain_bound) == (None, None)
    assert "numbers up to" in str(solution.doubt)
    assert solution.objective == pytest.approx(best_of_all(model), rel=1e-3)


def test_a_disc_and_a_curve_meet(solver: Solver) -> None:
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(bounds=(-2.0, 2.0)), pyo.Var(bounds=(-2.0, 2.0))
    model.disc = pyo.Constraint(expr=model.x**2 + model.y**2 <= 1.0)
    model.curve = pyo.Constraint(expr=model.x * model.y >= 0.3)
    model.goal = pyo.Objective(expr=model.x, sense=pyo.maximize)
    solution = solve(solver, model, [model.x, model.y])
    assert solution.objective == pytest.approx(np.sqrt((1.0 + np.sqrt(1.0 - 0.36)) / 2.0), abs=1e-5)
    x, y = solution.values
    assert x**2 + y**2 <= 1.0 + 1e-6
    assert x * y >= 0.3 - 1e-6


def test_the_model_is_left_as_it_was() -> None:
    model = random_model(3, pyo.minimize)
    before = [(c.name, c.active) for c in model.component_data_objects(descend_into=True)]
    with exactly(model, quadratic=True) as form:
        assert form is not None
        assert len(form.products) == 15
        assert not model.low.active
    assert [(c.name, c.active) for c in model.component_data_objects(descend_into=True)] == before
    assert len(quadratic_parts(model)) == 3


def test_products_have_bounds_and_values_of_their_factors() -> None:
    model = pyo.ConcreteModel()
    model.x, model.y, model.z = pyo.Var(bounds=(-1, 3), initialize=2.0), pyo.Var(bounds=(-5, 2)), pyo.Var(initialize=-1.0)
    model.y.set_value(-4.0)
    model.row = pyo.Constraint(expr=model.x**2 + 2.0 * model.x * model.y + model.z**2 + model.y * model.z <= 1.0)
    model.goal = pyo.Objective(expr=model.z)
    with linearised(model) as found:
        told = {tuple(sorted((one.first.name, one.second.name))): one.column for one in found.products}
        ends = {names: column.bounds for names, column in told.items()}
        values = {names: column.value for names, column in told.items()}
    assert ends == {("x", "x"): (0.0, 9.0), ("x", "y"): (-15.0, 6.0), ("z", "z"): (0.0, None), ("y", "z"): (None, None)}
    assert values == {("x", "x"): 4.0, ("x", "y"): -8.0, ("z", "z"): 1.0, ("y", "z"): 4.0}


def test_highs_says_that_it_takes_linear_models() -> None:
    model = random_model(0, pyo.minimize)
    with pytest.raises(InvalidSetting, match=r"cannot be read as a mixed-integer linear programme.*goal"):
        solve(HighsSolver(), model, list(model.k.values()))
