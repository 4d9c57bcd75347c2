"""Where the files of a store are: a folder of this machine, or whatever fsspec reaches. Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sweep.config.passwords import hide_in_text, hide_password
from sweep.errors import ConfigError, StoreError, sentence

PATIENCE_SECONDS = 20.0
"""A remote file system that has not answered a request after this long cannot be used."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 4.0
"""Pauses between two attempts."""

LEFT_BEHIND_SECONDS = 3600.0
"""A temporary file of this age has no writer any more."""

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}")
"""Names of files that are being written, as :meth:`Folder.write` makes them."""

Done = TypeVar("Done")


class StorePlace(ABC):
    """Files by their path below a root, with ``/`` between folders.

    Methods raise FileNotFoundError for a file that is not there, and OSError for all that goes wrong, within
    ``PATIENCE_SECONDS``.
    """

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Return a file's contents."""

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Write a file, or put it in the place of the one that is there; others see the old one or the new one, whole."""

    @abstractmethod
    def has(self, path: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def names(self, folder: str) -> Iterator[str]:
        """Yield the names of the files in the folders of ``folder``."""

    @abstractmethod
    def move(self, path: str, to: str) -> None:
        """Rename a file."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Delete a file."""

    @abstractmethod
    def tidy(self, folders: Iterable[str]) -> None:
        """Delete what writers that were killed have left behind in the folders of ``folders``, as far as that can be told."""

    @abstractmethod
    def shown(self, path: str = "") -> str:
        """Return the address of a file as a person can use it, without a password."""


def check_url(url: str) -> None:
    """Look up the file systems that a path or a URL names.

    Raises:
        ConfigError: no file system is known by such a URL, or the package for it is missing.
    """
    import fsspec
    from fsspec.utils import get_protocol

    *around, inner = url.split("::")  # fsspec's form for one file system inside another
    for protocol in (*(part.partition("://")[0] for part in around), get_protocol(inner)):
        try:
            fsspec.get_filesystem_class(protocol)
        except (ImportError, ValueError) as error:
            why = str(error) if isinstance(error, ImportError) else f"fsspec knows no file system by {protocol}://"
            raise ConfigError(
                f"sweep.store={hide_password(url)} is not allowed: {why}; name a folder, or a URL that fsspec and the packages "
                f"installed here know"
            ) from error


def place_at(url: str) -> StorePlace:
    """Return the place that a path or a URL names.

    Raises:
        ConfigError: no file system is known by such a URL, or the package for it is missing.
        StoreError: it cannot be reached.
    """
    import fsspec.core
    from fsspec.implementations.local import LocalFileSystem

    check_url(url)
    shown = f"sweep.store={hide_password(url)}"
    try:
        system, root = _within(lambda: fsspec.core.url_to_fs(url), PATIENCE_SECONDS)  # some connect here
    except TimeoutError as error:
        raise StoreError(
            f"{shown} does not answer within {PATIENCE_SECONDS:g} s; start its server or set sweep.store"
        ) from error
    except Exception as error:  # each file system has its own
        raise StoreError(f"{shown} cannot be used: {_words(error)}; mend that or set sweep.store") from error
    return Folder(Path(root)) if isinstance(system, LocalFileSystem) else Remote(system, root, url)


