"""New networks fitted to data, pruned networks trained further, and the accuracy of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surrogate.checks import list_of, numbers, require_integer, require_kind, shown
from surrogate.errors import InvalidSetting
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.training.settings import Training

EVALUATION_BATCH = 4096
"""Images that ``accuracy`` evaluates at a time, so that a batch's float64 activations stay small."""


def fit(
    training: Training,
    hidden_sizes: Sequence[int],
    images: ArrayLike,
    labels: ArrayLike,
    outputs: int = 10,
    watch: Callable[[int], object] = lambda epoch: None,
    box: tuple[ArrayLike, ArrayLike] | None = None,
) -> ReluNetwork:
    """Train a new network with ``hidden_sizes`` neurons per hidden layer on ``images`` ``(n, d)`` and ``labels`` ``(n,)``.

    Labels that are floats are values that the network's outputs are to have: ``(n,)`` with ``outputs=1``, or ``(n, outputs)``.
    Weights start Xavier-uniform (Glorot and Bengio, 2010), biases at 0. The weights have float32 precision.

    Args:
        watch: called after each epoch with the number of epochs that are done.
        box: the lower and the upper sides of the inputs, each ``(d,)`` or a number: where ``training.stability`` and
            ``training.big_m`` look at bounds. None: from the least to the largest value of each input in ``images``.

    Raises:
        InvalidSetting: no hidden layer or an empty one; images, labels or a box that do not fit.
        TrainingDiverged: a loss or weight that is NaN or infinite; says in which epoch.
    """
    require_kind("training", training, Training, "Training(epochs=5)")
    sizes = list_of("hidden_sizes", hidden_sizes, "integers, such as [64, 64]")
    if not sizes:
        raise InvalidSetting("hidden_sizes=[] is not allowed: expected at least one hidden layer")
    for size in sizes:
        require_integer("each of hidden_sizes", size, 1)
    require_integer("outputs", outputs, 1)
    x, y = _checked(images, labels, None, outputs)
    from surrogate.training.descent import train_new  # imports torch, which settings and their checks do without

    return train_new(training, [x.shape[1], *sizes, outputs], x, y, _box(x, box), watch)


def finetune(
    network: ReluNetwork,
    masks: Sequence[BoolArray],
    training: Training,
    images: ArrayLike,
    labels: ArrayLike,
    box: tuple[ArrayLike, ArrayLike] | None = None,
) -> ReluNetwork:
    """Train ``network`` further on ``images`` ``(n, d)``; weights whose mask is False are 0.0 throughout and at the end.

    ``masks`` hold one boolean matrix ``(out, in)`` per weight matrix. With ``epochs=0`` the masks are applied and the other
    weights keep their float64 values; else they have float32 precision. ``box`` is as in :func:`fit`.

    Raises:
        InvalidSetting: masks, images, labels or a box that do not fit the network.
        TrainingDiverged: a loss or weight that is NaN or infinite; says in which epoch.
    """
    require_kind("the network", network, ReluNetwork, "ReluNetwork.load(path)")
    require_kind("training", training, Training, "Training(epochs=5)")
    masks = list_of("masks", masks, "boolean matrices, one a weight matrix")
    shapes = [weight.shape for weight in network.weights]
    if [np.shape(mask) for mask in masks] != shapes or any(np.asarray(mask).dtype != np.bool_ for mask in masks):
        raise InvalidSetting(f"masks must be boolean matrices of shapes {shapes}, got {[np.shape(mask) for mask in masks]}")
    masked = [np.where(mask, weight, 0.0) for mask, weight in zip(masks, network.weights, strict=True)]
    if training.epochs == 0:
        return ReluNetwork(masked, network.biases)
    x, y = _checked(images, labels, network.input_size, network.output_size)
    from surrogate.training.descent import train_further

    return train_further(training, ReluNetwork(masked, network.biases), masks, x, y, _box(x, box))


