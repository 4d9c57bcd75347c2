"""The cheapest way to make a wine pass for another cultivar's, in the eyes of a network: python examples/wine.py

A network tells scikit-learn's wines apart by 13 measurements. Given a wine of cultivar 1, which few measurements would have to
change, and by how little, for the network to call it cultivar 0 with a margin? The network sits in a *constraint*, so a pruned
copy in its place may give a change that the network itself does not accept. This prints, for several sparsities, what the
pruned copy proposed, what the network thinks of it, and what repair made of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import torch
from sklearn.datasets import load_wine

from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning
from surrogate.solvers import HighsSolver
from surrogate.substitution import Place, SubstitutionResult, SurrogateOptimiser
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
    x, cultivar, train, _ = data()
    training = Training(epochs=60, batch_size=16)
    return fit(training, [32], x[train], cultivar[train], outputs=3)


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


def solve(m: Any, dense: ReluNetwork, amount: float) -> SubstitutionResult:
    """Solve ``m`` with the network pruned by ``amount`` and held against the whole network."""
    place = Place(list(m.x.values()), list(m.score.values()), dense, Pruning("magnitude", amount))
    return SurrogateOptimiser(solver=HighsSolver(time_limit_seconds=20.0)).solve(m, place)


def study(dense: ReluNetwork) -> list[tuple[float, Any, SubstitutionResult]]:
    """Return sparsity, solved model and result for every sparsity."""
    x, cultivar, _, test = data()
    print(f"the network is right on {accuracy(dense, x[test], cultivar[test]):.1%} of {len(test)} wines it was not trained on")
    wine = x[next(i for i in test if cultivar[i] == CULTIVAR)]
    rows = []
    for amount in SPARSITIES:
        m = model(wine)
        rows.append((amount, m, solve(m, dense, amount)))
    return rows


def margin(result: SubstitutionResult, dense: ReluNetwork) -> float:
    """Return by how much the network prefers the wanted cultivar where the surrogate thought best."""
    scores = dense(result.met[-1].inputs[0][None])[0]
    return float(scores[WANTED] - np.delete(scores, WANTED).max())


def main() -> None:
    dense = network()
    rows = study(dense)
    print(f"wanted: cultivar {WANTED} by a margin of {MARGIN}, with at most {MOST_CHANGES} measurements changed\n")
    print("sparsity  outcome   surrogate's cost  network's margin there  final cost  binaries  seconds")
    for amount, _, result in rows:
        met = bool(result.met)
        print(
            f"{amount:8.1f}  {result.outcome:9s}"
            f"{result.surrogate_objective if met else float('nan'):17.3f}{margin(result, dense) if met else float('nan'):24.3f}"
            f"{result.objective if result.objective is not None else float('nan'):12.3f}"
            f"{result.size['binaries']:10d}{result.timings['total_seconds']:9.2f}"
        )
    wines = load_wine()
    low, span = wines.data.min(axis=0), np.ptp(wines.data, axis=0)
    amount, m, _ = rows[-1]
    print(f"\nwhat the network accepts, by way of sparsity {amount}:")
    for j in m.j:
        moved = m.up[j].value - m.down[j].value
        if abs(moved) > 1e-6:
            before, name = m.x[j].value - moved, wines.feature_names[j]
            print(f"  {name:30s} {low[j] + span[j] * before:9.3f} -> {low[j] + span[j] * m.x[j].value:9.3f}")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the network is tiny: more threads would only wait for each other
    main()
