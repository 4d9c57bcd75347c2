"""Gives each quadratic term a column of its own. So every row is linear, and a solver gets the products separately."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyomo.environ as pyo
from pyomo.core.base.enums import SortComponents
from pyomo.core.expr import LinearExpression, polynomial_degree
from pyomo.repn.quadratic import QuadraticRepnVisitor
from pyomo.repn.util import OrderedVarRecorder

from surrogate.checks import shown
from surrogate.errors import InvalidSetting
from surrogate.solvers.domains import scratch


class Product(NamedTuple):
    """A variable that is the product of two others, which may be the same."""

    column: Any
    first: Any
    second: Any


@dataclass(frozen=True, eq=False)
class Linearised:
    """What stands in for quadratic constraints and a quadratic objective.

    Attributes:
        products: each product of two variables once.
        constraints: the user's constraints by the ``id`` of the linear ones that stand in for them.
        block: what holds all of it; of a block that is gone, Pyomo's variables have no names.
    """

    products: Sequence[Product] = ()
    constraints: Mapping[int, Any] = field(default_factory=dict)
    block: Any = None


def quadratic_parts(model: Any) -> list[tuple[Any, Any, dict[int, Any]]]:
    """Return the active constraints and objectives that are quadratic, each with its parts and their variables by ``id``.

    Raises:
        InvalidSetting: one that is neither linear nor quadratic; names it.
    """
    found = []
    for kind, role in ((pyo.Objective, "objective"), (pyo.Constraint, "constraint")):
        for one in model.component_data_objects(kind, active=True):
            body = one.body if kind is pyo.Constraint else one.expr
            recorder = OrderedVarRecorder({}, {}, SortComponents.unsorted)
            visitor = QuadraticRepnVisitor({}, var_recorder=recorder)
            parts = visitor.walk_expression(body)
            if parts.nonlinear is not None:
                raise InvalidSetting(
                    f"{role} {one.name} is neither linear nor quadratic, {shown(str(body))[1:-1]}: state it by such terms, or "
                    "by a network that is fitted to it"
                )
            if parts.quadratic or polynomial_degree(body) not in (0, 1):  # terms that cancel are still no linear expression
                found.append((one, parts, recorder.var_map))
    return found


@contextmanager
def linearised(model: Any) -> Iterator[Linearised]:
    """Put linear constraints in the place of a model's quadratic ones, and of its objective, while this is entered.

    Each product of two variables is a variable of a block that is the model's meanwhile; it has the bounds that follow from
    those of its factors, and the product of their values. The user's own constraints are active again at the end.

    Raises:
        InvalidSetting: a constraint or an objective that is neither linear nor quadratic; names it.
    """
    found = quadratic_parts(model)
    with scratch(model, "surrogate_products") as block:
        block.product, block.row, block.goal = pyo.VarList(), pyo.ConstraintList(), pyo.ObjectiveList()
        products: dict[tuple[int, int], Product] = {}
        constraints: dict[int, Any] = {}
        for one, parts, variable in found:
            weights, terms = list(parts.linear.values()), [variable[key] for key in parts.linear]
            for (first, second), weight in (parts.quadratic or {}).items():
                pair = (min(first, second), max(first, second))
                if pair not in products:
                    products[pair] = _product(block.product.add(), variable[pair[0]], variable[pair[1]])
                weights.append(weight)
                terms.append(products[pair].column)
            body = LinearExpression(linear_coefs=weights, linear_vars=terms, constant=parts.constant)
            if one.ctype is pyo.Constraint and one.lb is None and one.ub is None:
                continue  # says nothing
            if one.ctype is pyo.Constraint:
                constraints[id(block.row.add((one.lb, body, one.ub)))] = one
            else:
                block.goal.add(body, sense=one.sense)
        try:
            for one, *_ in found:
                one.deactivate()
            yield Linearised(list(products.values()), constraints, block)
        finally:
            for one, *_ in found:
                one.activate()


def _product(column: Any, first: Any, second: Any) -> Product:
    ends = [side for variable in (first, second) for side in variable.bounds]
    if None not in ends:
        low, high, least, most = ends
        corners = [low * least, low * most, high * least, high * most]
        column.setlb(0.0 if first is second and low <= 0.0 <= high else min(corners))
        column.setub(max(corners))
    elif first is second:
        column.setlb(0.0)
    if first.value is not None and second.value is not None:
        column.set_value(first.value * second.value, skip_validation=True)
    return Product(column, first, second)