def accuracy(network: ReluNetwork, images: ArrayLike, labels: ArrayLike) -> float:
    """Return the share, 0 to 1, of ``images`` ``(n, d)`` whose largest logit in float64 is that of their label ``(n,)``.

    Raises:
        InvalidSetting: images or labels that do not fit the network, or labels that are no classes.
    """
    require_kind("the network", network, ReluNetwork, "ReluNetwork.load(path)")
    x, y = _checked(images, labels, network.input_size, network.output_size)
    if y.dtype.kind == "f":
        raise InvalidSetting("accuracy is of classes, got values (floats) as labels: use r_squared")
    starts = range(0, len(x), EVALUATION_BATCH)
    right = sum(int((network(x[i : i + EVALUATION_BATCH]).argmax(axis=1) == y[i : i + EVALUATION_BATCH]).sum()) for i in starts)
    return right / len(x)


def r_squared(network: ReluNetwork, points: ArrayLike, values: ArrayLike) -> float:
    r"""Return :math:`R^2` of points ``(n, d)`` and their values ``(n,)``.

    It is :math:`1 - \sum_i (y_i - f(x_i))^2 / \sum_i (y_i - \bar y)^2`: 1 is exact, 0 no better than the mean, and below 0
    worse than it. Where all values are equal, it is 1 for an exact network and 0 for any other. Of several outputs, values
    ``(n, o)``, it is the mean of theirs.

    Raises:
        InvalidSetting: points or values that do not fit the network, or classes.
    """
    require_kind("the network", network, ReluNetwork, "ReluNetwork.load(path)")
    x, y = _checked(points, values, network.input_size, network.output_size)
    if y.dtype.kind != "f":
        raise InvalidSetting("r_squared is of values (floats), got classes (integers) as labels: use accuracy")
    starts = range(0, len(x), EVALUATION_BATCH)
    found = np.concatenate([network(x[i : i + EVALUATION_BATCH]) for i in starts])
    y = y.reshape(found.shape).astype(np.float64)
    off, spread = ((y - found) ** 2).sum(axis=0), ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    shares = np.where(spread > 0.0, off / np.where(spread > 0.0, spread, 1.0), off > 0.0)
    return float(np.mean(1.0 - shares))


def _box(x: NDArray[Any], box: tuple[ArrayLike, ArrayLike] | None) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper sides ``(d,)`` of a box: the given one, else that of the inputs ``(n, d)`` themselves."""
    if box is None:
        return x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    sides = list_of("box", box, "two sides, the lower and the upper one, such as (0.0, 1.0)")
    if len(sides) != 2:
        raise InvalidSetting(f"box must have two sides, the lower and the upper one, got {shown(box)}")
    found = [numbers("each side of box", side) for side in sides]
    if any(side.shape not in ((), x.shape[1:]) or not np.isfinite(side).all() for side in found):
        raise InvalidSetting(f"each side of box must be a finite number or {x.shape[1]} of them, got {shown(box)}")
    lower, upper = (np.broadcast_to(side, x.shape[1:]) for side in found)
    if (lower > upper).any():
        raise InvalidSetting(f"box must have no lower side above its upper one, got {shown(box)}")
    return lower, upper


def _checked(images: ArrayLike, labels: ArrayLike, inputs: int | None, outputs: int) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = np.asarray(images), np.asarray(labels)
    if x.ndim != 2 or 0 in x.shape or inputs not in (None, x.shape[1]):
        raise InvalidSetting(f"images must have shape (n, {inputs or 'd'}) with n at least 1, got {x.shape}")
    if x.dtype.kind not in "fiu" or not np.isfinite(x).all():
        raise InvalidSetting("images must be finite numbers, got NaN, infinity or something else")
    if y.dtype.kind == "f" and y.shape == (len(x), outputs):
        pass  # values of several outputs, or of the only one
    elif y.shape != x.shape[:1]:
        raise InvalidSetting(f"labels must have shape {x.shape[:1]}, one per image, got {y.shape}")
    if y.dtype.kind == "f":
        if outputs != 1 and y.ndim == 1:
            raise InvalidSetting(
                f"labels must be integers, or floats where a network has one output, got floats and {outputs} outputs"
            )
        if not np.isfinite(y).all():
            raise InvalidSetting("values must be finite, got NaN or infinity")
        return x, y
    if y.dtype.kind not in "iu":
        raise InvalidSetting(f"labels must be integers (classes) or floats (values), got {y.dtype}")
    if y.min() < 0 or y.max() >= outputs:
        raise InvalidSetting(f"labels must be from 0 to {outputs - 1}, got {y.min()} to {y.max()}")
    return x, y
