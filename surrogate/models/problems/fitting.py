"""Networks for a problem's samples, which take and give values in the samples' own units."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from surrogate.data import Dataset
from surrogate.models.problems.base import Samples
from surrogate.networks import ReluNetwork
from surrogate.networks.scales import Scales, in_units
from surrogate.pruning import Pruning, prune
from surrogate.training import Training, fit


def draw_samples(problem: ModuleType, seed: int, **parameters: Any) -> dict[str, Samples]:
    """Return a problem's samples, given the parameters of its ``build``: those that ``samples`` does not take are left out."""
    taken = inspect.signature(problem.samples).parameters
    found: dict[str, Samples] = problem.samples(seed, **{name: given for name, given in parameters.items() if name in taken})
    return found


def fit_networks(data: Mapping[str, Samples], hidden_sizes: Sequence[int], training: Training) -> dict[str, ReluNetwork]:
    """Return a network for each of a problem's samples, by :func:`fit_in_units`."""
    return {name: fit_in_units(samples, hidden_sizes, training) for name, samples in data.items()}


def samples_digest(data: Mapping[str, Samples]) -> str:
    """Return 16 hex digits over the points and values of a problem's samples, and the names of their networks."""
    content = hashlib.sha256()
    for name, samples in data.items():
        for array in (samples.x, samples.y):
            content.update(f"{name} {array.dtype.str} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:16]


def standard_dataset(name: str, samples: Samples, held_out: Samples | None = None) -> tuple[Dataset, Scales]:
    """Return samples as a data set in units of their deviations, and the scales that lead to them.

    Args:
        name: of the data set.
        samples: to fit to: they say what the scales are.
        held_out: the test set of the data set, on the same scales; by default empty.
    """
    scales = Scales.of(samples.x, samples.y)
    x, y = scales.standardised(samples.x, samples.y)
    test_x, test_y = (x[:0], y[:0]) if held_out is None else scales.standardised(held_out.x, held_out.y)
    arrays = (x.astype(np.float32), y, test_x.astype(np.float32), test_y)
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return Dataset(name, None, *arrays, checksum=hashlib.sha256(content).hexdigest()[:16]), scales


def fit_in_units(samples: Samples, hidden_sizes: Sequence[int], training: Training) -> ReluNetwork:
    """Return a network that is fitted to standardised samples and folded back into their units.

    Raises:
        InvalidSetting, TrainingDiverged: as :func:`surrogate.training.fit` does.
    """
    scales = Scales.of(samples.x, samples.y)
    return in_units(fit(training, hidden_sizes, *scales.standardised(samples.x, samples.y), samples.outputs), *scales)


def prune_in_units(pruning: Pruning, network: ReluNetwork, samples: Samples) -> ReluNetwork:
    """Return the surrogate of a network that :func:`fit_in_units` made of these samples.

    It is pruned and finetuned as it was trained, with standardised inputs and values: in the units of the data a weight's size
    says as much about its feature's unit as about its use.

    Raises:
        InvalidSetting, TrainingDiverged: as :func:`surrogate.pruning.prune` does.
    """
    data, scales = standard_dataset("samples", samples)
    return in_units(prune(pruning, in_units(network, *scales.undone()), data if pruning.needs_data else None), *scales)
