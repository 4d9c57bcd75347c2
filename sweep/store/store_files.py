"""The files of a store by their paths, and those that are no entries: logs, reports, and the studies of searches."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
import uuid
from os import PathLike, fspath
from pathlib import Path

from sweep.errors import StoreError
from sweep.store.codec import is_key
from sweep.store.places import Folder, place_at

LOGS = "logs"
"""The folder of the logs of trials."""

STUDIES = "studies"
"""The folder of the studies of adaptive searches."""


class StoreFiles:
    """The files of a store, read and written whole, wherever it is; a failure is a :class:`~sweep.errors.StoreError`.

    ``logs/``, ``reports/`` and ``studies/`` are for people: nothing is ever taken from them.

    Args:
        url: a folder (relative to the working directory) or a URL that fsspec knows.

    Raises:
        ConfigError: fsspec does not know the URL.
    """

    def __init__(self, url: str | PathLike[str]) -> None:
        self._url = fspath(url)
        self._place = place_at(self._url)
        self._scratch: Path | None = None

    @property
    def url(self) -> str:
        """The folder, absolute, or the URL: what opens this store in another process, whatever its working directory."""
        return str(self._place.root) if isinstance(self._place, Folder) else self._url

    @property
    def address(self) -> str:
        """The folder or the URL, without a password."""
        return self._place.shown()

    def save_log(self, key: str, text: str) -> None:
        """Keep the log of a trial, however it ended, in the place of one that is there.

        It is a text beside the entries and not one of them: for people, and nothing is ever taken from it.
        """
        self._write(_log_path(key), text.encode())

    def log(self, key: str) -> tuple[str, str] | None:
        """Return the address of a trial's log and its text, or None."""
        try:
            return self._place.shown(_log_path(key)), self._read(_log_path(key)).decode(errors="replace")
        except FileNotFoundError:
            return None

    def report_folder(self, name: str) -> Path:
        """Return a folder of this machine for the files of a report, created; :meth:`publish_report` takes it from there."""
        return self._on_this_machine(f"reports/{name}")

    def report_address(self, name: str, file: str) -> str | None:
        """Return the address of a file of a report, or None if it is not there."""
        path = f"reports/{name}/{file}"
        try:
            return self._place.shown(path) if self._place.has(path) else None
        except OSError as error:
            raise self._unreadable(path, error) from error

    def report_text(self, name: str, file: str) -> str | None:
        """Return what a file of a report says, or None if it is not there."""
        try:
            return self._read(f"reports/{name}/{file}").decode(errors="replace")
        except FileNotFoundError:
            return None

    def publish_report(self, name: str) -> str:
        """Bring a report to the store if that is elsewhere, and return its address."""
        if not isinstance(self._place, Folder):
            folder = self.report_folder(name)
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    self._write(f"reports/{name}/{file.relative_to(folder).as_posix()}", file.read_bytes())
        return self._place.shown(f"reports/{name}")

    def claim_report(self, name: str) -> bool:
        """Whether no one has the folder of this name yet; on this machine it is made, so that of two who ask one gets it."""
        if isinstance(self._place, Folder):
            try:
                (self._place.root / "reports" / name).mkdir(parents=True)
            except FileExistsError:
                return False
            except OSError:
                return True  # who writes the report meets it too, and says so
        return True

    def drop_empty_report(self, name: str) -> None:
        """Give back what :meth:`claim_report` made, if nothing has come into it."""
        if isinstance(self._place, Folder):
            with contextlib.suppress(OSError):  # it holds a report
                (self._place.root / "reports" / name).rmdir()

    def study_file(self, name: str) -> Path:
        """Return the file on this machine of a search's study, in a folder that is there; :meth:`publish_study` takes it from
        there."""
        return self._on_this_machine(STUDIES) / f"{name}.db"

    def study_address(self, name: str) -> str:
        """Return where a search's study is in the store."""
        return self._place.shown(f"{STUDIES}/{name}.db")

    def publish_study(self, name: str) -> None:
        """Bring a search's study to the store if that is elsewhere."""
        if not isinstance(self._place, Folder):
            self._write(f"{STUDIES}/{name}.db", self.study_file(name).read_bytes())

    def _on_this_machine(self, path: str) -> Path:
        """Return a folder of the store, created; of a store that is elsewhere one that is thrown away with this process."""
        if isinstance(self._place, Folder):
            folder = self._place.root / path
        else:
            if self._scratch is None:
                self._scratch = Path(tempfile.mkdtemp(prefix="sweep-store-"))
                atexit.register(shutil.rmtree, self._scratch, ignore_errors=True)
            folder = self._scratch / path
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _try_writing(self) -> None:
        probe = f"networks/.probe-{uuid.uuid4().hex}"
        try:
            self._place.write(probe, b"can this be written?")
            self._place.remove(probe)
        except OSError as error:
            raise StoreError(
                f"the store cannot be written: {self._place.shown()}: {in_words(error)}; set sweep.store to a folder or URL "
                f"that can be"
            ) from error

    def _read(self, path: str) -> bytes:
        try:
            return self._place.read(path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._unreadable(path, error) from error

    def _write(self, path: str, data: bytes) -> None:
        try:
            self._place.write(path, data)
        except OSError as error:
            raise StoreError(
                f"{self._place.shown(path)} cannot be written: {in_words(error)}; free some space or set sweep.store"
            ) from error

    def _unreadable(self, path: str, error: OSError) -> StoreError:
        return StoreError(
            f"{self._place.shown(path)} cannot be read: {in_words(error)}; make it readable, or move it away: its "
            f"result is then computed again"
        )


def _log_path(key: str) -> str:
    if not is_key(key):
        raise ValueError(f"{key} is not the key of a trial")
    return f"{LOGS}/{key[:2]}/{key}.txt"


def in_words(error: OSError) -> str:
    """Return what went wrong."""
    return error.strerror or str(error) or type(error).__name__
