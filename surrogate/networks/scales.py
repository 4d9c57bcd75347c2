"""Units of data: training divides by them, and the trained network takes and gives the original units."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surrogate.networks.arrays import FloatArray
from surrogate.networks.relu_network import ReluNetwork

CONSTANT = 1e-9
"""A column whose deviation is below this, relative to its mean where that is above 1, is constant and is not scaled."""


class Scales(NamedTuple):
    """Means and deviations of data: ``x`` of shape ``(d,)``, ``y`` of ``(o,)`` or numbers, which are 0 and 1 for classes."""

    x_mean: FloatArray
    x_deviation: FloatArray
    y_mean: FloatArray
    y_deviation: FloatArray

    @classmethod
    def of(cls, x: FloatArray, y: NDArray[Any]) -> Scales:
        """Return those of points ``(n, d)`` and values ``(n,)`` or ``(n, o)``, or classes; a constant has the deviation 1."""
        y_scale = _scale(y) if y.dtype.kind == "f" else (np.array(0.0), np.array(1.0))
        return cls(*_scale(x), *y_scale)

    def leaving(self, columns: NDArray[np.bool_]) -> Scales:
        """Return the scales that leave some columns of ``x``, True in ``columns`` ``(d,)``, as they are."""
        mean, deviation = np.where(columns, 0.0, self.x_mean), np.where(columns, 1.0, self.x_deviation)
        return self._replace(x_mean=mean, x_deviation=deviation)

    def standardised(self, x: FloatArray, y: NDArray[Any]) -> tuple[FloatArray, NDArray[Any]]:
        """Return points and values in units of their deviations; classes stay as they are."""
        return (x - self.x_mean) / self.x_deviation, (y - self.y_mean) / self.y_deviation if y.dtype.kind == "f" else y

    def undone(self) -> Scales:
        """Return the scales that lead back."""
        x, y = self.x_deviation, self.y_deviation
        return Scales(-self.x_mean / x, 1.0 / x, -self.y_mean / y, 1.0 / y)


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
