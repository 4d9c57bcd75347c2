r"""Blend wines from vineyards so that their summed quality, by a network of the blends' features, is largest.

Vineyards :math:`i \in V` have features :math:`a_i \in R^d`, a price :math:`c_i` and a supply :math:`s_i`. Shares
:math:`x_{ik}` of vineyard :math:`i` in wine :math:`k \in W` mix features linearly:

.. math::
    \max \sum_{k} q_k \quad\text{where}\quad
    & q_k = f\Bigl(\sum_i a_i x_{ik}\Bigr), \quad \sum_i x_{ik} = 1 \quad (k \in W), \\
    & \sum_k x_{ik} \le s_i \quad (i \in V), \quad \sum_{i,k} c_i x_{ik} \le B, \quad 0 \le x \le 1.

The copies of the one network are coupled by supply and budget only. No constraint speaks of quality, and the supplies add up
to twice what the wines need, so every instance is feasible. A place's inputs are the affine expressions
:math:`\sum_i a_i x_{ik}`.

The true quality is a random quadratic of the features, which have units of very different sizes; or the wines are those of the
table red_wine_quality.csv (11 measurements, quality 3 to 8), whose true quality nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from surrogate.checks import require_counts, require_integer, require_number
from surrogate.errors import InvalidSetting
from surrogate.formulation.base import linear
from surrogate.models.place import Place
from surrogate.models.problems.base import (
    ModelInstance,
    Samples,
    TrueValue,
    Units,
    decided,
    fitting_network,
    random_quadratic,
    standardised,
    truth_of,
)
from surrogate.models.problems.tables import read_table, require_size
from surrogate.networks import FloatArray, ReluNetwork

SAMPLES = 3_000


def samples(seed: int, features: int = 11, folder: str | Path | None = None) -> dict[str, Samples]:
    """Return what the network ``quality`` is fitted to: features of wines ``(n, d)`` and their quality.

    Args:
        features: ``d``; a table has its own.
        folder: where the table is, or ``fetched``; None draws wines. The table's samples are the same for every seed.
    """
    require_integer("seed", seed, 0)
    require_counts(features=features)
    if folder is not None:
        table = read_table(folder, "red_wine_quality.csv")
        measured = table.iloc[:, 1:].drop(columns="quality").to_numpy(dtype=np.float64)
        require_size("features", features, folder, measured.shape[1])
        return {"quality": Samples(measured, table["quality"].to_numpy(dtype=np.float64))}
    rng = np.random.default_rng(seed)
    units = Units.draw(rng, features)
    u = rng.uniform(size=(SAMPLES, features))
    taste = standardised(random_quadratic(rng, features), u)

    def quality(x: FloatArray) -> FloatArray:
        return 5.5 + taste(units.to_box(x))

    x = units.from_box(u)
    return {"quality": Samples(x, quality(x), quality)}


def build(
    networks: Mapping[str, ReluNetwork],
    seed: int,
    vineyards: int = 30,
    wines: int = 4,
    budget: float = 0.3,
    features: int = 11,
    folder: str | Path | None = None,
) -> ModelInstance:
    """Return the model; ``networks`` are those that were fitted to :func:`samples` of the same seed, features and folder.

    Args:
        vineyards: how many of the samples' wines are on offer, drawn by the seed.
        wines: how many are blended, each with a copy of the network.
        budget: the share of the way from the cheapest to the dearest way to make the wines.

    Raises:
        InvalidSetting: a parameter that is not allowed.
    """
    data = samples(seed, features, folder)["quality"]
    require_counts(vineyards=vineyards, wines=wines)
    require_number("budget", budget, "a number from 0 to 1", lambda value: 0.0 <= value <= 1.0)
    if vineyards > len(data.x):
        raise InvalidSetting(f"vineyards={vineyards} is not allowed: there are {len(data.x)} wines to draw from")
    quality = fitting_network(networks, "quality", data)
    rng = np.random.default_rng([seed, 1])
    offered = rng.choice(len(data.x), vineyards, replace=False)
    grapes, standing = data.x[offered], data.y[offered] - data.y.min()
    price = rng.uniform(0.5, 1.5, vineyards) * (1.0 + standing / np.ptp(data.y))  # the better ones cost more, on the whole
    supply = rng.uniform(0.2, 1.0, vineyards)
    supply *= 2.0 * wines / supply.sum()
    cheapest, dearest = _cost(np.argsort(price), price, supply, wines), _cost(np.argsort(-price), price, supply, wines)
    costs = price.tolist()

    model = pyo.ConcreteModel("blending")
    V, W = range(vineyards), range(wines)
    model.share = pyo.Var(V, W, bounds=(0, 1))
    model.quality = pyo.Var(W)
    model.whole = pyo.Constraint(W, rule=lambda m, k: sum(m.share[i, k] for i in V) == 1)
    model.supply = pyo.Constraint(V, rule=lambda m, i: sum(m.share[i, k] for k in W) <= float(supply[i]))
    model.budget = pyo.Constraint(
        expr=sum(costs[i] * model.share[i, k] for i in V for k in W) <= cheapest + budget * (dearest - cheapest)
    )
    model.total = pyo.Objective(expr=sum(model.quality.values()), sense=pyo.maximize)
    rows = grapes.T.tolist()
    blends = [[linear(row, [model.share[i, k] for i in V]) for row in rows] for k in W]
    places = [Place(blends[k], [model.quality[k]], quality) for k in W]
    if data.truth is None:
        return ModelInstance(model, places)

    def true_value() -> TrueValue:
        mixed = np.concatenate([decided(blend) for blend in blends])
        return TrueValue(float(truth_of(data)(mixed).sum()), 0.0)

    return ModelInstance(model, places, true_value)


def _cost(order: NDArray[np.intp], price: FloatArray, supply: FloatArray, wines: int) -> float:
    """Return what the wines cost if the vineyards are emptied in this order: any wine can take from any vineyard."""
    before = np.concatenate([[0.0], np.cumsum(supply[order])[:-1]])
    taken = np.clip(wines - before, 0.0, supply[order])
    return float(price[order] @ taken)
