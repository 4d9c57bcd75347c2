r"""Treat samples of water, on shared budgets, so that a network accepts as many of them as can be.

Sample :math:`s \in S` was measured as :math:`a_s \in R^d`. Every feature can be raised by :math:`p_{sj}` and lowered by
:math:`n_{sj}`, within the features' ranges :math:`[l, u]` and within amounts :math:`P_j` that all samples share. The network
has two outputs, and accepts where that of class 1 is no smaller than that of class 0:

.. math::
    \max \sum_s z_s \quad\text{where}\quad
    & g_s = f_1(x_s) - f_0(x_s), \quad x_s = a_s + p_s - n_s \in [l, u], \quad g_s \ge -M_s (1 - z_s) & (s \in S), \\
    & \sum_s p_{sj} \le P_j, \quad \sum_s n_{sj} \le P_j \quad (j), \qquad p, n \ge 0, \quad z \in \{0, 1\}.

:math:`-M_s` is a proven bound on the margin (:class:`surrogate.bounds.Crown`) over the box that the sample can reach, so no
treatment is cut off. To treat nothing, and to count nothing, is feasible always.

The true acceptance is an ellipsoid of good water with a dent in it; or the samples are those of the table water_quality.csv
(9 measurements, potable or not). The samples to be treated are of class 0 in the data, whatever the network says of them: so
the instance is the same for networks of all sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyomo.environ as pyo

from surrogate.bounds import Crown
from surrogate.checks import require_counts, require_integer, require_number
from surrogate.errors import InvalidSetting
from surrogate.models.place import Place
from surrogate.models.problems.base import (
    Function,
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
from surrogate.problems.region import Region

SAMPLES = 3_000

ACCEPTED_SHARE = 0.4
"""Share of good water among the drawn samples, as in the table."""


def samples(seed: int, features: int = 9, folder: str | Path | None = None) -> dict[str, Samples]:
    """Return what the network ``accepts`` is fitted to: measured samples ``(n, d)`` and their classes, 1 for good water.

    Args:
        features: ``d``; a table has its own.
        folder: where the table is, or ``fetched``; None draws samples. The table's samples are the same for every seed.
    """
    require_integer("seed", seed, 0)
    require_counts(features=features)
    if folder is not None:
        table = read_table(folder, "water_quality.csv")
        measured = table.drop(columns="Potability").to_numpy(dtype=np.float64)
        require_size("features", features, folder, measured.shape[1])
        return {"accepts": Samples(measured, table["Potability"].to_numpy(dtype=np.int64))}
    rng = np.random.default_rng(seed)
    units = Units.draw(rng, features)
    u = np.clip(rng.normal(0.5, 0.2, size=(SAMPLES, features)), 0.0, 1.0)
    good = _goodness(rng, u)
    least = float(np.quantile(good(u), 1.0 - ACCEPTED_SHARE))

    def score(x: FloatArray) -> FloatArray:
        return good(units.to_box(x)) - least

    x = units.from_box(u)
    return {"accepts": Samples(x, (score(x) > 0.0).astype(np.int64), score)}


def build(
    networks: Mapping[str, ReluNetwork],
    seed: int,
    waters: int = 20,
    budget: float = 0.03,
    features: int = 9,
    folder: str | Path | None = None,
) -> ModelInstance:
    r"""Return the model; ``networks`` are those that were fitted to :func:`samples` of the same seed, features and folder.

    Args:
        waters: how many samples are to be treated, drawn by the seed, each with a copy of the network.
        budget: :math:`P_j` a sample, in deviations of feature ``j`` over the data.

    Raises:
        InvalidSetting: a parameter that is not allowed.
    """
    data = samples(seed, features, folder)["accepts"]
    require_counts(waters=waters)
    require_number("budget", budget, "a number above 0", lambda value: value > 0.0)
    bad = np.flatnonzero(data.y == 0)
    if waters > len(bad):
        raise InvalidSetting(f"waters={waters} is not allowed: there are {len(bad)} samples of class 0 to draw from")
    margin = fitting_network(networks, "accepts", data).compose([[-1.0, 1.0]])
    before = data.x[np.random.default_rng([seed, 1]).choice(bad, waters, replace=False)]
    low, high = data.x.min(axis=0), data.x.max(axis=0)
    amount = budget * waters * data.x.std(axis=0)
    most_up, most_down = np.minimum(high - before, amount), np.minimum(before - low, amount)
    least_margin = [_least(margin, x - down, x + up) for x, up, down in zip(before, most_up, most_down, strict=True)]

    model = pyo.ConcreteModel("treatment")
    S, J = range(waters), range(len(low))
    model.up = pyo.Var(S, J, bounds=lambda _, s, j: (0.0, float(most_up[s, j])))
    model.down = pyo.Var(S, J, bounds=lambda _, s, j: (0.0, float(most_down[s, j])))
    model.margin = pyo.Var(S)
    model.accepted = pyo.Var(S, domain=pyo.Binary)
    model.raised = pyo.Constraint(J, rule=lambda m, j: sum(m.up[s, j] for s in S) <= float(amount[j]))
    model.lowered = pyo.Constraint(J, rule=lambda m, j: sum(m.down[s, j] for s in S) <= float(amount[j]))
    model.counts = pyo.Constraint(S, rule=lambda m, s: m.margin[s] >= least_margin[s] * (1 - m.accepted[s]))
    model.treated = pyo.Objective(expr=sum(model.accepted.values()), sense=pyo.maximize)
    after = [[float(before[s, j]) + model.up[s, j] - model.down[s, j] for j in J] for s in S]
    places = [Place(after[s], [model.margin[s]], margin) for s in S]
    if data.truth is None:
        return ModelInstance(model, places)

    def true_value() -> TrueValue:
        """Count what is good in truth: the binaries only say what the network accepts."""
        x = np.concatenate([decided(inputs) for inputs in after])
        return TrueValue(float((truth_of(data)(x) >= 0.0).sum()), 0.0)

    return ModelInstance(model, places, true_value)


def _least(margin: ReluNetwork, low: FloatArray, high: FloatArray) -> float:
    """Return a number of at most 0 that the margin is at least, over the box."""
    return min(0.0, float(Crown().compute(margin, Region(low, high)).lower[-1][0]))


def _goodness(rng: np.random.Generator, u: FloatArray) -> Function:
    """Return a function that is large in an ellipsoid about a point of the unit box, less a random dent."""
    center, weight = rng.uniform(0.4, 0.6, u.shape[1]), rng.uniform(0.3, 1.0, u.shape[1])
    dent = standardised(random_quadratic(rng, u.shape[1]), u)
    near = standardised(lambda points: -((points - center) ** 2 @ weight), u)

    def good(points: FloatArray) -> FloatArray:
        return near(points) + 0.5 * np.tanh(dent(points))

    return good
