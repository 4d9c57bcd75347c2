"""A queue of byte strings that takes little memory: the first ones are kept there, the rest in a temporary file."""

from __future__ import annotations

import tempfile
from collections import deque
from typing import IO

MEMORY_BYTES = 32 * 2**20


class Spool:
    """First in, first out; not for several threads at a time.

    What does not fit into ``memory_bytes`` goes to an unnamed file in the folder for temporary ones, which vanishes with the
    process. Where that cannot be written, memory it is.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._limit = memory_bytes
        self._used = 0
        self._items: deque[tuple[str, bytes | tuple[int, int]]] = deque()
        """Label, and the bytes or their offset and length in the file."""
        self._file: IO[bytes] | None = None
        self._end = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def labels(self) -> list[str]:
        """What waits, in order."""
        return [label for label, _ in self._items]

    def append(self, label: str, data: bytes) -> None:
        if self._used + len(data) > self._limit and self._written(data):
            self._items.append((label, (self._end - len(data), len(data))))
            return
        self._items.append((label, data))
        self._used += len(data)

    def first(self) -> tuple[str, bytes]:
        """Return what has waited longest with its label, and keep it.

        Raises:
            OSError: the temporary file cannot be read back.
        """
        label, item = self._items[0]
        if isinstance(item, bytes):
            return label, item
        assert self._file is not None
        self._file.seek(item[0])
        data = self._file.read(item[1])
        if len(data) != item[1]:
            raise OSError("a temporary file was cut short")
        return label, data

    def drop(self) -> str:
        """Forget what has waited longest, and return its label."""
        label, item = self._items.popleft()
        if isinstance(item, bytes):
            self._used -= len(item)
        if not self._items:
            self.clear()
        return label

    def clear(self) -> None:
        """Forget all, and give back memory and disk."""
        self._items.clear()
        self._used = self._end = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _written(self, data: bytes) -> bool:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- open for as long as something waits in it
            self._file.seek(self._end)
            self._file.write(data)
            self._file.flush()
        except OSError:
            return False
        self._end += len(data)
        return True
