"""A user's model with a network in it, its optimum by a grid, and what must hold of an answer."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network

from surrogate.models import ModelResult, Place
from surrogate.networks import ReluNetwork

NETWORK = random_network(np.random.default_rng(4), (3, 8, 6, 2))


def a_model(floor: float = 2.4, sense: Any = pyo.minimize) -> Any:
    """Three inputs, one of them an integer; the first output is bounded by a constraint, the second pays."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(2), bounds=(-1.0, 1.0))
    model.k = pyo.Var(domain=pyo.Integers, bounds=(-1, 1))
    model.y = pyo.Var(range(2))
    model.tied = pyo.Constraint(expr=model.x[0] + model.x[1] + model.k <= 1.2)
    model.floor = pyo.Constraint(expr=model.y[0] >= floor)
    sign = 1.0 if sense == pyo.minimize else -1.0
    model.cost = pyo.Objective(expr=sign * (model.y[1] + 0.2 * model.x[0]), sense=sense)
    return model


def place(model: Any, surrogate: Any = None, dense: ReluNetwork = NETWORK) -> Place:
    return Place([*model.x.values(), model.k], list(model.y.values()), dense, surrogate)


def grid_optimum(floor: float, dense: ReluNetwork = NETWORK, steps: int = 201) -> float:
    line = np.linspace(-1.0, 1.0, steps)
    x = np.array(np.meshgrid(line, line, [-1.0, 0.0, 1.0])).reshape(3, -1).T
    y = dense(x)
    return float((y[:, 1] + 0.2 * x[:, 0])[(y[:, 0] >= floor) & (x.sum(axis=1) <= 1.2 + 1e-9)].min())


def shape(model: Any) -> list:
    """What a call has to leave as it was: components, bounds, domains and what is fixed."""
    components = [(c.name, c.ctype, c.active) for c in model.component_objects()]
    return [components, [(v.name, v.bounds, v.domain, v.fixed) for v in model.component_data_objects(pyo.Var)]]


def require_holding(model: Any, result: ModelResult, places: list[Place]) -> None:
    """The values in the model are the result's, the outputs are the dense network's, and nothing is violated."""
    assert result.value is not None
    assert result.violation <= 1e-6
    goal = next(model.component_data_objects(pyo.Objective, active=True))
    assert pyo.value(goal) == pytest.approx(result.value, abs=1e-12)
    assert result.timeline[-1].value == result.value
    for one, x, y in zip(places, result.inputs, result.outputs, strict=True):
        np.testing.assert_array_equal(one.dense(x[None])[0], y)
        np.testing.assert_allclose([pyo.value(v) for v in one.inputs], x, atol=1e-12)
        np.testing.assert_array_equal([v.value for v in one.outputs], y)
    for row in model.component_data_objects(pyo.Constraint, active=True):
        sides = [abs(side) for side in (row.lb, row.ub) if side is not None]
        assert min(row.lslack(), row.uslack()) >= -1e-6 * max(1.0, *sides)
    for v in model.component_data_objects(pyo.Var):
        low, high = v.bounds
        assert low is None or v.value >= low - 1e-6 * max(1.0, abs(low))
        assert high is None or v.value <= high + 1e-6 * max(1.0, abs(high))
        assert v.is_continuous() or v.value == round(v.value)


def require_no_threads() -> None:
    """No solver is left running in a thread of its own."""
    assert [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()] == []
