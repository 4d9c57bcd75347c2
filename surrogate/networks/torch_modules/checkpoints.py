"""State dicts in the files that ``torch.save`` writes, read without unpickling."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from surrogate.checks import first_line, shown
from surrogate.errors import InvalidNetwork
from surrogate.files import PICKLE_MAGIC, READABLE, file_path, pickled, read_bytes
from surrogate.networks.affine_chain import LARGEST_MATRIX

MAX_BYTES = 2**31 - 1
"""Largest file that is read, unpacked."""

MOST_NUMBERS = 4 * LARGEST_MATRIX
"""Most numbers of all tensors together: a file of a few bytes can hold a tensor of any shape."""

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network")
"""Keys under which checkpoints keep a state dict beside other things."""

PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put in front of every name."""


def read_checkpoint(path: Path | str) -> dict[str, NDArray[Any]]:
    """Return the tensors of the state dict in a file, by their names and in their order.

    The file is loaded with ``weights_only=True``, so nothing in it is run. Of a checkpoint with other things beside it, the
    state dict under one of WRAPPERS is taken.

    Raises:
        InvalidNetwork: the file cannot be read, holds something else, or more than MAX_BYTES or MOST_NUMBERS.
    """
    path = file_path(path)
    data = read_bytes(path, MAX_BYTES, "weights", InvalidNetwork)
    _require_small(path, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of files that it then refuses
            loaded = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what it likes: UnpicklingError, EOFError, RuntimeError, IndexError, KeyError
        if "Weights only load failed" in str(error) or "TorchScript" in str(error):
            raise pickled(path) from error
        why = f"{first_line(error):.100}"
        raise InvalidNetwork(f"{path} is not a file of torch.save, or is truncated ({why}): {READABLE}") from error
    return arrays_of(loaded)


def arrays_of(state: Any) -> dict[str, NDArray[Any]]:
    """Return the tensors or arrays of a state dict, or of a checkpoint that holds one, as arrays of float64.

    Raises:
        InvalidNetwork: it is no mapping of names to tensors of real numbers.
    """
    state = _unwrapped(state)
    for prefix in PREFIXES:
        if state and all(isinstance(name, str) and name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    numbers = 0
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor | np.ndarray):
            raise InvalidNetwork(
                f"expected a state dict, of tensors by their names, got {type(value).__name__} {shown(value)} as {name!r}: "
                f"write torch.save(module.state_dict(), 'network.pt')"
            )
        numbers += math.prod(value.shape)
        if numbers > MOST_NUMBERS:
            raise InvalidNetwork(f"its tensors up to {name} hold more than the {MOST_NUMBERS} numbers allowed")
        arrays[name] = _array(name, value)
    return arrays


def _unwrapped(state: Any) -> Mapping[Any, Any]:
    if isinstance(state, torch.nn.Module):
        raise InvalidNetwork("a module is read by ReluNetwork.from_torch(module), and its state dict by itself")
    if not isinstance(state, Mapping):
        raise InvalidNetwork(f"expected a state dict, of tensors by their names, got {type(state).__name__} {shown(state)}")
    inside = [key for key in WRAPPERS if isinstance(state.get(key), Mapping)]
    if len(inside) > 1:
        raise InvalidNetwork(f"it holds {' and '.join(inside)}, each of which may be the state dict: store the right one alone")
    return _unwrapped(state[inside[0]]) if inside else state


def _array(name: str, value: torch.Tensor | NDArray[Any]) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    if value.is_complex() or value.is_meta:
        what = "complex numbers" if value.is_complex() else "no values, being on the device meta"
        raise InvalidNetwork(f"{name} holds {what}: expected real numbers")
    try:
        array: NDArray[Any] = value.detach().to_dense().to("cpu", torch.float64).numpy()
    except (RuntimeError, TypeError) as error:  # quantised tensors
        raise InvalidNetwork(f"{name} cannot be brought to float64: {first_line(error):.100}") from error
    return array


def _require_small(path: Path, data: bytes) -> None:
    """Require of an archive that it unpacks to no more than may be read; torch's older format is no archive."""
    if not data.startswith(PICKLE_MAGIC[0]):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
        raise InvalidNetwork(f"{path} is not a file of torch.save, or is truncated ({error}): {READABLE}") from error
    if size > MAX_BYTES:
        raise InvalidNetwork(f"{path} has more than {MAX_BYTES // 2**20} MiB of weights, the most that is read")
