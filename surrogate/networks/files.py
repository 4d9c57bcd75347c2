"""The files that a network can be read from, told apart by their endings; none of them is unpickled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from surrogate.errors import InvalidNetwork, InvalidSetting
from surrogate.files import READABLE, file_path, pickled
from surrogate.networks.relu_network import ReluNetwork

GRAPHS: dict[str, Callable[[Path], ReluNetwork]] = {".onnx": ReluNetwork.from_onnx, ".onnx.gz": ReluNetwork.from_onnx}
"""The reader of each ending of files that say in which order their layers compute, in upper or lower case."""

TENSORS: dict[str, Callable[[Path, Sequence[str] | None], ReluNetwork]] = {
    ".safetensors": ReluNetwork.load,
    ".pt": ReluNetwork.from_checkpoint,
    ".pth": ReluNetwork.from_checkpoint,
    ".ckpt": ReluNetwork.from_checkpoint,
}
"""The reader of each ending of files that hold tensors by name; the caller may name the layers."""

READERS = (*GRAPHS, *TENSORS)
"""Every ending."""

PICKLE_ENDINGS = (".pkl", ".pickle", ".joblib")


def read_network(path: Path | str, layers: Sequence[str] | None = None) -> ReluNetwork:
    """Return the network in a file; ``layers`` names those of a state dict (:meth:`ReluNetwork.from_state_dict`).

    Raises:
        InvalidNetwork, UnsupportedLayer, MissingExtra: it has another ending, or its reader refuses it.
        InvalidSetting: layers are named of an ONNX file, or not those that the file has.
    """
    path = file_path(path)
    name = path.name.lower()
    for ending, read_tensors in TENSORS.items():
        if name.endswith(ending):
            return read_tensors(path, layers)
    for ending, read_graph in GRAPHS.items():
        if name.endswith(ending):
            if layers is not None:
                raise InvalidSetting(f"{path} says itself in which order its layers compute: leave out layers")
            return read_graph(path)
    if path.suffix.lower() in PICKLE_ENDINGS:
        raise pickled(path)
    *others, last = READERS
    raise InvalidNetwork(f"{path} does not end in {', '.join(others)} or {last}; {READABLE}")
