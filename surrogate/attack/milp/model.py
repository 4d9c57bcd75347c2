"""The problem over a region as a Pyomo model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from surrogate.bounds import Bounds
from surrogate.errors import InvalidSetting
from surrogate.formulation import Formulation, embed, maximum
from surrogate.formulation import region as region_constraints
from surrogate.formulation.base import linear
from surrogate.formulation.scaling import amplified, doubt
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Problem
from surrogate.problems.region import Region
from surrogate.solvers import Solution, Solver
from surrogate.solvers.base import OnIncumbent

Pattern = tuple[bool, ...]
"""Which unstable neurons are active, in the order of :attr:`MaximisationModel.binaries`."""


class MaximisationModel:
    """Maximise a problem's value over a region.

    Attributes:
        pyomo: the model; blocks ``region`` and ``network``, variables ``x[j]``.
        inputs: the variables that carry ``x``.
        goal: the variable that is maximised.
        doubt: why a solver can't prove anything with this model, in one sentence; None if it can.
    """

    def __init__(
        self, folded: ReluNetwork, problem: Problem, region: Region, bounds: Bounds, formulation: str | Formulation
    ) -> None:
        """``folded`` is ``problem.fold(network)``, whose outputs are the problem's rows; ``bounds`` are its bounds."""
        self.region = region
        self.groups = problem.groups(folded.output_size)
        self.pyomo: Any = pyo.ConcreteModel()
        self.pyomo.x = pyo.Var(range(folded.input_size))
        self.inputs = list(self.pyomo.x.values())
        self.pyomo.region = pyo.Block()
        region_constraints.constrain(region, self.pyomo.region, self.inputs)
        self.pyomo.network = pyo.Block()
        self.embedding = embed(self.pyomo.network, folded, self.inputs, bounds, formulation)
        self.goal = self.embedding.outputs[0]
        if folded.output_size > 1:
            self.pyomo.maximum = pyo.Block()
            low, high = self.embedding.bounds.lower[-1], self.embedding.bounds.upper[-1]
            self.goal = maximum.maximum(self.pyomo.maximum, self.embedding.outputs, low, high, self.groups)
        self.pyomo.margin = pyo.Objective(expr=self.goal, sense=pyo.maximize)
        self.doubt = doubt(self.embedding.network, self.embedding.bounds)
        self._amplified = float(amplified(self.embedding.network, self.embedding.bounds).max())

    def solve(
        self,
        solver: Solver,
        watched: Sequence[Any],
        *,
        warm_start: bool,
        on_incumbent: OnIncumbent,
        deadline: float,
        **more: Any,
    ) -> Solution:
        """Have ``solver`` solve the model; see :meth:`Solver.solve`.

        ``more`` are further arguments for it. The bound's error counts what the solver's tolerance does in the network; where
        there is a ``doubt`` there is no bound.
        """
        solution = solver.solve(
            self.pyomo, watched, warm_start=warm_start, on_incumbent=on_incumbent, deadline=deadline, **more
        )
        error = solution.bound_error + self._amplified * solver.feasibility_tolerance
        return replace(solution, bound_error=error).doubted(self.doubt)

    def set_values(self, x: FloatArray) -> None:
        """Set every variable to its value at the point ``x`` ``(d,)``.

        Raises:
            UnsoundBounds: the bounds cut this point off.
        """
        self.embedding.set_values(x)
        region_constraints.set_values(self.region, self.pyomo.region, x)
        if hasattr(self.pyomo, "maximum"):
            outputs = np.array([pyo.value(output) for output in self.embedding.outputs])
            maximum.set_values(self.pyomo.maximum, outputs, self.groups)

    @property
    def binaries(self) -> dict[tuple[int, int], Any]:
        """The binary of every unstable neuron by ``(layer, neuron)``; 1 is active.

        Raises:
            InvalidSetting: the formulation has no such binaries, so that activation regions can't be told apart.
        """
        if not hasattr(self.pyomo.network, "s"):
            raise InvalidSetting(
                "this formulation has no binary per neuron, which visiting activation regions needs: use formulation=big_m"
            )
        return dict(self.pyomo.network.s.items())

    def patterns(self, x: ArrayLike) -> list[Pattern]:
        """Return the activation pattern of every point ``x`` ``(n, d)``."""
        z = self.embedding.network.pre_activations(x)
        if not self.binaries:
            return [()] * len(z[-1])
        active = np.stack([z[layer][:, neuron] > 0.0 for layer, neuron in self.binaries], axis=1)
        return [tuple(row) for row in active.tolist()]

    @staticmethod
    def no_good(pattern: Pattern) -> tuple[list[float], float]:
        """Return the row of :meth:`forbid`: the binaries' coefficients and the lower side."""
        return [-1.0 if active else 1.0 for active in pattern], 1.0 - sum(pattern)

    def forbid(self, pattern: Pattern) -> None:
        r"""Cut one activation pattern off: :math:`\sum_{s^*=1} (1 - s) + \sum_{s^*=0} s \ge 1`.

        The pattern must have a neuron. Without one it is that of the whole model, and nothing would be left.
        """
        if not hasattr(self.pyomo, "forbidden"):
            self.pyomo.forbidden = pyo.ConstraintList()
        signs, low = self.no_good(pattern)
        self.pyomo.forbidden.add((low, linear(signs, list(self.binaries.values())), None))

    @contextmanager
    def fixed(self, pattern: Pattern) -> Iterator[None]:
        """Confine the model to one activation pattern, in which the network is linear, for the time of a ``with`` block."""
        variables = list(self.binaries.values())
        for variable, active in zip(variables, pattern, strict=True):
            variable.fix(int(active))
        try:
            yield
        finally:
            for variable in variables:
                variable.unfix()
