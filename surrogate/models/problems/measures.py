"""How well a network fits samples that it was not fitted to."""

from __future__ import annotations

import numpy as np

from surrogate.checks import require_integer, require_kind
from surrogate.errors import InvalidSetting
from surrogate.models.problems.base import Samples
from surrogate.networks import ReluNetwork
from surrogate.rules import TEST_SHARE
from surrogate.training import accuracy, r_squared


def split(samples: Samples, share: float = 0.2, seed: int = 0) -> tuple[Samples, Samples]:
    """Return the samples to fit to, and those that are held out: ``round(share * n)`` of them, drawn by the seed.

    Of classes, a sample of the largest is always among those to fit to: so networks have the outputs that all samples ask for.

    Raises:
        InvalidSetting: a share outside (0, 1), or one that leaves a side empty.

    Example:
        >>> fitted, held_out = split(Samples(np.zeros((10, 2)), np.arange(10.0)))
        >>> len(fitted.x), len(held_out.x)
        (8, 2)
    """
    require_kind("samples", samples, Samples, "Samples(x, y)")
    TEST_SHARE.require("share", share)
    require_integer("seed", seed, 0)
    count = len(samples.x)
    held = round(share * count)
    if not 0 < held < count:
        raise InvalidSetting(f"share={share} is not allowed for {count} samples: it holds out {held}, and each side needs one")
    order = np.random.default_rng([seed, 2]).permutation(count)
    if not samples.is_regression:  # the largest class says how many outputs a network has
        first = int(np.argmax(samples.y[order] == samples.y.max()))
        order[[0, first]] = order[[first, 0]]
    fitted, held_out = order[: count - held], order[count - held :]
    return samples.part(np.sort(fitted)), samples.part(np.sort(held_out))


def fit_measure(samples: Samples) -> str:
    """Return what :func:`fit_quality` measures: ``r2`` of values, ``accuracy`` of classes."""
    return "r2" if samples.is_regression else "accuracy"


def fit_quality(network: ReluNetwork, samples: Samples) -> float:
    """Return how well a network fits samples.

    Of values :func:`surrogate.training.r_squared`: 1 is exact, 0 no better than the mean, and below 0 worse than it. Of classes
    the share that is right.

    Raises:
        InvalidSetting: a network of other sizes than the samples.

    Example:
        >>> identity = ReluNetwork([[[1.0]], [[1.0]]], [[0.0], [0.0]])
        >>> fit_quality(identity, Samples(np.array([[1.0], [3.0]]), np.array([1.0, 2.0])))
        -1.0
    """
    require_kind("the network", network, ReluNetwork, "ReluNetwork.load(path)")
    require_kind("samples", samples, Samples, "Samples(x, y)")
    if not samples.is_regression:
        return accuracy(network, samples.x, samples.y)
    if (network.input_size, network.output_size) != samples.sizes:
        inputs, outputs = samples.sizes
        raise InvalidSetting(f"the samples are for {inputs} inputs and {outputs} output, got {network!r}")
    return r_squared(network, samples.x, samples.y)
