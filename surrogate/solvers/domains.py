"""Domains that a variable's type and bounds cannot express (sets, steps, gaps), stated exactly for every solver."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyomo.environ as pyo
from pyomo.common.modeling import unique_component_name
from pyomo.core.base.range import NumericRange

from surrogate.errors import InvalidSetting
from surrogate.variables import Allowed
from surrogate.variables.domain_parts import DomainPart, shown_domain


@contextmanager
def scratch(model: Any, name: str) -> Iterator[Any]:
    """Give a new block of the model, which is removed at the end whatever happens; the user's components stay untouched."""
    block = pyo.Block()
    model.add_component(unique_component_name(model, name), block)
    try:
        yield block
    finally:
        model.del_component(block)


def require_statable(variable: Any, allowed: Allowed) -> None:
    """Refuse what no mixed-integer linear programme can state: an interval without its end, or a gap beside an endless part.

    Raises:
        InvalidSetting: names the variable and what to write instead.
    """
    domain = f"variable {variable.name} has the domain {shown_domain(variable)}"
    if allowed.open:
        raise InvalidSetting(
            f"{domain} and may be {allowed}: no solver can leave out an end alone, so give the variable a bound inside its "
            "domain, or a domain with its ends, such as NonNegativeReals"
        )
    if len(allowed.parts) > 1 and not (math.isfinite(allowed.low) and math.isfinite(allowed.high)):
        raise InvalidSetting(
            f"{domain} and may be {allowed}: give it finite bounds, without which no solver can be told of gaps"
        )


@contextmanager
def stated(model: Any, variables: Sequence[tuple[Any, Allowed]]) -> Iterator[None]:
    r"""State in a block of the model what each of the variables may be; meanwhile each has a domain that solvers know.

    Steps: :math:`x = a + s k`, integer :math:`k`. Several parts, each with a binary :math:`b_p`, of which one is 1:
    :math:`x = \sum_p w_p` with :math:`w_p = v b_p` for a single value, :math:`l b_p \le w_p \le u b_p` for an interval, and
    :math:`w_p = a b_p + s k_p`, :math:`\underline{k} b_p \le k_p \le \overline{k} b_p` for steps: the convex hull.

    Raises:
        InvalidSetting: see :func:`require_statable`.
    """
    for variable, allowed in variables:
        require_statable(variable, allowed)
    former = [variable.domain for variable, _ in variables]
    with scratch(model, "surrogate_domains") as block:
        block.of = pyo.Block(range(len(variables)))
        try:
            for i, (variable, allowed) in enumerate(variables):
                _state(block.of[i], variable, allowed)
            yield
        finally:
            for (variable, _), domain in zip(variables, former, strict=True):
                variable.domain = domain


def _state(block: Any, variable: Any, allowed: Allowed) -> None:
    whole = len(allowed.parts) == 1 and allowed.parts[0].whole
    variable.domain = _known(allowed.low, allowed.high, whole)
    if whole or allowed.interval:
        return
    held = variable.value if variable.value is None or not math.isfinite(variable.value) else float(variable.value)
    chosen = None if held is None else allowed.nearest(held)
    block.k = pyo.Var(range(len(allowed.parts)), domain=pyo.Integers, dense=False)
    if len(allowed.parts) == 1:
        part = allowed.parts[0]
        block.same = pyo.Constraint(expr=variable == part.anchor + part.step * _steps(block, 0, part, held, None))
        return
    block.b = pyo.Var(range(len(allowed.parts)), domain=pyo.Binary)
    block.w = pyo.Var(range(len(allowed.parts)), dense=False)
    block.ends = pyo.ConstraintList()
    block.one = pyo.Constraint(expr=sum(block.b.values()) == 1)
    for p in block.b:
        block.b[p].value = None if held is None else int(p == chosen)
    terms = [_term(block, p, part, held if p == chosen else None, held is not None) for p, part in enumerate(allowed.parts)]
    block.same = pyo.Constraint(expr=variable == sum(terms))


def _known(low: float, high: float, whole: bool) -> Any:
    """Return the domain of all numbers, or whole numbers, between two ends, which all solvers know."""
    if whole and math.isinf(low):
        return pyo.Integers if math.isinf(high) else pyo.RangeSet(ranges=(NumericRange(high, None, -1),))
    ends = (end if math.isfinite(end) else None for end in (low, high))
    return pyo.RangeSet(ranges=(NumericRange(*ends, int(whole)),))


def _term(block: Any, p: int, part: DomainPart, held: float | None, started: bool) -> Any:
    """Return what part ``p`` adds to the variable: one of its values where its binary is 1, else 0."""
    b = block.b[p]
    if part.single:
        return part.low * b
    if part.step:
        return part.anchor * b + part.step * _steps(block, p, part, held, 0 if started else None)
    w = block.w[p]
    w.setlb(min(part.low, 0.0))
    w.setub(max(part.high, 0.0))
    w.value = part.project(held) if held is not None else 0.0 if started else None
    block.ends.add(w >= part.low * b)
    block.ends.add(w <= part.high * b)
    return w


def _steps(block: Any, p: int, part: DomainPart, held: float | None, otherwise: int | None) -> Any:
    """Return how many steps above its anchor part ``p`` is, an integer variable that is 0 where the part is not chosen."""
    k = block.k[p]
    k.value = otherwise if held is None else round(part.steps(part.project(held)))
    low, high = part.steps(part.low), part.steps(part.high)
    if not hasattr(block, "b"):
        k.setlb(round(low) if math.isfinite(low) else None)
        k.setub(round(high) if math.isfinite(high) else None)
        return k
    k.setlb(min(round(low), 0))
    k.setub(max(round(high), 0))
    block.ends.add(k >= round(low) * block.b[p])
    block.ends.add(k <= round(high) * block.b[p])
    return k
