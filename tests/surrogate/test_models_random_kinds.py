"""Random models of other kinds, against all activation patterns: big numbers, open columns, equalities, binaries, blocks."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from test_models_random import Case, require_right, small

from surrogate.models import Place
from surrogate.networks import ReluNetwork

FEW, MANY = 24, 400
KINDS = ("real", "integer", "binary", "open", "half")
BOUNDS = {"real": (-1.0, 1.0), "integer": (-2.0, 3.0), "binary": (0.0, 1.0), "open": (None, None), "half": (0.0, None)}


def a_case_of_another_kind(seed: int) -> Case:
    """Columns of random kinds in nested and indexed blocks; rows and networks in units of 1 to 1e4, some scaled to a share."""
    rng = np.random.default_rng(1000 + seed)
    count = int(rng.integers(3, 7))
    kinds = [KINDS[i] for i in rng.integers(0, 3, size=count)] + [KINDS[i] for i in rng.integers(0, 5, size=2)]
    model = pyo.ConcreteModel()
    model.part = pyo.Block(range(len(kinds)))
    own = []
    for i, kind in enumerate(kinds):
        block = model.part[i]
        block.inner = pyo.Block()
        domain = {"integer": pyo.Integers, "binary": pyo.Binary}.get(kind, pyo.Reals)
        block.inner.v = pyo.Var([0], domain=domain, bounds=BOUNDS[kind])
        own.append(block.inner.v[0])
    size = len(own)
    outputs = [int(o) for o in rng.integers(1, 3, size=int(rng.integers(1, 3)))]
    model.y = pyo.Var(range(sum(outputs)))
    columns = [*own, *model.y.values()]
    readable = [i for i, kind in enumerate(kinds) if kind not in ("open", "half")]
    unit = float(rng.choice([1.0, 1.0, 100.0, 1e4]))
    places, reads, first = [], [], 0
    for width in outputs:
        inputs = int(rng.integers(1, 4))
        matrix, constant = np.zeros((inputs, len(columns))), np.zeros(inputs)
        for j in range(inputs):
            if rng.random() < 0.5:
                matrix[j, rng.choice(readable)] = 1.0
            else:  # an expression over many columns
                matrix[j, readable] = rng.normal(size=len(readable)).round(2)
                constant[j] = float(rng.normal())
        network = random_network(rng, (inputs, *(int(h) for h in rng.integers(1, 4, size=int(rng.integers(1, 3)))), width))
        if unit > 1.0:  # outputs in units, such as euros
            last = len(network.weights) - 1
            network = ReluNetwork(
                [w * (unit if i == last else 1.0) for i, w in enumerate(network.weights)],
                [b * (unit if i == last else 1.0) for i, b in enumerate(network.biases)],
            )
        listed = [sum(float(matrix[j, c]) * columns[c] for c in range(size)) + float(constant[j]) for j in range(inputs)]
        places.append(Place(listed, [model.y[first + o] for o in range(width)], network))
        reads.append((matrix, constant))
        first += width
    ends = [BOUNDS[kind] for kind in kinds]
    point = np.array([rng.uniform(-2.0 if low is None else low, 3.0 if high is None else high) for low, high in ends])
    whole = np.array([kind in ("integer", "binary") for kind in kinds])
    point[whole] = np.round(point[whole])
    point = np.concatenate([point, np.zeros(first)])
    at = size
    for (matrix, constant), place in zip(reads, places, strict=True):
        y = place.dense((matrix @ point + constant)[None])[0]
        point[at : at + y.size] = y
        at += y.size
    rows: list[tuple[np.ndarray, float, float]] = []
    model.rows = pyo.ConstraintList()
    for i in range(int(rng.integers(2, 5))):
        row = np.where(rng.random(len(columns)) < 0.6, rng.normal(size=len(columns)).round(2), 0.0)
        row[size:] /= unit
        row *= float(rng.choice([1.0, 1e-2, 1e4]))
        body, slack = float(row @ point), float(rng.uniform(0.0, 0.5) * np.abs(row).max(initial=0.0))
        kind = rng.random()
        low, high = (body, body) if kind < 0.2 else (-np.inf, body + slack) if kind < 0.8 else (body - slack, body + slack)
        if seed % 8 == 0 and i == 0:
            low, high = body + 6.0 * float(np.abs(row).sum()), np.inf  # perhaps out of reach
        if row.any():
            rows.append((row, low, high))
            terms = sum(float(row[c]) * columns[c] for c in np.flatnonzero(row))
            model.rows.add((low if np.isfinite(low) else None, terms, high if np.isfinite(high) else None))
    for i, kind in enumerate(kinds):
        if kind in ("open", "half"):  # bounded by rows alone, loosely
            row = np.zeros(len(columns))
            row[i], row[readable[0]] = 1.0, 0.5
            rows.append((row, -20.0, 30.0))
            model.rows.add((-20.0, columns[i] + 0.5 * columns[readable[0]], 30.0))
    cost = np.where(rng.random(len(columns)) < 0.7, rng.normal(size=len(columns)).round(2), 0.0)
    cost[size] = 1.0
    sign = 1.0 if rng.random() < 0.5 else -1.0
    terms = sum(float(c) * v for c, v in zip(cost, columns, strict=True))
    model.goal = pyo.Objective(expr=terms + 3.0, sense=pyo.minimize if sign > 0 else pyo.maximize)
    lower = np.array([*(-np.inf if low is None else low for low, _ in ends), *[-np.inf] * first])
    upper = np.array([*(np.inf if high is None else high for _, high in ends), *[np.inf] * first])
    integral = np.concatenate([whole, np.zeros(first, dtype=bool)])
    return Case(model, columns, places, reads, rows, cost, lower, upper, sign, integral, size, offset=3.0)


@pytest.mark.few(8)
@pytest.mark.parametrize("seed", range(FEW))
def test_models_of_other_kinds_against_all_patterns(seed: int) -> None:
    require_right(seed, small(a_case_of_another_kind, seed), 6.0, large=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FEW, MANY))
def test_many_models_of_other_kinds_against_all_patterns(seed: int) -> None:
    require_right(seed, small(a_case_of_another_kind, seed), 6.0, large=True)
