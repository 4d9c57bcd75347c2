"""gurobi-machinelearning states the networks, Gurobi solves.

It takes variables as inputs, so expressions get a variable of their own. A network is a torch ``Sequential`` in float64; each
ReLU is a general constraint (a maximum), whose big-M Gurobi makes from the bounds that its presolve finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gurobipy as gp
import numpy as np
from gurobi_ml import add_predictor_constr
from gurobipy import GRB

from benchmarks.models.base import GAP, TIGHT, Asked, Ending, Trace, reads
from surrogate.region import Region

STATUS = {GRB.OPTIMAL: "optimal", GRB.TIME_LIMIT: "time_limit", GRB.INFEASIBLE: "infeasible"}

TOO_LARGE = "too large for the licence"


def run(asked: Asked, boxes: Sequence[Region], settings: dict[str, Any], trace: Trace) -> Ending:
    with gp.Env(params={"OutputFlag": 0}) as env, gp.Model(env=env) as model:
        columns = _state(asked, boxes, model)
        listed = columns.tolist()
        trace.built()
        for name, value in (
            ("Threads", 1),
            ("TimeLimit", trace.seconds_left),
            ("MIPGap", GAP),
            ("FeasibilityTol", TIGHT),
            ("IntFeasTol", TIGHT),
        ):
            model.setParam(name, value)

        def note(inside: Any, where: int) -> None:
            if where == GRB.Callback.MIPSOL:
                trace.met(inside.cbGetSolution(listed))

        try:
            model.optimize(note)
        except gp.GurobiError as error:
            if error.errno == GRB.Error.SIZE_LIMIT_EXCEEDED:
                return Ending(TOO_LARGE)
            raise
        if model.SolCount > 0:
            trace.met(columns.X)
        bound = model.ObjBound if abs(model.ObjBound) < GRB.INFINITY else None
        return Ending(STATUS.get(model.Status, f"Gurobi's status {model.Status}"), bound)


def _state(asked: Asked, boxes: Sequence[Region], model: Any) -> Any:
    """State the model; return its columns as one matrix variable."""
    user = asked.user
    kinds = np.where(user.integral, GRB.INTEGER, GRB.CONTINUOUS)
    v = model.addMVar(user.columns, lb=user.lower, ub=user.upper, vtype=kinds)
    both = user.row_lower == user.row_upper
    for matrix, sides, sense in (
        (user.matrix[both], user.row_lower[both], GRB.EQUAL),
        (user.matrix[~both & np.isfinite(user.row_lower)], user.row_lower, GRB.GREATER_EQUAL),
        (user.matrix[~both & np.isfinite(user.row_upper)], user.row_upper, GRB.LESS_EQUAL),
    ):
        if matrix.shape[0]:
            kept = sides if sense == GRB.EQUAL else sides[~both & np.isfinite(sides)]
            model.addMConstr(matrix, v, sense, kept)
    goal = user.sign * (user.cost @ v + user.offset)
    model.setObjective(goal, GRB.MINIMIZE if user.sign > 0.0 else GRB.MAXIMIZE)
    for link, box in zip(user.links, boxes, strict=True):
        inputs = []
        for (where, coefficients, constant), low, high in zip(reads(link), box.lower, box.upper, strict=True):
            x = model.addVar(lb=low, ub=high)
            model.addConstr(gp.LinExpr(coefficients, [v[j].item() for j in where]) + constant == x)
            inputs.append(x)
        outputs = gp.MVar.fromlist([v[int(j)].item() for j in link.outputs])
        model.update()
        add_predictor_constr(model, link.network.to_torch(), gp.MVar.fromlist(inputs), outputs)
    return v
