"""A Pyomo model as a matrix, and what every solver here needs to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from surrogate.errors import InvalidSetting
from surrogate.networks import BoolArray, FloatArray
from surrogate.solvers.base import Solution, SolverStatus


class StandardForm:
    """The compiled model.

    Attributes:
        compiled: Pyomo's standard form: ``A``, ``c``, ``rhs``, ``rows``, ``columns``.
        lower, upper: the columns' bounds, infinite where there are none; ``(columns,)``.
        integral: which columns are integer; ``(columns,)``.
        size: ``binaries`` (integer columns), ``rows``, ``columns`` and ``nonzeros``.
    """

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled
        bounds = [variable.bounds for variable in compiled.columns]
        self.lower: FloatArray = np.array([-np.inf if low is None else low for low, _ in bounds], dtype=np.float64)
        self.upper: FloatArray = np.array([np.inf if high is None else high for _, high in bounds], dtype=np.float64)
        self.integral: BoolArray = np.array([not variable.is_continuous() for variable in compiled.columns], dtype=np.bool_)
        rows, columns = compiled.A.shape
        self.size = {
            "binaries": int(self.integral.sum()),
            "rows": int(rows),
            "columns": int(columns),
            "nonzeros": int(compiled.A.nnz),
        }

    def objective(self, columns: ArrayLike) -> float:
        """Return the objective, in the model's own sense, at the columns' values ``(columns,)``."""
        # The compiler states objectives to be minimised; a maximised one comes with its sign turned.
        turned = -1.0 if self.compiled.objectives[0].sense == pyo.maximize else 1.0
        value = (self.compiled.c @ np.asarray(columns, dtype=np.float64)).item() + float(self.compiled.c_offset[0])
        return turned * value

    def bound_error(self, dual_tolerance: float) -> float:
        """Return by how much reduced costs off by ``dual_tolerance`` can move a dual bound; infinite with a free column."""
        return float(dual_tolerance * (self.upper - self.lower).sum())


class Watch:
    """Picks the watched variables out of the columns; a variable that is no column keeps the value it has."""

    def __init__(self, watched: Sequence[Any], columns: Sequence[Any]) -> None:
        column_of = {id(variable): j for j, variable in enumerate(columns)}
        self._where = np.array([column_of.get(id(variable), -1) for variable in watched], dtype=np.intp)
        self._resting = np.array([pyo.value(v, exception=False) or 0.0 for v in watched], dtype=np.float64)

    def values(self, columns: ArrayLike) -> FloatArray:
        """Return the watched variables' values, given those of all columns."""
        found = np.asarray(columns, dtype=np.float64)
        if not found.size:
            return self._resting.copy()
        return np.where(self._where >= 0, found[np.maximum(self._where, 0)], self._resting)


def compile_model(model: Any) -> StandardForm | None:
    """Compile a Pyomo model; None if a constraint without any free variable is violated, which makes it infeasible.

    Raises:
        InvalidSetting: not one active objective, a nonlinear expression, or a component that is not linear programming's.
    """
    try:
        compiled = LinearStandardFormCompiler().write(model, mixed_form=True)
    except InfeasibleConstraintException:
        return None
    except (ValueError, TypeError, NotImplementedError) as error:
        text = " ".join(str(error).split())
        raise InvalidSetting(f"the model cannot be read as a mixed-integer linear programme: {text}") from error
    if len(compiled.objectives) != 1:
        raise InvalidSetting(f"the model must have one active objective, got {len(compiled.objectives)}")
    return StandardForm(compiled)


def nothing_spent() -> dict[str, int]:
    """Return the work of a solver that was not started."""
    return {"nodes": 0, "simplex_iterations": 0}


def infeasible() -> Solution:
    """Return the answer for a model that compiling found to be infeasible."""
    return Solution(SolverStatus.INFEASIBLE, None, None, None, 0.0, work=nothing_spent())
