"""The largest of several variables, as a disjunction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from surrogate.formulation.base import linear
from surrogate.networks import FloatArray


def maximum(block: Any, variables: Sequence[Any], lower: FloatArray, upper: FloatArray) -> Any:
    r"""Add and return a variable ``t`` that can be as large as the largest of ``variables``, and no larger.

    :math:`t \le v_k + (\max_i u_i - l_k)(1 - d_k)`, :math:`\sum_k d_k = 1`, binary :math:`d`. Members that can never be the
    largest (:math:`u_k < \max_i l_i`) are left out. One binary a member, instead of one model a member.

    Adds to ``block``: ``value``, ``chosen[k]``, ``below[k]``, ``one``.
    """
    candidates = np.flatnonzero(upper >= lower.max()).tolist()
    top = float(upper.max())
    gap = (top - lower).tolist()
    block.value = pyo.Var(bounds=(float(lower.max()), top))
    block.chosen = pyo.Var(candidates, domain=pyo.Binary)
    block.below = pyo.Constraint(
        candidates,
        rule=lambda b, k: (None, linear([1.0, -1.0, gap[k]], [b.value, variables[k], b.chosen[k]]), gap[k]),
    )
    block.one = pyo.Constraint(expr=(linear([1.0] * len(candidates), list(block.chosen.values())), 1.0))
    return block.value


def set_values(block: Any, values: ArrayLike) -> None:
    """Set what :func:`maximum` added, given the members' values."""
    members = np.asarray(values, dtype=np.float64)
    best = max(block.chosen, key=lambda k: members[k])
    block.value.set_value(float(members[best]), skip_validation=True)
    for k, variable in block.chosen.items():
        variable.set_value(int(k == best), skip_validation=True)
