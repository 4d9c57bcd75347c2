"""The text of a VNN-LIB file, distrusting its size and its encoding."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from surrogate.vnnlib.errors import InvalidProperty

MAX_BYTES = 64 * 1024 * 1024
"""Largest text that is read, decompressed; the largest files of the competitions have about a quarter of it."""

GZIP_MAGIC = b"\x1f\x8b"


def read_text(path: Path) -> str:
    """Return the text of a file that is plain or, whatever its name, gzipped.

    Raises:
        InvalidProperty: a file that is unreadable, truncated, larger than MAX_BYTES (decompressed), or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidProperty(f"{path} cannot be read: {error.strerror}") from error
    if data.startswith(GZIP_MAGIC) and len(data) <= MAX_BYTES:
        try:
            # No more than the limit is ever unpacked, however much the file promises.
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidProperty(f"{path} is a gzip file that is truncated or corrupt: {error}") from error
    if len(data) > MAX_BYTES:
        raise InvalidProperty(f"{path} has more than {MAX_BYTES // 2**20} MiB of text, the most that is read")
    try:
        return data.decode("utf-8-sig")  # some editors put a byte order mark first
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidProperty(f"{path}, line {line}: the file is not UTF-8 text ({error.reason})") from error
