"""The text of a VNN-LIB file, with checks of its size and its encoding."""

from __future__ import annotations

from pathlib import Path

from surrogate.errors import InvalidProperty
from surrogate.files import read_bytes
from surrogate.problems.vnnlib.syntax import count_line_ends

MAX_BYTES = 64 * 1024 * 1024
"""Largest text that is read, decompressed; the largest files of the competitions have about a quarter of it."""


def read_text(path: Path) -> str:
    """Return the text of a file that is plain or, whatever its name, gzipped.

    Raises:
        InvalidProperty: a file that is unreadable, truncated, larger than MAX_BYTES (decompressed), or not UTF-8.
    """
    data = read_bytes(path, MAX_BYTES, "text", InvalidProperty)
    try:
        return data.decode("utf-8-sig")  # some editors put a byte order mark first
    except UnicodeDecodeError as error:
        line = count_line_ends(data[: error.start].decode(errors="ignore")) + 1
        raise InvalidProperty(f"{path}, line {line}: the file is not UTF-8 text ({error.reason})") from error
