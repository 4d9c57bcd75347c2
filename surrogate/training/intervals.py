"""Interval arithmetic that gradients go through: bounds on the hidden neurons of a network while it is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from surrogate.networks import FloatArray

InputBox = tuple[FloatArray, FloatArray]
"""The least and the largest value of each input, ``(d,)`` each."""

Sides = tuple[torch.Tensor, torch.Tensor]
"""Lower and upper sides: of one region ``(1, h)``, or of a batch of regions ``(n, h)``."""


class TrainingRegion:
    """Where a network's bounds are to hold: a box of inputs, or the ball around each input of a batch, cut to that box.

    Args:
        box: of the inputs.
        radius: of the balls, in the largest norm; None: the box itself.
    """

    def __init__(self, box: InputBox, radius: float | None) -> None:
        self._lower, self._upper = (torch.tensor(side, dtype=torch.float32)[None] for side in box)
        self._radius = radius

    def around(self, batch: torch.Tensor) -> Sides:
        """Return the sides ``(1, d)`` of the box, or ``(n, d)`` of the balls around a batch of inputs ``(n, d)``."""
        if self._radius is None:
            return self._lower, self._upper
        lower, upper = batch - self._radius, batch + self._radius
        return lower.clamp(min=self._lower, max=self._upper), upper.clamp(min=self._lower, max=self._upper)


def hidden_bounds(weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor], inputs: Sides) -> Iterator[Sides]:
    r"""Yield bounds on the pre-activations of each hidden layer, in their order.

    With the middle :math:`m` and half the width :math:`r` of its inputs' sides, a layer's :math:`W y + b` is within
    :math:`W m + b \pm |W| r`. That is the box of :class:`surrogate.bounds.Interval`, but for rounding in float32, which is not
    covered: these bounds steer a training and prove nothing.

    Args:
        weights: of all layers, the outputs' last; ``(h, d)``.
        biases: likewise; ``(h,)``.
        inputs: the sides of the region.
    """
    lower, upper = inputs
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        middle = torch.nn.functional.linear((upper + lower) / 2.0, weight, bias)
        reach = torch.nn.functional.linear((upper - lower) / 2.0, weight.abs())
        below, above = middle - reach, middle + reach
        yield below, above
        lower, upper = below.relu(), above.relu()
