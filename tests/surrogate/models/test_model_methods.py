"""The ways to answer a model: each keeps to its part of the search, and says what holds on the dense networks."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from user_models import NETWORK, a_model, grid_optimum, place, require_holding, require_no_threads, shape

from surrogate.errors import InvalidSetting
from surrogate.models import Place, Status, optimise
from surrogate.models.methods import METHODS, DenseMilp, ModelMethod, SurrogateMilp, WalkAlone, WholeSearch
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.solvers import HighsSolver

SOLVER = HighsSolver(time_limit_seconds=20.0)
HALF = prune(Pruning("magnitude", 0.5), NETWORK)
WRONG: Any = "a"


def short(name: str) -> ModelMethod:
    """The method of that name, which ends before its limit or soon."""
    if name == "walk":
        return WalkAlone(time_limit_seconds=0.5)
    return METHODS[name](solver=SOLVER)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_leaves_a_decision_that_holds_and_the_model_as_it_was(name: str) -> None:
    model = a_model(floor=1.0)
    before = shape(model)
    result = short(name).answer(model, one := place(model, HALF))
    assert shape(model) == before
    assert result.status in (Status.OPTIMAL, Status.FEASIBLE)
    require_holding(model, result, [one])
    assert result.value >= grid_optimum(1.0) - 0.1
    require_no_threads()


@pytest.mark.parametrize("name", METHODS)
def test_settings_are_fields_and_every_object_can_be_made_anew_of_them(name: str) -> None:
    method = METHODS[name]()
    again = type(method)(**{field.name: getattr(method, field.name) for field in dataclasses.fields(method)})
    assert again == method
    assert method.limit_seconds == 60.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.bounds = "lp"  # type: ignore[attr-defined]


def test_the_dense_milp_is_alone_and_proves() -> None:
    model = a_model()
    result = DenseMilp(SOLVER).answer(model, place(model, HALF))
    assert result.status is Status.OPTIMAL
    assert {step.source for step in result.timeline} == {"dense"}
    assert not {"points", "regions"} & set(result.work)
    assert set(result.sizes) == {"dense"}
    assert result.sizes["dense"]["binaries"] == 15  # 14 neurons and the integer
    assert result.surrogate_value is None
    assert result.surrogate_bounds == ()
    (free,) = result.dense_bounds
    assert 0 < free.unstable <= 14
    assert free.big_m > 0.0


def test_pruned_networks_without_repair_are_checked_and_prove_nothing() -> None:
    model = a_model(floor=0.5)
    result = SurrogateMilp(solver=SOLVER).answer(model, one := place(model, NETWORK))
    assert result.status is Status.FEASIBLE
    assert result.bound is None
    assert {step.source for step in result.timeline} == {"surrogates"}
    assert result.surrogate_value == pytest.approx(result.value, abs=1e-4)
    assert set(result.sizes) == {"surrogates"}
    assert result.surrogate_bounds == result.dense_bounds  # the surrogate is the dense network
    require_holding(model, result, [one])


def blind() -> ReluNetwork:
    """A surrogate that believes the floor is kept everywhere, and cares for the second output no more than the first input."""
    return ReluNetwork([np.zeros((1, 3)), np.zeros((2, 1))], [[0.0], [3.0, 0.0]])


def test_without_repair_a_decision_that_does_not_hold_is_none() -> None:
    model = a_model(floor=1.0)
    result = SurrogateMilp(solver=SOLVER).answer(model, place(model, blind()))
    assert (result.status, result.timeline) == (Status.UNRESOLVED, ())
    assert result.surrogate_value == pytest.approx(-0.2)


def test_repair_walks_to_a_decision_that_holds() -> None:
    model = a_model(floor=1.0)
    result = SurrogateMilp(repair=True, solver=SOLVER).answer(model, one := place(model, blind()))
    assert result.status is Status.FEASIBLE
    assert {step.source for step in result.timeline} == {"repair"}
    assert "points" not in result.work  # a walk begins at the surrogate's decisions only
    require_holding(model, result, [one])


def test_repair_keeps_the_integers_where_the_rest_can_be_mended() -> None:
    """Moving x alone mends the decision for k = 0, which the surrogate is made to want; k = 1 would be worth more."""
    identity = ReluNetwork([[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]]], [[2.0, 2.0], [-2.0, -4.0]])
    # The dense network gives y = (x0, 2 k); its pruned copy gives y = (1, -2 k), so it asks for k = -1 ... and x0 = -1.
    pruned = ReluNetwork([[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]], [[2.0, 2.0], [1.0, 0.0]])
    model = a_model(floor=0.5)
    model.want = pyo.Constraint(expr=model.k >= 0)
    model.cost.set_value(-model.y[1] + 0.2 * model.x[0] + 0.1 * model.k)
    result = SurrogateMilp(repair=True, solver=SOLVER).answer(model, place(model, pruned, identity))
    assert model.k.value == 0
    assert model.x[0].value == pytest.approx(0.5, abs=1e-6)
    assert result.value == pytest.approx(0.1, abs=1e-6)
    best = optimise(model, place(model, dense=identity), 10.0)
    assert model.k.value == 1
    assert best.value < result.value


def test_repair_gives_up_the_integers_where_they_leave_nothing() -> None:
    """The floor needs k = 1 on the dense network; the pruned one believes it kept with k = 0."""
    dense = ReluNetwork([[[0.0, 0.0, 1.0]], [[1.0], [0.0]]], [[2.0], [-2.0, 0.0]])
    pruned = ReluNetwork([[[0.0, 0.0, 0.0]], [[0.0], [0.0]]], [[0.0], [1.0, 0.0]])
    model = a_model(floor=0.5)
    model.cost.set_value(0.2 * model.x[0] + model.k)
    model.want = pyo.Constraint(expr=model.k >= 0)
    SurrogateMilp(repair=True, solver=SOLVER).answer(model, place(model, pruned, dense))
    assert model.k.value == 1


def test_the_walk_alone_states_no_milp_of_all_and_uses_no_pruned_network() -> None:
    model = a_model()
    result = WalkAlone(time_limit_seconds=0.5).answer(model, place(model, blind()))
    assert result.status is Status.FEASIBLE
    assert (result.bound, result.surrogate_value, dict(result.sizes)) == (None, None, {})
    assert "surrogates" not in result.work


def test_the_search_takes_the_pruned_network_that_is_given() -> None:
    model = a_model()
    result = WholeSearch(solver=SOLVER).answer(model, place(model, HALF))
    assert result.status is Status.OPTIMAL


def test_a_method_that_needs_pruned_networks_says_which_place_has_none() -> None:
    assert [name for name, method in METHODS.items() if method.needs_surrogate] == ["surrogate"]
    assert all(method.takes_surrogate for method in METHODS.values() if method.needs_surrogate)
    model = a_model()
    with pytest.raises(InvalidSetting, match=r"method surrogate needs a pruned network in every place, and place 0 has none"):
        SurrogateMilp().answer(model, place(model))
    with pytest.raises(InvalidSetting, match="each of places must be a Place"):
        SurrogateMilp().answer(model, [WRONG])


@pytest.mark.parametrize(
    ("method", "settings", "sentence"),
    [
        (DenseMilp, {"solver": "highs"}, r"solver must be a Solver, such as HighsSolver\(\), got str 'highs'"),
        (DenseMilp, {"bounds": "guess"}, "bounds='guess' is not one of"),
        (SurrogateMilp, {"repair": 1}, "repair=1 is not allowed: expected true or false"),
        (SurrogateMilp, {"formulation": "guess"}, "formulation='guess' is not one of"),
        (WalkAlone, {"time_limit_seconds": 0.0}, "time_limit_seconds must be positive and finite"),
        (WalkAlone, {"points": 0}, "points=0 is not allowed"),
        (WholeSearch, {"sparsities": [1.0]}, r"each of sparsities=1.0 is not allowed: expected a number in \[0, 1\)"),
    ],
)
def test_a_wrong_setting_is_refused_when_the_method_is_made(
    method: type[ModelMethod], settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidSetting, match=sentence):
        method(**settings)


def test_what_repair_and_first_points_may_be() -> None:
    model = a_model()
    for settings in ({"repair": 1}, {"first_points": None}):
        with pytest.raises(InvalidSetting, match="expected true or false"):
            optimise(model, place(model), 1.0, **settings)


def test_places_one_by_one() -> None:
    model = a_model()
    assert isinstance(one := place(model, HALF), Place)
    assert SurrogateMilp(solver=SOLVER).answer(model, [one]).seconds < 20.0
