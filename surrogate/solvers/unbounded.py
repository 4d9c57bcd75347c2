"""The message on a model that a solver calls unbounded: it names the variable that lacks a bound."""

from __future__ import annotations

import numpy as np

from surrogate.networks import FloatArray
from surrogate.solvers.standard_form import FEASIBILITY_TOLERANCE, StandardForm


def unbounded(solver: str, words: str, form: StandardForm) -> str:
    """Return the sentence about a model that the solver calls unbounded, with a column that makes it so, if one is found."""
    towards = _endless(form)
    moving = np.flatnonzero(np.abs(towards) > FEASIBILITY_TOLERANCE)
    costly = moving[form.cost[moving] * towards[moving] < 0.0]
    named = [form.compiled.columns[j] for j in (costly if costly.size else moving)[:1].tolist()]
    told = f", such as {named[0].name} with the bounds {named[0].bounds}" if named else ""
    return f"{solver} ended with the status {words!r}: give bounds to the variables that the objective needs{told}"


def _endless(form: StandardForm) -> FloatArray:
    """Return a direction ``(columns,)`` in which rows and bounds let the objective improve without end; 0 if none is found."""
    from scipy import sparse
    from scipy.optimize import linprog

    matrix = form.compiled.A.tocsr()
    low_side, high_side = (np.isfinite(sides) for sides in form.row_sides())
    found = linprog(
        form.cost,
        A_ub=sparse.vstack([matrix[high_side & ~low_side], -matrix[low_side & ~high_side]]),
        b_ub=np.zeros(int((high_side != low_side).sum())),
        A_eq=matrix[low_side & high_side],
        b_eq=np.zeros(int((low_side & high_side).sum())),
        bounds=np.column_stack([-1.0 * ~np.isfinite(form.lower), 1.0 * ~np.isfinite(form.upper)]),
    )
    return np.zeros(len(form.cost)) if found.x is None else np.asarray(found.x, dtype=np.float64)
