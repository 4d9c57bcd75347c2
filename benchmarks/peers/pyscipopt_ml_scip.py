"""PySCIPOpt-ML's big-M formulation, solved by SCIP."""

from __future__ import annotations

from typing import Any

from pyscipopt import SCIP_EVENTTYPE, Eventhdlr

from benchmarks.peers.base import Ending, Task, Trace
from benchmarks.peers.pyscipopt_ml_model import build

WALL_CLOCK = 2
"""SCIP's number for it."""

STATUS = {"timelimit": "time_limit"}


class _Incumbents(Eventhdlr):
    def __init__(self, trace: Trace, x: list[Any]) -> None:
        self._trace, self._x = trace, x

    def eventinit(self) -> None:
        self.model.catchEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexit(self) -> None:
        self.model.dropEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexec(self, _event: Any) -> None:
        best = self.model.getBestSol()
        self._trace.meet([self.model.getSolVal(best, variable) for variable in self._x])


def run(task: Task, trace: Trace) -> Ending:
    model, x = build(task.surrogate(), task.instance.region, task.instance.label, task.instance.target)
    handler = _Incumbents(trace, x)
    model.includeEventhdlr(handler, "incumbents", "checks each improving solution on the dense network")
    trace.built()
    model.setParam("timing/clocktype", WALL_CLOCK)
    model.setParam("limits/time", trace.seconds_left)
    model.optimize()
    if model.getNSols() > 0:
        trace.meet([model.getVal(variable) for variable in x])
    bound = float(model.getDualbound())
    status = str(model.getStatus())
    known = bound if abs(bound) < model.infinity() else None
    return Ending(STATUS.get(status, status), known, int(model.getNTotalNodes()))
