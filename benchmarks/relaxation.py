"""The linear relaxation of an attack's MILP: what the MILP promises before anything is branched on."""

from __future__ import annotations

import time

import pyomo.environ as pyo

from surrogate.attack import Instance
from surrogate.attack.milp.model import MaximisationModel
from surrogate.bounds import Bounds
from surrogate.formulation import Formulation
from surrogate.networks import ReluNetwork
from surrogate.solvers import HighsSolver, SolverStatus


def relaxation(
    folded: ReluNetwork, instance: Instance, bounds: Bounds, formulation: str | Formulation, limit_seconds: float
) -> float | None:
    """Return the optimum of an attack's MILP whose binaries may be fractions, by HiGHS; None if the limit came first.

    Args:
        folded: the network of the MILP, folded with the instance's problem.
        instance: whose margin is maximised.
        bounds: of the folded network over the instance's region.
        formulation: of the network.
        limit_seconds: most wall seconds.
    """
    model = MaximisationModel(folded, instance.problem, instance.region, bounds, formulation)
    pyo.TransformationFactory("core.relax_integer_vars").apply_to(model.pyomo)
    relaxed = HighsSolver(time_limit_seconds=limit_seconds).solve(
        model.pyomo,
        model.inputs,
        warm_start=False,
        on_incumbent=lambda *_: False,
        deadline=time.perf_counter() + limit_seconds,
    )
    return relaxed.objective if relaxed.status == SolverStatus.OPTIMAL else None
