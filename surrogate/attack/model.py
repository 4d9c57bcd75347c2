"""The problem over a region as a Pyomo model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from surrogate.bounds import Bounds
from surrogate.formulation import embed, maximum
from surrogate.formulation import region as region_constraints
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Problem
from surrogate.region import Region


class MaximisationModel:
    """Maximise a problem's value over a region.

    Attributes:
        pyomo: the model; blocks ``region`` and ``network``, variables ``x[j]``.
        inputs: the variables that carry ``x``.
        goal: the variable that is maximised.
    """

    def __init__(self, folded: ReluNetwork, problem: Problem, region: Region, bounds: Bounds, formulation: str) -> None:
        """``folded`` is ``problem.fold(network)``, whose outputs are the problem's rows; ``bounds`` are its bounds."""
        self.region = region
        self.groups = problem.groups(folded.output_size)
        self.pyomo: Any = pyo.ConcreteModel()
        self.pyomo.x = pyo.Var(range(folded.input_size))
        self.inputs = list(self.pyomo.x.values())
        self.pyomo.region = pyo.Block()
        self.region.constrain(self.pyomo.region, self.inputs)
        self.pyomo.network = pyo.Block()
        self.embedding = embed(self.pyomo.network, folded, self.inputs, bounds, formulation)
        self.goal = self.embedding.outputs[0]
        if folded.output_size > 1:
            self.pyomo.maximum = pyo.Block()
            low, high = self.embedding.bounds.lower[-1], self.embedding.bounds.upper[-1]
            self.goal = maximum.maximum(self.pyomo.maximum, self.embedding.outputs, low, high, self.groups)
        self.pyomo.margin = pyo.Objective(expr=self.goal, sense=pyo.maximize)

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
