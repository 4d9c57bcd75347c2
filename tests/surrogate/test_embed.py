"""``embed`` in models that are not ours: on any Pyomo solver, and what it says to misuse."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from pyomo.contrib.solver.common.factory import SolverFactory

from surrogate.errors import InvalidSetting
from surrogate.formulation import embed
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, prune

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

    def test_an_indexed_variable(self) -> None:
        model = self.model()
        with pytest.raises(InvalidSetting, match="got x: of an indexed one"):
            embed(model.f, self.network, [model.x])
