"""Which files a network is read from, told by their endings; none of them is unpickled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from surrogate.errors import InvalidNetwork
from surrogate.files import file_path, pickled
from surrogate.networks.relu_network import ReluNetwork

READERS: dict[str, Callable[[Path], ReluNetwork]] = {
    ".onnx": ReluNetwork.from_onnx,
    ".onnx.gz": ReluNetwork.from_onnx,
    ".safetensors": ReluNetwork.load,
}
"""The reader of each ending, in upper or lower case."""

PICKLE_ENDINGS = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")


def read_network(path: Path | str) -> ReluNetwork:
    """Return the network in a file.

    Raises:
        InvalidNetwork, UnsupportedLayer, MissingExtra: it has another ending, or its reader refuses it.
    """
    path = file_path(path)
    for ending, reader in READERS.items():
        if path.name.lower().endswith(ending):
            return reader(path)
    if path.suffix.lower() in PICKLE_ENDINGS:
        raise pickled(path)
    *others, last = READERS
    raise InvalidNetwork(
        f"{path} is not an ONNX file or a stored network by its name: expected one that ends in {', '.join(others)} or {last}"
    )
