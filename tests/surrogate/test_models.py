"""A user's model with networks in it: what the search returns holds, and no better decision exists where it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from user_models import a_model

from surrogate.models import Place, SearchSettings, Status, optimise
from surrogate.models.incumbent import Incumbent
from surrogate.models.members.dense import ALL_ROOM, Dense
from surrogate.models.reading import UserModel
from surrogate.models.state import SearchState
from surrogate.solvers import HighsSolver, Solution, SolverStatus


@pytest.mark.parametrize("sense", [pyo.minimize, pyo.maximize])
def test_the_optimum_is_found_and_proven(sense: Any) -> None:
    network = random_network(np.random.default_rng(4), (3, 8, 6, 2))
    model = a_model(0.5, sense)
    place = Place([*model.x.values(), model.k], list(model.y.values()), network)
    result = optimise(model, place, time_limit_seconds=20.0)
    line = np.linspace(-1.0, 1.0, 201)
    x = np.array(np.meshgrid(line, line, [-1.0, 0.0, 1.0])).reshape(3, -1).T
    y = network(x)
    grid = float((y[:, 1] + 0.2 * x[:, 0])[(y[:, 0] >= 0.5) & (x.sum(axis=1) <= 1.2 + 1e-9)].min())
    sign = 1.0 if sense == pyo.minimize else -1.0
    assert result.status is Status.OPTIMAL
    assert grid - 0.1 < sign * result.value <= grid + 1e-6
    assert result.bound == pytest.approx(result.value, abs=1e-3)
    np.testing.assert_array_equal(network(result.inputs[0][None])[0], result.outputs[0])
    assert [v.value for v in model.y.values()] == result.outputs[0].tolist()


@pytest.mark.parametrize(
    ("domain", "bounds", "allowed"),
    [
        (lambda: pyo.Set(initialize=[0, 5, 10]), (None, None), (0, 5, 10)),
        (lambda: pyo.Set(initialize=[-1, 1]), (None, None), (-1, 1)),
        (lambda: pyo.RangeSet(0, 10, 5), (1, None), (5, 10)),
    ],
)
def test_domains_with_gaps_hold_for_inputs_and_others(domain: Any, bounds: Any, allowed: tuple[int, ...]) -> None:
    network = random_network(np.random.default_rng(2), (2, 5, 1))
    model = pyo.ConcreteModel()
    model.z, model.w = pyo.Var(within=domain(), bounds=bounds), pyo.Var(within=domain(), bounds=bounds)
    model.x, model.y = pyo.Var(bounds=(-1, 1)), pyo.Var()
    model.row = pyo.Constraint(expr=model.w >= allowed[0] + 0.5)
    model.cost = pyo.Objective(expr=model.y + 0.1 * model.w)
    result = optimise(model, Place([model.z, model.x], [model.y], network), time_limit_seconds=10.0)
    x = np.array([[z, x] for z in allowed for x in np.linspace(-1, 1, 2001)])
    best = float(network(x).min()) + 0.1 * allowed[1]
    assert result.status is Status.OPTIMAL
    assert model.z.value in allowed
    assert model.w.value == allowed[1]
    assert best - 1e-2 < result.value <= best + 1e-6
    assert model.z.domain.name != "Reals"  # the model's domains are its own again


def test_a_bound_that_a_decision_gives_the_lie_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """HiGHS has called wrong optima of such models optimal: what the walks have found by then must not be called optimal."""
    network = random_network(np.random.default_rng(4), (3, 8, 6, 2))
    model = a_model(0.5)
    place = Place([*model.x.values(), model.k], list(model.y.values()), network)
    honest = optimise(model, place, time_limit_seconds=20.0)
    assert honest.status is Status.OPTIMAL

    def lying(self: Any, *arguments: Any, **settings: Any) -> Solution:
        wrong = honest.value + 0.1
        return Solution(SolverStatus.OPTIMAL, wrong, wrong, None, 0.0, maximised=False)

    monkeypatch.setattr(HighsSolver, "solve", lying)
    result = optimise(model, place, time_limit_seconds=2.0, members=("walks", "dense"))  # from the optimum, which model holds
    assert (result.status, result.value) == (Status.FEASIBLE, pytest.approx(honest.value, abs=1e-6))
    assert result.bound is None or result.bound <= honest.value + 1e-6
    assert result.failures["dense"].startswith("highs claims that no decision is better than")


def test_an_infeasibility_that_a_decision_gives_the_lie_is_none() -> None:
    network = random_network(np.random.default_rng(4), (3, 8, 6, 2))
    model = a_model(0.5)
    user = UserModel(model, [Place([*model.x.values(), model.k], list(model.y.values()), network)])
    incumbent = Incumbent(user, 0.0, 1e-6, None, None)
    state = SearchState(user, incumbent, SearchSettings(), float("inf"))
    assert state.prepare()
    dense = Dense(state)
    points = np.random.default_rng(0).uniform(-1.0, 1.0, size=(200, user.columns))
    taken = [incumbent.offer(point, "test") for point in points]
    assert True in taken
    infeasible = Solution(SolverStatus.INFEASIBLE, None, None, None, 0.0, maximised=False)
    dense._take(infeasible)  # its rows had little room: that says nothing yet
    assert not state.failures
    dense._room = ALL_ROOM
    dense._take(infeasible)  # of all decisions, with no cutoff
    assert not state.excluded
    assert state.bound == float("-inf")
    assert "that there is no decision" in state.failures["dense"]
