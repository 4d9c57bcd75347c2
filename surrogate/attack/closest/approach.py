"""Short adversarial perturbations, found by gradient steps on the dense network towards the clean input."""

from __future__ import annotations

import time

import numpy as np

from surrogate.attack.frank_wolfe import ascend, random_starts
from surrogate.attack.recorder import NearestRecorder
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Problem
from surrogate.problems.region import Region

SEGMENT = 65
"""Points tried on the segment to the clean input, before bisection between the last that fails and the first that does not."""

BISECTIONS = 50
"""Halvings of a segment's piece: enough for all digits of float64."""

REACHES = (0.98, 0.995, 0.999, 0.9999)
"""The ball's radius as a share of the shortest perturbation known. After a failure the next, larger share is tried."""

KEPT = 16
"""The next batch starts from at most this many of the points that reached the threshold in the last one: the shortest."""


def ball(region: Region, radius: float) -> Region:
    """Return the region with another radius."""
    return Region(region.lower, region.upper, region.center, radius, region.norm)


def shrink(dense: ReluNetwork, problem: Problem, center: FloatArray, points: FloatArray, threshold: float) -> FloatArray:
    """Move points ``(n, d)`` whose margin reaches ``threshold`` towards ``center`` as far as it still does.

    The first of ``SEGMENT`` points of each segment that reaches it is refined by bisection, so that a crossing that the grid
    misses may remain, but never a point that fails.
    """
    threshold = threshold + 1e-9  # a point alone rounds otherwise than one of a batch, and must still reach the threshold
    steps = points - center
    count = len(points)
    shares = np.linspace(0.0, 1.0, SEGMENT)

    def reaches(scale: FloatArray) -> np.ndarray:
        return np.asarray(problem.value(dense(center + scale[:, None] * steps)) >= threshold)

    tries = (center + shares[None, :, None] * steps[:, None]).reshape(-1, steps.shape[1])
    good = problem.value(dense(tries)).reshape(count, SEGMENT) >= threshold
    good[:, -1] = True
    first = np.argmax(good, axis=1)
    high, low = shares[first], shares[np.maximum(first - 1, 0)]
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        enough = reaches(middle)
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
    moved = np.asarray(center + high[:, None] * steps)
    return np.where(reaches(high)[:, None], moved, points)


def approach(
    recorder: NearestRecorder,
    starts: int,
    steps: int,
    rng: np.random.Generator,
    deadline: float,
    near: FloatArray | None = None,
) -> int:
    """Look for ever shorter perturbations that reach the recorder's threshold; return the number of gradient evaluations.

    Frank-Wolfe climbs the margin in a ball a little smaller than the shortest perturbation known; what reaches the threshold is
    shrunk along the segment to the clean input, which gives the next ball. Without a success in any of ``REACHES`` it ends.

    Args:
        starts: points that climb together: those that reached the threshold before, and random ones.
        steps: most Frank-Wolfe steps of each.
        deadline: ``time.perf_counter()`` value after which no step begins.
        near: points ``(n, d)`` to start from beside the center, projected into the first ball.
    """
    region, problem, dense = recorder.region, recorder.problem, recorder.dense
    center = region.center
    known = center[None] if near is None else np.concatenate([center[None], near])
    misses = evaluations = 0
    while misses < len(REACHES) and time.perf_counter() < deadline:
        norm, radius = recorder.norm, region.radius
        if norm == 0.0:
            break
        assert radius is not None  # a nearest recorder has checked it
        inside = ball(region, radius if norm is None else norm * REACHES[misses])
        points = np.concatenate([inside.project(known), random_starts(inside, max(starts - len(known), 1), rng)])
        reached, margins, spent = ascend(dense, inside, problem, points, steps, deadline)
        evaluations += spent
        good = np.flatnonzero(margins >= recorder.threshold)
        if good.size == 0:
            if norm is None:
                recorder.meet(reached[int(np.argmax(margins))], "gradient")
            misses += 1
            continue
        if recorder.witness is None:
            recorder.meet(reached[good[0]], "gradient")  # before it is improved: the first adversarial input
        short = shrink(dense, problem, center, reached[good], recorder.threshold)
        known = short[np.argsort(inside.distance(short), kind="stable")[:KEPT]]
        recorder.meet(known[0], "shrink")
        improved = recorder.norm is not None and (norm is None or recorder.norm < norm)
        misses = 0 if improved else misses + 1
    return evaluations
