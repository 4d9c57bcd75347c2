"""A user's Pyomo model and its places, read once into arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr.visitor import identify_variables

from surrogate.errors import InvalidSetting
from surrogate.models.place import Place, require_output
from surrogate.models.requirements import affine_inputs, compiled, linear_form, require_fixed_well, require_model
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.solvers.domains import stated
from surrogate.variables import bounds_of, peculiar

BEYOND = 0.05
"""A product may leave the bounds of its factors by this much, relative to its size: more than any tolerance allows."""


@dataclass(frozen=True, eq=False)
class Link:
    """A place as arrays over the model's columns ``v``: ``v[outputs] = network(matrix @ v + constant)``.

    Attributes:
        matrix: sparse ``(d, columns)``.
        constant: ``(d,)``.
        outputs: the outputs' columns ``(o,)``.
        network: the dense network.
    """

    matrix: Any
    constant: FloatArray
    outputs: Any
    network: ReluNetwork

    def inputs_at(self, values: FloatArray) -> FloatArray:
        """Return the network's inputs ``(n, d)`` at a batch of decisions ``(n, columns)``."""
        return np.asarray((self.matrix @ values.T).T + self.constant)


class UserModel:
    """The model as arrays: rows, bounds and objective without the networks, and the places beside them.

    ``tolerance`` is what a fixed variable may be beyond its bounds or domain.

    Attributes:
        variables: the columns: every variable of the active constraints, the objective and the places, none of which is fixed,
            and those that state domains with gaps or steps.
        matrix: the constraints' rows, sparse ``(rows, columns)``; ``row_lower`` and ``row_upper`` ``(rows,)`` their sides.
        row_scale, column_scale: the most that a tolerance is relative to, ``(rows,)`` and ``(columns,)``; each side of a row or
            column has its own, see :meth:`violations`.
        lower, upper: the columns' own bounds, infinite where there are none.
        integral: which columns are integer.
        cost, offset: the objective, minimised: ``sign * (cost @ v + offset)`` is the model's own value.
        sign: -1.0 where the model maximises, else 1.0.
        doubt: one sentence if the model's numbers are too large for a linear programme to prove anything; else None.
        products: columns ``(n, 3)`` of which the first is the product of the others; the rows of the user's quadratic
            constraints have them. They count as outputs: what they are follows from other columns.
        is_output, is_input: what a place writes or reads ``(columns,)``; ``is_held``: these, and the factors of products.
        links: the places, each behind those whose outputs it reads; ``order`` their positions in the caller's list.

    Raises:
        InvalidSetting: not a Pyomo model, neither linear nor quadratic without the networks, not one objective, variables of
            another model, inputs that are not affine, an output of two places, places that read one another in a circle, a
            variable that is fixed to a value that it may not have.
    """

    def __init__(self, model: Any, places: Sequence[Place], tolerance: float = 1e-6) -> None:
        require_model(model)
        self.model, self.places = model, list(places)
        from scipy import sparse

        if not self.places:
            raise InvalidSetting("at least one Place must say where a network sits in the model, got none")
        self._own = {id(v) for v in model.component_data_objects(pyo.Var, descend_into=True)}
        self._rows = list(model.component_data_objects(pyo.Constraint, active=True))
        self._objective = next(model.component_data_objects(pyo.Objective, active=True))
        bodies = [*(row.body for row in self._rows), self._objective.expr]
        require_fixed_well(model, [*bodies, *(expression for place in places for expression in place.inputs)], tolerance)
        expressions = [affine_inputs(place.inputs) for place in self.places]
        placed = self._placed(expressions)
        with linear_form(model, tolerance) as (form, stand_in):
            self.doubt = form.doubt()
            # Placed variables, and what a coefficient of 0 leaves out of the rows but Pyomo needs a value of.
            used = (v for e in bodies for v in identify_variables(e, False))
            others = {id(v): v for v in (*placed, *used)}
            for variable in form.compiled.columns:
                others.pop(id(variable), None)
            self._peculiar = peculiar([*form.compiled.columns, *others.values()])
            for variable, allowed in self._peculiar:
                if not allowed.parts:
                    raise InvalidSetting(
                        f"variable {variable.name} may have no value at all: its bounds leave nothing of its domain"
                    )
            with stated(model, self._peculiar):
                if self._peculiar:
                    form = compiled(model)
                listed = {id(v) for v in form.compiled.columns}
                columns = [*form.compiled.columns, *(v for v in others.values() if id(v) not in listed)]
                limits = [bounds_of(variable) for variable in columns]
                self.integral: BoolArray = np.array([not variable.is_continuous() for variable in columns], dtype=np.bool_)
        self.variables, self._stand_in = columns, stand_in
        self._position = {id(variable): i for i, variable in enumerate(columns)}
        extra = len(columns) - form.compiled.A.shape[1]
        self.matrix = sparse.hstack(
            [form.compiled.A, sparse.csr_matrix((form.compiled.A.shape[0], extra))], format="csr", dtype=np.float64
        )
        self.row_lower, self.row_upper = form.row_sides()
        self._row_scales = self._sides_of_rows([stand_in.constraints.get(id(row), row) for row, _ in form.compiled.rows])
        self.row_scale: FloatArray = np.maximum(*self._row_scales)
        self.lower: FloatArray = np.array([low for low, _ in limits], dtype=np.float64)
        self.upper: FloatArray = np.array([high for _, high in limits], dtype=np.float64)
        products = [[self._position[id(v)] for v in one] for one in stand_in.products]
        self.products = np.array(products, dtype=np.intp).reshape(-1, 3)
        which = self.products[:, 0]
        self.lower[which] -= BEYOND * (1.0 + np.abs(self.lower[which]))
        self.upper[which] += BEYOND * (1.0 + np.abs(self.upper[which]))
        self._column_scales = _size(self.lower), _size(self.upper)
        self.column_scale: FloatArray = np.maximum(*self._column_scales)
        self.cost: FloatArray = np.concatenate([form.cost, np.zeros(extra)])
        self.offset, self.sign = form.offset, -1.0 if form.maximised else 1.0
        self._before = [variable.value for variable in columns]
        links = [self._link(place, read) for place, read in zip(self.places, expressions, strict=True)]
        self.order = self._sorted(links)
        self.links = [links[i] for i in self.order]
        outputs = np.concatenate([link.outputs for link in self.links])
        self.is_output: BoolArray = np.isin(np.arange(len(columns)), [*outputs, *which])
        factors = np.isin(np.arange(len(columns)), self.products[:, 1:])
        self.is_input: BoolArray = np.zeros(len(columns), dtype=np.bool_)
        for link in links:
            self.is_input[link.matrix.indices] = True
        self.is_held: BoolArray = self.is_input | self.is_output | factors

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.variables)

    def complete(self, values: FloatArray) -> FloatArray:
        """Return decisions ``(n, columns)`` with outputs as the dense networks give them, and products as their factors do."""
        done = np.array(values, dtype=np.float64)
        for link in self.links:
            done[:, link.outputs] = link.network(link.inputs_at(done))
        product, first, second = self.products.T
        done[:, product] = done[:, first] * done[:, second]
        return done

    def objective(self, values: FloatArray) -> FloatArray:
        """Return the minimised objective ``(n,)`` of decisions ``(n, columns)``."""
        return values @ self.cost + self.offset

    def violations(self, values: FloatArray) -> FloatArray:
        """Return by how much each row, then each column, is violated: ``(n, rows + columns)``, relative to its sides.

        The measure is the excess divided by the larger of 1 and the side that is violated: of a row the smaller of what the
        user wrote there and what is left of it when constants have been moved over. Distances of integer columns from whole
        numbers count too.
        """
        body = np.asarray((self.matrix @ values.T).T)
        rows = _excess(body, self.row_lower, self.row_upper, *self._row_scales)
        columns = _excess(values, self.lower, self.upper, *self._column_scales)
        if self.integral.any():
            off = np.abs(values[:, self.integral] - np.round(values[:, self.integral]))
            columns[:, self.integral] = np.maximum(columns[:, self.integral], off)
        return np.concatenate([rows, columns], axis=1)

    def rows_within(self, tolerance: float) -> tuple[FloatArray, FloatArray]:
        """Return the rows' sides ``(rows,)`` with the room that a violation of up to ``tolerance`` has."""
        lower, upper = self._row_scales
        return self.row_lower - tolerance * lower, self.row_upper + tolerance * upper

    def columns_within(self, tolerance: float) -> tuple[FloatArray, FloatArray]:
        """Return the columns' bounds ``(columns,)``, those of outputs with the room that a violation of ``tolerance`` has."""
        lower, upper = (np.where(self.is_output, tolerance * scale, 0.0) for scale in self._column_scales)
        return self.lower - lower, self.upper + upper

    def nearest(self, values: FloatArray) -> FloatArray:
        """Return a decision ``(columns,)`` with each column but the outputs at the nearest value that it may have."""
        settled = np.clip(np.where(self.integral, np.round(values), values), self.lower, self.upper)
        for variable, allowed in self._peculiar:
            position = self._position[id(variable)]
            settled[position] = allowed.project(float(settled[position]))
        return np.where(self.is_output, values, settled)

    def value_step(self) -> float | None:
        """Return a number of which every decision's objective, less the offset, is a multiple; None if there is none."""
        costly = np.flatnonzero(self.cost)
        if not costly.size or not self.integral[costly].all():
            return None
        step = float(np.abs(self.cost[costly]).min())
        return step if (self.cost[costly] % step == 0.0).all() else None

    def assign(self, values: FloatArray) -> None:
        """Set the model's variables to a decision ``(columns,)``."""
        for variable, value, integral in zip(self.variables, values.tolist(), self.integral.tolist(), strict=True):
            variable.set_value(round(value) if integral else value, skip_validation=True)

    def restore(self) -> None:
        """Set the model's variables to the values that they had at first, some of them perhaps none."""
        for variable, value in zip(self.variables, self._before, strict=True):
            variable.set_value(value, skip_validation=True)

    def start(self) -> FloatArray | None:
        """Return the values ``(columns,)`` that the variables had at first, 0 for those that follow from the others.

        None if the networks' inputs, or the factors of products, are not all known.
        """
        follow = (self.is_output | ~self.is_held).tolist()
        if any(value is None and not follows for value, follows in zip(self._before, follow, strict=True)):
            return None
        return np.array([0.0 if value is None else float(value) for value in self._before])

    def confirmed(self, values: FloatArray, tolerance: float) -> float | None:
        """Return the model's own objective at a decision, evaluated by Pyomo; None if a constraint does not hold.

        This is the second, independent look at a decision: no array of this class is used but the values themselves. The
        model's variables are set to the decision.
        """
        self.assign(values)
        for variable, allowed in self._peculiar:
            if not allowed.violation(float(variable.value)) <= tolerance:
                return None
        for row in self._rows:
            low, high = self._scale_of.get(id(row), (1.0, 1.0))
            if not (float(row.lslack()) >= -tolerance * low and float(row.uslack()) >= -tolerance * high):
                return None
        return float(pyo.value(self._objective))

    def _sides_of_rows(self, constraints: Sequence[Any]) -> tuple[FloatArray, FloatArray]:
        """Return what a tolerance is relative to at each row's lower and upper side ``(rows,)``."""
        self._scale_of: dict[int, tuple[float, float]] = {}
        lower, upper = _size(self.row_lower), _size(self.row_upper)
        for i, row in enumerate(constraints):
            written = [np.inf if side is None else max(1.0, abs(side)) for side in (row.lb, row.ub)]
            lower[i], upper[i] = min(lower[i], written[0]), min(upper[i], written[1])
            low, high = self._scale_of.get(id(row), (1.0, 1.0))
            self._scale_of[id(row)] = max(low, float(lower[i])), max(high, float(upper[i]))
        return lower, upper

    def _placed(self, expressions: Sequence[Sequence[Any]]) -> list[Any]:
        """Return the variables that the places read and write, each of which must be the model's."""
        found = []
        for place, read in zip(self.places, expressions, strict=True):
            for output in place.outputs:  # it may have been fixed, or given a domain, after the Place was made
                require_output(output)
            for variable in (*(v for one in read for v in one.linear_vars), *place.outputs):
                if id(variable) not in self._own:
                    raise InvalidSetting(f"variable {variable.name} of a Place is not in the model {self.model.name}")
                found.append(variable)
        return found

    def _link(self, place: Place, read: Sequence[Any]) -> Link:
        from scipy import sparse

        rows, columns, values = [], [], []
        for j, one in enumerate(read):
            for variable, coefficient in zip(one.linear_vars, one.linear_coefs, strict=True):
                rows.append(j)
                columns.append(self._position[id(variable)])
                values.append(float(pyo.value(coefficient)))
        matrix = sparse.csr_matrix((values, (rows, columns)), shape=(len(read), len(self.variables)))
        constant = np.array([float(pyo.value(one.constant)) for one in read])
        outputs = np.array([self._position[id(v)] for v in place.outputs], dtype=np.intp)
        return Link(matrix, constant, outputs, place.dense)

    def _sorted(self, links: Sequence[Link]) -> list[int]:
        writer: dict[int, int] = {}
        for i, link in enumerate(links):
            for column in link.outputs.tolist():
                if column in writer:
                    name = self.variables[column].name
                    raise InvalidSetting(f"variable {name} is the output of two places: it can have one network only")
                writer[column] = i
        needs = {i: [writer[c] for c in link.matrix.indices.tolist() if c in writer] for i, link in enumerate(links)}
        try:
            return list(TopologicalSorter(needs).static_order())
        except CycleError as error:
            names = ", ".join(v.name for v in self.places[min(error.args[1])].outputs[:4])
            raise InvalidSetting(
                f"places read one another's outputs in a circle, among them the one that writes {names}: a network's "
                "inputs cannot depend on its own outputs"
            ) from error


def _size(sides: FloatArray) -> FloatArray:
    return np.where(np.isfinite(sides), np.maximum(1.0, np.abs(sides)), 1.0)


def _excess(values: Any, lower: Any, upper: Any, lower_scale: Any, upper_scale: Any) -> FloatArray:
    return np.maximum(np.maximum((lower - values) / lower_scale, (values - upper) / upper_scale), 0.0)
