r"""The cheapest basket of foods that feeds a person and that a network finds palatable.

Food :math:`i \in F` costs :math:`c_i` a unit and has :math:`v_{il}` of nutrient :math:`l \in N`, of which a person needs
:math:`r_l`. Amounts :math:`x_i` stay within the ranges :math:`[l, u]` of the data:

.. math::
    \min \sum_i c_i x_i \quad\text{where}\quad
    \sum_i \frac{v_{il}}{r_l} x_i \ge 1 \quad (l \in N), \qquad f(x) \ge t, \qquad l \le x \le u.

The network is in the constraint only. ``t`` is a quantile of the network's own values over the data's baskets that meet all
needs. So every such basket whose value is at least ``t`` is feasible.

The true palatability is a logistic function of a random quadratic; or the baskets are those of the table palatable_data.csv (25
foods in hundreds of grams, a person and day), with the nutrients, needs and suppliers' prices of instance_data.xlsx.

Source of the model: Maragno, Wiberg, Bertsimas, Birbil, den Hertog, Fajemisin, *Mixed-Integer Optimization with Constraint
Learning*, Operations Research 2023, after the World Food Programme's basket.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyomo.environ as pyo

from surrogate.checks import require_counts, require_integer, require_number
from surrogate.models.place import Place
from surrogate.models.problems.base import (
    ModelInstance,
    Samples,
    TrueValue,
    decided,
    fitting_network,
    random_quadratic,
    shortfall,
    standardised,
    truth_of,
)
from surrogate.models.problems.tables import read_sheet, read_table, require_size, require_workbook
from surrogate.networks import FloatArray, ReluNetwork

SAMPLES = 3_000

NUTRIENTS = 12
"""Number of nutrients that the generator draws; the table has as many."""

FED_SHARE = 0.2
"""Share of the drawn baskets that meet all needs."""

WORKBOOK = "instance_data.xlsx"
"""The file with the nutrients of the table's foods, a person's needs and the suppliers' prices."""

NOT_SOLD = 1e6
"""The price in dollars a tonne that stands in the table where a supplier does not have a food."""


def samples(seed: int, foods: int = 25, folder: str | Path | None = None) -> dict[str, Samples]:
    """Return what the network ``palatability`` is fitted to: baskets ``(n, foods)`` and their palatability, from 0 to 1.

    Args:
        foods: how many foods there are; a table has its own.
        folder: where the tables are, or ``fetched``; None draws baskets. The table's samples are the same for every seed.
    """
    require_integer("seed", seed, 0)
    require_counts(foods=foods)
    if folder is not None:
        table = read_table(folder, "palatable_data.csv")
        baskets = table.drop(columns="label").to_numpy(dtype=np.float64)
        require_size("foods", foods, folder, baskets.shape[1])
        require_workbook(folder, WORKBOOK)
        return {"palatability": Samples(baskets, table["label"].to_numpy(dtype=np.float64))}
    rng = np.random.default_rng(seed)
    most = rng.uniform(0.5, 6.0, foods)
    share = rng.uniform(size=(SAMPLES, foods)) * (rng.uniform(size=(SAMPLES, foods)) < 0.6)
    liking = standardised(random_quadratic(rng, foods), share)

    def palatability(x: FloatArray) -> FloatArray:
        return 1.0 / (1.0 + np.exp(-liking(x / most)))

    x = share * most
    return {"palatability": Samples(x, palatability(x), palatability)}


def build(
    networks: Mapping[str, ReluNetwork],
    seed: int,
    palatable: float = 0.95,
    foods: int = 25,
    folder: str | Path | None = None,
) -> ModelInstance:
    """Return the model; ``networks`` are those that were fitted to :func:`samples` of the same seed, foods and folder.

    Args:
        palatable: the quantile of the palatability, by the network, of the data's baskets that meet all needs.

    Raises:
        InvalidSetting: a parameter that is not allowed.
    """
    data = samples(seed, foods, folder)["palatability"]
    require_number("palatable", palatable, "a number from 0 to 1", lambda value: 0.0 <= value <= 1.0)
    network = fitting_network(networks, "palatability", data)
    rng = np.random.default_rng([seed, 1])
    price, content = _drawn(rng, data) if folder is None else _from_tables(rng, folder)
    fed = data.x[(data.x @ content.T >= 1.0).all(axis=1)]
    threshold = float(np.quantile(network(fed), palatable))
    low, high = data.x.min(axis=0), data.x.max(axis=0)

    model = pyo.ConcreteModel("diet")
    F = range(len(low))
    model.amount = pyo.Var(F, bounds=lambda _, i: (float(low[i]), float(high[i])))
    model.palatability = pyo.Var()
    model.needs = pyo.Constraint(
        range(len(content)),
        rule=lambda m, n: sum(float(content[n, i]) * m.amount[i] for i in F if content[n, i]) >= 1,
    )
    model.palatable = pyo.Constraint(expr=model.palatability >= threshold)
    model.cost = pyo.Objective(expr=sum(float(price[i]) * model.amount[i] for i in F))
    amounts = list(model.amount.values())
    places = [Place(amounts, [model.palatability], network)]
    if data.truth is None:
        return ModelInstance(model, places)

    def true_value() -> TrueValue:
        liked = float(truth_of(data)(decided(amounts))[0])
        return TrueValue(float(pyo.value(model.cost)), shortfall(liked, threshold))

    return ModelInstance(model, places, true_value)


def _drawn(rng: np.random.Generator, data: Samples) -> tuple[FloatArray, FloatArray]:
    """Return prices ``(foods,)`` and contents ``(nutrients, foods)``, as shares of the needs that FED_SHARE of baskets meet.

    Foods that nourish cost more, and so do those that are liked: else the cheapest basket would often be palatable anyway.
    """
    foods = data.x.shape[1]
    content = rng.lognormal(0.0, 1.0, (NUTRIENTS, foods)) * (rng.uniform(size=(NUTRIENTS, foods)) < 0.7)
    content[np.arange(NUTRIENTS), rng.integers(foods, size=NUTRIENTS)] += 0.1  # no nutrient that is in no food
    content /= (data.x @ content.T).mean(axis=0)[:, None]
    content /= np.quantile((data.x @ content.T).min(axis=1), 1.0 - FED_SHARE)
    liked = (data.x - data.x.mean(axis=0)).T @ (data.y - data.y.mean()) / data.x.std(axis=0)
    worth = 0.2 + content.mean(axis=0) / content.mean()
    return rng.uniform(0.5, 2.0, foods) * worth * np.exp(liked / np.abs(liked).max()), content


def _from_tables(rng: np.random.Generator, folder: str | Path) -> tuple[FloatArray, FloatArray]:
    """Return prices in dollars a hundred baskets, each food from a supplier that the seed draws, and contents likewise."""
    sheets = {sheet: read_sheet(folder, WORKBOOK, sheet) for sheet in ("nutr_val", "nutr_req", "FoodCost")}
    content = sheets["nutr_val"].set_index("Food")
    needs = sheets["nutr_req"].iloc[0][content.columns].to_numpy(dtype=np.float64)
    offers = sheets["FoodCost"][content.index].to_numpy(dtype=np.float64)
    price = [rng.choice(column[column < NOT_SOLD]) for column in offers.T]
    return np.array(price) / 100.0, content.to_numpy(dtype=np.float64).T / needs[:, None]
