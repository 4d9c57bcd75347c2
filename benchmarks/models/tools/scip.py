"""PySCIPOpt-ML's big-M formulation states the networks, SCIP solves.

It takes variables as inputs, so expressions get a variable of their own; its big-M comes from their bounds by intervals. A
network is a torch ``Sequential`` in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pyscipopt import SCIP_EVENTTYPE, Eventhdlr, Model, quicksum
from pyscipopt_ml import add_predictor_constr

from benchmarks.models.base import GAP, TIGHT, Asked, Ending, Trace, reads
from surrogate.region import Region

WALL_CLOCK = 2
"""SCIP's number for it."""

STATUS = {"timelimit": "time_limit", "gaplimit": "optimal"}


class _Incumbents(Eventhdlr):
    def __init__(self, trace: Trace, columns: list[Any]) -> None:
        self._trace, self._columns = trace, columns

    def eventinit(self) -> None:
        self.model.catchEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexit(self) -> None:
        self.model.dropEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexec(self, _event: Any) -> None:
        best = self.model.getBestSol()
        self._trace.met([self.model.getSolVal(best, variable) for variable in self._columns])


def run(asked: Asked, boxes: Sequence[Region], settings: dict[str, Any], trace: Trace) -> Ending:
    model = Model()
    model.hideOutput()
    columns = _state(asked, boxes, model)
    handler = _Incumbents(trace, columns)
    model.includeEventhdlr(handler, "incumbents", "notes each improving solution")
    trace.built()
    for name, value in (
        ("timing/clocktype", WALL_CLOCK),
        ("limits/time", trace.seconds_left),
        ("limits/gap", GAP),
        ("numerics/feastol", TIGHT),
    ):
        model.setParam(name, value)
    model.optimize()
    if model.getNSols() > 0:
        trace.met([model.getVal(variable) for variable in columns])
    bound, status = float(model.getDualbound()), str(model.getStatus())
    return Ending(STATUS.get(status, status), bound if abs(bound) < model.infinity() else None)


def _state(asked: Asked, boxes: Sequence[Region], model: Any) -> list[Any]:
    """State the model; return its columns."""
    user = asked.user
    v = [
        model.addVar(
            vtype="I" if integral else "C", lb=low if np.isfinite(low) else None, ub=high if np.isfinite(high) else None
        )
        for integral, low, high in zip(user.integral.tolist(), user.lower.tolist(), user.upper.tolist(), strict=True)
    ]
    for where, coefficients, low, high in asked.rows():
        body = quicksum(c * v[j] for c, j in zip(coefficients, where, strict=True))
        if low == high:
            model.addCons(body == low)
            continue
        if np.isfinite(low):
            model.addCons(body >= low)
        if np.isfinite(high):
            model.addCons(body <= high)
    costly = np.flatnonzero(user.cost).tolist()
    goal = quicksum(float(user.sign * user.cost[j]) * v[j] for j in costly) + float(user.sign * user.offset)
    model.setObjective(goal, "minimize" if user.sign > 0.0 else "maximize")
    for at, (link, box) in enumerate(zip(user.links, boxes, strict=True)):
        inputs = []
        for (where, coefficients, constant), low, high in zip(reads(link), box.lower.tolist(), box.upper.tolist(), strict=True):
            x = model.addVar(lb=low, ub=high)
            model.addCons(quicksum(c * v[j] for c, j in zip(coefficients, where, strict=True)) + constant == x)
            inputs.append(x)
        outputs = np.array([v[j] for j in link.outputs.tolist()], dtype=object)
        add_predictor_constr(
            model,
            link.network.to_torch(),
            np.array(inputs, dtype=object),
            outputs,
            unique_naming_prefix=f"net{at}_",
            formulation="bigm",
        )
    return v
