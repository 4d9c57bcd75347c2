"""The cheapest way to make a wine pass for another cultivar's, in the eyes of a network: python examples/wine.py

A network tells scikit-learn's wines apart by 13 measurements. Given a wine of cultivar 1, which few measurements would have to
change, and by how little, for the network to call it cultivar 0 with a margin? The network sits in a *constraint*, so a pruned
copy in its place may promise a change that the network itself does not accept. This prints what pruned copies of several
sparsities promise, what of their decisions holds on the network, and what the whole search finds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import torch
from sklearn.datasets import load_wine

from surrogate.models import ModelResult, Place, optimise
from surrogate.networks import ReluNetwork
from surrogate.training import Training, accuracy, fit

CULTIVAR, WANTED, MARGIN, MOST_CHANGES = 1, 0, 1.0, 4
SPARSITIES = (0.0, 0.5, 0.8, 0.9)


def data() -> tuple[Any, Any, Any, Any]:
    """Return measurements ``(178, 13)`` as shares of the range in which each was seen, cultivars, training and test wines."""
    wines = load_wine()
    low, high = wines.data.min(axis=0), wines.data.max(axis=0)
    order = np.random.RandomState(0).permutation(len(wines.data))
    return (wines.data - low) / (high - low), wines.target, order[:120], order[120:]


def network() -> ReluNetwork:
    """Train the classifier: 13 measurements, 32 hidden neurons, 3 cultivars."""
    x, cultivar, train, test = data()
    dense = fit(Training(epochs=60, batch_size=16), [32], x[train], cultivar[train], outputs=3)
    print(f"the network is right on {accuracy(dense, x[test], cultivar[test]):.1%} of {len(test)} wines it was not trained on")
    return dense


def model(wine: Any) -> Any:
    """Return an ordinary Pyomo model: change ``wine`` ``(13,)`` little and in few measurements, so that its score is right.

    It says nothing about where the scores come from.
    """
    m = pyo.ConcreteModel()
    m.j, m.rivals = pyo.RangeSet(0, 12), pyo.Set(initialize=[c for c in range(3) if c != WANTED])
    m.x = pyo.Var(m.j, bounds=(0, 1))
    m.up, m.down = pyo.Var(m.j, bounds=(0, 1)), pyo.Var(m.j, bounds=(0, 1))
    m.changed = pyo.Var(m.j, domain=pyo.Binary)
    m.score = pyo.Var(range(3))
    m.step = pyo.Constraint(m.j, rule=lambda m, j: m.x[j] == wine[j] + m.up[j] - m.down[j])
    m.only = pyo.Constraint(m.j, rule=lambda m, j: m.up[j] + m.down[j] <= m.changed[j])
    m.few = pyo.Constraint(expr=pyo.quicksum(m.changed.values()) <= MOST_CHANGES)
    m.accepted = pyo.Constraint(m.rivals, rule=lambda m, c: m.score[WANTED] - m.score[c] >= MARGIN)
    m.cost = pyo.Objective(expr=pyo.quicksum(m.up.values()) + pyo.quicksum(m.down.values()))
    return m


def solve(dense: ReluNetwork, seconds: float, **settings: Any) -> tuple[Any, ModelResult]:
    """Return the model with the best decision in it, and the search's result."""
    x, cultivar, _, test = data()
    m = model(x[next(i for i in test if cultivar[i] == CULTIVAR)])
    return m, optimise(m, Place(list(m.x.values()), list(m.score.values()), dense), seconds, **settings)


def study(dense: ReluNetwork) -> list[tuple[str, Any, ModelResult]]:
    """Return name, solved model and result: for pruned copies of every sparsity alone, then for the whole search."""
    rows = [(f"sparsity {amount}", *solve(dense, 3.0, members=("surrogates",), sparsities=(amount,))) for amount in SPARSITIES]
    return [*rows, ("the search", *solve(dense, 20.0))]


def shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def main() -> None:
    rows = study(network())
    print(f"wanted: cultivar {WANTED} by a margin of {MARGIN}, with at most {MOST_CHANGES} measurements changed\n")
    print("              status      promised  holds on the network   bound")
    for name, _, result in rows:
        numbers = f"{shown(result.surrogate_value):>10s}{shown(result.value):>22s}{shown(result.bound):>8s}"
        print(f"{name:14s}{result.status:10s}{numbers}")
    wines = load_wine()
    low, span = wines.data.min(axis=0), np.ptp(wines.data, axis=0)
    m = rows[-1][1]
    print("\nwhat the network accepts:")
    for j in m.j:
        moved = m.up[j].value - m.down[j].value
        if abs(moved) > 1e-6:
            before, name = m.x[j].value - moved, wines.feature_names[j]
            print(f"  {name:30s} {low[j] + span[j] * before:9.3f} -> {low[j] + span[j] * m.x[j].value:9.3f}")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the network is tiny: more threads would only wait for each other
    main()
