"""Fully connected ReLU networks as immutable float64 weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from surrogate.checks import numbers
from surrogate.errors import InvalidNetwork, InvalidSetting
from surrogate.files import file_path, naming, refuse_pickled
from surrogate.networks.arrays import FloatArray, checked

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class ReluNetwork:
    r"""A network :math:`f(x) = W_L\,\sigma(\dots\sigma(W_1 x + b_1)\dots) + b_L` with :math:`\sigma(z) = \max(0, z)`.

    ``weights`` are matrices of shape ``(out, in)``, first layer first, the last one affine; ``biases`` have shape
    ``(out,)``. Both are copied to float64 and made read-only.

    Raises:
        InvalidNetwork: no layer, shapes that do not fit together, or weights that are not finite.

    Example:
        >>> net = ReluNetwork([[[1.0, -1.0]], [[2.0]]], [[0.0], [1.0]])
        >>> net([[3.0, 1.0], [0.0, 1.0]])
        array([[5.],
               [1.]])
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]

    def __init__(self, weights: Sequence[ArrayLike], biases: Sequence[ArrayLike]) -> None:
        matrices, vectors = checked(weights, biases)
        object.__setattr__(self, "weights", matrices)
        object.__setattr__(self, "biases", vectors)

    @property
    def input_size(self) -> int:
        return int(self.weights[0].shape[1])

    @property
    def output_size(self) -> int:
        return int(self.weights[-1].shape[0])

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        return tuple(int(weight.shape[0]) for weight in self.weights[:-1])

    @property
    def nonzeros(self) -> int:
        """Number of weights (biases not counted) that are not exactly 0."""
        return sum(int(np.count_nonzero(weight)) for weight in self.weights)

    @cached_property
    def key(self) -> str:
        """Content key: SHA-256 over shapes and bytes, 16 hex digits; equal exactly when the weights are equal."""
        digest = hashlib.sha256()
        for array in (*self.weights, *self.biases):
            digest.update(str(array.shape).encode())
            digest.update((array + 0.0).tobytes())  # + 0.0 makes -0.0 and 0.0 the same weight
        return digest.hexdigest()[:16]

    def __repr__(self) -> str:
        sizes = "-".join(map(str, (self.input_size, *self.hidden_sizes, self.output_size)))
        return f"ReluNetwork({sizes}, {self.nonzeros} non-zero weights, key {self.key})"

    def pre_activations(self, x: ArrayLike) -> list[FloatArray]:
        """Return the pre-activations ``z`` of every layer, the logits last, for a batch ``x`` of shape ``(n, d)``."""
        try:
            y = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidNetwork(f"expected a batch of numbers of shape (n, {self.input_size}): {error}") from error
        if y.ndim != 2 or y.shape[1] != self.input_size:
            raise InvalidNetwork(f"expected a batch of shape (n, {self.input_size}), got {y.shape}")
        z = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            z.append(y @ weight.T + bias)
            y = np.maximum(z[-1], 0.0)
        return z

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return the logits ``(n, o)`` of a batch ``(n, d)``."""
        return self.pre_activations(x)[-1]

    def gradient(self, x: ArrayLike, direction: ArrayLike) -> FloatArray:
        """Return the gradient with respect to ``x`` of ``direction . f(x)``; ``x`` and ``direction`` are batches of ``n``."""
        z = self.pre_activations(x)
        direction = numbers("direction", direction, InvalidNetwork)
        if direction.shape != z[-1].shape:
            raise InvalidNetwork(f"expected a direction of shape {z[-1].shape}, got {direction.shape}")
        backward = direction @ self.weights[-1]
        for weight, pre_activation in zip(self.weights[-2::-1], z[-2::-1], strict=True):
            backward = (backward * (pre_activation > 0.0)) @ weight
        return backward

    def compose(self, matrix: ArrayLike, offset: ArrayLike = 0.0) -> ReluNetwork:
        """Return the network ``matrix @ f(x) + offset``, folded into the last layer; shapes ``(k, o)`` and ``(k,)``."""
        rows, more = numbers("matrix", matrix, InvalidNetwork), numbers("offset", offset, InvalidNetwork)
        if rows.ndim != 2 or rows.shape[1] != self.output_size or more.shape not in ((), rows.shape[:1]):
            raise InvalidNetwork(
                f"expected a matrix (k, {self.output_size}) and an offset (k,), got the shapes {rows.shape} and {more.shape}"
            )
        return ReluNetwork([*self.weights[:-1], rows @ self.weights[-1]], [*self.biases[:-1], rows @ self.biases[-1] + more])

    @classmethod
    def from_torch(cls, module: torch.nn.Module) -> ReluNetwork:
        """Read a ``Sequential`` of Linear, ReLU and BatchNorm1d, with Flatten, Identity or Dropout anywhere, as it computes.

        Raises:
            UnsupportedLayer: another layer, or one that does not compute what its weights say, because of a hook for one;
                gives index and type.
            InvalidNetwork: weights that are complex, not there yet or not finite, or sizes that do not fit.
        """
        from surrogate.networks.torch_modules import read_torch

        return cls(*read_torch(module))

    def to_torch(self) -> torch.nn.Sequential:
        """Return a float64 ``Sequential`` of Linear and ReLU with these weights."""
        from surrogate.networks.torch_modules import write_torch

        return write_torch(self.weights, self.biases)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any], layers: Sequence[str] | None = None) -> ReluNetwork:
        """Read the tensors of Linear and BatchNorm1d layers (in evaluation mode), which ReLUs lie between.

        A state dict does not say what lies between its layers. ``layers`` does, in the order in which they compute, such as
        ``["fc1", "bn1", "relu", "fc2"]``. Without it, names and numbers in them give the order, and a ReLU stands between two
        Linear layers, behind the BatchNorm1d that follows the first of them unless the numbers of a Sequential leave another
        place free; what they leave open is refused. Other activations are not noticed: compare the outputs at a few points.

        Raises:
            UnsupportedLayer: tensors of another layer; gives its name.
            InvalidNetwork: sizes that do not fit, or an order that the names leave open.
            InvalidSetting: ``layers`` does not name each layer once.

        Example:
            >>> state = {"0.weight": np.array([[1.0, -1.0]]), "0.bias": np.zeros(1), "2.weight": np.array([[2.0]])}
            >>> ReluNetwork.from_state_dict(state)([[3.0, 1.0], [0.0, 1.0]])
            array([[4.],
                   [0.]])
        """
        from surrogate.networks.state_dict import read_state_dict
        from surrogate.networks.torch_modules.checkpoints import arrays_of

        return cls(*read_state_dict(arrays_of(state), layers))

    @classmethod
    def from_checkpoint(cls, path: str | Path, layers: Sequence[str] | None = None) -> ReluNetwork:
        """Read the state dict in a file of ``torch.save``, without unpickling; ``layers`` as in :meth:`from_state_dict`.

        Raises:
            InvalidNetwork: the file cannot be read, or holds something else; says what is read.
            UnsupportedLayer, InvalidSetting: as :meth:`from_state_dict` does.
        """
        from surrogate.networks.state_dict import read_state_dict
        from surrogate.networks.torch_modules.checkpoints import read_checkpoint

        with naming(path):
            return cls(*read_state_dict(read_checkpoint(path), layers))

    @classmethod
    def from_sklearn(cls, model: Any) -> ReluNetwork:
        """Read a fitted MLPRegressor or MLPClassifier, alone or in a Pipeline behind scalers, in the units of its inputs.

        A TransformedTargetRegressor with a linear scaler gives the units of the outputs. Outputs of a classifier are one logit
        a class, in the order of ``classes_``; with two classes the first logit is 0 and the second that of scikit-learn.

        Raises:
            UnsupportedLayer: another estimator or activation, or a step that is not linear; gives its name and type.
            InvalidNetwork: a model that is not fitted.
        """
        from surrogate.networks.sklearn_models import read_sklearn

        return cls(*read_sklearn(model))

    @classmethod
    def from_onnx(cls, path: str | Path) -> ReluNetwork:
        """Read an ONNX file, plain or gzipped, of a chain of affine, ReLU and reshaping nodes; needs the ``onnx`` extra."""
        from surrogate.networks.onnx_files import read_onnx

        return cls(*read_onnx(file_path(path)))

    def to_onnx(self, path: str | Path) -> None:
        """Write an ONNX file (Gemm and Relu, float64 weights); needs the ``onnx`` extra."""
        from surrogate.networks.onnx_files import write_onnx

        write_onnx(self.weights, self.biases, file_path(path))

    def to_arrays(self) -> dict[str, FloatArray]:
        """Return ``{"weight.0": ..., "bias.0": ..., ...}``, the layout of a stored network."""
        named: dict[str, FloatArray] = {}
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            named[f"weight.{index}"], named[f"bias.{index}"] = weight, bias
        return named

    def to_bytes(self) -> bytes:
        """Return the weights as the bytes of a safetensors file."""
        from surrogate.networks.stored import write_bytes

        return write_bytes(self.to_arrays())

    @classmethod
    def from_bytes(cls, data: bytes) -> ReluNetwork:
        """Read what :meth:`to_bytes` returned.

        Raises:
            InvalidNetwork: the bytes are not a safetensors file of ``weight.i`` and ``bias.i`` alone.
        """
        from surrogate.networks.stored import layers_of, read_bytes

        named = read_bytes(data)
        layers = layers_of(named)
        if layers is None:
            raise InvalidNetwork(
                f"it is not a stored network: expected tensors weight.0, bias.0, weight.1, ... and no others, got "
                f"{', '.join(list(named)[:4])}{', ...' if len(named) > 4 else ''}"
            )
        return cls(*layers)

    def save(self, path: str | Path) -> None:
        """Write the weights as a safetensors file, which is read back without unpickling.

        Raises:
            InvalidSetting: the file cannot be written.
        """
        try:
            file_path(path).write_bytes(self.to_bytes())
        except OSError as error:
            raise InvalidSetting(f"{path} cannot be written: {error.strerror}") from error

    @classmethod
    def load(cls, path: str | Path, layers: Sequence[str] | None = None) -> ReluNetwork:
        """Read what :meth:`save` wrote, or a state dict in a safetensors file, of which ``layers`` may name the layers.

        Raises:
            InvalidNetwork: the file cannot be read, or is not a safetensors file of such tensors.
            UnsupportedLayer, InvalidSetting: as :meth:`from_state_dict` does.
        """
        from surrogate.networks.state_dict import read_state_dict
        from surrogate.networks.stored import layers_of, read_bytes

        path = file_path(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InvalidNetwork(f"{path} cannot be read: {error.strerror}") from error
        if data[8:9] != b"{":  # behind the length of the header, whose bytes may be those that a pickle begins with
            refuse_pickled(path, data)
        with naming(path):
            named = read_bytes(data)
            stored = layers_of(named) if layers is None else None
            return cls(*(stored or read_state_dict(named, layers, is_ordered=False)))
