"""The layers whose tensors a state dict holds, told by the names and shapes of the tensors."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.errors import InvalidNetwork, UnsupportedLayer
from surrogate.networks.arrays import FloatArray

ACCEPTED = "expected the tensors of Linear (weight, bias) and BatchNorm1d (weight, bias, running_mean, running_var) layers"

EPSILON = 1e-5
"""What BatchNorm1d adds to a variance unless told otherwise; a state dict does not say it."""

OF_BATCH_NORM = ("running_mean", "running_var", "num_batches_tracked")

PARAMETRISED = ".parametrizations."
"""torch.nn.utils.parametrize makes a weight of another tensor; this stands between the layer's name and that tensor's."""

HOW_TO_MERGE = {
    PARAMETRISED[1:]: "torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight')",
    "_g": "torch.nn.utils.remove_weight_norm(layer)",
    "_v": "torch.nn.utils.remove_weight_norm(layer)",
    "_u": "torch.nn.utils.remove_spectral_norm(layer)",
}
"""The call that merges tensors of which torch makes a weight in every forward pass, by how the tensors' names begin or end."""


@dataclass(frozen=True, eq=False)
class Layer(ABC):
    """A layer of a state dict.

    Attributes:
        name: what its tensors' names begin with.
    """

    name: str

    @property
    @abstractmethod
    def inputs(self) -> int:
        """The size of what it takes."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """The size of what it gives."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers in its name, in their order."""
        return tuple(map(int, re.findall(r"\d+", self.name)))

    @property
    def template(self) -> str:
        """Its name without the values of the numbers: layers of one template are of one row."""
        return re.sub(r"\d+", "#", self.name)


@dataclass(frozen=True, eq=False)
class Linear(Layer):
    """``weight @ x + bias``, of shapes ``(out, in)`` and ``(out,)``; None without a bias."""

    weight: FloatArray
    bias: FloatArray | None

    @property
    def inputs(self) -> int:
        return int(self.weight.shape[1])

    @property
    def outputs(self) -> int:
        return int(self.weight.shape[0])


@dataclass(frozen=True, eq=False)
class BatchNorm(Layer):
    """``(x - mean) / sqrt(variance + EPSILON) * weight + bias``, all of shape ``(features,)``."""

    mean: FloatArray
    variance: FloatArray
    weight: FloatArray | None
    bias: FloatArray | None

    @property
    def inputs(self) -> int:
        return int(self.mean.size)

    @property
    def outputs(self) -> int:
        return self.inputs

    def scale_and_shift(self) -> tuple[FloatArray, FloatArray]:
        """Return what it multiplies by and then adds, each of shape ``(features,)``."""
        scale = 1.0 / np.sqrt(self.variance + EPSILON)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -self.mean * scale
        return scale, shift if self.bias is None else shift + self.bias


def layers_of(tensors: Mapping[str, NDArray[Any]]) -> dict[str, Layer]:
    """Return the layers by their names, in the order of the tensors.

    Raises:
        UnsupportedLayer: a tensor that belongs to no Linear or BatchNorm1d; gives its layer.
        InvalidNetwork: no layer at all, or tensors of one layer that do not fit together.
    """
    grouped: dict[str, dict[str, NDArray[Any]]] = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.rpartition(".")
        if PARAMETRISED in f".{name}":
            layer = f".{name}".partition(PARAMETRISED)[0].removeprefix(".")
            kind = name.removeprefix(f"{layer}.")
        grouped.setdefault(layer, {})[kind] = tensor
    layers = {name: _layer(name, _masked(name, parts)) for name, parts in grouped.items()}
    if not any(isinstance(layer, Linear) for layer in layers.values()):
        raise InvalidNetwork(f"it holds no Linear layer: {ACCEPTED}, got {', '.join(list(tensors)[:4]) or 'none'}")
    return layers


def _masked(name: str, parts: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the tensors of a layer with those that torch.nn.utils.prune has masked as a forward pass has them."""
    merged = dict(parts)
    for kind in ("weight", "bias"):
        if {f"{kind}_orig", f"{kind}_mask"} <= parts.keys():
            original, mask = merged.pop(f"{kind}_orig"), merged.pop(f"{kind}_mask")
            if original.shape != mask.shape:
                raise InvalidNetwork(f"layer {name}: {kind}_orig and {kind}_mask have different shapes")
            merged[kind] = original * mask
    return merged


def _layer(name: str, parts: dict[str, NDArray[Any]]) -> Layer:
    where = f"layer {name}" if name else "the layer without a name"
    for kind in parts:
        if kind not in ("weight", "bias", *OF_BATCH_NORM):
            mends = [call for part, call in HOW_TO_MERGE.items() if kind.startswith(part) or kind.endswith(part)]
            raise UnsupportedLayer(f"{where} has a tensor {kind!r}: {ACCEPTED}{f'; first call {mends[0]}' if mends else ''}")
    values = {kind: _numbers(f"{where}, {kind}", array) for kind, array in parts.items() if kind != "num_batches_tracked"}
    if not {"running_mean", "running_var", "num_batches_tracked"} & parts.keys():
        weight, bias = values.get("weight"), values.get("bias")
        if weight is None or weight.ndim != 2:
            shape = "no weight" if weight is None else f"a weight of shape {weight.shape}, as {_kind_of(weight)} has"
            raise UnsupportedLayer(f"{where} has {shape}: {ACCEPTED}, a Linear's weight being a matrix (out, in)")
        if bias is not None and bias.shape != weight.shape[:1]:
            raise InvalidNetwork(f"{where} has a weight of shape {weight.shape} and a bias of shape {bias.shape}")
        return Linear(name, weight, bias)
    if not {"running_mean", "running_var"} <= parts.keys():
        raise UnsupportedLayer(f"{where} is a batch normalisation without running_mean and running_var: {ACCEPTED}")
    shapes = {array.shape for array in values.values()}
    if len(shapes) > 1 or len(values["running_mean"].shape) != 1:
        raise InvalidNetwork(f"{where}: the tensors of a batch normalisation must have one shape (features,), got {shapes}")
    if not (values["running_var"] >= 0.0).all():
        raise InvalidNetwork(f"{where} has a running_var that is NaN or below 0")
    return BatchNorm(name, values["running_mean"], values["running_var"], values.get("weight"), values.get("bias"))


def _numbers(where: str, array: NDArray[Any]) -> FloatArray:
    if array.dtype.kind not in "fiu":
        raise InvalidNetwork(f"{where} must hold real numbers, got {array.dtype}")
    return np.asarray(array, dtype=np.float64)


def _kind_of(weight: FloatArray) -> str:
    return {1: "a LayerNorm, or a BatchNorm1d that keeps no statistics,", 3: "a Conv1d", 4: "a Conv2d"}.get(
        weight.ndim, "no layer that is read"
    )
