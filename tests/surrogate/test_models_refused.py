"""Models, places and settings that cannot be used: one sentence for each, before anything is searched."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from user_models import NETWORK, a_model, place, shape

from surrogate.errors import InvalidSetting
from surrogate.models import Place, optimise
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning

SAME = ReluNetwork([[[1.0]], [[1.0]]], [[10.0], [-10.0]])
WRONG: Any = "a"

SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "a mistyped name": ({"memmbers": ["walks"]}, "optimise has no setting memmbers: did you mean members"),
    "a mistyped limit": ({"time_limit": 3.0}, "optimise has no setting time_limit: did you mean time_limit_seconds"),
    "a name like no other": ({"qqqq": 1}, "optimise has no setting qqqq; there are members, sparsities, solver"),
    "no time": ({"time_limit_seconds": 0}, "time_limit_seconds must be positive and finite, got 0"),
    "less than no time": ({"time_limit_seconds": -1.0}, "time_limit_seconds must be positive and finite"),
    "time that is not a number": ({"time_limit_seconds": math.nan}, "time_limit_seconds must be positive and finite, got nan"),
    "all time": ({"time_limit_seconds": math.inf}, "time_limit_seconds must be positive and finite, got inf"),
    "a limit in words": ({"time_limit_seconds": WRONG}, "time_limit_seconds must be positive and finite, got 'a'"),
    "no members": ({"members": ()}, r"members=\(\) is not allowed: expected a list of names, each one of walks, "),
    "an unknown member": (
        {"members": ["walk"]},
        r"members=\['walk'\] is not allowed: .* one of walks, .* \(did you mean walks\?\)",
    ),
    "a member alone": ({"members": "walks"}, "members='walks' is not allowed: expected a list of names, each one of walks"),
    "too much sparsity": ({"sparsities": [1.0]}, r"sparsities=\[1.0\] is not allowed: .*, each a number with 0 <= value < 1"),
    "a sparsity alone": ({"sparsities": 0.5}, "sparsities=0.5 is not allowed: expected a list of shares"),
    "a solver's name": ({"solver": "highs"}, r"solver must be a Solver, such as HighsSolver\(\), got str 'highs'"),
    "bounds": ({"bounds": "guess"}, "bounds='guess' is not one of"),
    "a formulation": ({"formulation": "guess"}, "formulation='guess' is not one of"),
    "a tolerance": ({"tolerance": 0.1}, r"tolerance=0\.1 is not allowed: expected a number above 0 and at most 0\.01"),
    "a gap": ({"relative_gap": -0.1}, r"relative_gap=-0\.1 is not allowed"),
    "a target": ({"target": math.nan}, "target=nan is not allowed: expected a finite number or None"),
    "no points": ({"points": 0}, "points=0 is not allowed"),
    "a seed": ({"seed": -1}, "seed=-1 is not allowed"),
    "no function": ({"on_better": "print"}, "on_better must be a function of a Step, or None, got 'print'"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str) -> None:
    settings, message = SETTINGS[name]
    model = a_model()
    with pytest.raises(InvalidSetting, match=message) as refused:
        optimise(model, place(model), **{"time_limit_seconds": 1.0, **settings})
    assert "\n" not in str(refused.value)


def with_variables(change: Callable[[Any, list, list], tuple[Any, Any]]) -> Callable[[], Any]:
    def make() -> Place:
        model = a_model()
        model.free, model.whole = pyo.Var(bounds=(0.0, None)), pyo.Var(domain=pyo.Integers)
        return Place(*change(model, [*model.x.values(), model.k], list(model.y.values())), NETWORK)

    return make


def of_a_fixed_output() -> Any:
    model = a_model()
    model.y[1].fix(1.0)
    return place(model)


def of_an_abstract_model(role: str) -> Any:
    model, other = pyo.AbstractModel(), pyo.ConcreteModel()
    model.x, other.x = pyo.Var(bounds=(0, 1)), pyo.Var(bounds=(0, 1))
    return Place([model.x], [other.x], SAME) if role == "inputs" else Place([other.x], [model.x], SAME)


PLACES: dict[str, tuple[Callable[[], Any], str]] = {
    "too few inputs": (with_variables(lambda m, x, y: (x[:2], y)), "the dense network has 3 inputs, got 2"),
    "too few outputs": (with_variables(lambda m, x, y: (x, y[:1])), "the dense network has 2 outputs, got 1"),
    "an indexed variable": (
        with_variables(lambda m, x, y: (m.x, y)),
        r"inputs must be a list: pass list\(model\.x\.values\(\)\)",
    ),
    "indexed outputs": (with_variables(lambda m, x, y: (x, m.y)), r"outputs must be a list: pass list\(model\.y\.values\(\)\)"),
    "an indexed variable in a list": (with_variables(lambda m, x, y: ([m.x, m.k], y)), "inputs must be single Pyomo variables"),
    "a single input": (with_variables(lambda m, x, y: (x[0], y)), r"inputs must be a list, got the single x\[0\]"),
    "a single expression": (with_variables(lambda m, x, y: (x[0] + 1, y)), "inputs must be a list, got the single"),
    "a single output": (with_variables(lambda m, x, y: (x, y[0])), r"outputs must be a list, got the single y\[0\]"),
    "texts": (with_variables(lambda m, x, y: (["x", *x[1:]], y)), "affine expressions of them or numbers, got 'x'"),
    "a truth value": (with_variables(lambda m, x, y: ([True, *x[1:]], y)), "expressions of them or numbers, got True"),
    "not a number": (with_variables(lambda m, x, y: ([math.nan, *x[1:]], y)), "expressions of them or numbers, got nan"),
    "infinity": (with_variables(lambda m, x, y: ([math.inf, *x[1:]], y)), "expressions of them or numbers, got inf"),
    "nothing": (with_variables(lambda m, x, y: (None, y)), "inputs must be a list of Pyomo variables, got NoneType"),
    "an output twice": (with_variables(lambda m, x, y: (x, [y[0], y[0]])), r"variable y\[0\] is given as two outputs"),
    "an expression as output": (
        with_variables(lambda m, x, y: (x, [y[0], 2 * y[1]])),
        r"outputs must be single Pyomo variables, got the expression 2\*y\[1\]",
    ),
    "a whole output": (with_variables(lambda m, x, y: (x, [y[0], m.whole])), "output whole has the domain Integers"),
    "a fixed output": (of_a_fixed_output, r"output y\[1\] is fixed"),
    "inputs of an abstract model": (
        lambda: of_an_abstract_model("inputs"),
        "inputs must be variables of a ConcreteModel, but x",
    ),
    "outputs of an abstract model": (
        lambda: of_an_abstract_model("outputs"),
        "outputs must be variables of a ConcreteModel, but x",
    ),
    "a surrogate of other sizes": (
        lambda: place(a_model(), random_network(np.random.default_rng(0), (3, 4, 1))),
        "equal input and output sizes",
    ),
    "a pruning that needs data": (
        lambda: place(a_model(), Pruning("activation", 0.5)),
        "surrogate=activation needs training data, of which a Place has none",
    ),
    "a pruning's name": (lambda: place(a_model(), "magnitude"), "surrogate must be a ReluNetwork, a Pruning"),
    "no network": (lambda: Place([], [], WRONG), "dense must be a ReluNetwork"),
}


@pytest.mark.parametrize("name", PLACES)
def test_places(name: str) -> None:
    make, message = PLACES[name]
    with pytest.raises(InvalidSetting, match=message) as refused:
        make()
    assert "\n" not in str(refused.value)


def test_slices_are_lists() -> None:
    model = a_model()
    model.z = pyo.Var(range(3), bounds=(0, 1))
    assert Place(model.z[:], model.y[:], NETWORK).outputs == list(model.y.values())


Change = Callable[[Any], Any]
"""Changes the model, and returns the places if they are not its one."""


def fix(variable: Any, value: Any) -> None:
    variable.fix(value, skip_validation=True)


def circle(model: Any) -> list[Place]:
    model.a, model.b = pyo.Var(), pyo.Var()
    return [place(model), Place([model.a], [model.b], SAME), Place([model.b], [model.a], SAME)]


def second_objective(model: Any) -> None:
    model.other = pyo.Objective(expr=model.x[0])


def bent(model: Any) -> None:
    model.block = pyo.Block([1])
    model.block[1].bent = pyo.Constraint(expr=model.x[0] ** 2 + model.y[0] <= 0.5)


def open_expression(model: Any) -> list[Place]:
    model.free = pyo.Var()
    return [Place([model.free + model.x[0], 1.0, model.k], list(model.y.values()), NETWORK)]


def open_input(model: Any) -> list[Place]:
    model.free = pyo.Var(bounds=(0.0, None))
    model.row = pyo.Constraint(expr=model.free - model.x[0] >= 0.5)  # it opens no end
    return [Place([*model.x.values(), model.free], list(model.y.values()), NETWORK)]


def curved(model: Any) -> list[Place]:
    return [Place([model.x[0] * model.x[1], *model.x.values()], list(model.y.values()), NETWORK)]


def compared(model: Any) -> list[Place]:
    return [Place([model.x[0] <= 1, *model.x.values()], list(model.y.values()), NETWORK)]


def without_parameter(model: Any) -> list[Place]:
    model.p = pyo.Param(mutable=True)
    return [Place([model.x[0] + model.p, *model.x.values()], list(model.y.values()), NETWORK)]


def impossible_row(model: Any) -> None:
    model.given = pyo.Var(initialize=1.0)
    model.given.fix()
    model.impossible = pyo.Constraint(expr=model.given <= 0.5)


def nothing_allowed(model: Any) -> None:
    model.z = pyo.Var(within=pyo.Set(initialize=[0, 5]), bounds=(1, 4))
    model.row = pyo.Constraint(expr=model.z + model.x[0] <= 7)


ANOTHER = a_model()
"""Kept here: of a model that is gone, Pyomo's variables have no names."""


