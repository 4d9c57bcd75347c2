"""What a user's model and settings must be: starts with values, and a sentence for all that cannot be used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from user_models import HALF, NETWORK, a_model, place

from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.substitution import Outcome, Place, SurrogateOptimiser


class TestWarmStart:
    def test_is_the_first_solution_met(self) -> None:
        model = a_model(floor=-1e3)  # everything holds
        for variable, value in ((model.x[0], 0.5), (model.x[1], -0.5), (model.k, 0)):
            variable.set_value(value)
        result = SurrogateOptimiser(warm_start=True, repair="never").solve(model, place(model))
        np.testing.assert_allclose(result.met[0].inputs[0], [0.5, -0.5, 0.0], atol=1e-6)

    def test_needs_values(self) -> None:
        model = a_model()
        with pytest.raises(InvalidSetting, match=r"warm_start=True needs a value for every variable but the outputs; x\[0\]"):
            SurrogateOptimiser(warm_start=True).solve(model, place(model))

    @pytest.mark.parametrize("value", [3.0, -1.001, float("nan")])
    def test_needs_values_within_the_bounds(self, value: float) -> None:
        model = a_model()
        for variable in (model.x[0], model.x[1], model.k):
            variable.set_value(0)
        model.x[1].set_value(value, skip_validation=True)
        with pytest.raises(InvalidSetting, match=rf"own bounds and domains; x\[1\] is {value}, allowed is -1 to 1"):
            SurrogateOptimiser(warm_start=True).solve(model, place(model))

    def test_a_value_that_rounding_put_outside_is_taken(self) -> None:
        model = a_model(floor=-1e3)
        for variable, value in ((model.x[0], 1.0 + 5e-7), (model.x[1], -0.5), (model.k, 0)):
            variable.set_value(value, skip_validation=True)
        result = SurrogateOptimiser(warm_start=True, repair="never").solve(model, place(model))
        assert result.outcome is Outcome.FEASIBLE

    def test_what_one_network_gives_may_be_outside_the_inputs_of_the_next(self) -> None:
        model = pyo.ConcreteModel()
        model.x, model.y, model.z = pyo.Var(bounds=(0, 1), initialize=0.0), pyo.Var(bounds=(1, 2)), pyo.Var()
        model.goal = pyo.Objective(expr=model.z, sense=pyo.maximize)
        double, same = ReluNetwork([[[1.0]], [[2.0]]], [[0.0], [0.0]]), ReluNetwork([[[1.0]], [[1.0]]], [[0.0], [0.0]])
        places = [Place([model.x], [model.y], double, double), Place([model.y], [model.z], same, same)]
        result = SurrogateOptimiser(warm_start=True).solve(model, places)
        assert result.objective == pytest.approx(2.0)


class TestMisuse:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"repair": "perhaps"}, "repair='perhaps' is not one of needed, always, never"),
            ({"radii": ()}, "radii must grow from above 0 to at most 1"),
            ({"radii": (0.5, 0.1)}, "radii must grow from above 0 to at most 1"),
            ({"radii": (0.5, 2.0)}, "radii must grow from above 0 to at most 1"),
            ({"surrogate_share": 0.0}, "surrogate_share must be above 0 and at most 1"),
            ({"tolerance": 0.1}, r"tolerance must be above 0 and at most 0\.01"),
            ({"bounds": "guess"}, "bounds='guess' is not one of"),
            ({"formulation": "guess"}, "formulation='guess' is not one of"),
        ],
    )
    def test_settings(self, settings: dict, message: str) -> None:
        with pytest.raises(InvalidSetting, match=message):
            SurrogateOptimiser(**settings)

    def test_variables(self) -> None:
        model = a_model()
        x, y = [*model.x.values(), model.k], list(model.y.values())
        cases: list[tuple[Any, Any, str]] = [
            (x[:2], y, "the dense network has 3 inputs, got 2 variables"),
            (x, y[:1], "the dense network has 2 outputs, got 1 variables"),
            (model.x, y, r"inputs must be a list of Pyomo variables: pass list\(model\.x\.values\(\)\)"),
            ([0, 1, 2], y, "inputs must be single Pyomo variables, got 0"),
            (x, [y[0], x[0]], r"variable x\[0\] is given twice"),
            (x, [y[0], model.k], "variable k is given twice"),
        ]
        for inputs, outputs, message in cases:
            with pytest.raises(InvalidSetting, match=message):
                Place(inputs, outputs, NETWORK, HALF)

    def test_expressions_single_variables_and_slices(self) -> None:
        model = a_model()
        x, y = [*model.x.values(), model.k], list(model.y.values())
        model.twice, model.number = pyo.Expression(expr=2 * model.x[0]), pyo.Param(initialize=1.0, mutable=True)
        one_output = ReluNetwork([[[1.0, 1.0, 1.0]], [[1.0]]], [[0.0], [0.0]])
        a_constraint_of_it = "and a constraint by which it equals the expression"
        cases: list[tuple[Any, Any, str]] = [
            ([2 * model.x[0], *x[1:]], y, rf"got the expression 2\*x\[0\]: add a variable, .*{a_constraint_of_it}"),
            ([x[0] + x[1], *x[1:]], y, rf"got the expression x\[0\] \+ x\[1\]: .*{a_constraint_of_it}"),
            ([-x[0], *x[1:]], y, r"got the expression - x\[0\]"),
            ([x[0] <= 1, *x[1:]], y, r"got the expression x\[0\] <= 1"),
            ([model.twice, *x[1:]], y, "got the expression twice"),
            ([model.number, *x[1:]], y, "inputs must be single Pyomo variables, got number"),
            (x[0] + 1, y, r"got the expression x\[0\] \+ 1"),
            (x, [y[0], 2 * y[1]], r"outputs must be single Pyomo variables, got the expression 2\*y\[1\]"),
        ]
        for inputs, outputs, message in cases:
            with pytest.raises(InvalidSetting, match=message):
                Place(inputs, outputs, NETWORK, HALF)
        with pytest.raises(InvalidSetting, match=r"outputs must be a list of Pyomo variables: pass \[model\.y\[0\]\]"):
            Place(x, model.y[0], one_output, HALF)
        with pytest.raises(InvalidSetting, match=r"inputs must be a list of Pyomo variables: pass \[model\.k\]"):
            Place(model.k, y, NETWORK, HALF)
        assert Place(x, model.y[:], NETWORK, HALF).outputs == y

    def test_bounds_and_domains(self) -> None:
        model = a_model()
        model.free, model.whole = pyo.Var(bounds=(0.0, None)), pyo.Var(domain=pyo.Integers)
        x, y = list(model.x.values()), list(model.y.values())
        with pytest.raises(InvalidSetting, match=r"input free has the bounds 0\.0 to None: every input needs finite ones"):
            Place([*x, model.free], y, NETWORK, HALF)
        with pytest.raises(InvalidSetting, match="output whole has the domain Integers"):
            Place([*x, model.k], [y[0], model.whole], NETWORK, HALF)
        model.y[1].fix(1.0)
        with pytest.raises(InvalidSetting, match=r"output y\[1\] is fixed"):
            place(model)

    def test_a_surrogate_of_other_sizes(self) -> None:
        with pytest.raises(InvalidSetting, match="equal input and output sizes"):
            place(a_model(), random_network(np.random.default_rng(0), (3, 4, 1)))

    def test_models(self) -> None:
        model = a_model()
        optimiser = SurrogateOptimiser()
        for wrong in (None, pyo.AbstractModel()):
            with pytest.raises(InvalidSetting, match="expected a constructed Pyomo model"):
                optimiser.solve(wrong, place(model))
        with pytest.raises(InvalidSetting, match="at least one Place"):
            optimiser.solve(model, [])
        with pytest.raises(InvalidSetting, match=r"variable x\[0\] of a Place is not in the model"):
            optimiser.solve(a_model(), place(model))
        with pytest.raises(InvalidSetting, match=r"variable y\[0\] is the output of two places"):
            optimiser.solve(model, [place(model), place(model)])
        model.bent = pyo.Constraint(expr=model.x[0] ** 2 <= 0.5)
        with pytest.raises(InvalidSetting, match=r"mixed-integer linear programme.*bent"):
            optimiser.solve(model, place(model))
        model.bent.deactivate()
        model.cost.deactivate()
        with pytest.raises(InvalidSetting, match="one active objective, got 0"):
            optimiser.solve(model, place(model))

    def test_outputs_that_nothing_uses(self) -> None:
        model = a_model()
        model.floor.deactivate()
        model.cost.deactivate()
        model.other = pyo.Objective(expr=model.x[0])
        with pytest.raises(InvalidSetting, match=r"uses the outputs y\[0\], y\[1\]: the network would decide nothing"):
            SurrogateOptimiser().solve(model, place(model))

    def test_fixed_variables_that_break_a_row(self) -> None:
        model = a_model()
        model.given = pyo.Var(initialize=1.0)
        model.given.fix()
        model.impossible = pyo.Constraint(expr=model.given <= 0.5)
        with pytest.raises(InvalidSetting, match="whose variables are all fixed is violated"):
            SurrogateOptimiser().solve(model, place(model))
