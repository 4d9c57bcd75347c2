"""Files that users name: where they are, and what is in them, with checks of their size and kind."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from surrogate.checks import shown
from surrogate.errors import InvalidNetwork, InvalidSetting, SurrogateError, UnsupportedLayer

GZIP_MAGIC = b"\x1f\x8b"

PICKLE_MAGIC = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""First bytes of an archive of torch.save, and of a pickle of each protocol in use."""

CHUNK = 2**20

READABLE = (
    "networks are read from a state dict (torch.save(module.state_dict(), 'network.pt')), from ONNX, and from what "
    "ReluNetwork.from_torch(module).save('network.safetensors') or ReluNetwork.from_sklearn(model).save(...) wrote"
)
"""Every way in which a network comes from a file, for the sentence that refuses one."""


def file_path(path: Any) -> Path:
    """Return ``path`` as a Path. A leading ``~`` or ``~name`` stands for a home folder if there is such a user.

    Raises:
        InvalidSetting: it is neither a text nor a path, or begins with the name of a user who is not known, and no file has
            that name as it is.
    """
    if not (isinstance(path, str) or (isinstance(path, PathLike) and isinstance(path.__fspath__(), str))):
        raise InvalidSetting(f"path must be a text such as 'network.onnx', or a Path, got {type(path).__name__} {shown(path)}")
    text = os.fspath(path)
    if not text.startswith("~"):
        return Path(text)  # ./~name too, of which a Path drops the dot
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        if os.path.lexists(text):
            return Path(text)
        raise InvalidSetting(
            f"{text} begins with {text.partition('/')[0]}, and no home folder of that name is known here: write the whole "
            f"path, or ./{text} where the ~ is part of a name"
        ) from error


def read_bytes(path: Path, most: int, kind: str, error: type[SurrogateError]) -> bytes:
    """Return what is in a file that is plain or, whatever its name, gzipped; ``kind`` says what it should hold.

    Raises:
        error: it is unreadable, truncated, or has more than ``most`` bytes, unpacked.
    """
    try:
        with path.open("rb") as file:
            data = _beginning(file, most + 1)
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}") from problem
    if data.startswith(GZIP_MAGIC) and len(data) <= most:
        try:
            # No more than the limit is ever unpacked, however much the file promises.
            data = _beginning(gzip.GzipFile(fileobj=io.BytesIO(data)), most + 1)
        except (OSError, EOFError, zlib.error) as problem:
            raise error(f"{path} is a gzip file that is truncated or corrupt: {problem}") from problem
    if len(data) > most:
        raise error(f"{path} has more than {most // 2**20} MiB of {kind}, the most that is read")
    return data


def refuse_pickled(path: Path, data: bytes) -> None:
    """Raise InvalidNetwork if ``data``, the contents of a file, begins as a pickled one does.

    Raises:
        InvalidNetwork: see above; says what to write instead.
    """
    if data.startswith(PICKLE_MAGIC):
        raise InvalidNetwork(f"{path} is a file as torch.save or pickle writes it, whatever its ending: {READABLE}")


@contextmanager
def naming(path: Any) -> Iterator[None]:
    """Put the name of a file in front of an error about its contents."""
    try:
        yield
    except (InvalidNetwork, UnsupportedLayer, InvalidSetting) as error:
        name = str(file_path(path))
        if str(error).startswith(name):
            raise
        raise type(error)(f"{name}: {error}") from error


def pickled(path: Path) -> InvalidNetwork:
    """Return the error that refuses a pickled network."""
    return InvalidNetwork(
        f"{path} is a pickled file with more than tensors in it, as torch.save(module) or joblib write it, and those are not "
        f"read because they can run any code: {READABLE}"
    )


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _beginning(stream: _Stream, size: int) -> bytes:
    """Return the first ``size`` bytes, or what there is; a stream that is asked for them at once takes the memory at once."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(min(size, CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
