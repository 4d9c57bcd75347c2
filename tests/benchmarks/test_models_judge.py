"""What decisions of any tool are worth: the judge of models with networks in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

from benchmarks.models import judge
from benchmarks.models.asking import Outcome, judged
from benchmarks.models.judge import Judge
from surrogate.models import Place
from surrogate.models.problems import ModelInstance
from surrogate.models.reading import UserModel
from surrogate.networks import ReluNetwork

NETWORK = ReluNetwork([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
"""The absolute value."""


def a_model(sense: Any = pyo.minimize) -> tuple[ModelInstance, UserModel]:
    """y = |x|, and pieces n of size 1 that cover y - 0.25; each piece costs 1, and x pays a little."""
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(bounds=(-2.0, 2.0)), pyo.Var()
    model.n = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 5))
    model.least = pyo.Constraint(expr=model.y >= 0.5)
    model.covered = pyo.Constraint(expr=model.n >= model.y - 0.25)
    model.cost = pyo.Objective(expr=(1.0 if sense == pyo.minimize else -1.0) * (model.n + 0.1 * model.x), sense=sense)
    places = [Place([model.x], [model.y], NETWORK)]
    return ModelInstance(model, places), UserModel(model, places)


def decision(user: UserModel, **values: float) -> Any:
    return np.array([values[variable.name] for variable in user.variables])


def test_what_holds_has_the_value_that_the_dense_network_gives_it() -> None:
    _, user = a_model()
    verdict = Judge(user)(decision(user, x=-1.0, y=123.0, n=1.0 + 1e-9))
    assert (verdict.value, verdict.settled) == (pytest.approx(0.9), False)
    assert Judge(a_model(pyo.maximize)[1])(decision(user, x=-1.0, y=0.0, n=1.0)).value == pytest.approx(-0.9)


def test_variables_beside_the_networks_are_optimised_anew_where_they_break_a_row() -> None:
    _, user = a_model()
    verdict = Judge(user)(decision(user, x=-1.5, y=0.2, n=0.0))  # 1.25 is to be covered
    assert (verdict.value, verdict.settled) == (pytest.approx(1.85), True)
    assert verdict.violation == pytest.approx(1.25)


def test_variables_beside_the_networks_are_optimised_anew_where_that_is_better() -> None:
    _, user = a_model()
    verdict = Judge(user)(decision(user, x=-1.0, y=1.0, n=3.0))  # 0.75 is to be covered, and 1 piece does
    assert (verdict.value, verdict.settled, verdict.violation) == (pytest.approx(0.9), True, 0.0)
    _, user = a_model(pyo.maximize)
    verdict = Judge(user)(decision(user, x=-1.0, y=1.0, n=3.0))
    assert (verdict.value, verdict.settled) == (pytest.approx(-0.9), True)


def test_what_holds_counts_where_nothing_better_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    _, user = a_model()
    worse = decision(user, x=-1.0, y=1.0, n=5.0)
    for found in (None, worse):
        monkeypatch.setattr(judge.MixedProgramme, "solve", lambda *_, found=found: (None, found))
        verdict = Judge(user)(decision(user, x=-1.0, y=1.0, n=3.0))
        assert (verdict.value, verdict.settled) == (pytest.approx(2.9), False)
        assert [variable.value for variable in user.variables] == decision(user, x=-1.0, y=1.0, n=3.0).tolist()


def test_nothing_is_solved_where_the_other_variables_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    instance, _ = a_model()
    instance.model.cost.expr = 0.1 * instance.model.x
    user = UserModel(instance.model, instance.places)
    monkeypatch.delattr(judge.MixedProgramme, "solve")
    assert Judge(user)(decision(user, x=-1.0, y=1.0, n=3.0)).value == pytest.approx(-0.1)


@pytest.mark.parametrize(
    "values",
    [
        {"x": 0.4, "y": 0.5, "n": 1.0},  # the tool's y would do, the network's is below the least
        {"x": 0.5 - 1e-5, "y": 0.5, "n": 1.0},
        {"x": math.nan, "y": 0.5, "n": 1.0},
    ],
)
def test_what_does_not_hold_has_no_value(values: dict[str, float]) -> None:
    _, user = a_model()
    assert Judge(user)(decision(user, **values)).value is None


def test_the_timeline_has_better_decisions_that_hold_and_nothing_else() -> None:
    instance, user = a_model()
    met = [
        (0.1, decision(user, x=0.4, y=0.5, n=1.0), "a"),  # does not hold
        (0.2, decision(user, x=1.0, y=1.0, n=1.0), "b"),
        (0.3, decision(user, x=1.1, y=1.1, n=1.0), "c"),  # holds and is worse
        (0.4, decision(user, x=-1.0, y=1.0, n=0.0), "d"),  # holds with another n
        (0.5, decision(user, x=0.5 - 1e-5, y=0.5, n=1.0), "e"),  # nearly holds
    ]
    row = judged(Outcome(met=met), instance, user, 60.0)
    assert [[when, source, settled] for when, _, source, settled in row["timeline"]] == [[0.2, "b", False], [0.4, "d", True]]
    assert [value for _, value, *_ in row["timeline"]] == pytest.approx([1.1, 0.9])
    assert (row["met"], row["held"], row["settled"]) == (5, 3, 1)
    assert row["value_loose"] == pytest.approx(1.05, abs=1e-4)
    assert row["worst_refused"] == pytest.approx(0.1)
