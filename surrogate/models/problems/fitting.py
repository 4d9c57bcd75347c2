"""Networks for a problem's samples, which take and give values in the samples' own units."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from surrogate.models.problems.base import Samples
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.training import Training, fit

CONSTANT = 1e-9
"""A column whose deviation is below this, relative to its mean where that is above 1, is constant and is not scaled."""


def draw_samples(problem: ModuleType, seed: int, **parameters: Any) -> dict[str, Samples]:
    """Return a problem's samples, given the parameters of its ``build``: those that ``samples`` does not take are left out."""
    taken = inspect.signature(problem.samples).parameters
    found: dict[str, Samples] = problem.samples(seed, **{name: given for name, given in parameters.items() if name in taken})
    return found


def fit_networks(data: Mapping[str, Samples], hidden_sizes: Sequence[int], training: Training) -> dict[str, ReluNetwork]:
    """Return a network for each of a problem's samples, by :func:`fit_in_units`."""
    return {name: fit_in_units(samples, hidden_sizes, training) for name, samples in data.items()}


def fit_in_units(samples: Samples, hidden_sizes: Sequence[int], training: Training) -> ReluNetwork:
    """Return a network that is fitted to standardised samples and folded back into their units by :func:`in_units`.

    Raises:
        InvalidSetting, TrainingDiverged: as :func:`surrogate.training.fit` does.
    """
    x_mean, x_deviation = _scale(samples.x)
    x = (samples.x - x_mean) / x_deviation
    if samples.y.dtype.kind != "f":
        return in_units(fit(training, hidden_sizes, x, samples.y, samples.outputs), x_mean, x_deviation)
    y_mean, y_deviation = _scale(samples.y)
    scaled = fit(training, hidden_sizes, x, (samples.y - y_mean) / y_deviation, samples.outputs)
    return in_units(scaled, x_mean, x_deviation, y_mean, y_deviation)


def in_units(
    network: ReluNetwork, x_mean: ArrayLike, x_deviation: ArrayLike, y_mean: ArrayLike = 0.0, y_deviation: ArrayLike = 1.0
) -> ReluNetwork:
    r"""Return the network :math:`x \mapsto s_y\,f((x - m_x) / s_x) + m_y`, folded into the first and last layer of ``f``.

    Args:
        network: ``f``, of ``d`` inputs and ``o`` outputs.
        x_mean, x_deviation: :math:`m_x` and :math:`s_x`, ``(d,)`` or a number.
        y_mean, y_deviation: :math:`m_y` and :math:`s_y`, ``(o,)`` or a number.

    Example:
        >>> f = ReluNetwork([[[1.0]], [[2.0]]], [[0.0], [0.0]])
        >>> in_units(f, 10.0, 5.0, 100.0, 50.0)([[20.0]])  # f(2) is 4
        array([[300.]])
    """
    first = network.weights[0] / np.asarray(x_deviation)
    bias = network.biases[0] - first @ np.broadcast_to(x_mean, network.input_size)
    folded = ReluNetwork([first, *network.weights[1:]], [bias, *network.biases[1:]])
    outputs = network.output_size
    return folded.compose(np.diag(np.broadcast_to(y_deviation, outputs)), np.broadcast_to(y_mean, outputs))


def _scale(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean, deviation = np.mean(values, axis=0), np.std(values, axis=0)
    return mean, np.where(deviation > CONSTANT * np.maximum(1.0, np.abs(mean)), deviation, 1.0)
