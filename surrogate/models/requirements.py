"""What a user's model must be for a search to take it: one sentence for each way in which it is not."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pyomo.environ as pyo
from pyomo.core.expr.visitor import identify_mutable_parameters, identify_variables
from pyomo.repn import generate_standard_repn

from surrogate.checks import shown
from surrogate.errors import InvalidSetting
from surrogate.solvers.standard_form import StandardForm, compile_model
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


def linear_form(model: Any) -> StandardForm:
    """Return the compiled model.

    Raises:
        InvalidSetting: it is not linear without the networks, naming what is not, or a constraint without a free variable is
            violated.
    """
    try:
        form = compile_model(model)
    except InvalidSetting:
        for kind, role in ((pyo.Constraint, "constraint"), (pyo.Objective, "objective")):
            for one in model.component_data_objects(kind, active=True):
                _require_linear(f"{role} {one.name}", one.body if kind is pyo.Constraint else one.expr)
        raise
    if form is None:
        raise InvalidSetting(
            "a constraint whose variables are all fixed is violated: the model has no solution with any network"
        )
    return form


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


def _require_linear(name: str, expression: Any) -> None:
    if not generate_standard_repn(expression, compute_values=True, quadratic=False).is_linear():
        raise InvalidSetting(
            f"{name} is not linear, {shown(str(expression))[1:-1]}: the search takes models that are linear but for their "
            "networks; surrogate.formulation.embed states a network in the model itself, for a solver that takes such terms, "
            "as Gurobi and SCIP take quadratic ones"
        )
