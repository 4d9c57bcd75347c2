"""The user's model with networks stated in it, dense or pruned, as a Pyomo model of its own for a MILP solver."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC

from surrogate.bounds import Bounds
from surrogate.formulation import Formulation, embed
from surrogate.formulation.base import Embedding, linear
from surrogate.formulation.scaling import doubt
from surrogate.models.programmes.pace import NEURON, Pace, works_of
from surrogate.models.programmes.ranges import within_reach
from surrogate.models.reading import Link, UserModel
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.solvers import Pause, Solution, Solver

ROOM = 0.1
"""Share of the tolerance to which decisions hold that the user's rows get as room: as much as the solvers' own tolerance."""

NARROWEST = 0.1
"""An output with less range than this, nearly constant over the model, is not what a solver's tolerances are measured by: what
they may hide then is a thousandth of this, the gap at which a search ends."""


class StatedModel:
    """The user's rows and columns, copied, with a network at each place.

    A copy, so that the user's model has no component that is not the user's, and so that two such models can be under way at
    the same time.

    Args:
        networks: per link, in the order of ``model.links``, the network that is stated.
        bounds: per link the bounds of that network's neurons, valid wherever the inputs can go.
        tolerance: room that the user's rows and the outputs' bounds get. A decision counts where it holds to a tolerance, and a
            solver's own tolerance is smaller: HiGHS has called models without that decision optimal, where an equality left it
            none.
        pace: how long stating has taken so far; it learns from this one.
        deadline: ``time.perf_counter()`` value before which the solver has to have the model.
        columns: lower and upper bounds ``(columns,)`` that are known beside the model's own; None for none.

    Raises:
        NoTime: that cannot be.
    """

    def __init__(
        self,
        model: UserModel,
        networks: Sequence[ReluNetwork],
        bounds: Sequence[Bounds],
        formulation: str | Formulation,
        tolerance: float = 0.0,
        pace: Pace | None = None,
        deadline: float = math.inf,
        columns: tuple[FloatArray, FloatArray] | None = None,
    ) -> None:
        self._model = model
        self._known = columns
        self._pace = Pace() if pace is None else pace
        works = works_of(networks, bounds)
        self._work = sum(works) + model.matrix.nnz + NEURON * model.matrix.shape[0]
        self._pace.require(sum(works), self._work, deadline)
        self._pyomo = pyo.ConcreteModel()
        self._columns: list[Any] = []
        self._embeddings: list[Embedding] = []
        with PauseGC():  # which would look through some hundred thousand new objects again and again
            self._state_own(bounds, tolerance)
            self._state_networks(networks, bounds, works, formulation, deadline)

    def _state_own(self, bounds: Sequence[Bounds], tolerance: float) -> None:
        """State the user's columns, rows and objective."""
        model, pyomo = self._model, self._pyomo
        low, high = (side.tolist() for side in self._reached(bounds, tolerance))
        integral = model.integral.tolist()
        at: dict[str, int] = {}  # by the user's names, which a solver's words then have; those of stated domains may be equal
        for j, variable in enumerate(model.variables):
            at[f"{variable.name}#{j}" if variable.name in at else variable.name] = j
        pyomo.v = pyo.Var(
            list(at),
            domain=lambda _, name: pyo.Integers if integral[at[name]] else pyo.Reals,
            bounds=lambda _, name: (_side(low[at[name]]), _side(high[at[name]])),
        )
        self._columns = list(pyomo.v.values())
        matrix, (row_low, row_high) = model.matrix, (side.tolist() for side in model.rows_within(tolerance))
        sided = (np.diff(matrix.indptr) > 0) & (np.isfinite(model.row_lower) | np.isfinite(model.row_upper))
        pyomo.rows = pyo.Constraint(
            np.flatnonzero(sided).tolist(),
            rule=lambda _, i: (_side(row_low[i]), self._row(matrix, i), _side(row_high[i])),
        )
        pyomo.products = pyo.Constraint(
            range(len(model.products)), rule=lambda _, k: self._product(*model.products[k].tolist())
        )
        costly = np.flatnonzero(model.cost)
        pyomo.goal = pyo.Objective(
            expr=linear((model.sign * model.cost[costly]).tolist(), [self._columns[j] for j in costly.tolist()])
            + model.sign * model.offset,
            sense=pyo.minimize if model.sign > 0.0 else pyo.maximize,
        )

    def _state_networks(
        self,
        networks: Sequence[ReluNetwork],
        bounds: Sequence[Bounds],
        works: Sequence[float],
        formulation: str | Formulation,
        deadline: float,
    ) -> None:
        """State a network at each place, as long as all of them can be."""
        pyomo, left = self._pyomo, sum(works)
        pyomo.place = pyo.Block(range(len(networks)))
        for i, (link, network, bound) in enumerate(zip(self._model.links, networks, bounds, strict=True)):
            begin = time.perf_counter()
            here = pyomo.place[i]
            inputs = self._inputs(here, link)
            here.network = pyo.Block()
            embedding = embed(here.network, network, inputs, bound, formulation)
            outputs = [self._columns[j] for j in link.outputs.tolist()]
            here.link = pyo.Constraint(
                range(len(outputs)),
                rule=lambda _, o, outputs=outputs, e=embedding: (0.0, linear([1.0, -1.0], [outputs[o], e.outputs[o]]), 0.0),
            )
            self._embeddings.append(embedding)
            self._pace.stating.add(works[i], time.perf_counter() - begin)
            left -= works[i]
            self._pace.require(left, self._work, deadline)

    def solve(
        self,
        solver: Solver,
        deadline: float,
        start: FloatArray | None,
        on_point: Callable[[FloatArray], bool],
        pause: Pause | None = None,
    ) -> Solution:
        """Solve.

        Args:
            deadline: ``time.perf_counter()`` value at which the solver ends.
            start: a decision ``(columns,)`` to start from; the networks' own values follow by forward passes.
            on_point: called with the columns ``(columns,)`` of each solution that the solver meets; True asks for the end.
            pause: handed to the solver.

        Raises:
            NoTime: the solver cannot have the model before the deadline.
            SolverFailure: the solver ended without a usable status.
            UnsoundBounds: the start leaves the bounds.
        """
        if start is not None:
            for variable, value, integral in zip(self._columns, start.tolist(), self._model.integral.tolist(), strict=True):
                variable.set_value(round(value) if integral else value, skip_validation=True)
            for link, embedding in zip(self._model.links, self._embeddings, strict=True):
                embedding.set_values(link.inputs_at(start[None])[0])
        begin = time.perf_counter()
        self._pace.require(0.0, self._work, deadline)
        solution = solver.solve(
            self._pyomo,
            self._columns,
            warm_start=start is not None,
            on_incumbent=lambda values, _: on_point(values),
            deadline=deadline,
            pause=pause,
        )
        self._pace.handing.add(self._work, max(time.perf_counter() - begin - solution.solve_seconds, 0.0))
        doubts = (doubt(embedding.network, _with_wide_outputs(embedding.bounds)) for embedding in self._embeddings)
        return solution.doubted(next((found for found in doubts if found is not None), None))

    def _reached(self, bounds: Sequence[Bounds], tolerance: float) -> tuple[FloatArray, FloatArray]:
        """Return the columns' bounds, for outputs no further than the networks reach: by widths a bound's error is known."""
        lowest, highest = self._model.columns_within(tolerance)
        low, high = within_reach(self._model.links, bounds, lowest, highest)
        if self._known is not None:
            low, high = np.maximum(low, self._known[0]), np.minimum(high, self._known[1])
        crossed = low > high  # that is for the solver to find, to its tolerances
        return np.where(crossed, lowest, low), np.where(crossed, highest, high)

    def _product(self, product: int, first: int, second: int) -> Any:
        return self._columns[product] == self._columns[first] * self._columns[second]

    def _row(self, matrix: Any, i: int) -> Any:
        part = slice(matrix.indptr[i], matrix.indptr[i + 1])
        return linear(matrix.data[part].tolist(), [self._columns[j] for j in matrix.indices[part].tolist()])

    def _inputs(self, block: Any, link: Link) -> list[Any]:
        """Return a variable for each input: a column, or a new variable that equals the expression."""
        matrix, constant = link.matrix, link.constant.tolist()
        own = {}
        for j in range(matrix.shape[0]):
            part = slice(matrix.indptr[j], matrix.indptr[j + 1])
            if constant[j] == 0.0 and matrix.data[part].tolist() == [1.0]:
                own[j] = self._columns[int(matrix.indices[part][0])]
        others = [j for j in range(matrix.shape[0]) if j not in own]
        if others:
            block.input = pyo.Var(others)
            block.reads = pyo.Constraint(
                others,
                rule=lambda b, j: (
                    (constant[j], b.input[j] - self._row(matrix, j), constant[j])
                    if matrix.indptr[j] < matrix.indptr[j + 1]
                    else b.input[j] == constant[j]
                ),
            )
        return [own[j] if j in own else block.input[j] for j in range(matrix.shape[0])]


def _with_wide_outputs(bounds: Bounds) -> Bounds:
    """Return the bounds with outputs that have at least NARROWEST: a tolerance is measured by the range of an output."""
    low, high = bounds.lower[-1], bounds.upper[-1]
    more = np.maximum(NARROWEST - (high - low), 0.0) / 2.0
    return Bounds((*bounds.lower[:-1], low - more), (*bounds.upper[:-1], high + more))


def _side(value: float) -> float | None:
    return value if np.isfinite(value) else None
