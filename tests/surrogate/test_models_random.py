"""Small random models with networks in them, against the optimum over all activation patterns."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from scipy.optimize import LinearConstraint, milp

from surrogate.models import Place, Status, optimise

FEW, MANY = 40, 300
MOST_NEURONS = 8


@dataclass
class Case:
    """A model, its places, and the same as arrays over its columns: ``own`` ones, then the outputs."""

    model: Any
    columns: list[Any]
    places: list[Place]
    reads: list[tuple[np.ndarray, np.ndarray]]
    rows: list[tuple[np.ndarray, float, float]]
    cost: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    sign: float
    integral: np.ndarray
    own: int
    offset: float = 0.0


def a_case(seed: int) -> Case:
    """Columns x (3 reals), k (integer), b (binary), then the outputs."""
    rng = np.random.default_rng(seed)
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(3), bounds=(-1.0, 1.0))
    model.k = pyo.Var(domain=pyo.Integers, bounds=(-1, 2))
    model.b = pyo.Var(domain=pyo.Binary)
    own = [*model.x.values(), model.k, model.b]
    count = int(rng.integers(1, 3))
    outputs = [int(rng.integers(1, 3)) for _ in range(count)]
    model.y = pyo.Var(range(sum(outputs)))
    columns = [*own, *model.y.values()]
    chained = count == 2 and rng.random() < 0.4
    places, reads, first = [], [], 0
    shared = None
    for i in range(count):
        size = int(rng.integers(1, 4))
        matrix = np.zeros((size, len(columns)))
        for j, column in enumerate(rng.choice(5, size=size, replace=False)):
            matrix[j, column] = 1.0
        if rng.random() < 0.4:  # an affine expression of all of the model's own variables
            matrix[0, :5] = rng.normal(size=5).round(2)
        if i == 1 and chained:
            matrix[size - 1] = 0.0
            matrix[size - 1, 5] = 1.0
        constant = np.where(rng.random(size) < 0.3, rng.normal(size=size).round(2), 0.0)
        if shared is not None and rng.random() < 0.3 and (size, outputs[i]) == (shared.input_size, shared.output_size):
            network = shared
        else:
            hidden = [int(h) for h in rng.integers(1, 4, size=int(rng.integers(1, 3)))]
            network = random_network(rng, (size, *hidden, outputs[i]))
        shared = network
        inputs = []
        for j in range(size):
            used = np.flatnonzero(matrix[j])
            plain = used.size == 1 and matrix[j, used[0]] == 1.0 and constant[j] == 0.0
            expression = sum(float(matrix[j, c]) * columns[c] for c in used) + float(constant[j])
            inputs.append(columns[used[0]] if plain else expression)
        places.append(Place(inputs, [model.y[first + o] for o in range(outputs[i])], network))
        reads.append((matrix, constant))
        first += outputs[i]
    point = np.concatenate([rng.uniform(-1, 1, size=3), [rng.integers(-1, 3), rng.integers(0, 2)], np.zeros(first)])
    at = 5
    for (matrix, constant), place in zip(reads, places, strict=True):
        y = place.dense((matrix @ point + constant)[None])[0]
        point[at : at + y.size] = y
        at += y.size
    rows: list[tuple[np.ndarray, float, float]] = []
    for _ in range(int(rng.integers(1, 4))):
        row = np.where(rng.random(len(columns)) < 0.5, rng.normal(size=len(columns)).round(2), 0.0)
        body = float(row @ point)
        kind = rng.random()
        if kind < 0.15 and row.any():
            rows.append((row, body, body))  # an equality, on outputs too
        elif kind < 0.9:
            rows.append((row, -np.inf, round(body + float(rng.uniform(0.0, 0.5)), 3)))
        else:
            rows.append((row, round(body + float(rng.uniform(1.0, 4.0)), 3), np.inf))  # this one may exclude everything
    model.rows = pyo.ConstraintList()
    kept = []
    for row, low, high in rows:
        used = np.flatnonzero(row)
        if not used.size:
            continue
        kept.append((row, low, high))
        body = sum(float(row[c]) * columns[c] for c in used)
        model.rows.add((low if np.isfinite(low) else None, body, high if np.isfinite(high) else None))
    cost = np.where(rng.random(len(columns)) < 0.6, rng.normal(size=len(columns)).round(2), 0.0)
    cost[5] = 1.0
    sign = 1.0 if rng.random() < 0.5 else -1.0
    model.goal = pyo.Objective(
        expr=sum(float(c) * v for c, v in zip(cost, columns, strict=True)),
        sense=pyo.minimize if sign > 0 else pyo.maximize,
    )
    lower = np.array([-1.0, -1.0, -1.0, -1.0, 0.0, *[-np.inf] * first])
    upper = np.array([1.0, 1.0, 1.0, 2.0, 1.0, *[np.inf] * first])
    integral = np.isin(np.arange(len(columns)), [3, 4])
    return Case(model, columns, places, reads, kept, cost, lower, upper, sign, integral, 5)


def best_of_all_patterns(case: Case) -> float | None:
    """The optimum over every pattern of phases, each an exact linear model; None if no pattern allows a decision."""
    neurons = [sum(place.dense.hidden_sizes) for place in case.places]
    best = None
    for pattern in itertools.product((0.0, 1.0), repeat=sum(neurons)):
        rows, low, high = [r[0] for r in case.rows], [r[1] for r in case.rows], [r[2] for r in case.rows]
        at, output = 0, case.own
        for (matrix, constant), place in zip(case.reads, case.places, strict=True):
            slope, offset = matrix, constant
            for weight, bias in zip(place.dense.weights[:-1], place.dense.biases[:-1], strict=True):
                on = np.array(pattern[at : at + len(bias)])
                at += len(bias)
                slope, offset = weight @ slope, weight @ offset + bias
                for j in range(len(bias)):
                    rows.append(slope[j])
                    low.append(-offset[j] if on[j] else -np.inf)
                    high.append(np.inf if on[j] else -offset[j])
                slope, offset = on[:, None] * slope, on * offset
            slope, offset = place.dense.weights[-1] @ slope, place.dense.weights[-1] @ offset + place.dense.biases[-1]
            for o in range(len(offset)):
                row = slope[o].copy()
                row[output] -= 1.0
                rows.append(row)
                low.append(-offset[o])
                high.append(-offset[o])
                output += 1
        answer = milp(
            case.sign * case.cost,
            constraints=LinearConstraint(np.array(rows), low, high),
            integrality=case.integral.astype(float),
            bounds=(case.lower, case.upper),
        )
        if answer.status == 0 and (best is None or answer.fun < best):
            best = float(answer.fun)
    return None if best is None else case.sign * best + case.offset


def small(draw: Callable[[int], Case], seed: int) -> Case:
    """The first of a seed's draws with few enough neurons for all patterns to be tried."""
    cases = (draw(seed + 10_000 * turn) for turn in itertools.count())
    return next(case for case in cases if sum(sum(place.dense.hidden_sizes) for place in case.places) <= MOST_NEURONS)


