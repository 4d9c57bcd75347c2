"""PySCIPOpt-ML's big-M formulation of the network, as its users (and the authors of the paper) put it: x, |x - center|, y."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyscipopt import Model, quicksum
from pyscipopt_ml import add_predictor_constr

from surrogate.networks import ReluNetwork
from surrogate.region import Region

INPUT = "x_{}"
"""Name of the j-th input variable, by which it is found again in a file."""


def build(network: ReluNetwork, region: Region, label: int | None, target: int | None) -> tuple[Any, list[Any]]:
    """Return the SCIP model that maximises ``f_target - f_label`` over the region, and its input variables."""
    model = Model()
    model.hideOutput()
    low, high = region.tight_box()
    x = [model.addVar(name=INPUT.format(j), lb=float(low[j]), ub=float(high[j])) for j in range(region.size)]
    if region.norm == "l1":
        distance = [model.addVar(name=f"distance_{j}", lb=0.0) for j in range(region.size)]
        for x_j, distance_j, center_j in zip(x, distance, region.center.tolist(), strict=True):
            model.addCons(distance_j >= x_j - center_j)
            model.addCons(distance_j >= center_j - x_j)
        model.addCons(quicksum(distance) <= region.radius)
    predictor = add_predictor_constr(
        model, network.to_torch(), np.array(x, dtype=object), unique_naming_prefix="net_", formulation="bigm"
    )
    y = predictor.output.reshape(-1)
    model.setObjective(y[target] - y[label], "maximize")
    return model, x
