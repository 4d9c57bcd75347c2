"""The solvers that are installed, a way to call each of them, and models that keep them busy."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

from surrogate.solvers import GurobiSolver, HighsSolver, ScipSolver, Solution, Solver


def needs(kind: type[Solver]) -> pytest.MarkDecorator:
    """Return the mark of a test that is skipped where a solver's package is missing."""
    return pytest.mark.skipif(
        importlib.util.find_spec(kind.package) is None,
        reason=f"{kind.package} is not installed: pip install 'surrogate-sweep[{kind.name}]'",
    )


EXTRA = [pytest.param(kind, marks=needs(kind)) for kind in (GurobiSolver, ScipSolver)]
"""The solvers of the extras, which also take quadratic terms; each is skipped where its package is missing."""

every_solver = pytest.mark.parametrize("kind", [HighsSolver, *EXTRA])
extra_solver = pytest.mark.parametrize("kind", EXTRA)
gurobi = pytest.mark.parametrize("kind", EXTRA[:1])


def solve(
    solver: Solver,
    model: Any,
    watched: Sequence[Any] | None = None,
    on_incumbent: Any = None,
    warm: bool = False,
    seconds: float = 30.0,
    pause: Any = None,
) -> Solution:
    """Solve a model; None watches all its variables ``x``."""
    return solver.solve(
        model,
        list(model.x.values()) if watched is None else watched,
        warm_start=warm,
        on_incumbent=on_incumbent or (lambda *_: False),
        deadline=time.perf_counter() + seconds,
        pause=pause,
    )


def knapsack(count: int = 40, sense: Any = pyo.maximize) -> pyo.ConcreteModel:
    """A strongly correlated multi-row knapsack, quick to enter, long to close; with its mirror image for minimising."""
    rng = np.random.default_rng(0)
    weights = rng.integers(50, 100, size=(5, count)).astype(float)
    values = weights.mean(axis=0) + 10.0
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(count), domain=pyo.Binary)
    model.rows = pyo.Constraint(range(5), rule=lambda m, i: sum(weights[i, j] * m.x[j] for j in m.x) <= weights[i].sum() / 2)
    turned = 1.0 if sense == pyo.maximize else -1.0
    model.goal = pyo.Objective(expr=turned * sum(values[j] * model.x[j] for j in model.x), sense=sense)
    return model
