"""The independent check: only what passes here counts as found. Knows networks, regions and problems, and no solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from surrogate.checks import numbers
from surrogate.errors import InvalidNetwork
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems import Problem
from surrogate.problems.region import Region

WITNESS_MARGIN = 1e-9
"""A witness needs a dense margin above this, whatever the size of the network's weights, so that a tie is no witness."""

UNDERFLOW = 1e-290
"""Added to the error of every sum: far more than products below float64's smallest normal number, 2e-308, can lose."""

NONZERO_CHANGE = 1e-9
"""Coordinates that moved by more than this count in the l0 norm."""


@dataclass(frozen=True)
class Checked:
    """A point of the region and what the dense network says about it.

    Attributes:
        point: the given point, moved into the region where it lay outside, if only by rounding; ``(d,)``.
        margin: the problem's value there (the margin) on the dense network, in float64.
        is_witness: the problem asks a question, and the point answers it: finite, inside the region, and the margin above both
            ``WITNESS_MARGIN`` and what rounding in the forward pass can have made of it.
    """

    point: FloatArray
    margin: float
    is_witness: bool


def check(dense: ReluNetwork, region: Region, problem: Problem, x: ArrayLike) -> Checked | None:
    """Evaluate one point ``(d,)`` on the dense network, whatever found it; None if it is not finite.

    A solver's point may leave the region by its feasibility tolerance, and a sum by its rounding, so it is moved inside first
    (:meth:`Region.inside`): what is evaluated is what is returned, and no comparison finds it outside.

    Raises:
        InvalidSetting: what is given as a point is not made of numbers.
        InvalidNetwork: the network's values overflow there.
    """
    point = numbers("the point", x).copy()  # what is kept must not change with the caller's array
    if point.shape != (region.size,) or not np.isfinite(point).all():
        return None
    point = region.inside(point)
    with np.errstate(over="ignore", invalid="ignore"):
        margin = problem.value_at(dense, point)
    if not np.isfinite(margin):
        raise InvalidNetwork(
            f"the network's outputs overflow float64 at a point of the region: {dense!r}; scale its weights down"
        )
    answers = problem.asks and margin > WITNESS_MARGIN and margin > rounding_error(dense, problem, point)
    return Checked(point, margin, bool(answers and region.contains(point, tolerance=0.0)))


def rounding_error(dense: ReluNetwork, problem: Problem, x: ArrayLike) -> float:
    r"""Return by how much the problem's value that float64 gives at the point ``(d,)`` may differ from the true one.

    A sum of :math:`n` products is off by at most :math:`\gamma_n = n u / (1 - n u)` times the sum of their absolute values,
    with :math:`u = 2^{-53}`, in whatever order it is summed; a layer passes on at most :math:`|W|` times what was off before
    it, and ReLU, minimum and maximum no more than they get.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, SIAM 2002, section 3.1.
    """
    y, off = np.abs(np.asarray(x, dtype=np.float64)), np.zeros(dense.input_size)
    signed = np.asarray(x, dtype=np.float64)
    a, c = problem.rows(dense.output_size)
    last = len(dense.weights)
    for layer, (weight, bias) in enumerate(zip((*dense.weights, a), (*dense.biases, c), strict=True)):
        z = weight @ signed + bias
        size = np.abs(weight) @ y + np.abs(bias)
        off = np.abs(weight) @ off * (1.0 + 1e-9) + _gamma(weight.shape[1] + 2) * size + UNDERFLOW
        signed = z if layer >= last - 1 else np.maximum(z, 0.0)
        y = np.abs(signed) + off
    return float(off.max())


def _gamma(count: int) -> float:
    share = count * 2.0**-53
    return share / (1.0 - share)


def perturbation_norms(region: Region, x: ArrayLike) -> dict[str, float]:
    """Return ``l0`` (a count), ``l1``, ``l2`` and ``linf`` of ``x - center``."""
    step = np.abs(np.asarray(x, dtype=np.float64) - region.center)
    lengths = {norm: float(region.distance(x, norm)[0]) for norm in ("l1", "l2", "linf")}
    return {"l0": float((step > NONZERO_CHANGE).sum()), **lengths}
