"""``embed`` in models that are not ours: on any Pyomo solver, and what it says to misuse."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from pyomo.contrib.solver.common.factory import SolverFactory

from surrogate.bounds import Crown
from surrogate.errors import InvalidSetting
from surrogate.formulation import embed
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.region import Region
from surrogate.solvers import HighsSolver, SolverStatus

PACKAGES = {
    "appsi_highs": "highspy",
    "highs": "highspy",
    "gurobi_direct": "gurobipy",
    "gurobi_persistent": "gurobipy",
    "scip_direct": "pyscipopt",
    "scip_persistent": "pyscipopt",
}


def a_model(network: ReluNetwork) -> Any:
    """Two continuous inputs, an integer one and a row that ties them, around a network in the objective and in a row."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(2), bounds=(-1.0, 1.0))
    model.k = pyo.Var(domain=pyo.Integers, bounds=(-1, 1))
    model.tied = pyo.Constraint(expr=model.x[0] + model.x[1] + model.k <= 1.2)
    model.f = pyo.Block()
    embedding = embed(model.f, network, [*model.x.values(), model.k])
    model.capped = pyo.Constraint(expr=embedding.outputs[1] <= 0.4)
    model.goal = pyo.Objective(expr=embedding.outputs[0] - 0.1 * model.x[0], sense=pyo.maximize)
    return model


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("amount", [0.0, 0.5])
def test_any_pyomo_solver_agrees_with_a_grid(name: str, amount: float) -> None:
    if importlib.util.find_spec(PACKAGES[name]) is None:
        pytest.skip(f"{PACKAGES[name]} is not installed")
    network = prune(Pruning("magnitude", amount), random_network(np.random.default_rng(4), (3, 6, 5, 2)))
    model = a_model(network)
    if name == "appsi_highs":
        assert pyo.SolverFactory(name).solve(model).solver.termination_condition == pyo.TerminationCondition.optimal
    else:
        SolverFactory(name).solve(model)
    x = np.array([pyo.value(v) for v in (*model.x.values(), model.k)])
    np.testing.assert_allclose([pyo.value(v) for v in model.f.output.values()], network(x[None])[0], atol=1e-5)

    line = np.linspace(-1.0, 1.0, 201)
    grid = np.array(np.meshgrid(line, line, [-1.0, 0.0, 1.0])).reshape(3, -1).T
    y = network(grid)
    allowed = (grid.sum(axis=1) <= 1.2 + 1e-9) & (y[:, 1] <= 0.4)
    best = (y[:, 0] - 0.1 * grid[:, 0])[allowed].max()
    assert best - 1e-5 <= pyo.value(model.goal) <= best + 0.1  # the optimum may lie between the points of the grid


class TestFixedInputs:
    network = ReluNetwork([[[1.0, 1.0], [1.0, -1.0]], [[1.0, 1.0]]], [[-0.5, 0.0], [0.0]])

    def model(self, value: float, bounds: tuple[float | None, float | None] = (0.0, 1.0)) -> Any:
        model = pyo.ConcreteModel()
        model.x, model.given, model.f = pyo.Var(bounds=(0.0, 1.0)), pyo.Var(bounds=bounds), pyo.Block()
        model.given.fix(value, skip_validation=True)
        self.embedding = embed(model.f, self.network, [model.given, model.x])
        model.goal = pyo.Objective(expr=self.embedding.outputs[0], sense=pyo.maximize)
        return model

    def optimum(self, model: Any) -> Any:
        solver = HighsSolver()
        return solver.solve(model, [model.x], warm_start=False, on_incumbent=lambda *_: False, deadline=float("inf"))

    @pytest.mark.parametrize("bounds", [(0.0, 1.0), (None, None)])
    def test_their_value_is_their_box(self, bounds: tuple[float | None, float | None]) -> None:
        model = self.model(0.75, bounds)
        np.testing.assert_allclose(self.embedding.bounds.lower[0], [0.25, -0.25], atol=1e-6)
        np.testing.assert_allclose(self.embedding.bounds.upper[0], [1.25, 0.75], atol=1e-6)
        assert len(model.f.s) == 1  # with the input free both neurons would need a binary
        best = max(self.network([[0.75, x] for x in np.linspace(0.0, 1.0, 101)])[:, 0])
        assert self.optimum(model).objective == pytest.approx(best, abs=1e-5)

    def test_a_value_outside_the_variables_own_bounds(self) -> None:
        model = self.model(3.0)
        solution = self.optimum(model)
        assert solution.objective == pytest.approx(float(self.network([[3.0, 0.5]])[0, 0]), abs=1e-5)  # 2.5 + x + 3 - x

    @pytest.mark.parametrize("name", PACKAGES)
    def test_one_that_is_unfixed_stays_where_the_bounds_hold(self, name: str) -> None:
        if importlib.util.find_spec(PACKAGES[name]) is None:
            pytest.skip(f"{PACKAGES[name]} is not installed")
        model = self.model(0.75)
        solver = pyo.SolverFactory(name) if name == "appsi_highs" else SolverFactory(name)
        found = []
        for unfix in (False, True):
            if unfix:
                model.given.unfix()
            solver.solve(model)
            np.testing.assert_allclose(model.given.value, 0.75, atol=1e-6)
            found.append(pyo.value(model.goal))
        assert found[0] == pytest.approx(found[1], abs=1e-5)

    def test_one_that_is_fixed_elsewhere_makes_the_model_infeasible(self) -> None:
        model = self.model(0.75)
        model.given.fix(0.25)
        assert self.optimum(model).status is SolverStatus.INFEASIBLE

    def test_bounds_of_the_users_own_hold_nothing(self) -> None:
        model = pyo.ConcreteModel()
        model.x, model.f = pyo.Var(range(2), bounds=(0.0, 1.0)), pyo.Block()
        model.x[0].fix(0.75)
        embed(model.f, self.network, list(model.x.values()), Crown().compute(self.network, Region(0.0, 1.0, [0.5, 0.5])))
        assert not hasattr(model.f, "held")

    def test_one_without_a_value(self) -> None:
        with pytest.raises(InvalidSetting, match="variable given is fixed to nan: fix it to a finite number, or unfix it"):
            self.model(float("nan"))


