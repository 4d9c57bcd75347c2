"""A Pyomo model as a matrix, and what every solver here needs to know of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from surrogate.errors import InvalidSetting
from surrogate.networks import BoolArray, FloatArray
from surrogate.solvers.domains import scratch, stated
from surrogate.solvers.products import Product, linearised
from surrogate.variables import bounds_of, peculiar

FEASIBILITY_TOLERANCE = 1e-6
"""The solvers here keep rows and bounds to this tolerance."""

LARGEST = 1e9
"""float64 knows the sum of a row with such numbers to 1e-7: a tenth of the tolerance to which a solver keeps the row."""

LARGEST_BESIDE_PRODUCTS = 1e5
"""The same in a model with products of columns. SCIP has called a decision optimal that was 1e-4 of the value from the optimum,
with coefficients of 1e7; tests/surrogate/test_quadratic_solvers.py keeps such models."""


class NotLinear(InvalidSetting):
    """A model that a mixed-integer linear programme cannot say; it may be a quadratic one."""


class StandardForm:
    """The compiled model.

    Attributes:
        compiled: Pyomo's standard form: ``A``, ``c``, ``rhs``, ``rows``, ``columns``.
        lower, upper: the columns' bounds, infinite where there are none; ``(columns,)``.
        cost, offset: of the objective as the compiler states it, minimised; ``(columns,)``.
        maximised: whether the model's own objective is maximised, and ``cost`` has its sign turned.
        integral: which columns are integer; ``(columns,)``.
        peculiar: the columns whose bounds and type don't say all of what they may be, each with its allowed values.
        size: ``binaries`` (integer columns), ``rows``, ``columns`` and ``nonzeros``.
        products: columns ``(p, i, j)`` of which the first is the product of the others; none in a linear model.
    """

    def __init__(self, compiled: Any, products: Sequence[Product] = ()) -> None:
        self.compiled = compiled
        position = {id(variable): j for j, variable in enumerate(compiled.columns)} if products else {}
        self.products = [(position[id(a)], position[id(b)], position[id(c)]) for a, b, c in products]
        self.peculiar = peculiar(compiled.columns)  # first: a domain that is not of numbers has no bounds
        bounds = [bounds_of(variable) for variable in compiled.columns]
        self.lower: FloatArray = np.array([low for low, _ in bounds], dtype=np.float64)
        self.upper: FloatArray = np.array([high for _, high in bounds], dtype=np.float64)
        odd = {id(variable) for variable, _ in self.peculiar}
        self.integral: BoolArray = np.array([id(v) in odd or not v.is_continuous() for v in compiled.columns], dtype=np.bool_)
        rows, columns = compiled.A.shape
        self.cost: FloatArray = np.asarray(compiled.c.todense(), dtype=np.float64).reshape(columns)
        self.offset = float(compiled.c_offset[0])
        self.maximised: bool = compiled.objectives[0].sense == pyo.maximize
        self.size = {
            "binaries": int(self.integral.sum()),
            "rows": int(rows),
            "columns": int(columns),
            "nonzeros": int(compiled.A.nnz),
        }

    def objective(self, columns: ArrayLike) -> float:
        """Return the objective, in the model's own sense, at the columns' values ``(columns,)``."""
        value = (self.compiled.c @ np.asarray(columns, dtype=np.float64)).item() + self.offset
        return -value if self.maximised else value

    def reach(self) -> tuple[FloatArray, FloatArray]:
        """Return between which values ``(columns,)`` each column can lie: its bounds, else what an equation says."""
        lower, upper = self.lower.copy(), self.upper.copy()
        if np.isfinite(lower).all() and np.isfinite(upper).all():
            return lower, upper
        matrix = self.compiled.A.tocsr()
        low_side, high_side = self.row_sides()
        for row in np.flatnonzero(low_side == high_side).tolist():
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            columns, values = matrix.indices[part], matrix.data[part]
            free = ~(np.isfinite(lower[columns]) & np.isfinite(upper[columns]))
            if free.sum() != 1:
                continue
            column, value = columns[free][0], values[free][0]
            ends = values[~free] * lower[columns[~free]], values[~free] * upper[columns[~free]]
            ends = (low_side[row] - np.maximum(*ends).sum()) / value, (low_side[row] - np.minimum(*ends).sum()) / value
            lower[column], upper[column] = max(lower[column], min(ends)), min(upper[column], max(ends))
        return lower, upper

    def row_sides(self) -> tuple[FloatArray, FloatArray]:
        """Return the rows' lower and upper sides ``(rows,)``, infinite where there are none."""
        sides = np.array([row.bound_type for row in self.compiled.rows], dtype=np.int64)
        rhs = np.asarray(self.compiled.rhs, dtype=np.float64)
        return np.where(sides <= 0, rhs, -np.inf), np.where(sides >= 0, rhs, np.inf)

    def doubt(self) -> str | None:
        """Return one sentence if the model's numbers are too large for a bound to mean anything, else None."""
        return doubt([self.compiled.A.data, self.cost, self.lower, self.upper, *self.row_sides()])


