"""Slow, independent ways to the same answers: what the fast code is held against."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
from scipy.optimize import linprog

from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region


def random_network(rng: np.random.Generator, sizes: tuple[int, ...], bias: bool = True) -> ReluNetwork:
    """A network with the given layer sizes, input first; weights of order 1, so that neurons straddle 0."""
    weights = [rng.normal(size=(out, into)) for into, out in pairwise(sizes)]
    return ReluNetwork(weights, [rng.normal(size=len(weight)) * 0.3 * bias for weight in weights])


def random_region(rng: np.random.Generator, size: int, norm: str) -> Region:
    """A region in the unit box whose center has a coordinate on either side of it."""
    center = rng.uniform(size=size)
    center[0], center[-1] = 0.0, 1.0
    radius = {"l1": 0.8, "l2": 0.6, "linf": 0.3, "none": None}[norm]
    return Region(0.0, 1.0, center, radius, norm)


def sample(rng: np.random.Generator, region: Region, count: int) -> FloatArray:
    """Points of the region, many of them on its boundary."""
    spread = rng.uniform(0.1, 2.0, size=(count, 1))
    return region.project(region.center + spread * rng.normal(size=(count, region.size)))


def exact(network: ReluNetwork, x: FloatArray) -> list[list[Fraction]]:
    """Every layer's pre-activations at ``x`` without rounding."""
    y, found = [Fraction(float(v)) for v in x], []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        rows = [[Fraction(float(w)) for w in row] for row in weight]
        z = [sum((w * v for w, v in zip(row, y, strict=True)), Fraction(float(c))) for row, c in zip(rows, bias, strict=True)]
        found.append(z)
        y = [max(v, Fraction(0)) for v in z]
    return found


def linear_maximum(
    region: Region, direction: FloatArray, A: FloatArray | None = None, b: FloatArray | None = None
) -> float | None:
    """Maximise ``direction @ x`` over an l1, linf or box region and ``A x <= b`` by scipy's LP; None if infeasible.

    The variables are the positive and negative parts of ``x - center``, so the l1 ball is one row.
    """
    d = region.size
    reach = float("inf") if region.radius is None or region.norm == "l1" else region.radius
    sides = [(0.0, min(s, reach)) for s in (*(region.upper - region.center), *(region.center - region.lower))]
    rows, limits = [], []
    if A is not None and len(A):
        rows.append(np.hstack([A, -A]))
        limits.append(b - A @ region.center)
    if region.norm == "l1":
        rows.append(np.ones((1, 2 * d)))
        limits.append(np.array([region.radius]))
    found = linprog(
        -np.hstack([direction, -direction]),
        A_ub=np.vstack(rows) if rows else None,
        b_ub=np.concatenate(limits) if rows else None,
        bounds=sides,
    )
    return None if found.status != 0 else float(-found.fun + direction @ region.center)


Piece = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""``slope``, ``offset``, ``A``, ``b``: the network is ``slope @ x + offset`` where ``A @ x <= b``."""


def linear_pieces(network: ReluNetwork, region: Region) -> Iterator[Piece]:
    """Every activation pattern that some point of the region has."""
    hidden = list(zip(network.weights[:-1], network.biases[:-1], strict=True))

    def below(layer: int, slope: FloatArray, offset: FloatArray, A: FloatArray, b: FloatArray) -> Iterator[Piece]:
        if layer and linear_maximum(region, np.zeros(region.size), A, b) is None:
            return
        if layer == len(hidden):
            yield network.weights[-1] @ slope, network.weights[-1] @ offset + network.biases[-1], A, b
            return
        weight, bias = hidden[layer]
        slope, offset = weight @ slope, weight @ offset + bias
        for pattern in product((0.0, 1.0), repeat=len(bias)):
            phase = np.array(pattern)
            sign = 1.0 - 2.0 * phase  # active: z >= 0; inactive: z <= 0
            side_A, side_b = np.vstack([A, sign[:, None] * slope]), np.concatenate([b, -sign * offset])
            yield from below(layer + 1, phase[:, None] * slope, phase * offset, side_A, side_b)

    yield from below(0, np.eye(region.size), np.zeros(region.size), np.zeros((0, region.size)), np.zeros(0))


def brute_force_maximum(network: ReluNetwork, region: Region) -> float:
    """The largest output over the region: one LP for every output and every activation pattern that some point has."""
    best = -np.inf
    for slope, offset, A, b in linear_pieces(network, region):
        for row, constant in zip(slope, offset, strict=True):
            value = linear_maximum(region, row, A, b)
            best = best if value is None else max(best, value + constant)
    return best


def brute_force_closest(network: ReluNetwork, region: Region, threshold: float) -> float:
    """The smallest l1 or linf norm at which some output reaches ``threshold`` inside the region; infinite if none does."""
    d = region.size
    ones, unit = np.ones(2 * d), np.eye(d)
    sides = [(0.0, float(s)) for s in (*(region.upper - region.center), *(region.center - region.lower))]
    best = np.inf
    for slope, offset, A, b in linear_pieces(network, region):
        for row, constant in zip(slope, offset, strict=True):
            rows = np.vstack([A, -row])
            limits = np.concatenate([b, [constant - threshold]]) - rows @ region.center
            rows = np.hstack([rows, -rows, np.zeros((len(rows), 1))])  # over plus, minus and the norm t
            terms = ones[None] if region.norm == "l1" else np.hstack([unit, unit])
            ball = np.hstack([terms, -np.ones((len(terms), 1))])
            found = linprog(
                np.concatenate([0.0 * ones, [1.0]]),
                A_ub=np.vstack([rows, ball]),
                b_ub=np.concatenate([limits, np.zeros(len(ball))]),
                bounds=[*sides, (0.0, region.radius)],
            )
            best = min(best, found.fun) if found.status == 0 else best
    return best
