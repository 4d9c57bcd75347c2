"""Stage results, trial records and reports by key: never half-written, checked when read, set aside when damaged."""

from __future__ import annotations

import atexit
import contextlib
import re
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from surrogate.errors import InvalidNetwork
from sweep.errors import StoreError
from sweep.records import TrialRecord
from sweep.store.codec import Damaged, WeightsFile, checksum, decode, encode, weights_file
from sweep.store.networks import TrainedNetwork, network_entry, network_of
from sweep.store.places import Folder, place_at
from sweep.store.stage_results import Entry, is_better
from sweep.store.trials import NOT_A_RECORD, record_of, trial_entry

KINDS = ("networks", "surrogates", "instances", "trials", "progress", "searches", "sweeps", "stopped", "limits")
"""Trained dense networks, pruned ones, answers to one question each, records of trials that ended well, of trials under way the
keys of their questions, what adaptive searches suggested, the lists of the sweeps' trials, records of trials that a search
stopped early, and of answers and trials that differ in their time limit alone the key of the one with the longest."""

LOGS = "logs"
"""The folder of the logs of trials."""

STUDIES = "studies"
"""The folder of the studies of adaptive searches."""

_KEY = re.compile(r"[0-9A-Za-z_-]{1,250}")
"""A file system takes no longer names than that and ``.json``."""


