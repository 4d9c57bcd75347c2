r"""Design a product that sells best, unlike the best sellers, with networks for price, sales and resale value in a chain.

A design has features :math:`x \in [l, u] \subset R^d`, the first its efficiency, the last of type 0 or 1. The price network's
output feeds the other two:

.. math::
    \max\ y \quad\text{where}\quad & p = f(x), \quad y = g(x, p), \quad r = h(x, p), \\
    & x_1 \ge e, \quad r \ge t, \quad x_d \in \{0, 1\}, \\
    & \sum_j \tau_{kj} \ge \delta\,d \quad (k \in K), \\
    & 0 \le \tau_{kj} \le \pm \frac{x_j - b_{kj}}{\sigma_j} + M^{\pm}_{kj} (1 - w^{\pm}_{kj}), \quad
      w^{+}_{kj} + w^{-}_{kj} = 1, \quad w \in \{0, 1\}.

:math:`b_k` are the best sellers of the data and :math:`\sigma_j` the features' deviations: the last two rows make
:math:`\tau_{kj}` at most :math:`|x_j - b_{kj}| / \sigma_j`, so the mean distance to each best seller is at least
:math:`\delta`. :math:`M^{+} = 2 (b - l) / \sigma` and :math:`M^{-} = 2 (u - b) / \sigma` are the smallest that cut nothing off.
Where :math:`b` is an end of the range, one sign is enough and there is no binary.

:math:`e` is a quantile of the data, and :math:`t` one of the network's own resale values over the data's designs that are
efficient and far enough. So every such design whose resale value is at least :math:`t` is feasible.

True price, sales and resale value are exponentials of random quadratics, with a price that lowers sales; or the designs are
those of the table car_sales.csv: 156 vehicles with engine, size, weight, fuel and performance. Their type is 1 where the table
calls the vehicle a car, and 0 where it says passenger.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo

from surrogate.checks import require_counts, require_integer, require_number
from surrogate.errors import InvalidSetting
from surrogate.models.place import Place
from surrogate.models.problems.base import (
    ModelInstance,
    Samples,
    TrueValue,
    Units,
    decided,
    fitting_network,
    random_quadratic,
    shortfall,
    standardised,
    truth_of,
)
from surrogate.models.problems.tables import read_table, require_size
from surrogate.networks import FloatArray, ReluNetwork

SAMPLES = 3_000

NUMBERS = (
    "Fuel_efficiency",
    "Engine_size",
    "Horsepower",
    "Wheelbase",
    "Width",
    "Length",
    "Curb_weight",
    "Fuel_capacity",
    "Power_perf_factor",
)
"""The table's columns that are features, the efficiency first; the vehicle's type comes last."""


def samples(seed: int, features: int = 10, folder: str | Path | None = None) -> dict[str, Samples]:
    """Return what the networks ``price``, ``sales`` and ``resale`` are fitted to; the latter two read the price last.

    Args:
        features: ``d``, at least 2; a table has its own.
        folder: where the table is, or ``fetched``; None draws designs. The table's samples are the same for every seed.
    """
    require_integer("seed", seed, 0)
    require_integer("features", features, 2)
    if folder is not None:
        require_size("features", features, folder, len(NUMBERS) + 1)
        return _from_table(folder)
    rng = np.random.default_rng(seed)
    units = Units.draw(rng, features)
    units.low[-1], units.width[-1] = 0.0, 1.0
    u = rng.uniform(size=(SAMPLES, features))
    u[:, -1] = np.round(u[:, -1])
    worth, appeal, keeping = (standardised(random_quadratic(rng, features), u) for _ in range(3))

    def price(x: FloatArray) -> FloatArray:
        return 25.0 * np.exp(0.3 * worth(units.to_box(x)))

    def sales(x: FloatArray) -> FloatArray:
        return 60.0 * np.exp(0.4 * appeal(units.to_box(x[:, :-1])) - 0.02 * x[:, -1])

    def resale(x: FloatArray) -> FloatArray:
        return 0.6 * x[:, -1] * np.exp(0.2 * keeping(units.to_box(x[:, :-1])))

    x = units.from_box(u)
    asked = price(x) * rng.uniform(0.8, 1.2, SAMPLES)  # what a design costs is no function of its features alone
    priced = np.column_stack([x, asked])
    return {
        "price": Samples(x, asked, price),
        "sales": Samples(priced, sales(priced), sales),
        "resale": Samples(priced, resale(priced), resale),
    }


def build(
    networks: Mapping[str, ReluNetwork],
    seed: int,
    known: int = 5,
    distance: float = 0.6,
    efficiency: float = 0.5,
    resale: float = 0.7,
    features: int = 10,
    folder: str | Path | None = None,
) -> ModelInstance:
    r"""Return the model; ``networks`` are those that were fitted to :func:`samples` of the same seed, features and folder.

    Args:
        known: how many best sellers the design has to differ from; of twice as many, the seed draws them.
        distance: :math:`\delta`, the least mean distance of a feature to theirs, in deviations.
        efficiency: the quantile of the data's efficiency that the design has at least.
        resale: the quantile of the resale values, by the networks, of the data's designs that are efficient and far enough.

    Raises:
        InvalidSetting: a parameter that is not allowed, or no design of the data is efficient and far enough.
    """
    data = samples(seed, features, folder)
    require_counts(known=known)
    require_number("distance", distance, "a number of at least 0", lambda value: value >= 0.0)
    require_number("efficiency", efficiency, "a number from 0 to 1", lambda value: 0.0 <= value <= 1.0)
    require_number("resale", resale, "a number from 0 to 1", lambda value: 0.0 <= value <= 1.0)
    X = data["price"].x
    if 2 * known > len(X):
        raise InvalidSetting(f"known={known} is not allowed: of {len(X)} designs at most {len(X) // 2} are drawn")
    best = np.argsort(-data["sales"].y, kind="stable")[: 2 * known]
    B = X[np.sort(np.random.default_rng([seed, 1]).choice(best, known, replace=False))]
    low, high, deviation = X.min(axis=0), X.max(axis=0), X.std(axis=0)
    least_efficiency = float(np.quantile(X[:, 0], efficiency))
    apart = (np.abs(X[:, None] - B) / deviation).mean(axis=2).min(axis=1)
    fine = X[(X[:, 0] >= least_efficiency) & (apart >= distance)]
    if not len(fine):
        far = apart[X[:, 0] >= least_efficiency].max()
        raise InvalidSetting(f"distance={distance} is not allowed: no efficient design is farther away than {far:.3g}")
    f, g, h = (fitting_network(networks, name, data[name]) for name in ("price", "sales", "resale"))
    least_resale = float(np.quantile(h(np.column_stack([fine, f(fine)])), resale))

    model = pyo.ConcreteModel("design")
    model.x = pyo.Var(range(len(low)), bounds=lambda _, j: (float(low[j]), float(high[j])))
    model.x[len(low) - 1].domain = pyo.Binary
    model.price, model.sales, model.resale = pyo.Var(), pyo.Var(), pyo.Var()
    model.efficient = pyo.Constraint(expr=model.x[0] >= least_efficiency)
    model.keeps = pyo.Constraint(expr=model.resale >= least_resale)
    _keep_away(model, B, low, high, deviation, distance)
    model.sold = pyo.Objective(expr=model.sales, sense=pyo.maximize)
    x = list(model.x.values())
    priced = [*x, model.price]
    places = [Place(x, [model.price], f), Place(priced, [model.sales], g), Place(priced, [model.resale], h)]
    if data["price"].truth is None:
        return ModelInstance(model, places)

    def true_value() -> TrueValue:
        point = decided(x)
        point = np.column_stack([point, truth_of(data["price"])(point)])
        sold, kept = (float(truth_of(data[name])(point)[0]) for name in ("sales", "resale"))
        return TrueValue(sold, shortfall(kept, least_resale))

    return ModelInstance(model, places, true_value)


def _keep_away(model: Any, B: FloatArray, low: FloatArray, high: FloatArray, deviation: FloatArray, distance: float) -> None:
    """State that the mean distance to each row of ``B`` is at least ``distance``."""
    inner = [(k, j) for k, j in np.ndindex(*B.shape) if low[j] < B[k, j] < high[j]]
    model.apart = pyo.Var(inner, bounds=lambda _, k, j: (0.0, float(max(B[k, j] - low[j], high[j] - B[k, j]) / deviation[j])))
    model.above = pyo.Var(inner, domain=pyo.Binary)

    def signed(k: int, j: int) -> Any:
        return (model.x[j] - float(B[k, j])) / float(deviation[j])

    model.when_above = pyo.Constraint(
        inner,
        rule=lambda m, k, j: m.apart[k, j] <= signed(k, j) + 2 * float((B[k, j] - low[j]) / deviation[j]) * (1 - m.above[k, j]),
    )
    model.when_below = pyo.Constraint(
        inner,
        rule=lambda m, k, j: m.apart[k, j] <= -signed(k, j) + 2 * float((high[j] - B[k, j]) / deviation[j]) * m.above[k, j],
    )
    inside = set(inner)
    J = range(B.shape[1])
    model.unlike = pyo.Constraint(
        range(len(B)),
        rule=lambda m, k: (
            sum(m.apart[k, j] if (k, j) in inside else (signed(k, j) if B[k, j] <= low[j] else -signed(k, j)) for j in J)
            >= distance * B.shape[1]
        ),
    )


def _from_table(folder: str | Path) -> dict[str, Samples]:
    table = read_table(folder, "car_sales.csv")
    x = np.column_stack([table[list(NUMBERS)].to_numpy(dtype=np.float64), table["Vehicle_type"] == "Car"])
    price, sales, resale = (
        table[name].to_numpy(dtype=np.float64) for name in ("Price_in_thousands", "Sales_in_thousands", "__year_resale_value")
    )
    priced = np.column_stack([x, price])
    return {"price": Samples(x, price), "sales": Samples(priced, sales), "resale": Samples(priced, resale)}
