"""Frank-Wolfe ascent of the dense margin over a region: the step of the gradient attack and of polishing."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Problem
from surrogate.problems.region import Region

STEP_SIZES = np.array([1.0, 0.5, 0.25, 0.1, 0.03, 0.01])
"""Tried on the way to the maximiser of the linearised margin; the best is taken. A ReLU network is piecewise linear, so the
full step is often the right one, and the short ones serve near a kink."""


def ascend(
    dense: ReluNetwork,
    region: Region,
    problem: Problem,
    points: ArrayLike,
    steps: int,
    deadline: float = float("inf"),
    on_best: Callable[[FloatArray], None] | None = None,
) -> tuple[FloatArray, FloatArray, int]:
    """Climb from every point at once until none improves.

    A step linearises the row of the problem that decides its value (the margin of the best wrong class), maximises that over
    the region exactly (``Region.support``) and searches the segment to the maximiser. Iterates are convex combinations of
    points of the region, so they stay inside.

    Args:
        points: starts inside the region, ``(n, d)``.
        steps: most steps per start.
        deadline: ``time.perf_counter()`` value after which no step begins.
        on_best: called with the best point of the batch whenever it improves.

    Returns:
        the points reached ``(n, d)``, their margins ``(n,)``, and the number of gradient evaluations.

    Source: Frank and Wolfe, An algorithm for quadratic programming, 1956; Chen et al., A Frank-Wolfe framework for efficient
    and effective adversarial attacks, AAAI 2020.
    """
    x = np.array(points, dtype=np.float64)
    rows, _ = problem.rows(dense.output_size)
    margins = problem.value(dense(x))
    moving = np.arange(len(x))
    best = float("-inf")
    evaluations = 0

    def report() -> None:
        nonlocal best
        if margins.max() > best:
            best = float(margins.max())
            if on_best is not None:
                on_best(x[int(np.argmax(margins))])

    report()
    for _ in range(steps):
        if moving.size == 0 or time.perf_counter() >= deadline:
            break
        here = x[moving]
        deciding = problem.deciding(dense(here))
        _, corner = region.support(dense.gradient(here, rows[deciding]))
        evaluations += moving.size
        tries = here[:, None] + STEP_SIZES[None, :, None] * (corner - here)[:, None]
        values = problem.value(dense(tries.reshape(-1, region.size))).reshape(len(here), -1)
        choice = np.argmax(values, axis=1)
        gained = values[np.arange(len(here)), choice]
        better = gained > margins[moving] + 1e-12 * (1.0 + np.abs(margins[moving]))
        moved = moving[better]
        x[moved] = tries[better, choice[better]]
        margins[moved] = gained[better]
        moving = moved
        report()
    return x, margins, evaluations


def random_starts(region: Region, count: int, rng: np.random.Generator) -> FloatArray:
    """Return ``(count, d)`` points of the region: between the center and maximisers of random sparse directions."""
    directions = rng.standard_normal((count, region.size)) * (rng.random((count, region.size)) < rng.random((count, 1)))
    _, corners = region.support(directions)
    return region.center + rng.random((count, 1)) * (corners - region.center)
