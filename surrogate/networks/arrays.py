"""The arrays that a network is made of: their types, and the shapes in which they fit together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surrogate.errors import InvalidNetwork

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

WeightsAndBiases = tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]
"""Weights of shape ``(out, in)`` and biases ``(out,)``, the first layer first: what a reader of networks returns."""


def checked(weights: Sequence[ArrayLike], biases: Sequence[ArrayLike]) -> WeightsAndBiases:
    """Return copies of the arrays in float64 that nobody can write to.

    Raises:
        InvalidNetwork: no layer, shapes that do not fit together, or weights that are not finite.
    """
    if not (hasattr(weights, "__len__") and hasattr(biases, "__len__")):
        raise InvalidNetwork(
            f"weights and biases must be lists of arrays, got {type(weights).__name__}, {type(biases).__name__}"
        )
    if len(weights) == 0 or len(weights) != len(biases):
        raise InvalidNetwork(
            f"a network needs at least one weight matrix and one bias vector per matrix, "
            f"got {len(weights)} matrices and {len(biases)} vectors"
        )
    matrices: list[FloatArray] = []
    vectors: list[FloatArray] = []
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        matrix, vector = _frozen(weight), _frozen(bias)
        if matrix.ndim != 2 or vector.shape != matrix.shape[:1]:
            raise InvalidNetwork(
                f"layer {index}: expected a matrix (out, in) and a bias (out,), got {matrix.shape} and {vector.shape}"
            )
        if 0 in matrix.shape[1:]:
            raise InvalidNetwork(f"layer {index} has no inputs: its matrix has shape {matrix.shape}")
        if matrices and matrix.shape[1] != matrices[-1].shape[0]:
            raise InvalidNetwork(
                f"layer {index} takes {matrix.shape[1]} inputs but layer {index - 1} has {matrices[-1].shape[0]} outputs"
            )
        if not (np.isfinite(matrix).all() and np.isfinite(vector).all()):
            raise InvalidNetwork(f"layer {index} has weights or biases that are NaN or infinite")
        matrices.append(matrix)
        vectors.append(vector)
    if vectors[-1].size == 0:
        raise InvalidNetwork("the last layer has no outputs")
    return tuple(matrices), tuple(vectors)


def _frozen(array: ArrayLike) -> FloatArray:
    try:
        if np.iscomplexobj(array):
            raise InvalidNetwork("weights and biases must be real numbers, got complex ones")
        copy = np.array(array, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise InvalidNetwork(f"weights and biases must be arrays of numbers: {error}") from error
    copy.flags.writeable = False
    return copy
