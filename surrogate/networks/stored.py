"""Networks as the bytes of a safetensors file, which is read back without unpickling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from surrogate.errors import InvalidNetwork
from surrogate.files import READABLE
from surrogate.networks.arrays import FloatArray


def write_bytes(named: dict[str, FloatArray]) -> bytes:
    """Return arrays by their names as the bytes of a safetensors file."""
    return bytes(save({name: np.ascontiguousarray(array) for name, array in named.items()}))


def read_bytes(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays that such bytes hold by their names, in whatever type they have there.

    Raises:
        InvalidNetwork: the bytes are not a safetensors file, or hold numbers of a type that numpy lacks.
    """
    if not isinstance(data, (bytes, bytearray)):
        raise InvalidNetwork(f"a stored network must be bytes, as to_bytes() returns, got {type(data).__name__}")
    try:
        return dict(sorted(load(bytes(data)).items()))  # which come in another order in every process
    except SafetensorError as error:
        raise InvalidNetwork(f"it is not a safetensors file ({error}): {READABLE}") from error
    except KeyError as error:  # numpy has fewer types than safetensors
        raise InvalidNetwork(f"its tensors have the type {error}, which is not read: store them as F32 or F64") from error


def layers_of(named: dict[str, NDArray[Any]]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]] | None:
    """Return the weights and the biases if the names are those of :func:`write_bytes`'s networks; None if they are not."""
    count = len(named) // 2
    if not named or named.keys() != {f"{kind}.{i}" for kind in ("weight", "bias") for i in range(count)}:
        return None
    return [named[f"weight.{i}"] for i in range(count)], [named[f"bias.{i}"] for i in range(count)]
