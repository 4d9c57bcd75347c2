"""OMLT's big-M formulation states the networks in a Pyomo model, HiGHS solves.

A block reads and writes variables of its own, so inputs are tied to expressions by equations, and outputs likewise. The model
goes to HiGHS through this project's solver class, because Pyomo's interfaces to HiGHS report no incumbents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo
from omlt import OmltBlock
from omlt.neuralnet import ReluBigMFormulation
from pyomo.common.log import LoggingIntercept

from benchmarks.models.base import GAP, Asked, Ending, Trace, reads
from benchmarks.peers.omlt_highs import definition
from surrogate.networks import FloatArray
from surrogate.region import Region
from surrogate.solvers import HighsSolver


def run(asked: Asked, boxes: Sequence[Region], settings: dict[str, Any], trace: Trace) -> Ending:
    with LoggingIntercept(module="pyomo.core"):  # OMLT sets inputs to 0, in or out of their bounds, and Pyomo says so each time
        model = _state(asked, boxes)
    trace.built()

    def note(values: FloatArray, _objective: float) -> bool:
        trace.met(values)
        return False

    solver = HighsSolver(time_limit_seconds=trace.seconds_left, relative_gap=GAP)
    columns = list(model.v.values())
    solution = solver.solve(model, columns, warm_start=False, on_incumbent=note, deadline=trace.deadline)
    if solution.values is not None:
        trace.met(solution.values)
    return Ending(str(solution.status), solution.dual_bound)


def _state(asked: Asked, boxes: Sequence[Region]) -> Any:
    user = asked.user
    low, high, integral = user.lower.tolist(), user.upper.tolist(), user.integral.tolist()
    model: Any = pyo.ConcreteModel()
    model.v = pyo.Var(
        range(user.columns),
        domain=lambda _, j: pyo.Integers if integral[j] else pyo.Reals,
        bounds=lambda _, j: (_side(low[j]), _side(high[j])),
    )
    v = list(model.v.values())
    model.rows = pyo.ConstraintList()
    for where, coefficients, row_low, row_high in asked.rows():
        model.rows.add((_side(row_low), _sum(coefficients, where, v), _side(row_high)))
    costly = np.flatnonzero(user.cost).tolist()
    model.goal = pyo.Objective(
        expr=_sum((user.sign * user.cost[costly]).tolist(), costly, v) + float(user.sign * user.offset),
        sense=pyo.minimize if user.sign > 0.0 else pyo.maximize,
    )
    model.network = OmltBlock(range(len(user.links)))
    for block, link, box in zip(model.network.values(), user.links, boxes, strict=True):
        block.build_formulation(ReluBigMFormulation(definition(link.network, box.lower, box.upper)))
        for j, (where, coefficients, constant) in enumerate(reads(link)):
            model.rows.add((constant, block.inputs[j] - _sum(coefficients, where, v), constant))
        for o, column in enumerate(link.outputs.tolist()):
            model.rows.add(v[column] == block.outputs[o])
    return model


def _sum(coefficients: Sequence[float], where: Sequence[int], v: Sequence[Any]) -> Any:
    return pyo.quicksum(c * v[j] for c, j in zip(coefficients, where, strict=True))


def _side(value: float) -> float | None:
    return value if np.isfinite(value) else None