def doubt(numbers: Sequence[FloatArray], beside_products: bool = False) -> str | None:
    """Return one sentence if one of the finite numbers is beyond the largest that is allowed, else None."""
    largest = max(float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) for array in numbers)
    allowed = LARGEST_BESIDE_PRODUCTS if beside_products else LARGEST
    if largest <= allowed:
        return None
    among = ", products of its variables among them" if beside_products else ""
    return (
        f"the model has numbers up to {largest:.2g}{among}, of which float64 leaves a solver too few digits for a bound: "
        f"measure its variables, rows and objective in units that keep the numbers below {allowed:.0e}"
    )


class Watch:
    """Picks the watched variables out of the columns; a variable that is no column keeps the value it has."""

    def __init__(self, watched: Sequence[Any], columns: Sequence[Any], unit: FloatArray | None = None) -> None:
        """``unit`` ``(columns,)``: what a solver's value 1 of each column stands for; None is 1."""
        column_of = {id(variable): j for j, variable in enumerate(columns)}
        self._where = np.array([column_of.get(id(variable), -1) for variable in watched], dtype=np.intp)
        self._unit = np.ones(len(columns)) if unit is None else unit
        self._resting = np.array([pyo.value(v, exception=False) or 0.0 for v in watched], dtype=np.float64)

    def row(self, coefficients: FloatArray, low: float) -> tuple[FloatArray, float]:
        """Return a row over the watched variables as one over a solver's columns: weights ``(columns,)`` and lower side."""
        resting = self._where < 0
        weights = np.zeros(len(self._unit))
        np.add.at(weights, self._where[~resting], coefficients[~resting])
        return weights * self._unit, low - float(coefficients[resting] @ self._resting[resting])

    def values(self, columns: ArrayLike) -> FloatArray:
        """Return the watched variables' values, given those of all columns."""
        found = np.asarray(columns, dtype=np.float64)
        if not found.size:
            return self._resting.copy()
        found = found * self._unit
        return np.where(self._where >= 0, found[np.maximum(self._where, 0)], self._resting)


def compile_model(model: Any, products: Sequence[Product] = ()) -> StandardForm | None:
    """Compile a Pyomo model; None if a constraint without any free variable is violated, which makes it infeasible.

    ``products`` are told of in the form: columns of the model, which do not say it themselves.

    Raises:
        InvalidSetting: no constructed Pyomo model, not one active objective, a nonlinear expression, a component that is
            not linear programming's, or a variable whose domain is not of numbers.
    """
    if not hasattr(model, "block_data_objects") or model.is_indexed() or not model.is_constructed():
        raise InvalidSetting(f"expected a constructed Pyomo model (ConcreteModel), got {type(model).__name__}")
    try:
        compiled = LinearStandardFormCompiler().write(model, mixed_form=True)
    except InfeasibleConstraintException:
        return None
    except (ValueError, TypeError, NotImplementedError) as error:
        text = " ".join(str(error).split())
        raise NotLinear(f"the model cannot be read as a mixed-integer linear programme: {text}") from error
    if len(compiled.objectives) != 1:
        raise InvalidSetting(f"the model must have one active objective, got {len(compiled.objectives)}")
    return StandardForm(compiled, products)


@contextmanager
def exactly(model: Any, quadratic: bool = False) -> Iterator[StandardForm | None]:
    """Give the compiled model, every variable's domain stated in it; None if it has no solution for a reason found here.

    What that takes is in blocks of the model itself while this is entered, so that it can be handed to a solver as it is.

    Args:
        model: a Pyomo model.
        quadratic: whether the solver takes products of two columns. Then the model may have quadratic terms.

    Raises:
        InvalidSetting: as :func:`compile_model`, or a domain that cannot be stated; names the variable.
    """
    with ExitStack() as blocks:
        products: Sequence[Product] = ()
        try:
            form = compile_model(model)
        except NotLinear:
            if not quadratic:
                raise
            products = blocks.enter_context(linearised(model)).products
            blocks.enter_context(_seen(model, products))
            form = compile_model(model, products)
        if form is not None and form.peculiar:
            if any(not allowed.parts for _, allowed in form.peculiar):
                form = None
            else:
                blocks.enter_context(stated(model, form.peculiar))
                form = compile_model(model, products)
        yield form


@contextmanager
def _seen(model: Any, products: Sequence[Product]) -> Iterator[None]:
    """Give every factor of a product a row while this is entered: a variable that stands in no row would be no column."""
    factors = {id(variable): variable for one in products for variable in (one.first, one.second)}
    with scratch(model, "surrogate_factors") as block:
        block.same, block.rows = pyo.VarList(), pyo.ConstraintList()
        for variable in factors.values():
            same = block.same.add()
            same.set_value(variable.value, skip_validation=True)
            block.rows.add(same - variable == 0.0)
        yield
