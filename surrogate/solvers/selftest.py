"""Tests of an installed solver: small models with known optima, most of them from public reports of wrong answers.

``python -m surrogate.solvers`` tests every solver. A version that this release was not tested with is tested by itself, before
the first model that a process gives it.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyomo.environ as pyo

from surrogate.errors import SolverFailure
from surrogate.solvers.base import Solution, Solver, SolverStatus
from surrogate.variables import Allowed

TESTED = {"highspy": "1.16.0", "gurobipy": "13.0.3", "pyscipopt": "6.3.0"}
"""Versions that are right on all of the models, and on the tests: those of ``constraints.txt``."""

TOLERANCE = 1e-5
"""An answer may be off by this much: a hundredth of the error of the wrong answers."""

SECONDS = 60.0
"""Most seconds for a model, of which each takes some thousandths."""


def _covering() -> Any:
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(within=pyo.Integers, bounds=(0, 20)), pyo.Var(bounds=(8, 20))
    model.need = pyo.Constraint(expr=model.x + model.y >= 20.1)
    model.cost = pyo.Objective(expr=model.x + 2 * model.y)
    return model


def _two_sources() -> Any:
    model = pyo.ConcreteModel()
    model.x, model.z = pyo.Var(bounds=(0, 10)), pyo.Var(within=pyo.Integers, bounds=(0, 10))
    model.need = pyo.Constraint(expr=model.x + model.z >= 4.5)
    model.cost = pyo.Objective(expr=2 * model.x + 3 * model.z)
    return model


def _absolute_value() -> Any:
    model = pyo.ConcreteModel()
    model.gap, model.t = pyo.Var(within=pyo.NonNegativeReals), pyo.Var()
    model.x = pyo.Var(within=pyo.NonNegativeIntegers)
    model.total = pyo.Constraint(expr=model.gap + model.x == 3)
    model.above, model.below = pyo.Constraint(expr=model.t >= model.x), pyo.Constraint(expr=model.t >= -model.x)
    model.most, model.least = pyo.Constraint(expr=model.x <= 3), pyo.Constraint(expr=model.x >= 0.45)
    model.cost = pyo.Objective(expr=100 * model.gap + 0.01 * model.t)
    return model


def _implied_integers() -> Any:
    model = pyo.ConcreteModel()
    model.x = pyo.Var(
        range(4), within=lambda _, i: [pyo.Integers, pyo.Integers, pyo.NonNegativeReals, pyo.NonNegativeIntegers][i]
    )
    model.least = pyo.Constraint(expr=model.x[1] - model.x[2] >= 0)
    model.sum = pyo.Constraint(expr=model.x[0] + model.x[2] - model.x[3] == 0)
    model.most = pyo.Constraint(expr=68 * model.x[2] + model.x[3] <= 12)
    model.cost = pyo.Objective(expr=model.x[1])
    return model


def _stuffing() -> Any:
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(bounds=(0, 4)), pyo.Var(bounds=(-1, 1))
    model.z = pyo.Var(within=pyo.NonNegativeIntegers)
    model.rows = pyo.ConstraintList()
    model.rows.add(model.x + model.y <= 5)
    model.rows.add(model.x + model.z >= 10)
    model.rows.add(model.z - model.y == 7.5)
    model.cost = pyo.Objective(expr=model.x + 4 * model.y + 9 * model.z)
    return model


def _pairs() -> Any:
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(range(10), within=pyo.Binary), pyo.Var(range(10), bounds=(9, None))
    model.need = pyo.Constraint(range(10), rule=lambda m, i: 2 * m.x[i] + m.y[i] >= 10)
    model.cost = pyo.Objective(expr=-sum(2 * model.x[i] + model.y[i] for i in range(10)), sense=pyo.maximize)
    return model


def _parity() -> Any:
    model = pyo.ConcreteModel()
    model.k = pyo.Var(range(2), within=pyo.Integers, bounds=(0, 5))
    model.odd = pyo.Constraint(expr=2 * model.k[0] + 2 * model.k[1] == 5)
    model.cost = pyo.Objective(expr=model.k[0])
    return model


MODELS: dict[str, tuple[Callable[[], Any], float | None]] = {
    "covering (HiGHS issue 2957)": (_covering, 28.2),
    "two sources (HiGHS issue 3043)": (_two_sources, 9.0),
    "absolute value (HiGHS issue 3073)": (_absolute_value, 0.03),
    "implied integers (HiGHS issue 3274)": (_implied_integers, 0.0),
    "stuffing (HiGHS issue 3002)": (_stuffing, 64.0),
    "pairs (linopy issue 651)": (_pairs, -100.0),
    "parity": (_parity, None),
}
"""Each model with its optimum; None where it has no solution."""


def mistakes(solver: Solver) -> list[str]:
    """Return one sentence for each of the models on which the solver's answer is wrong."""
    found = []
    for name, (build, optimum) in MODELS.items():
        model = build()
        variables = list(model.component_data_objects(pyo.Var))
        try:
            solution = solver.solve(
                model, variables, warm_start=False, on_incumbent=lambda *_: False, deadline=time.perf_counter() + SECONDS
            )
            answer = None if _is_right(model, variables, solution, optimum) else _told(solution)
        except SolverFailure as error:
            answer = str(error)
        if answer is not None:
            found.append(f"{name}: {answer}; right is {'infeasible' if optimum is None else f'{optimum:g}'}")
    return found


