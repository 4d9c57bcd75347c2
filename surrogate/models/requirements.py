"""What a search requires of a user's model, with one sentence for each requirement that the model breaks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pyomo.environ as pyo
from pyomo.core.expr.visitor import identify_mutable_parameters, identify_variables
from pyomo.repn import generate_standard_repn

from surrogate.checks import shown
from surrogate.errors import InvalidSetting
from surrogate.models.settings import SearchSettings
from surrogate.models.shares import MILPS
from surrogate.solvers.products import Linearised, linearised, quadratic_parts
from surrogate.solvers.standard_form import NotLinear, StandardForm, compile_model
from surrogate.variables import Allowed
from surrogate.variables.domain_parts import shown_domain


def require_model(model: Any) -> None:
    """Raise InvalidSetting unless ``model`` is a Pyomo model that has been built, with one objective."""
    if not hasattr(model, "component_data_objects") or model.is_indexed() or not model.is_constructed():
        raise InvalidSetting(f"expected a constructed Pyomo model (ConcreteModel), got {type(model).__name__}")
    objectives = list(model.component_data_objects(pyo.Objective, active=True))
    if len(objectives) != 1:
        named = f" ({', '.join(one.name for one in objectives[:4])})" if objectives else ""
        raise InvalidSetting(f"the model must have one active objective, got {len(objectives)}{named}")


@contextmanager
def linear_form(model: Any, tolerance: float) -> Iterator[tuple[StandardForm, Linearised]]:
    """Give the compiled model, and what stands in for its quadratic terms while this is entered.

    Constraints without a free variable that hold to ``tolerance``, relative to their sides, are left out meanwhile.

    Raises:
        InvalidSetting: it is neither linear nor quadratic without the networks, naming what is not; a constraint without a
            free variable is violated; a parameter has no value.
    """
    stand_in = Linearised()
    with ExitStack() as blocks:
        try:
            form = compile_model(model)
        except NotLinear:
            for part in model.component_data_objects((pyo.Constraint, pyo.Objective), active=True):
                require_parameters(f"{part.ctype.__name__.lower()} {part.name}", _expression(part))
            stand_in = blocks.enter_context(linearised(model))
            if not stand_in.products:
                raise
            form = compile_model(model)
        if form is None:
            blocks.enter_context(_without_fixed_rows(model, tolerance))
            form = compile_model(model)
        yield _with_solution(form), stand_in


@contextmanager
def _without_fixed_rows(model: Any, tolerance: float) -> Iterator[None]:
    """Leave out, while this is entered, the constraints without a free variable that hold to the tolerance."""
    fixed = [
        row
        for row in model.component_data_objects(pyo.Constraint, active=True)
        if next(identify_variables(row.body, include_fixed=False), None) is None and _holds(row, tolerance)
    ]
    for row in fixed:
        row.deactivate()
    try:
        yield
    finally:
        for row in fixed:
            row.activate()


def _holds(row: Any, tolerance: float) -> bool:
    low, high = (tolerance * max(1.0, abs(side)) if side is not None else 0.0 for side in (row.lb, row.ub))
    return float(row.lslack()) >= -low and float(row.uslack()) >= -high


def _expression(part: Any) -> Any:
    return part.body if part.ctype is pyo.Constraint else part.expr


def compiled(model: Any) -> StandardForm:
    """Return the compiled model, which is linear.

    Raises:
        InvalidSetting: a constraint without a free variable is violated.
    """
    return _with_solution(compile_model(model))


def first_quadratic(model: Any) -> str:
    """Return the beginning of a sentence about the first of a model's quadratic terms."""
    part = quadratic_parts(model)[0][0]
    return f"{part.ctype.__name__.lower()} {part.name} is quadratic, {shown(str(_expression(part)))[1:-1]}"


def require_quadratic(model: Any, settings: SearchSettings) -> None:
    """Raise InvalidSetting unless the members and the solver of the settings take a model with quadratic terms."""
    named = first_quadratic(model)
    if not set(settings.members) & set(MILPS):
        raise InvalidSetting(
            f"{named}: of the members chosen ({', '.join(settings.members)}) none takes such terms, {' and '.join(MILPS)} do"
        )
    if settings.repair:
        raise InvalidSetting(f"{named}: repair=True asks for walks, which take linear terms only: leave it out")
    if not settings.solver.quadratic:
        raise InvalidSetting(
            f"{named}: solver={settings.solver.name} takes linear terms only, Gurobi and SCIP take quadratic ones: give "
            "solver=GurobiSolver() or solver=ScipSolver()"
        )


def _with_solution(form: StandardForm | None) -> StandardForm:
    if form is None:
        raise InvalidSetting(
            "a constraint whose variables are all fixed is violated: the model has no solution with any network"
        )
    return form


def affine_inputs(inputs: Iterable[Any]) -> list[Any]:
    """Return Pyomo's linear form of each input of a place.

    Raises:
        InvalidSetting: one that is not affine, or has a parameter without a value; names it.
    """
    found = []
    for j, expression in enumerate(inputs):
        require_parameters(f"input {j} of a Place", expression)
        read = generate_standard_repn(expression, compute_values=True, quadratic=False)
        if not read.is_linear():
            raise InvalidSetting(
                f"input {j} of a Place is {expression}, which is not affine: declare a variable, and state that it equals "
                "the expression where the solver can take that"
            )
        found.append(read)
    return found


def require_parameters(role: str, expression: Any) -> None:
    """Raise InvalidSetting if a parameter in an expression has no value; ``role`` names the expression."""
    for one in identify_mutable_parameters(expression):
        if pyo.value(one, exception=False) is None:
            raise InvalidSetting(f"{role} has the parameter {one.name} in it, which has no value: give it one")


def require_fixed_well(model: Any, expressions: Iterable[Any], tolerance: float) -> None:
    """Raise InvalidSetting for a fixed variable in one of the expressions without a value that it may have."""
    if not any(variable.fixed for variable in model.component_data_objects(pyo.Var, descend_into=True)):
        return
    used = {id(v): v for e in expressions for v in identify_variables(e, include_fixed=True) if v.fixed}
    for variable in used.values():
        if variable.value is None:
            raise InvalidSetting(f"variable {variable.name} is fixed without a value: give it one")
        allowed = Allowed.of(variable)
        sides = [abs(end) for end in (allowed.low, allowed.high) if allowed.interval and math.isfinite(end)]
        if not allowed.violation(float(variable.value)) <= tolerance * max([1.0, *sides]):
            raise InvalidSetting(
                f"variable {variable.name} is fixed to {variable.value}, but its domain {shown_domain(variable)} and its "
                f"bounds allow {allowed}: fix it to such a value, or change them"
            )