def require_right(seed: int, case: Case, seconds: float = 20.0, large: bool = False) -> None:
    """``large`` numbers leave a solver's bound, with its errors added, a little short of the value: then it may stay open."""
    best = best_of_all_patterns(case)
    result = optimise(case.model, case.places, time_limit_seconds=seconds, seed=seed)
    if best is None:
        assert result.status is Status.INFEASIBLE, (seed, result)
        return
    assert result.failures == {}, (seed, result)
    assert result.status is Status.OPTIMAL or (large and result.gap <= 1e-3), (seed, best, result)
    assert result.value is not None
    assert result.bound is not None
    size = max(1.0, abs(best))
    assert abs(result.value - best) <= 2e-4 * size, (seed, best, result)
    # Neither a value that no decision has, up to what the tolerance lets through, nor a bound that cuts the optimum off.
    assert case.sign * result.value >= case.sign * best - 1e-4 * size, (seed, best, result)
    assert case.sign * result.bound <= case.sign * best + 1e-6 * size, (seed, best, result)
    for row, low, high in case.rows:
        body = float(row @ np.array([v.value for v in case.columns]))
        assert low - 1e-5 * max(1.0, abs(low)) <= body <= high + 1e-5 * max(1.0, abs(high))
    for place, x, y in zip(case.places, result.inputs, result.outputs, strict=True):
        np.testing.assert_allclose([pyo.value(e) for e in place.inputs], x, atol=1e-12)
        np.testing.assert_array_equal(place.dense(x[None])[0], y)
        np.testing.assert_array_equal([v.value for v in place.outputs], y)


@pytest.mark.few(10)
@pytest.mark.parametrize("seed", range(FEW))
def test_small_models_against_all_patterns(seed: int) -> None:
    require_right(seed, small(a_case, seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FEW, MANY))
def test_many_small_models_against_all_patterns(seed: int) -> None:
    require_right(seed, small(a_case, seed))
