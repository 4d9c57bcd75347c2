"""Networks as the bytes of a safetensors file, which is read back without unpickling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from surrogate.errors import InvalidNetwork
from surrogate.networks.arrays import FloatArray


def write_bytes(named: dict[str, FloatArray]) -> bytes:
    """Return arrays by their names as the bytes of a safetensors file."""
    return bytes(save({name: np.ascontiguousarray(array) for name, array in named.items()}))


def read_bytes(data: bytes) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Return the weights and the biases that such bytes hold, in whatever type they have there.

    Raises:
        InvalidNetwork: the bytes are not a safetensors file of ``weight.i`` and ``bias.i`` alone.
    """
    if not isinstance(data, (bytes, bytearray)):
        raise InvalidNetwork(f"a stored network must be bytes, as to_bytes() returns, got {type(data).__name__}")
    try:
        named = load(bytes(data))
    except SafetensorError as error:
        raise InvalidNetwork(f"it is not a stored network (safetensors with weight.i and bias.i): {error}") from error
    except KeyError as error:  # numpy has fewer types than safetensors
        raise InvalidNetwork(f"its tensors have the type {error}, which is not read: store them as F32 or F64") from error
    count = len(named) // 2
    if named.keys() != {f"{kind}.{i}" for kind in ("weight", "bias") for i in range(count)}:
        raise InvalidNetwork(
            f"it is not a stored network: expected tensors weight.0, bias.0, weight.1, ... and no others, got "
            f"{', '.join(list(named)[:4])}{', ...' if len(named) > 4 else ''}; a state dict does not say what lies between "
            f"its tensors: load it into its module and store ReluNetwork.from_torch(module)"
        )
    return [named[f"weight.{i}"] for i in range(count)], [named[f"bias.{i}"] for i in range(count)]
