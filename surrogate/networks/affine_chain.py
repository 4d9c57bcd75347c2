"""A chain of layers, from any file or framework, folded into the weights and biases of a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from surrogate.errors import InvalidNetwork
from surrogate.networks.arrays import FloatArray, WeightsAndBiases, checked

LARGEST_MATRIX = 2**26
"""Most entries of a matrix that folding makes (half a gigabyte): a few bytes of a file can ask for any number."""


class AffineChain:
    r"""Folds affine maps and ReLUs into the layers of a network; neighbouring affine maps become one, and so do ReLUs.

    An affine map that only scales and shifts every coordinate, :math:`y = s \odot x + t`, such as a normalisation of the
    inputs, is folded into its neighbours too, and becomes a matrix only if a ReLU follows it at once.

    A network of ours begins and ends with an affine map. Where the chain begins or ends with a ReLU, an identity matrix stands
    in front of it or behind it, and the network computes the same values exactly.

    ``inputs`` is how many values the first map gets, where that is known; with None the first map itself decides.
    """

    def __init__(self, inputs: int | None = None) -> None:
        self._inputs = inputs
        self._weights: list[FloatArray] = []
        self._biases: list[FloatArray] = []
        self._matrix: FloatArray | None = None
        self._scale: FloatArray | None = None  # of a map without a matrix yet
        self._shift: FloatArray | None = None
        self._after_relu = False

    def affine(self, weight: ArrayLike, bias: ArrayLike | None, where: str) -> None:
        """Append ``weight @ x + bias``; ``weight`` has shape ``(out, in)``. ``where`` names the layer in errors.

        Raises:
            InvalidNetwork: values that are not finite, a shape that does not fit what came before, or a product of matrices
                with more than ``LARGEST_MATRIX`` entries.
        """
        matrix = _finite(weight, where)
        shift = np.zeros(matrix.shape[:1]) if bias is None else _finite(bias, where)
        if matrix.ndim != 2 or shift.shape != matrix.shape[:1]:
            raise InvalidNetwork(
                f"{where}: expected a matrix (out, in) and a bias (out,), got {matrix.shape} and {shift.shape}"
            )
        self._require_width(matrix.shape[1], where)
        if self._matrix is not None:
            _require_small(matrix.shape[0], self._matrix.shape[1], where)
        if self._shift is not None:
            shift = matrix @ self._shift + shift
        if self._matrix is not None:
            matrix = matrix @ self._matrix
        elif self._scale is not None:
            matrix = matrix * self._scale
        self._matrix, self._scale, self._shift, self._after_relu = matrix, None, shift, False

    def elementwise(self, scale: ArrayLike, shift: ArrayLike, where: str) -> None:
        """Append ``scale * x + shift``; both have shape ``(in,)``.

        Raises:
            InvalidNetwork: as :meth:`affine` does.
        """
        factors, offsets = _finite(scale, where), _finite(shift, where)
        self._require_width(factors.size, where)
        self._shift = offsets if self._shift is None else factors * self._shift + offsets
        if self._matrix is not None:
            self._matrix = factors[:, None] * self._matrix
        else:
            self._scale = factors if self._scale is None else factors * self._scale
        self._after_relu = False

    def relu(self, where: str) -> None:
        """Append a ReLU; a second one in a row changes nothing.

        Raises:
            InvalidNetwork: no map came before, and the number of inputs is not known or too large for an identity matrix.
        """
        if self._after_relu:
            return
        if self._shift is None:
            if self._inputs is None:
                raise InvalidNetwork(f"{where}: a ReLU needs an affine layer in front of it")
            self._append_identity(self._inputs, where)
        else:
            self._close(self._shift)
        self._after_relu = True

    def layers(self) -> WeightsAndBiases:
        """Return the weights and biases of the network.

        Raises:
            InvalidNetwork: no map at all, or an elementwise one, or a ReLU at the end, that would need a matrix with more than
                ``LARGEST_MATRIX`` entries.
        """
        if self._shift is not None:
            self._close(self._shift)
        elif self._after_relu:
            self._append_identity(self._biases[-1].size, "the ReLU at the end")
        else:
            raise InvalidNetwork("no affine layer")
        return checked(self._weights, self._biases)

    def _append_identity(self, size: int, where: str) -> None:
        _require_small(size, size, where)
        self._weights.append(np.eye(size))
        self._biases.append(np.zeros(size))

    def _close(self, shift: FloatArray) -> None:
        if self._matrix is None:
            assert self._scale is not None
            _require_small(self._scale.size, self._scale.size, "an elementwise map with no matrix beside it")
            self._matrix = np.diag(self._scale)
        self._weights.append(self._matrix)
        self._biases.append(shift)
        self._matrix = self._scale = self._shift = None

    def _require_width(self, inputs: int, where: str) -> None:
        if self._shift is not None or self._biases:
            width = self._shift.size if self._shift is not None else self._biases[-1].size
            if inputs != width:
                raise InvalidNetwork(f"{where}: takes {inputs} inputs, but the layer in front of it has {width} outputs")
        elif self._inputs not in (None, inputs):
            raise InvalidNetwork(f"{where}: takes {inputs} inputs, but the input of the network has {self._inputs} values")


def _finite(values: ArrayLike, where: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InvalidNetwork(f"{where}: has values that are NaN or infinite")
    return array


def _require_small(rows: int, columns: int, where: str) -> None:
    if rows * columns > LARGEST_MATRIX:
        raise InvalidNetwork(
            f"{where}: folded with its neighbours it would be a matrix of {rows} x {columns} entries, more than the "
            f"{LARGEST_MATRIX} allowed"
        )
