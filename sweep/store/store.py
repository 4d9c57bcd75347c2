"""Stage results, trial records and reports by key: never half-written, checked when read, set aside when damaged."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable
from os import PathLike
from typing import Any

from surrogate.errors import InvalidNetwork
from sweep.errors import StoreError
from sweep.records import TrialRecord
from sweep.store.codec import READ, Damaged, LaterFormat, WeightsFile, checksum, decode, encode, is_key, weights_file
from sweep.store.networks import TrainedNetwork, network_entry, network_of
from sweep.store.stage_results import Entry, is_better
from sweep.store.store_files import LOGS, StoreFiles, in_words
from sweep.store.trials import NOT_A_RECORD, record_of, trial_entry

KINDS = ("networks", "surrogates", "instances", "trials", "progress", "searches", "sweeps", "stopped", "limits")
"""Trained dense networks, pruned ones, answers to one instance each, records of trials that ended well, of trials under way the
keys of their instances, what adaptive searches suggested, the lists of the sweeps' trials, records of trials that a search
stopped early, and of answers and trials that differ in their time limit alone the key of the one with the longest."""


class Store(StoreFiles):
    """Entries ``KIND/SHARD/KEY.json`` (:mod:`sweep.store.codec`), SHARD the first two characters of the key, and beside them
    the weights of networks and the pictures of trials as safetensors; ``damaged/KIND/`` for what was set aside; ``logs/``;
    ``reports/``; ``studies/``.

    It may be used by several threads, and a folder by several processes: each file is whole, and the last one stands.

    Args:
        url: a folder (relative to the working directory) or a URL that fsspec knows.
        write: False to read only; nothing is created then, and what is damaged stays where it is.
        notice: called with a sentence for each entry that was set aside; by default printed to the standard error.

    Raises:
        ConfigError: no file system is known by its URL.
        StoreError: it cannot be used, or not be written. Methods raise it too when reading or writing fails; a remote file
            system that does not answer counts as failing after ``PATIENCE_SECONDS``.
    """

    def __init__(self, url: str | PathLike[str], *, write: bool = True, notice: Callable[[str], None] | None = None) -> None:
        self.notice = notice or _to_stderr
        super().__init__(url)
        self._may_write = write
        if write:
            self._try_writing()
            # Beside the work, because a large folder takes seconds; a daemon, because it can be cut off.
            threading.Thread(target=self._place.tidy, args=((*KINDS, LOGS),), name="tidy", daemon=True).start()

    def get(self, kind: str, key: str, *, weights: bool = True) -> Entry | None:
        """Return an entry, without its weights if ``weights`` is False, or None; one that is damaged is set aside and counts as
        missing.

        Raises:
            StoreError: it cannot be read, or a later version of the program wrote it.
        """
        path = _path(kind, key)
        file: WeightsFile | None = None
        try:
            facts, file = decode(kind, key, self._read(path))
            return Entry(facts, self._weights(path, file) if weights and file is not None else None)
        except FileNotFoundError:
            return None
        except LaterFormat as later:
            raise StoreError(
                f"{self._place.shown(path)} was written by a later version of the program: it has the format {later}, and this "
                f"version reads {' and '.join(map(str, READ))}; update the program, or name another store with sweep.store"
            ) from None
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

    def stopped(self, key: str) -> TrialRecord | None:
        """Return the record of a trial that a search stopped, by :func:`sweep.planning.search.early_stopping.stop_key`, or
        None."""
        return self._record("stopped", key, pictures=True)

    def save_stopped(self, key: str, record: TrialRecord) -> None:
        """Keep the record of a trial that a search stopped, in the place of one that is there."""
        self.put("stopped", key, trial_entry(record), replace=True)

    def partial(self, key: str) -> int:
        """Return how many instances of the trial ``key`` are answered; 0 if it never came so far as to know its instances."""
        return sum(self.has("instances", instance) for instance in self.instances(key))

    def instances(self, key: str) -> list[str]:
        """Return the keys of the instances of the trial ``key``; none if it never came so far as to know them."""
        progress = self.get("progress", key)
        if progress is None:
            return []
        instances = progress.facts.get("questions")  # the name in stored entries
        if not isinstance(instances, list) or not all(map(is_key, instances)):
            self._set_aside("progress", key, "it does not hold the keys of instances")
            return []
        return instances

    def _weights(self, path: str, weights: WeightsFile) -> bytes:
        try:
            data = self._read(_beside(path, weights))
        except FileNotFoundError:
            raise Damaged(f"the file of its weights, {weights.name}, is missing") from None
        if checksum(data) != weights.sha256:
            raise Damaged(f"the checksum of its weights, {weights.name}, is wrong")
        return data

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
                    f"{in_words(error)}; move it away: its result is then computed again"
                ) from error
        self.notice(f"{self._place.shown(path)} is damaged: {reason}; it was moved to {away}, and its result is computed again")


def _path(kind: str, key: str) -> str:
    if kind not in KINDS or not is_key(key):
        raise ValueError(f"{kind}/{key} is not the name of an entry")
    return f"{kind}/{key[:2]}/{key}.json"


def _beside(path: str, weights: WeightsFile) -> str:
    return f"{path.rpartition('/')[0]}/{weights.name}"


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)