class Folder(StorePlace):
    """A folder of this machine, or one that is mounted on it. Files are written beside their place and renamed.

    A process may be killed at any moment. After a power cut the newest files may be empty, which their checksums tell.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        target = self.root / path
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            try:
                temporary.write_bytes(data)
            except FileNotFoundError:
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_bytes(data)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def names(self, folder: str) -> Iterator[str]:
        try:
            shards = self._shards(folder)
        except FileNotFoundError:
            return
        for shard in shards:
            with os.scandir(shard) as entries:
                yield from (entry.name for entry in entries)

    def tidy(self, folders: Iterable[str]) -> None:
        old = time.time() - LEFT_BEHIND_SECONDS
        for folder in folders:
            with contextlib.suppress(OSError):  # other processes may tidy up too, and it can wait for the next time
                for shard in self._shards(folder):
                    with os.scandir(shard) as entries:
                        for entry in entries:
                            if _TEMPORARY.fullmatch(entry.name) and entry.stat().st_mtime < old:
                                Path(entry.path).unlink(missing_ok=True)

    def _shards(self, folder: str) -> list[str]:
        with os.scandir(self.root / folder) as entries:
            return [entry.path for entry in entries if entry.is_dir()]

    def move(self, path: str, to: str) -> None:
        target = self.root / to
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).replace(target)

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def shown(self, path: str = "") -> str:
        return str(self.root / path)


class Remote(StorePlace):
    """A file system of fsspec. What fails is tried again until ``PATIENCE_SECONDS`` are over; what hangs is left behind."""

    def __init__(self, system: Any, root: str, url: str) -> None:
        self._system, self._root, self._url = system, root.rstrip("/"), url.rstrip("/")
        self._folders: set[str] = set()

    def read(self, path: str) -> bytes:
        return bytes(self._patiently(lambda: self._system.cat_file(self._at(path))))

    def write(self, path: str, data: bytes) -> None:
        self._patiently(lambda: self._make_folder(path))
        self._patiently(lambda: self._system.pipe_file(self._at(path), data))

    def has(self, path: str) -> bool:
        def look() -> bool:
            self._system.invalidate_cache()
            return bool(self._system.isfile(self._at(path)))

        return self._patiently(look)

    def names(self, folder: str) -> Iterator[str]:
        def look() -> list[str]:
            self._system.invalidate_cache()
            return list(self._system.find(self._at(folder)))

        try:
            found = self._patiently(look)
        except FileNotFoundError:
            return
        yield from (path.rpartition("/")[2] for path in found)

    def move(self, path: str, to: str) -> None:
        self._patiently(lambda: self._make_folder(to))
        self._patiently(lambda: self._system.mv(self._at(path), self._at(to)))

    def remove(self, path: str) -> None:
        self._patiently(lambda: self._system.rm_file(self._at(path)))

    def tidy(self, folders: Iterable[str]) -> None:
        """Nothing: what is half written is the file system's matter."""

    def shown(self, path: str = "") -> str:
        return hide_password(f"{self._url}/{path}" if path else self._url)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _make_folder(self, path: str) -> None:
        folder = self._at(path).rpartition("/")[0]
        if folder not in self._folders:
            self._system.makedirs(folder, exist_ok=True)
            self._folders.add(folder)

    def _patiently(self, work: Callable[[], Done]) -> Done:
        end, pause = time.monotonic() + PATIENCE_SECONDS, FIRST_PAUSE_SECONDS
        while True:
            try:
                return _within(work, end - time.monotonic())
            except (FileNotFoundError, NotADirectoryError, PermissionError):  # waiting would change nothing
                raise
            except TimeoutError as error:
                raise TimeoutError(f"no answer within {PATIENCE_SECONDS:g} s") from error
            except Exception as error:  # each file system has its own
                if time.monotonic() + pause > end:
                    raise OSError(_words(error)) from error
            time.sleep(pause)
            pause = min(2.0 * pause, LONGEST_PAUSE_SECONDS)


def _words(error: Exception) -> str:
    return hide_in_text(sentence(error))


def _within(work: Callable[[], Done], seconds: float) -> Done:
    """Return what ``work`` returns; after so many seconds, raise TimeoutError and leave it to its thread."""
    outcome: list[tuple[Done | None, BaseException | None]] = []

    def target() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=target, name="store", daemon=True)  # a daemon: what hangs must not hold up the end
    thread.start()
    thread.join(max(seconds, 0.0))
    if not outcome:
        raise TimeoutError
    done, error = outcome[0]
    if error is not None:
        raise error
    return done  # type: ignore[return-value]
