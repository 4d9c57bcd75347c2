"""Penalties on the loss of a step that make a network easy to optimise over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from surrogate.training.intervals import InputBox, Sides, TrainingRegion, hidden_bounds
from surrogate.training.settings import Training

NARROWEST = 1e-12
"""Added to the square of half a neuron's width, so that nothing is divided by 0 where its bounds meet."""

Penalty = Callable[[Sequence[torch.Tensor], Sequence[torch.Tensor], torch.Tensor], torch.Tensor]
"""Takes the weights and the biases of all layers and a batch of inputs ``(n, d)``; gives a number ``()``."""


def penalty_of(training: Training, box: InputBox) -> Penalty | None:
    """Return the sum of all penalties of a training, each with its weight; None where there is none.

    Args:
        training: says which; see :class:`~surrogate.training.settings.Training` for the formulas and their sources.
        box: of the inputs, which the region of the bounds lies in.
    """
    terms: list[Penalty] = []
    if training.l1:
        terms.append(lambda weights, biases, batch: training.l1 * sum_of_sizes(weights))
    if training.bounds_count:
        region = TrainingRegion(box, training.radius)

        def on_bounds(weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor], batch: torch.Tensor) -> torch.Tensor:
            bounds = list(hidden_bounds(weights, biases, region.around(batch)))
            measures = ((training.stability, instability), (training.big_m, mean_width))
            return torch.stack([factor * measure(bounds) for factor, measure in measures if factor]).sum()

        terms.append(on_bounds)
    if not terms:
        return None
    return lambda weights, biases, batch: torch.stack([term(weights, biases, batch) for term in terms]).sum()


def sum_of_sizes(weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the sum of the absolute values of all weights."""
    return torch.stack([weight.abs().sum() for weight in weights]).sum()


def instability(bounds: Sequence[Sides]) -> torch.Tensor:
    r"""Return :math:`-\tanh(1 + l u / r^2)`, summed over the neurons of all layers, and its mean over the regions.

    :math:`r = (u - l) / 2` is half the width of a neuron's bounds. A neuron whose bounds have one sign adds -0.76 or less, one
    whose bounds have their middle at 0 adds 0.

    Source: the RS loss of Xiao et al. 2019, which is :math:`-\tanh(1 + l u)`, for balls so small that :math:`r` is about 1.
    Here :math:`l` and :math:`u` are in units of :math:`r`, as the scale of a ReLU neuron means nothing. Wide bounds, such as
    those over a whole box, would saturate the paper's own form: its gradient is then 0 in float32.
    """
    return torch.stack([-torch.tanh(1.0 + _in_half_widths(lower, upper)).sum(dim=1).mean() for lower, upper in bounds]).sum()


def _in_half_widths(lower: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
    """Return the product of both bounds in units of half their distance; 0 for a neuron that is 0 everywhere."""
    return lower * upper / (((upper - lower) / 2.0).square() + NARROWEST)


def mean_width(bounds: Sequence[Sides]) -> torch.Tensor:
    r"""Return the mean of :math:`u - l` over the neurons of all layers and the regions.

    Of a neuron with bounds on both sides of 0, :math:`u` and :math:`-l` are the two constants of its big-M constraints. Source:
    the penalty on bounds of Tsay 2026.
    """
    return torch.cat([upper - lower for lower, upper in bounds], dim=1).mean()