def _is_right(model: Any, variables: list[Any], solution: Solution, optimum: float | None) -> bool:
    if optimum is None:
        return solution.status is SolverStatus.INFEASIBLE
    if solution.status is not SolverStatus.OPTIMAL or solution.values is None or solution.objective is None:
        return False
    for variable, value in zip(variables, solution.values.tolist(), strict=True):
        variable.set_value(value, skip_validation=True)
    slack = min(min(row.lslack(), row.uslack()) for row in model.component_data_objects(pyo.Constraint))
    within = all(abs(v.value - Allowed.of(v).project(v.value)) <= TOLERANCE for v in variables)
    bound = optimum if solution.dual_bound is None else solution.dual_bound
    same = abs(solution.objective - optimum) <= TOLERANCE and abs(pyo.value(model.cost) - optimum) <= TOLERANCE
    return same and within and slack >= -TOLERANCE and abs(bound - optimum) <= TOLERANCE


def _told(solution: Solution) -> str:
    values = "" if solution.values is None else f" at {', '.join(f'{value:g}' for value in solution.values.tolist())}"
    return f"{solution.status}, value {solution.objective}, bound {solution.dual_bound}{values}"


def version(solver: type[Solver]) -> str:
    """Return the version of the package that a solver comes in."""
    try:
        return importlib.metadata.version(solver.package)
    except importlib.metadata.PackageNotFoundError:  # built by hand, without a record of it
        return "of unknown version"


_found: dict[type[Solver], list[str]] = {}
"""What each solver got wrong in this process."""


def require_believable(solver: Solver) -> None:
    """Have a solver of a version that is not one of ``TESTED`` solve the models, once a process.

    Raises:
        SolverFailure: it gets one of them wrong; says which, what it answered and what is right.
    """
    kind = type(solver)
    if kind not in _found:
        _found[kind] = []  # it is asked to solve the models, and so comes here again
        if version(kind) != TESTED.get(kind.package):
            try:
                _found[kind] = mistakes(replace(solver, time_limit_seconds=SECONDS))
            except BaseException:
                del _found[kind]
                raise
    if _found[kind]:
        known = f"{kind.package}=={TESTED[kind.package]}" if kind.package in TESTED else "another version"
        raise SolverFailure(
            f"{kind.name} ({kind.package} {version(kind)}) gives wrong answers to {len(_found[kind])} of {len(MODELS)} models "
            f"with known optima, so it proves nothing; install {known}; the first is {_found[kind][0]}"
        )
