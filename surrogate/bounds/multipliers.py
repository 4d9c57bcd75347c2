"""The free parameters of a linear-relaxation bound, and the result of a backward pass with given values."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

from surrogate.bounds.steps import Layers
from surrogate.networks import FloatArray


@dataclass(eq=False)
class Multipliers:
    r"""What may be chosen freely in a bound, a value for every row and unstable neuron.

    Attributes:
        alpha: slopes in [0, 1] of the lower lines :math:`\alpha z \le \max(0, z)`.
        beta: multipliers of at least 0 of the split constraints.
        split: the phases that a branch has fixed: 1 active, -1 inactive, 0 free (int8).
    """

    alpha: Layers
    beta: Layers
    split: Layers

    def take(self, chosen: NDArray) -> Multipliers:
        """Return those of the rows ``chosen`` (indices or a mask), copied."""
        return Multipliers(*([layer[chosen] for layer in kind] for kind in (self.alpha, self.beta, self.split)))


@dataclass(eq=False)
class Pass:
    """A backward pass: upper bounds ``value`` ``(k,)``, the points ``(k, d)`` of the region that attain them, and per hidden
    layer the coefficients that arrived at the unstable neurons' outputs ``(k, u)``."""

    value: NDArray
    point: FloatArray
    coefficients: Layers
