"""The largest of several variables, or of minima over groups of them, as a disjunction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from surrogate.formulation.base import linear
from surrogate.networks import FloatArray

Groups = Sequence[Sequence[int]]


def maximum(block: Any, variables: Sequence[Any], lower: FloatArray, upper: FloatArray, groups: Groups) -> Any:
    r"""Add and return a variable ``t`` that can be as large as :math:`\max_g \min_{k \in g} v_k`, and no larger.

    :math:`t \le v_k + (\max_g u_g - l_k)(1 - d_g)` for :math:`k \in g`, :math:`\sum_g d_g = 1`, binary :math:`d`, with
    :math:`u_g = \min_{k \in g} u_k`. Groups that can never be the largest are left out. One binary a group, instead of one
    model a group; none if one group is left.

    Adds to ``block``: ``value``, ``chosen[g]``, ``below[g, k]``, ``one``.

    Args:
        variables: ``v``, with bounds ``lower`` and ``upper`` ``(k,)``.
        groups: indices of the variables; see :class:`surrogate.problems.Problem`.
    """
    lows = np.array([lower[list(group)].min() for group in groups])
    highs = np.array([upper[list(group)].min() for group in groups])
    candidates = np.flatnonzero(highs >= lows.max()).tolist()
    top = float(highs.max())
    gap = (top - lower).tolist()
    block.value = pyo.Var(bounds=(float(lows.max()), top))
    block.chosen = pyo.Var(candidates if len(candidates) > 1 else [], domain=pyo.Binary)

    def below(b: Any, g: int, k: int) -> tuple[Any, Any, float]:
        if g not in b.chosen:
            return None, linear([1.0, -1.0], [b.value, variables[k]]), 0.0
        return None, linear([1.0, -1.0, gap[k]], [b.value, variables[k], b.chosen[g]]), gap[k]

    block.below = pyo.Constraint([(g, k) for g in candidates for k in groups[g]], rule=below)
    if len(candidates) > 1:
        block.one = pyo.Constraint(expr=(linear([1.0] * len(candidates), list(block.chosen.values())), 1.0))
    return block.value


def set_values(block: Any, values: ArrayLike, groups: Groups) -> None:
    """Set what :func:`maximum` added, given the variables' values ``(k,)``."""
    members = np.asarray(values, dtype=np.float64)
    minima = {g: members[list(groups[g])].min() for g in {g for g, _ in block.below}}
    best = max(minima, key=lambda g: minima[g])
    block.value.set_value(float(minima[best]), skip_validation=True)
    for g, variable in block.chosen.items():
        variable.set_value(int(g == best), skip_validation=True)
