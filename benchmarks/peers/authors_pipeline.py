"""The authors' pipeline: PySCIPOpt-ML's big-M formulation, written to an MPS file, read and solved by Gurobi.

Gurobi's wheel carries a licence for at most 2,000 variables and 2,000 constraints, which the 18x18 4x32 networks fit.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import gurobipy

from benchmarks.peers.base import Ending, Task, Trace
from benchmarks.peers.pyscipopt_ml_model import INPUT, build

STATUS = {gurobipy.GRB.OPTIMAL: "optimal", gurobipy.GRB.TIME_LIMIT: "time_limit", gurobipy.GRB.INFEASIBLE: "infeasible"}


def run(task: Task, trace: Trace) -> Ending:
    scip, _ = build(task.surrogate(), task.instance.region, task.instance.label, task.instance.target)
    with tempfile.TemporaryDirectory() as folder, gurobipy.Env(params={"OutputFlag": 0}) as environment:
        path = Path(folder) / "model.mps"
        scip.writeProblem(str(path), verbose=False)
        with gurobipy.read(str(path), environment) as model:
            return _solve(model, task, trace)


def _solve(model: Any, task: Task, trace: Trace) -> Ending:
    x = [model.getVarByName(INPUT.format(j)) for j in range(task.instance.region.size)]
    trace.built()
    model.Params.Threads = 1
    model.Params.TimeLimit = trace.seconds_left

    def callback(running: Any, where: int) -> None:
        if where == gurobipy.GRB.Callback.MIPSOL:
            trace.meet(running.cbGetSolution(x))

    model.optimize(callback)
    if model.SolCount > 0:
        trace.meet([variable.X for variable in x])
    bound = float(model.ObjBound)
    known = bound if abs(bound) < gurobipy.GRB.INFINITY else None
    return Ending(STATUS.get(model.Status, f"status {model.Status}"), known, int(model.NodeCount))