class Store:
    """Entries ``KIND/SHARD/KEY.json`` (:mod:`sweep.store.codec`), SHARD the first two characters of the key, and beside them
    the weights of networks and the pictures of trials as safetensors; ``damaged/KIND/`` for what was set aside; ``logs/``;
    ``reports/``; ``studies/``.

    It may be used by several threads, and a folder by several processes: each file is whole, and the last one stands.

    Args:
        url: a folder (relative to the working directory) or a URL that fsspec knows.
        write: False to read only; nothing is created then, and what is damaged stays where it is.
        notice: called with a sentence for each entry that was set aside; by default printed to the standard error.

    Raises:
        StoreError: it cannot be used, or not be written. Methods raise it too when reading or writing fails; a remote file
            system that does not answer counts as failing after ``PATIENCE_SECONDS``.
    """

    def __init__(self, url: str | PathLike[str], *, write: bool = True, notice: Callable[[str], None] | None = None) -> None:
        self.notice = notice or _to_stderr
        self._url = fspath(url)
        self._place = place_at(self._url)
        self._scratch: Path | None = None
        self._may_write = write
        if write:
            self._try_writing()
            # Beside the work, because a large folder takes seconds; a daemon, because it can be cut off.
            threading.Thread(target=self._place.tidy, args=((*KINDS, LOGS),), name="tidy", daemon=True).start()

    @property
    def url(self) -> str:
        """The folder, absolute, or the URL: what opens this store in another process, whatever its working directory."""
        return str(self._place.root) if isinstance(self._place, Folder) else self._url

    @property
    def address(self) -> str:
        """The folder or the URL, without a password."""
        return self._place.shown()

    def get(self, kind: str, key: str, *, weights: bool = True) -> Entry | None:
        """Return an entry, without its weights if ``weights`` is False, or None; one that is damaged is set aside and counts as
        missing."""
        path = _path(kind, key)
        file: WeightsFile | None = None
        try:
            facts, file = decode(kind, key, self._read(path))
            return Entry(facts, self._weights(path, file) if weights and file is not None else None)
        except FileNotFoundError:
            return None
        except Damaged as damage:
            self._set_aside(kind, key, str(damage), file)
            return None

    def put(self, kind: str, key: str, entry: Entry, *, replace: bool = False) -> Entry | None:
        """Keep an entry. A second one under the same key changes nothing, unless ``replace`` is set or it is better
        (:func:`sweep.store.stage_results.is_better`); then the first one is returned.

        Raises:
            ValueError: the facts hold a NaN or an infinity.
        """
        if not replace:
            there = self.get(kind, key)
            if there is not None and not is_better(entry, there):
                return there
        path = _path(kind, key)
        weights = None if entry.weights is None else weights_file(key, entry.weights)
        data = encode(kind, key, entry.facts, weights)
        if weights is not None:
            assert entry.weights is not None
            self._write(_beside(path, weights), entry.weights)  # first: an entry's file always finds its weights
        self._write(path, data)
        return None

    def has(self, kind: str, key: str) -> bool:
        """Whether there is an entry, damaged or not."""
        try:
            return self._place.has(_path(kind, key))
        except OSError as error:
            raise self._unreadable(_path(kind, key), error) from error

    def keys(self, kind: str) -> set[str]:
        """Return the keys of all entries, those that are damaged included."""
        try:
            names = (name.removesuffix(".json") for name in self._place.names(kind) if name.endswith(".json"))
            return {name for name in names if is_key(name)}
        except OSError as error:
            raise self._unreadable(kind, error) from error

    def network(self, key: str) -> TrainedNetwork | None:
        """Return the network trained under ``key``, or None."""
        entry = self.get("networks", key)
        try:
            return None if entry is None else network_of(entry)
        except (InvalidNetwork, KeyError) as error:
            self._set_aside("networks", key, f"it does not hold a network ({error})")
            return None

    def save_network(self, key: str, trained: TrainedNetwork, recipe: dict[str, Any]) -> None:
        """Keep a network, in the place of one that is there."""
        self.put("networks", key, network_entry(trained, recipe), replace=True)

    def trial(self, key: str, *, pictures: bool = True) -> TrialRecord | None:
        """Return the record of the finished trial ``key``, or None; without ``pictures`` it is read in a tenth of the time."""
        return self._record("trials", key, pictures)

    def _record(self, kind: str, key: str, pictures: bool) -> TrialRecord | None:
        entry = self.get(kind, key, weights=pictures)
        try:
            return None if entry is None else record_of(entry)
        except NOT_A_RECORD as error:
            self._set_aside(kind, key, f"it is not the record of a trial of this version of the program ({error})")
            return None

    def save_trial(self, record: TrialRecord) -> None:
        """Keep the record of a finished trial, in the place of one that is there; others have nothing to use again."""
        if record.status != "finished":
            raise ValueError(f"only finished trials are kept, {record.key} is {record.status}")
        self.put("trials", record.key, trial_entry(record), replace=True)

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

    def stopped(self, key: str) -> TrialRecord | None:
        """Return the record of a trial that a search stopped, by :func:`sweep.planning.search.early_stopping.stop_key`, or
        None."""
        return self._record("stopped", key, pictures=True)

    def save_stopped(self, key: str, record: TrialRecord) -> None:
        """Keep the record of a trial that a search stopped, in the place of one that is there."""
        self.put("stopped", key, trial_entry(record), replace=True)

    def partial(self, key: str) -> int:
        """Return how many questions of the trial ``key`` are answered; 0 if it never came so far as to know its questions."""
        return sum(self.has("instances", question) for question in self.questions(key))

    def questions(self, key: str) -> list[str]:
        """Return the keys of the questions of the trial ``key``; none if it never came so far as to know them."""
        progress = self.get("progress", key)
        if progress is None:
            return []
        questions = progress.facts.get("questions")
        if not isinstance(questions, list) or not all(map(is_key, questions)):
            self._set_aside("progress", key, "it does not hold the keys of questions")
            return []
        return questions

    def report_folder(self, name: str) -> Path:
        """Return a folder of this machine for the files of a report, created; :meth:`publish_report` takes it from there."""
        return self._on_this_machine(f"reports/{name}")

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

    def publish_report(self, name: str) -> str:
        """Bring a report to the store if that is elsewhere, and return its address."""
        if not isinstance(self._place, Folder):
            folder = self.report_folder(name)
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    self._write(f"reports/{name}/{file.relative_to(folder).as_posix()}", file.read_bytes())
        return self._place.shown(f"reports/{name}")

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

    def _try_writing(self) -> None:
        probe = f"networks/.probe-{uuid.uuid4().hex}"
        try:
            self._place.write(probe, b"can this be written?")
            self._place.remove(probe)
        except OSError as error:
            raise StoreError(
                f"the store cannot be written: {self._place.shown()}: {_words(error)}; set sweep.store to a folder or URL that "
                f"can be"
            ) from error

    def _read(self, path: str) -> bytes:
        try:
            return self._place.read(path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._unreadable(path, error) from error

    def _weights(self, path: str, weights: WeightsFile) -> bytes:
        try:
            data = self._read(_beside(path, weights))
        except FileNotFoundError:
            raise Damaged(f"the file of its weights, {weights.name}, is missing") from None
        if checksum(data) != weights.sha256:
            raise Damaged(f"the checksum of its weights, {weights.name}, is wrong")
        return data

    def _write(self, path: str, data: bytes) -> None:
        try:
            self._place.write(path, data)
        except OSError as error:
            raise StoreError(
                f"{self._place.shown(path)} cannot be written: {_words(error)}; free some space or set sweep.store"
            ) from error

    def _set_aside(self, kind: str, key: str, reason: str, weights: WeightsFile | None = None) -> None:
        path = _path(kind, key)
        if not self._may_write:
            self.notice(f"{self._place.shown(path)} is damaged: {reason}; it is left out, and the next sweep sets it aside")
            return
        mark = uuid.uuid4().hex[:8]
        away = f"damaged/{kind}/{key}-{mark}.json"
        moves = [(path, away)]
        if weights is not None:
            moves.append(
                (_beside(path, weights), f"damaged/{kind}/{weights.name.removesuffix('.safetensors')}-{mark}.safetensors")
            )
        for source, target in moves:
            try:
                self._place.move(source, target)
            except FileNotFoundError:  # weights that are missing, or another process was first
                continue
            except OSError as error:
                raise StoreError(
                    f"{self._place.shown(source)} is damaged ({reason}) and cannot be moved to {self._place.shown(target)}: "
                    f"{_words(error)}; move it away to make its result anew"
                ) from error
        self.notice(f"{self._place.shown(path)} is damaged: {reason}; it was moved to {away}, and its result is made anew")

    def _unreadable(self, path: str, error: OSError) -> StoreError:
        return StoreError(
            f"{self._place.shown(path)} cannot be read: {_words(error)}; make it readable, or move it away to make it anew"
        )


def is_key(text: object) -> bool:
    """Whether something can be the key of an entry: what is read from anywhere else must not name a file outside the store."""
    return isinstance(text, str) and _KEY.fullmatch(text) is not None


def _path(kind: str, key: str) -> str:
    if kind not in KINDS or not is_key(key):
        raise ValueError(f"{kind}/{key} is not the name of an entry")
    return f"{kind}/{key[:2]}/{key}.json"


def _log_path(key: str) -> str:
    if not is_key(key):
        raise ValueError(f"{key} is not the key of a trial")
    return f"{LOGS}/{key[:2]}/{key}.txt"


def _beside(path: str, weights: WeightsFile) -> str:
    return f"{path.rpartition('/')[0]}/{weights.name}"


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)
