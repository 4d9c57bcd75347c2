"""The independent check: only what passes here counts as found. Knows networks, regions and problems, and no solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Problem
from surrogate.region import Region

WITNESS_MARGIN = 1e-9
"""A witness needs a dense margin above this, so that rounding in float64 (about 1e-12 here) can't make one out of a tie."""

NONZERO_CHANGE = 1e-9
"""Coordinates that moved by more than this count in the l0 norm."""


@dataclass(frozen=True)
class Checked:
    """A point of the region and what the dense network says about it.

    Attributes:
        point: the given point, projected onto the region if it lay outside by more than rounding; ``(d,)``.
        margin: the problem's value there (the margin) on the dense network, in float64.
        is_witness: the problem asks a question, and the point answers it: finite, inside the region, and
            ``margin > WITNESS_MARGIN``.
    """

    point: FloatArray
    margin: float
    is_witness: bool


def check(dense: ReluNetwork, region: Region, problem: Problem, x: ArrayLike) -> Checked | None:
    """Evaluate one point ``(d,)`` on the dense network, whatever found it; None if it is not finite.

    A solver's point may leave the region by its feasibility tolerance, so it is projected back first: what is evaluated is
    what is returned.
    """
    point = np.array(x, dtype=np.float64)  # a copy: what is kept must not change with the caller's array
    if point.shape != (region.size,) or not np.isfinite(point).all():
        return None
    if not region.contains(point):
        point = region.project(point)
    margin = float(problem.value(dense(point[None]))[0])
    return Checked(point, margin, bool(problem.asks and region.contains(point) and margin > WITNESS_MARGIN))


def perturbation_norms(region: Region, x: ArrayLike) -> dict[str, float]:
    """Return ``l0`` (a count), ``l1``, ``l2`` and ``linf`` of ``x - center``."""
    step = np.abs(np.asarray(x, dtype=np.float64) - region.center)
    lengths = {norm: float(region.distance(x, norm)[0]) for norm in ("l1", "l2", "linf")}
    return {"l0": float((step > NONZERO_CHANGE).sum()), **lengths}