def fixed_later(model: Any) -> list[Place]:
    made = place(model)
    model.y[1].fix(1.0)
    return [made]


def row_without_parameter(model: Any) -> None:
    model.p = pyo.Param(mutable=True)
    model.row = pyo.Constraint(expr=model.x[0] + model.p * model.x[1] <= 1.0)


MODELS: dict[str, tuple[Change, str]] = {
    "an output that was fixed later": (fixed_later, r"output y\[1\] is fixed"),
    "a row whose parameter has no value": (
        row_without_parameter,
        "constraint row has the parameter p in it, which has no value",
    ),
    "no places": (lambda _: [], "at least one Place must say where a network sits"),
    "places of another model": (lambda _: [place(ANOTHER)], r"variable x\[0\] of a Place is not in the model"),
    "an output of two places": (lambda m: [place(m), place(m)], r"variable y\[0\] is the output of two places"),
    "a circle": (circle, "places read one another's outputs in a circle, among them the one that writes b"),
    "a place that reads itself": (
        lambda m: [Place([m.y[0], *m.x.values()], list(m.y.values()), NETWORK)],
        "places read one another's outputs in a circle",
    ),
    "two objectives": (second_objective, r"must have one active objective, got 2 \(cost, other\)"),
    "no objective": (lambda m: m.cost.deactivate(), "must have one active objective, got 0"),
    "a quadratic constraint": (bent, r"constraint block\[1\]\.bent is quadratic, .*Gurobi and SCIP take quadratic"),
    "a quadratic objective": (
        lambda m: m.cost.set_value(m.x[0] ** 2 + m.y[1]),
        "objective cost is quadratic, .*Gurobi and SCIP",
    ),
    "an open input": (open_input, "input free lacks a bound of its own, and the constraints give it none"),
    "an open expression": (open_expression, r"input free \+ x\[0\] lacks a bound"),
    "a product as input": (curved, r"input 0 of a Place is x\[0\]\*x\[1\], which is not affine"),
    "a comparison as input": (compared, "input 0 of a Place is .*, which is not affine"),
    "a parameter without a value": (without_parameter, "input 0 of a Place has the parameter p in it, which has no value"),
    "a variable fixed to nothing": (lambda m: fix(m.x[0], None), r"variable x\[0\] is fixed without a value"),
    "a variable fixed beyond its bounds": (lambda m: fix(m.x[0], 3), r"variable x\[0\] is fixed to 3, but its domain Reals"),
    "a variable fixed between whole numbers": (
        lambda m: fix(m.k, 0.5),
        r"variable k is fixed to 0\.5, but its domain Integers",
    ),
    "fixed variables that break a row": (impossible_row, "whose variables are all fixed is violated"),
    "a variable that may have no value": (nothing_allowed, "variable z may have no value at all"),
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str) -> None:
    change, message = MODELS[name]
    model = a_model()
    given = change(model)
    before = shape(model)
    with pytest.raises(InvalidSetting, match=message) as refused:
        optimise(model, given if isinstance(given, list) else place(model), 1.0)
    assert "\n" not in str(refused.value)
    assert shape(model) == before


