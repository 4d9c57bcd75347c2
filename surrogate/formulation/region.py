"""A region as linear Pyomo constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from surrogate.checks import list_of, require_kind
from surrogate.errors import InvalidSetting
from surrogate.formulation.base import linear
from surrogate.problems.region import Region


def constrain(region: Region, block: Any, x: Sequence[Any]) -> None:
    r"""Confine the Pyomo variables ``x`` to the region: tighten their bounds and, for l1, add the ball to ``block``.

    The l1 ball needs :math:`|x_j - c_j|` only where ``x_j`` can move both ways; there :math:`x_j = c_j + p_j - n_j` with
    :math:`p_j, n_j \ge 0` below the distances to the box. A pixel that sits on a side of the box moves one way, so its own
    distance is linear already. One row bounds the sum. The linf ball is bounds alone.

    Adds to ``block``: ``plus[j]``, ``minus[j]``, ``split[j]`` for the two-sided ``j``, and ``ball``.

    Raises:
        InvalidSetting: ``norm="l2"``, which no linear model can state; no region, no block, or not ``d`` variables.
    """
    require_kind("the region", region, Region, "Region(0.0, 1.0, center, radius, 'l1')")
    if not hasattr(block, "component_objects"):
        raise InvalidSetting(f"a region goes into a Pyomo Block, got {type(block).__name__}: declare model.r = pyo.Block()")
    variables = list_of("x", x, "Pyomo variables")
    if len(variables) != region.size:
        raise InvalidSetting(f"the region has {region.size} coordinates but {len(variables)} variables were given")
    if region.norm == "l2":
        raise InvalidSetting('norm="l2" has no linear formulation: use l1 or linf in a MILP, or the gradient attack')
    low, high = region.tight_box()
    for variable, lower, upper in zip(variables, low.tolist(), high.tolist(), strict=True):
        variable.setlb(lower if variable.lb is None else max(lower, variable.lb))
        variable.setub(upper if variable.ub is None else min(upper, variable.ub))
    if region.radius is None or region.norm != "l1":
        return
    up, down = region.upper - region.center, region.center - region.lower
    two_sided = np.flatnonzero((up > 0.0) & (down > 0.0)).tolist()
    reach_up, reach_down = np.minimum(up, region.radius).tolist(), np.minimum(down, region.radius).tolist()
    center = region.center.tolist()
    block.plus = pyo.Var(two_sided, bounds=lambda _, j: (0.0, reach_up[j]))
    block.minus = pyo.Var(two_sided, bounds=lambda _, j: (0.0, reach_down[j]))
    block.split = pyo.Constraint(
        two_sided,
        rule=lambda b, j: (linear([1.0, -1.0, 1.0], [variables[j], b.plus[j], b.minus[j]]), center[j]),
    )
    rising = np.flatnonzero((up > 0.0) & (down == 0.0))
    falling = np.flatnonzero((up == 0.0) & (down > 0.0))
    terms = [*block.plus.values(), *block.minus.values(), *(variables[j] for j in rising), *(variables[j] for j in falling)]
    signs = [1.0] * (2 * len(two_sided) + rising.size) + [-1.0] * falling.size
    # Moved to the right-hand side: sum (x_j - c_j) over rising plus sum (c_j - x_j) over falling.
    budget = region.radius + float(region.center[rising].sum()) - float(region.center[falling].sum())
    if terms:
        block.ball = pyo.Constraint(expr=(None, linear(signs, terms), budget))


def set_values(region: Region, block: Any, x: ArrayLike) -> None:
    """Set the variables that :func:`constrain` added to ``block`` to their values at the point ``x`` ``(d,)``."""
    if region.norm != "l1":
        return
    step = (np.asarray(x, dtype=np.float64) - region.center).tolist()
    for j, variable in block.plus.items():
        variable.set_value(max(step[j], 0.0), skip_validation=True)
        block.minus[j].set_value(max(-step[j], 0.0), skip_validation=True)