class TestMisuse:
    network = ReluNetwork([[[1.0, -1.0]], [[2.0]]], [[0.0], [1.0]])

    def model(self) -> Any:
        model = pyo.ConcreteModel()
        model.x = pyo.Var(range(2), bounds=(-1.0, 1.0))
        model.f = pyo.Block()
        return model

    def test_a_second_network_on_one_block(self) -> None:
        model = self.model()
        first = embed(model.f, self.network, list(model.x.values()))
        with pytest.raises(InvalidSetting, match="block f already holds y: every network, and every second try"):
            embed(model.f, self.network, list(model.x.values()))
        assert list(model.f.output.values()) == list(first.outputs)  # what was there still is

    def test_replaced_after_deletion(self) -> None:
        model = self.model()
        embed(model.f, self.network, list(model.x.values()))
        model.del_component(model.f)
        model.f = pyo.Block()
        assert len(embed(model.f, self.network, list(model.x.values())).outputs) == 1

    def test_a_model_with_rows_of_its_own(self) -> None:
        model = self.model()
        model.own = pyo.Constraint(expr=model.x[0] <= 0.5)
        with pytest.raises(InvalidSetting, match="unknown already holds"):
            embed(model, self.network, list(model.x.values()))

    def test_inputs_under_a_name_that_the_network_needs(self) -> None:
        model = pyo.ConcreteModel()
        model.y = pyo.Var(range(2), bounds=(-1.0, 1.0))
        own = model.y
        with pytest.raises(InvalidSetting, match=r"already has y \(IndexedVar\), a name that .* need.*empty Block"):
            embed(model, self.network, list(model.y.values()))
        assert model.y is own

    @pytest.mark.few(8)
    @pytest.mark.parametrize("name", ["y", "n", "s", "output", "affine", "on", "off", "output_row", "held"])
    @pytest.mark.parametrize(
        "made",
        [
            lambda: pyo.Param(initialize=3.0, mutable=True),
            lambda: pyo.Expression(expr=1.0),
            lambda: pyo.Set(initialize=[1]),
            lambda: 5.0,
        ],
    )
    def test_anything_of_the_users_under_such_a_name(self, name: str, made: Any) -> None:
        model = self.model()
        setattr(model.f, name, made())
        own = getattr(model.f, name)
        with pytest.raises(InvalidSetting, match=rf"the block f already has {name} \(.*\), a name"):
            embed(model.f, self.network, list(model.x.values()))
        assert getattr(model.f, name) is own

    def test_a_param_under_another_name_stays(self) -> None:
        model = self.model()
        model.f.mine = pyo.Param(initialize=3.0)
        embed(model.f, self.network, list(model.x.values()))
        assert pyo.value(model.f.mine) == 3.0

    @pytest.mark.parametrize("point", [[0.1, float("nan")], [float("inf"), 0.0], [0.1], ["a", "b"], [[0.1, 0.2]]])
    def test_a_start_that_is_no_point(self, point: list) -> None:
        model = self.model()
        embedding = embed(model.f, self.network, list(model.x.values()))
        with pytest.raises(InvalidSetting, match="the point must be"):
            embedding.set_values(point)
        assert [variable.value for variable in model.x.values()] == [None, None]

    def test_one_of_several_blocks(self) -> None:
        model = self.model()
        model.g = pyo.Block(range(2))
        for i in range(2):
            embed(model.g[i], self.network, list(model.x.values()))
        assert len(model.g[0].output) == len(model.g[1].output) == 1

    def test_an_indexed_block(self) -> None:
        model = self.model()
        model.g = pyo.Block(range(2))
        with pytest.raises(InvalidSetting, match="one Pyomo Block, got g"):
            embed(model.g, self.network, list(model.x.values()))

    @pytest.mark.parametrize("inputs", [[0, 1], [1.0, 2.0]])
    def test_inputs_that_are_no_variables(self, inputs: list) -> None:
        model = self.model()
        with pytest.raises(InvalidSetting, match=r"inputs must be single Pyomo variables.*list\(model\.x\.values\(\)\)"):
            embed(model.f, self.network, inputs)

    def test_an_expression_and_a_variable_that_is_not_in_a_list(self) -> None:
        model = self.model()
        with pytest.raises(InvalidSetting, match=r"got the expression 2\*x\[0\]: add a variable"):
            embed(model.f, self.network, [2 * model.x[0], model.x[1]])
        with pytest.raises(InvalidSetting, match=r"inputs must be a list of Pyomo variables: pass \[model\.x\[0\]\]"):
            embed(model.f, self.network, model.x[0])

    def test_an_indexed_variable(self) -> None:
        model = self.model()
        with pytest.raises(InvalidSetting, match="got x: of an indexed one"):
            embed(model.f, self.network, [model.x])
