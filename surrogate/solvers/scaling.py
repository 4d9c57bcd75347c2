"""Scales a model to the size that a solver's absolute tolerances are meant for, and says where its bound proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from surrogate.networks import FloatArray
from surrogate.solvers.standard_form import FEASIBILITY_TOLERANCE, StandardForm, doubt

ORDINARY = 2.0**20
"""Columns that stay below this are left alone; :data:`surrogate.formulation.scaling.STEEPEST` may leave such on purpose."""


@dataclass(frozen=True, eq=False)
class ScaledForm:
    r"""A compiled model in other units: column :math:`x_j = u_j x'_j`, the objective ``objective_unit`` times the new.

    All units are powers of two, so nothing is rounded. A solver works to absolute tolerances. With an output of 1e12 it drops a
    cost as negligible, or calls a row violated for the last digit of its own sums, and the bound that it then states is wrong.
    Only continuous columns with finite bounds beyond ``ORDINARY``, the rows in which they stand and the objective are scaled; a
    model without such columns is handed over as it is.

    Attributes:
        matrix: sparse, ``(rows, columns)``.
        cost, lower, upper: ``(columns,)``; ``row_lower``, ``row_upper``: ``(rows,)``. The objective is minimised or maximised
            as the compiler states it, minimised.
        offset: of the objective.
        column_unit: ``u`` ``(columns,)``.
        objective_unit: see above.
        widths: how far each column can move, ``(columns,)``.
        products: columns and a factor ``(p, i, j, f)`` with :math:`f x'_p = x'_i x'_j`; none in a linear model.
    """

    matrix: Any
    cost: FloatArray
    offset: float
    lower: FloatArray
    upper: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray
    column_unit: FloatArray
    objective_unit: float
    widths: FloatArray
    products: Sequence[tuple[int, int, int, float]] = ()

    @classmethod
    def of(cls, form: StandardForm) -> ScaledForm:
        """Return the model in units of its own."""
        from scipy import sparse

        reach = form.reach()
        size = np.maximum(np.abs(reach[0]), np.abs(reach[1]))
        unit = np.where(np.isfinite(size) & ~form.integral, power_of_two(size), 1.0)
        matrix = form.compiled.A.tocsc()
        row_lower, row_upper = form.row_sides()
        cost = form.cost * unit
        if (unit != 1.0).any():
            matrix = matrix @ sparse.diags(unit)
            touched = np.asarray((np.abs(matrix[:, unit != 1.0])).sum(axis=1)).ravel() > 0.0
            largest = abs(matrix).max(axis=1).toarray().ravel()
            row_unit = np.where(touched, power_of_two(largest), 1.0)
            matrix = sparse.diags(1.0 / row_unit) @ matrix
            row_lower, row_upper = row_lower / row_unit, row_upper / row_unit
        goal = float(power_of_two(np.array([np.abs(cost).max(initial=0.0)]))[0])
        return cls(
            matrix=sparse.csc_matrix(matrix),
            cost=cost / goal,
            offset=form.offset / goal,
            lower=form.lower / unit,
            upper=form.upper / unit,
            row_lower=row_lower,
            row_upper=row_upper,
            column_unit=unit,
            objective_unit=goal,
            widths=(reach[1] - reach[0]) / unit,
            products=[(p, i, j, float(unit[p] / (unit[i] * unit[j]))) for p, i, j in form.products],
        )

    def doubt(self) -> str | None:
        """Return one sentence if the model's numbers are too large in these units for a bound to mean anything, else None."""
        numbers = [self.matrix.data, self.cost, self.lower, self.upper, self.row_lower, self.row_upper]
        return doubt(numbers, beside_products=bool(self.products))

    def bound_error(self, dual_tolerance: float) -> float:
        """Return by how much a dual bound may be wrong, in the model's own units; see :class:`Solution`."""
        return self.objective_unit * max(FEASIBILITY_TOLERANCE, float(dual_tolerance * self.widths.sum()))


def power_of_two(size: FloatArray) -> FloatArray:
    """Return the powers of two nearest to the sizes above ``ORDINARY``, and 1 for the others."""
    extreme = np.isfinite(size) & (size > ORDINARY)
    return np.where(extreme, 2.0 ** np.round(np.log2(np.where(extreme, size, 1.0))), 1.0)
