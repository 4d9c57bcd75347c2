"""Rules of the gradient steps on a bound's multipliers: Adam for the lowest bound, Polyak for a bound below a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Layers = list[NDArray]
"""One array ``(k, u)`` a hidden layer: ``k`` rows that are bounded at once, ``u`` unstable neurons of the layer."""

TINY = np.float32(1e-20)
"""Keeps quotients finite where nothing has a gradient."""

BEYOND = 0.01
"""A target is overshot by this share of the first excess: a bound that only meets it is not below, or not after rounding."""


class Stepper(Protocol):
    """Moves arrays ``(k, u)`` against gradients; remembers what it needs of the steps before."""

    def take(self, chosen: NDArray) -> None:
        """Go on with the rows ``chosen`` (indices) alone."""

    def step(self, arrays: Layers, gradients: Layers, excess: NDArray) -> None:
        """Change ``arrays`` in place; row ``i`` is ``excess[i]`` above its target."""


@dataclass(frozen=True)
class Rates:
    """Adam's learning rates, and the factor of both after each step.

    Attributes:
        alpha: of the slopes, which lie in [0, 1].
        beta: of the multipliers of splits, in units of the rows' coefficients in that layer (root mean square): a multiplier
            is a change of the bound per unit of pre-activation, as a coefficient is, and both scale with the network.
        decay: factor of both after each step.

    Source: Kingma and Ba, Adam, ICLR 2015.
    """

    alpha: float = 0.2
    beta: float = 0.5
    decay: float = 0.97

    def stepper(self, arrays: Layers, scales: Sequence[float]) -> Stepper:
        """Return a rule for alphas and then betas of all layers, whose units are ``scales``."""
        return _Adam(self, arrays, scales)


@dataclass(frozen=True)
class Polyak:
    r"""Steps of Polyak's length towards a target, along Adam's direction: nothing is decided by a learning rate.

    With the gradient :math:`g`, its preconditioned mean :math:`d` and the excess :math:`e` over the target, the step is
    :math:`e\,d / g^\top d`: were the bound linear, that would reach the target. A multiplier at its limit that would leave
    it has no gradient. Good multipliers of a parent are kept, and those of an empty domain may grow fast. What cannot
    reach its target is lowered less than by :class:`Rates`.

    Attributes:
        momentum: share of the mean of the gradients before in the direction.
        memory: the same of their squares.
        largest: greatest step, as a root mean square over the multipliers that move, in their units (see :class:`Rates`).

    Source: Polyak, Minimization of Unsmooth Functionals, 1969.
    """

    momentum: float = 0.7
    memory: float = 0.9
    largest: float = 0.5

    def stepper(self, arrays: Layers, scales: Sequence[float]) -> Stepper:
        """Return a rule for alphas and then betas of all layers, whose units are ``scales``."""
        return _TowardsTarget(self, arrays, scales)


class _Moments:
    """Running means of gradients and of their squares."""

    def __init__(self, arrays: Layers) -> None:
        self.count = 0
        self.first = [np.zeros_like(array) for array in arrays]
        self.second = [np.zeros_like(array) for array in arrays]

    def take(self, chosen: NDArray) -> None:
        self.first = [moment[chosen] for moment in self.first]
        self.second = [moment[chosen] for moment in self.second]

    def add(self, gradients: Layers, first_decay: float, second_decay: float) -> None:
        self.count += 1
        for gradient, first, second in zip(gradients, self.first, self.second, strict=True):
            first *= first_decay
            first += (1.0 - first_decay) * gradient
            second *= second_decay
            second += (1.0 - second_decay) * gradient * gradient


class _Adam(_Moments):
    def __init__(self, rates: Rates, arrays: Layers, scales: Sequence[float]) -> None:
        super().__init__(arrays)
        half = len(scales) // 2
        self.rates = [rates.alpha * scale for scale in scales[:half]] + [rates.beta * scale for scale in scales[half:]]
        self.decay = rates.decay

    def step(self, arrays: Layers, gradients: Layers, excess: NDArray) -> None:
        factor = self.decay**self.count
        self.add(gradients, 0.9, 0.999)
        factor *= np.sqrt(1.0 - 0.999**self.count) / (1.0 - 0.9**self.count)
        for array, first, second, rate in zip(arrays, self.first, self.second, self.rates, strict=True):
            array -= np.float32(factor * rate) * first / (np.sqrt(second) + np.float32(1e-12))


class _TowardsTarget(_Moments):
    def __init__(self, settings: Polyak, arrays: Layers, scales: Sequence[float]) -> None:
        super().__init__(arrays)
        self.settings, self.scales = settings, [np.float32(scale) for scale in scales]
        self.beyond: NDArray | None = None

    def take(self, chosen: NDArray) -> None:
        super().take(chosen)
        if self.beyond is not None:
            self.beyond = self.beyond[chosen]

    def step(self, arrays: Layers, gradients: Layers, excess: NDArray) -> None:
        settings, half = self.settings, len(arrays) // 2
        if self.beyond is None:
            self.beyond = BEYOND * np.maximum(excess, 0.0)
        scaled = [gradient * scale for gradient, scale in zip(gradients, self.scales, strict=True)]
        for i, (array, gradient) in enumerate(zip(arrays, scaled, strict=True)):
            blocked = (array <= 0.0) & (gradient > 0.0)
            if i < half:
                blocked |= (array >= 1.0) & (gradient < 0.0)
            gradient[blocked] = 0.0
        self.add(scaled, settings.momentum, settings.memory)
        sizes = [np.sqrt(second) for second in self.second]
        moving = sum((size > 0.0).sum(axis=1) for size in sizes)
        mean = np.sqrt(sum(second.sum(axis=1) for second in self.second) / np.maximum(moving, 1)).astype(np.float32)
        # Multipliers whose gradients are small beside the others' don't take steps as large as theirs.
        floor = np.float32(0.01) * mean[:, None] + TINY
        directions = [first / (size + floor) for first, size in zip(self.first, sizes, strict=True)]
        slope = sum(np.einsum("ku,ku->k", g, d) for g, d in zip(scaled, directions, strict=True))
        length = np.sqrt(sum(np.einsum("ku,ku->k", d, d) for d in directions) / np.maximum(moving, 1))
        step = np.minimum(
            np.maximum(excess + self.beyond, 0.0) / np.maximum(slope, TINY), settings.largest / np.maximum(length, TINY)
        )
        for array, direction, scale in zip(arrays, directions, self.scales, strict=True):
            array -= (step.astype(np.float32)[:, None] * scale) * direction