@pytest.mark.parametrize("wrong", [None, pyo.AbstractModel(), "model", pyo.Block(concrete=False)])
def test_what_is_no_model(wrong: Any) -> None:
    model = a_model()
    with pytest.raises(InvalidSetting, match="expected a constructed Pyomo model"):
        optimise(wrong, place(model), 1.0)


@pytest.mark.parametrize("wrong", [None, [None], ["a"], 3, Place])
def test_what_is_no_place(wrong: Any) -> None:
    with pytest.raises(InvalidSetting, match=r"places must be a list of Place objects|each of places must be a Place"):
        optimise(a_model(), wrong, 1.0)


@pytest.mark.parametrize("stands_in", ["a row", "a place"])
def test_a_bound_that_is_no_number(stands_in: str) -> None:
    model = a_model()
    if stands_in == "a row":
        model.w = pyo.Var(bounds=(math.nan, 1.0))
        model.row = pyo.Constraint(expr=model.x[0] + model.w <= 1.0)
    else:
        model.x[0].setlb(math.nan)
    with pytest.raises(InvalidSetting, match="the model cannot be read: ") as refused:
        optimise(model, place(model), 1.0)
    assert "\n" not in str(refused.value)


def test_a_row_of_fixed_variables_may_be_violated_by_the_tolerance() -> None:
    model = a_model()
    model.given = pyo.Var(initialize=0.1 + 0.2)
    model.given.fix()
    model.known = pyo.Constraint(expr=model.given <= 0.3)
    before = shape(model)
    assert optimise(model, place(model), 1.0).value is not None
    assert shape(model) == before
    assert model.known.active


def test_the_former_place_of_the_optimiser_names_the_new_call() -> None:
    with pytest.raises(ImportError, match=r"use surrogate\.models\.optimise\(model, Place\("):
        importlib.import_module("surrogate.substitution")


def test_a_row_with_an_infinite_side_holds_its_other_side() -> None:
    # Its sides gave it an infinite tolerance: any decision held.
    model = a_model(floor=-1e3)
    model.row = pyo.Constraint(expr=(-math.inf, model.x[0] + model.x[1], -0.5))
    model.nothing = pyo.Constraint(expr=(-math.inf, model.x[0], math.inf))
    result = optimise(model, place(model), 10.0)
    assert result.status == "optimal"
    assert model.x[0].value + model.x[1].value <= -0.5 + 1e-6
