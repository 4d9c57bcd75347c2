"""The user's model with every neuron's phase fixed: a linear programme, where a change of phase is a change of two bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from surrogate.models.programmes.linear import LinearProgramme, MixedProgramme
from surrogate.models.programmes.rows import NetworkRows
from surrogate.models.reading import UserModel
from surrogate.networks import BoolArray, FloatArray

TIGHT = 1e-8
"""A neuron whose two parts are at most this, relative to its reach, counts as being at 0."""


@dataclass(frozen=True, eq=False)
class Vertex:
    """An optimum of a linear region.

    Attributes:
        value: the minimised objective, or the sum of the violations where feasibility is sought.
        values: the model's columns ``(columns,)``.
        at_zero: positions of the neurons that are at 0 there.
        gains: per such neuron the reduced cost of its other part: negative where the region beyond it promises better.
    """

    value: float
    values: FloatArray
    at_zero: Any
    gains: FloatArray


class PhaseProgramme:
    """The model over one linear region at a time.

    Rows of the user's model are elastic: in the stage ``feasibility`` the sum of their violations is minimised, in the stage
    ``objective`` the model's own objective, and they hold. The user's integers are relaxed, unless they are held. Bounds of
    the outputs are rows, so that a region in which they fail is a region with a violation, not an empty programme.

    Attributes:
        phases: which unstable neurons are positive in the present region ``(k,)``.
        seeks_feasibility: whether the violations are minimised.
        held: the values that columns are held at, as bytes.
    """

    def __init__(self, model: UserModel, rows: NetworkRows) -> None:
        from scipy import sparse

        self.model, self.rows = model, rows
        own, extra = model.columns, rows.extra
        bounded = np.flatnonzero(model.is_output & (np.isfinite(model.lower) | np.isfinite(model.upper)))
        outputs = sparse.csr_matrix((np.ones(bounded.size), (np.arange(bounded.size), bounded)), shape=(bounded.size, own))
        self._user = user = sparse.vstack([model.matrix, outputs], format="csr")
        count = user.shape[0]
        low = np.concatenate([model.row_lower, model.lower[bounded]])
        high = np.concatenate([model.row_upper, model.upper[bounded]])
        none = sparse.csr_matrix((count, extra))
        shift = sparse.identity(count, format="csr")
        matrix = sparse.vstack(
            [
                sparse.hstack([user, none, shift, -shift]),
                sparse.hstack([rows.matrix, sparse.csr_matrix((rows.matrix.shape[0], 2 * count))]),
            ],
            format="csc",
        )
        free = np.where(model.is_output, -np.inf, model.lower), np.where(model.is_output, np.inf, model.upper)
        lower = np.concatenate([free[0], rows.lower, np.zeros(2 * count)])
        upper = np.concatenate([free[1], np.where(rows.upper > 0.0, np.inf, rows.upper), np.zeros(2 * count)])
        self._elastic = np.arange(own + extra, own + extra + 2 * count, dtype=np.int32)
        self._zeros = np.zeros(2 * count)
        size = np.maximum(1.0, np.asarray(abs(user).max(axis=1).todense()).ravel()) if count else np.zeros(0)
        self._costs = {
            False: np.concatenate([model.cost, np.zeros(extra + 2 * count)]),
            True: np.concatenate([np.zeros(own + extra), 1.0 / size, 1.0 / size]),
        }
        self._arrays = (
            matrix,
            np.concatenate([low, rows.sides]),
            np.concatenate([high, rows.sides]),
            self._costs[False],
            lower,
            upper,
        )
        self.programme = LinearProgramme(*self._arrays)
        self._mixed: MixedProgramme | None = None
        self.seeks_feasibility = False
        self.held = b""
        self.phases: BoolArray = np.zeros(rows.neurons, dtype=np.bool_)
        self._parts = np.concatenate([rows.positive, rows.negative])
        self.set_phases(self.phases)

    def seek(self, feasibility: bool) -> None:
        """Change the stage."""
        if feasibility != self.seeks_feasibility:
            self.seeks_feasibility = feasibility
            self.programme.set_cost(self._costs[feasibility])
            self.programme.set_bounds(self._elastic, self._zeros, self._zeros + (np.inf if feasibility else 0.0))

    def set_phases(self, phases: BoolArray) -> None:
        """Go to another region."""
        self.phases = phases.copy()
        upper = np.concatenate([np.where(phases, np.inf, 0.0), np.where(phases, 0.0, np.inf)])
        self.programme.set_bounds(self._parts, np.zeros(upper.size), upper)

    def flip(self, neurons: Any) -> None:
        """Go to the region in which these neurons have the other phase."""
        self.phases[neurons] = ~self.phases[neurons]
        on = self.phases[neurons]
        columns = np.concatenate([self.rows.positive[neurons], self.rows.negative[neurons]])
        upper = np.concatenate([np.where(on, np.inf, 0.0), np.where(on, 0.0, np.inf)])
        self.programme.set_bounds(columns, np.zeros(upper.size), upper)

    def hold(self, columns: Any, values: FloatArray) -> None:
        """Hold columns of the model at values."""
        self.held = values.tobytes()
        self.programme.set_bounds(np.asarray(columns, dtype=np.int32), values, values)

    def release(self, columns: Any) -> None:
        """Give columns of the model their own bounds again; columns of outputs are free, their bounds are rows."""
        self.held = b""
        where = np.asarray(columns, dtype=np.int32)
        low, high = self.model.lower[where], self.model.upper[where]
        output = self.model.is_output[where]
        self.programme.set_bounds(where, np.where(output, -np.inf, low), np.where(output, np.inf, high))

    def solve(self, seconds: float = math.inf) -> Vertex | None:
        """Return the present region's optimum; None if it has none, or none was found in the time."""
        if self.programme.run(seconds) != highspy.HighsModelStatus.kOptimal:
            return None
        columns, costs = self.programme.columns(), self.programme.reduced_costs()
        rows = self.rows
        parts = columns[rows.positive] + columns[rows.negative]
        at_zero = np.flatnonzero(parts <= TIGHT * np.maximum(1.0, rows.reach.max(axis=1, initial=0.0)))
        other = np.where(self.phases[at_zero], rows.negative[at_zero], rows.positive[at_zero])
        value = self.programme.value + (0.0 if self.seeks_feasibility else self.model.offset)
        return Vertex(value, columns[: self.model.columns], at_zero, costs[other])

    def prices(self) -> FloatArray:
        """Return what the user's rows make of each column at the last optimum: cost less rows' prices ``(columns,)``.

        A change of the networks' inputs and outputs by ``d`` changes the objective by ``prices @ d``, to first order.
        """
        prices = self.programme.row_prices()[: self._user.shape[0]]
        cost = self._costs[self.seeks_feasibility][: self.model.columns]
        return cost - np.asarray(self._user.T @ prices)

    def completed(self, seconds: float) -> FloatArray | None:
        """Return the best decision ``(columns,)`` of the present region with the user's integers whole; None without one."""
        if self._mixed is None:
            integral = np.zeros(self._arrays[3].size, dtype=np.bool_)
            integral[: self.model.columns] = self.model.integral
            self._mixed = MixedProgramme(*self._arrays, integral)
        self._mixed.upper[self.rows.positive] = np.where(self.phases, np.inf, 0.0)
        self._mixed.upper[self.rows.negative] = np.where(self.phases, 0.0, np.inf)
        found = self._mixed.solve(seconds)[1]
        return None if found is None else found[: self.model.columns]
