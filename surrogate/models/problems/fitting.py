"""Networks for a problem's samples, which take and give values in the samples' own units."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surrogate.data import Dataset
from surrogate.models.problems.base import Samples
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.pruning import Pruning, prune
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


class Scales(NamedTuple):
    """Means and deviations of samples: ``x`` of shape ``(d,)``, ``y`` numbers, 0 and 1 for classes."""

    x_mean: FloatArray
    x_deviation: FloatArray
    y_mean: FloatArray
    y_deviation: FloatArray

    @classmethod
    def of(cls, samples: Samples) -> Scales:
        """Return those of samples; a constant column has the deviation 1."""
        x = _scale(samples.x)
        return cls(*x, *_scale(samples.y)) if samples.is_regression else cls(*x, np.array(0.0), np.array(1.0))

    def standardised(self, samples: Samples) -> tuple[FloatArray, NDArray[Any]]:
        """Return points and values in units of their deviations; classes stay as they are."""
        x = (samples.x - self.x_mean) / self.x_deviation
        return x, (samples.y - self.y_mean) / self.y_deviation if samples.is_regression else samples.y

    def undone(self) -> Scales:
        """Return the scales that lead back."""
        x, y = self.x_deviation, self.y_deviation
        return Scales(-self.x_mean / x, 1.0 / x, -self.y_mean / y, 1.0 / y)


def standard_dataset(name: str, samples: Samples, held_out: Samples | None = None) -> tuple[Dataset, Scales]:
    """Return samples as a data set in units of their deviations, and the scales that lead to them.

    Args:
        name: of the data set.
        samples: to fit to: they say what the scales are.
        held_out: the test set of the data set, on the same scales; by default empty.
    """
    scales = Scales.of(samples)
    x, y = scales.standardised(samples)
    test_x, test_y = (x[:0], y[:0]) if held_out is None else scales.standardised(held_out)
    arrays = (x.astype(np.float32), y, test_x.astype(np.float32), test_y)
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return Dataset(name, None, *arrays, checksum=hashlib.sha256(content).hexdigest()[:16]), scales


def fit_in_units(samples: Samples, hidden_sizes: Sequence[int], training: Training) -> ReluNetwork:
    """Return a network that is fitted to standardised samples and folded back into their units by :func:`in_units`.

    Raises:
        InvalidSetting, TrainingDiverged: as :func:`surrogate.training.fit` does.
    """
    scales = Scales.of(samples)
    return in_units(fit(training, hidden_sizes, *scales.standardised(samples), samples.outputs), *scales)


def prune_in_units(pruning: Pruning, network: ReluNetwork, samples: Samples) -> ReluNetwork:
    """Return the surrogate of a network that :func:`fit_in_units` made of these samples.

    It is pruned and finetuned as it was trained, with standardised inputs and values: in the units of the data a weight's size
    says as much about its feature's unit as about its use.

    Raises:
        InvalidSetting, TrainingDiverged: as :func:`surrogate.pruning.prune` does.
    """
    data, scales = standard_dataset("samples", samples)
    return in_units(prune(pruning, in_units(network, *scales.undone()), data if pruning.needs_data else None), *scales)


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
