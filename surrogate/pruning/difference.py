"""Bounds on the difference between a network and a surrogate of the same shape, propagated layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surrogate.bounds import SLACK
from surrogate.networks import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class DifferenceLines:
    r"""Two lines around what a layer makes of a difference.

    With :math:`z, z'` a neuron's pre-activations in network and surrogate, :math:`y, y'` its outputs, :math:`d = z - z'` and
    :math:`\delta = y - y'`: lower_slope * d + lower_offset <= delta <= upper_slope * d + upper_offset. All are vectors
    ``(h,)``, the slopes in [0, 1].
    """

    lower_slope: FloatArray
    lower_offset: FloatArray
    upper_slope: FloatArray
    upper_offset: FloatArray

    def over_box(self, lower: FloatArray, upper: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return bounds on ``delta`` for ``lower <= d <= upper``."""
        return self.lower_slope * lower + self.lower_offset, self.upper_slope * upper + self.upper_offset


def relax(
    affine: BoolArray, slope: FloatArray, residual: FloatArray, lower: FloatArray, upper: FloatArray, slack: FloatArray
) -> DifferenceLines:
    r"""Relax one layer whose differences ``d`` lie in ``[lower, upper]``; every argument is a vector ``(h,)``.

    Where ``affine``, the surrogate's neuron is :math:`y' = a z' + c` with ``slope`` :math:`a` and
    :math:`|y - (a z + c)| \le` ``residual``: as :math:`\delta = (y - a z - c) + a (z - z')`, the difference is passed on by
    ``a`` alone. Elsewhere both are ReLUs: :math:`\min(0, d) \le \delta \le \max(0, d)`, and the lines are the chords of these
    two over ``[lower, upper]``. ``slack`` moves the lines apart, by what rounding may do to ``d`` and ``delta``.

    Source: Paulsen, Wang, Wang, Wang, *NeuroDiff: Scalable Differential Verification of Neural Networks using Fine-Grained
    Approximation*, ASE 2020, section 4, for the chords.
    """
    low, high = np.minimum(lower, 0.0), np.maximum(upper, 0.0)
    width = np.where(high > low, high - low, 1.0)
    above, below = high / width, -low / width
    return DifferenceLines(
        np.where(affine, slope, below),
        np.where(affine, -residual, -below * high) - slack,
        np.where(affine, slope, above),
        np.where(affine, residual, -above * low) + slack,
    )


def difference(
    rows: FloatArray, weights: Sequence[FloatArray], relaxations: Sequence[DifferenceLines]
) -> tuple[FloatArray, FloatArray]:
    r"""Return bounds ``(k,)``, ``(k,)`` on ``rows @ delta``, ``delta`` the differences of the last of the relaxed layers.

    The rows go backward through the relaxations as CROWN's do: positive coefficients take the upper line, negative ones the
    lower line, and :math:`d_{l+1} = W_{l+1} \delta_l`. At the first layer both networks see one input, so :math:`d = 0` and
    only the offsets are left.

    Args:
        rows: ``(k, h)``.
        weights: the network's matrices; as many as there are relaxations are used.
        relaxations: of the hidden layers, first layer first; none, and the difference is 0.
    """
    count = len(rows)
    both = np.concatenate([rows, -rows])  # the maximum of the negative is minus the minimum
    total, magnitude = np.zeros(2 * count), np.zeros(2 * count)
    for layer in range(len(relaxations) - 1, -1, -1):
        lines = relaxations[layer]
        positive, negative = np.maximum(both, 0.0), np.minimum(both, 0.0)
        total += positive @ lines.upper_offset + negative @ lines.lower_offset
        magnitude += positive @ np.abs(lines.upper_offset) - negative @ np.abs(lines.lower_offset)
        if layer > 0:
            both = (positive * lines.upper_slope + negative * lines.lower_slope) @ weights[layer]
    total += SLACK * magnitude
    return -total[count:], total[:count]
