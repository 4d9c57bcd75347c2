"""Checks what a user gives as Pyomo variables. If it is no list of single variables, a message says what it is."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo
from pyomo.core.base.indexed_component_slice import IndexedComponent_slice

from surrogate.checks import list_of, shown
from surrogate.errors import InvalidSetting


def variables_of(role: str, given: Any) -> list[Any]:
    """Return what was given as a list of single Pyomo variables.

    Raises:
        InvalidSetting: it is no list, or something in it is no single variable of a concrete model; says what it is and what
            to write.
    """
    given = list(given) if isinstance(given, IndexedComponent_slice) else given  # model.x[:]
    if getattr(given, "ctype", None) is pyo.Var:
        listed = f"list(model.{given.name}.values())" if given.is_indexed() else f"[model.{given.name}]"
        raise InvalidSetting(f"{role} must be a list of Pyomo variables: pass {listed}")
    for variable in (variables := [given] if _is_expression(given) else list_of(role, given, "Pyomo variables")):
        if _is_expression(variable):
            raise InvalidSetting(
                f"{role} must be single Pyomo variables, got the expression {shown(str(variable))[1:-1]}: add a variable, "
                "model.e = pyo.Var(bounds=(low, high)), and a constraint by which it equals the expression, and pass model.e"
            )
        if getattr(variable, "ctype", None) is not pyo.Var or variable.is_indexed():
            got = variable.name if hasattr(variable, "ctype") else shown(variable)
            raise InvalidSetting(
                f"{role} must be single Pyomo variables, got {got}: of an indexed one pass list(model.x.values())"
            )
        if not variable.parent_component().is_constructed():
            raise InvalidSetting(
                f"{role} must be variables of a ConcreteModel, but {variable.name} belongs to an AbstractModel, which has no "
                "values yet: take those of what model.create_instance() returns"
            )
    return variables


def _is_expression(given: Any) -> bool:
    return hasattr(given, "is_expression_type") and given.is_expression_type()
