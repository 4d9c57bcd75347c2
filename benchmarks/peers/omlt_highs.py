"""OMLT's big-M formulation of the network, solved by HiGHS.

The Pyomo model is OMLT's own. It goes to HiGHS through this project's solver class, because Pyomo's interfaces to HiGHS report
no incumbents; that gives HiGHS nothing but the model (no start) and leaves its gap at its default.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyomo.environ as pyo
from omlt import OmltBlock
from omlt.neuralnet import NetworkDefinition, ReluBigMFormulation
from omlt.neuralnet.layer import DenseLayer, InputLayer

from benchmarks.peers.base import Ending, Task, Trace
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region
from surrogate.solvers import HighsSolver

HIGHS_DEFAULT_GAP = 1e-4


def run(task: Task, trace: Trace) -> Ending:
    model = build(task.surrogate(), task.instance.region, task.instance.label, task.instance.target)
    trace.built()

    def on_incumbent(x: FloatArray, _objective: float) -> bool:
        trace.meet(x)
        return False

    solver = HighsSolver(time_limit_seconds=trace.seconds_left, relative_gap=HIGHS_DEFAULT_GAP)
    deadline = time.perf_counter() + trace.seconds_left
    watched = list(model.network.inputs.values())
    solution = solver.solve(model, watched, warm_start=False, on_incumbent=on_incumbent, deadline=deadline)
    if solution.values is not None:
        trace.meet(solution.values)
    return Ending(str(solution.status), solution.dual_bound, solution.work["nodes"])


def build(network: ReluNetwork, region: Region, label: int | None, target: int | None) -> Any:
    """Return the model that maximises ``f_target - f_label`` over the region, in ``x``, ``|x - center|`` and ``f(x)``."""
    low, high = region.tight_box()
    model: Any = pyo.ConcreteModel()
    model.network = OmltBlock()
    model.network.build_formulation(ReluBigMFormulation(definition(network, low, high)))
    x, center = model.network.inputs, region.center.tolist()
    if region.norm == "l1":
        model.distance = pyo.Var(range(region.size), bounds=(0.0, None))
        model.above = pyo.Constraint(range(region.size), rule=lambda m, j: m.distance[j] >= x[j] - center[j])
        model.below = pyo.Constraint(range(region.size), rule=lambda m, j: m.distance[j] >= center[j] - x[j])
        model.ball = pyo.Constraint(expr=pyo.quicksum(model.distance.values()) <= region.radius)
    outputs = model.network.outputs
    model.margin = pyo.Objective(expr=outputs[target] - outputs[label], sense=pyo.maximize)
    return model


def definition(network: ReluNetwork, low: FloatArray, high: FloatArray) -> NetworkDefinition:
    """Return OMLT's own form of a network whose inputs are in the box from ``low`` to ``high``, ``(d,)`` each."""
    definition = NetworkDefinition(scaled_input_bounds=dict(enumerate(zip(low.tolist(), high.tolist(), strict=True))))
    previous: Any = InputLayer([network.input_size])
    definition.add_layer(previous)
    last = len(network.weights) - 1
    for index, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        layer = DenseLayer(
            [weight.shape[1]],
            [weight.shape[0]],
            activation="linear" if index == last else "relu",
            weights=np.array(weight.T),
            biases=np.array(bias),
        )
        definition.add_layer(layer)
        definition.add_edge(previous, layer)
        previous = layer
    return definition
