"""The coordinator keeps stage results, hands out work, and ends workers that outlive a deadline.

:class:`Coordinator` is plain Python behind a lock, which is not held while the store is read or written. For Ray's workers it
is an actor beside the driver (:mod:`sweep.execution.ray_tune`): the nodes need no shared folder. For trials in the driver's
process it is an object there (:mod:`sweep.execution.local_run`). It can be started again at any moment: results are in the
store, and all else comes back with the next calls.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from sweep.errors import StoreError
from sweep.execution.assignment import Assignment, Start
from sweep.records.cpu_share import CpuClock, killed_facts
from sweep.store import Store
from sweep.store.stage_results import Entry, StageKind, stands

LEASE_SECONDS = 30.0
"""A worker that was silent for this long loses its claims: another worker makes what it was making."""

BEAT_SECONDS = 5.0
"""How often a worker says that it is there."""

WATCH_SECONDS = 0.25
"""How often deadlines are looked at."""

THREADS = 16
"""Calls that are served at a time: one that waits for a distant store must not delay the others, nor the deadlines."""

GRACE_SECONDS = 2.0
"""A worker that ends by itself just after a deadline is not killed."""

HELD_SECONDS = 5.0
"""A worker that is being ended is held for this long, so that it takes up no other trial before it is gone."""


@dataclass
class _TrialUnderWay:
    """A trial under way."""

    attempts: int = 0
    kills: int = 0
    first_start: float = field(default_factory=time.monotonic)
    header: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, None] = field(default_factory=dict)


@dataclass
class _WatchedAnswer:
    """An answer that is being looked for."""

    worker: str
    trial_key: str
    handle: Any
    deadline: float
    facts: dict[str, Any]
    clock: CpuClock | None


class Coordinator:
    """Stage results, claims on them, and deadlines.

    Args:
        store: where results are kept; or its URL: then what the store says is kept for :meth:`notices`.
        resume: whether results of earlier sweeps count.
        retries: how many workers a trial may lose and still be started again.
        kill: ends a worker by the handle that it gave.

    Raises:
        StoreError: the store cannot be used.
    """

    def __init__(self, store: Store | str, resume: bool, retries: int, kill: Callable[[Any], None]) -> None:
        self._notices: list[str] = []  # in a Ray actor nobody would see what is printed
        self._store = Store(store, notice=self._notices.append) if isinstance(store, str) else store
        self._resume, self._retries, self._kill = resume, retries, kill
        self._lock = threading.RLock()
        self._works: dict[str, Assignment] = {}
        self._running: dict[str, _TrialUnderWay] = {}
        self._claims: dict[tuple[StageKind, str], tuple[str, str]] = {}
        """The worker that makes a result, and for which trial."""
        self._beats: dict[str, float] = {}
        self._watches: dict[str, _WatchedAnswer] = {}
        self._late: dict[str, bool] = {}
        """Answers past their deadline that their worker has not sent since, and whether it is being ended."""
        self._fresh: set[tuple[StageKind, str]] = set()
        """The entries that were put since this coordinator was started."""
        self._writing = [threading.Lock() for _ in range(THREADS)]
        """Locks, each for some of the keys: what two workers send under one key is compared and written one after the other."""
        self._is_watching = False
        self._unwritten: dict[str, StoreError] = {}
        """Why an answer that a deadline ended could not be written, by trial."""

    def offer(self, work: Assignment) -> list[str]:
        """Keep what a worker needs for a trial until :meth:`close`; return what :meth:`notices` does, to save a call."""
        with self._lock:
            self._works[work.trial.key] = work
        return self.notices()

    def notices(self) -> list[str]:
        """Return what the store has said since the last time, such as that an entry was damaged."""
        said = list(self._notices)
        del self._notices[: len(said)]  # what another thread appends meanwhile stays
        return said

    def start(self, trial_key: str) -> Start:
        """A worker takes up a trial."""
        with self._lock:
            work = self._works.get(trial_key)
            if work is None:
                return Start(None)
            running = self._running.setdefault(trial_key, _TrialUnderWay())
            running.attempts += 1
            losses = running.attempts - 1 - running.kills
            why = f"its worker process was lost {losses} times, more often than sweep.retries={self._retries} allows"
            seconds = time.monotonic() - running.first_start
            return Start(work, seconds, refused=why if losses > self._retries else None)

    def attempts(self, trial_key: str) -> tuple[int, int]:
        """Return how often a worker has taken up a trial, and how many of those were ended because an attack was too late."""
        with self._lock:
            running = self._running.get(trial_key)
            return (0, 0) if running is None else (running.attempts, running.kills)

    def report(self, trial_key: str, header: dict[str, Any]) -> None:
        """Keep the facts of a trial under way, its instances left out: what stands if it ends before its time."""
        with self._lock:
            if trial_key in self._running:
                self._running[trial_key].header = header

    def partial(self, trial_key: str) -> dict[str, Any] | None:
        """Return the record of a trial under way with the instances answered so far, or None if it has not begun."""
        with self._lock:
            running = self._running.get(trial_key)
            if running is None or not running.header:
                return None
            header, answers = running.header, list(running.answers)
        entries = [self._store.get("instances", key) for key in answers]
        return {**header, "instances": [entry.facts for entry in entries if entry is not None]}

    def close(self, trial_key: str) -> None:
        """A trial has ended."""
        with self._lock:
            self._works.pop(trial_key, None)
            self._running.pop(trial_key, None)

    def claim(
        self, kind: StageKind, key: str, deadline_seconds: float | None, worker: str, trial_key: str
    ) -> tuple[Literal["found", "make", "wait"], Entry | None]:
        """Return the result; or "make" if the caller is to make it, or "wait" if another worker that still answers does.

        The claim comes before the look into the store, which may take long: else a result that is put in between would be made
        once more.

        Raises:
            StoreError: the store cannot be read, or an answer of the trial that a deadline ended could not be written.
        """
        with self._lock:
            if trial_key in self._unwritten:
                raise self._unwritten.pop(trial_key)
            self._beats[worker] = time.monotonic()
            holder, of_trial = self._claims.get((kind, key), (worker, trial_key))
            if of_trial != trial_key and self._beats.get(holder, 0.0) > time.monotonic() - LEASE_SECONDS:
                return "wait", None  # of the same trial it is a former worker, which was lost
            self._claims[kind, key] = worker, trial_key
            made_now = (kind, key) in self._fresh
        try:
            entry = self._store.get(kind, key) if self._resume or made_now else None
        except BaseException:
            self._give_up(kind, key, worker)
            raise
        if entry is None or not stands(entry, deadline_seconds, made_now=made_now):
            return "make", None
        with self._lock:
            self._give_up(kind, key, worker)
            self._answered(kind, key, trial_key)
        return "found", entry

    def put(self, kind: StageKind, key: str, entry: Entry, trial_key: str) -> Entry | None:
        """Keep a result, unless there is one as good: that one is returned (:meth:`sweep.store.stage_results.Stages.put`)."""
        self._came(key)
        return self._keep(kind, key, entry, trial_key)

    def _keep(self, kind: StageKind, key: str, entry: Entry, trial_key: str) -> Entry | None:
        with self._writing[hash((kind, key)) % len(self._writing)]:
            stands = self._store.put(kind, key, entry, replace=not self._resume and (kind, key) not in self._fresh)
            self._fresh.add((kind, key))
        with self._lock:
            self._claims.pop((kind, key), None)
            self._answered(kind, key, trial_key)
        return stands

    def abandon(self, kind: StageKind, key: str, worker: str) -> None:
        """Give a claim back."""
        self._came(key)
        self._give_up(kind, key, worker)

    def peek(self, kind: StageKind, key: str) -> Entry | None:
        """Return a result that is there (:meth:`sweep.store.stage_results.Stages.peek`)."""
        with self._lock:
            counts = self._resume or (kind, key) in self._fresh
        return self._store.get(kind, key) if counts else None

    def begin(
        self,
        key: str,
        facts: dict[str, Any],
        deadline_seconds: float,
        worker: str,
        trial_key: str,
        handle: Any,
        clock: CpuClock | None = None,
    ) -> None:
        """Watch the answer ``key``: at its deadline ``facts`` become its entry and the worker is ended.

        ``clock`` tells how much CPU the worker had, if it is on this machine.
        """
        with self._lock:
            deadline = time.monotonic() + deadline_seconds + GRACE_SECONDS
            self._watches[key] = _WatchedAnswer(worker, trial_key, handle, deadline, facts, clock)
            self._late.pop(key, None)
            if not self._is_watching:
                self._is_watching = True
                threading.Thread(target=self._watch, name="deadlines", daemon=True).start()

    def improve(self, key: str, facts: dict[str, Any], worker: str) -> None:
        """Replace the facts of :meth:`begin`."""
        with self._lock:
            watch = self._watches.get(key)
            if watch is not None and watch.worker == worker and _points(facts) >= _points(watch.facts):
                watch.facts = facts  # calls of one worker may overtake each other

    def beat(self, worker: str) -> None:
        """A worker is there."""
        with self._lock:
            self._beats[worker] = time.monotonic()

    def lost(self, trial_key: str) -> None:
        """The driver heard that the worker of a trial is gone: its claims are free at once."""
        with self._lock:
            self._watches = {key: watch for key, watch in self._watches.items() if watch.trial_key != trial_key}
            self._claims = {key: claim for key, claim in self._claims.items() if claim[1] != trial_key}

    def _came(self, key: str) -> None:
        """A worker is done with an answer, in time however long the store takes, or late.

        One that is being ended is held: if it took up another trial first, that trial would be said to have lost its worker.
        """
        with self._lock:
            self._watches.pop(key, None)
            is_being_ended = self._late.pop(key, False)
        if is_being_ended:
            time.sleep(HELD_SECONDS)

    def _give_up(self, kind: StageKind, key: str, worker: str) -> None:
        with self._lock:
            if self._claims.get((kind, key), ("", ""))[0] == worker:
                del self._claims[kind, key]

    def _answered(self, kind: StageKind, key: str, trial_key: str) -> None:
        if kind == "instances" and trial_key in self._running:
            self._running[trial_key].answers[key] = None

    def _watch(self) -> None:
        """End the workers that are past their deadline, as long as there is one to watch."""
        is_over = False
        while not is_over:
            time.sleep(WATCH_SECONDS)
            with self._lock:
                late = [(key, watch) for key, watch in self._watches.items() if watch.deadline < time.monotonic()]
                for key, _ in late:
                    del self._watches[key]
                    self._late[key] = False
                is_over = not self._watches
                self._is_watching = not is_over
            for key, watch in late:  # each by itself: the store may take its time for one of them
                threading.Thread(target=self._end, args=(key, watch), name="deadline", daemon=True).start()

    def _end(self, key: str, watch: _WatchedAnswer) -> None:
        """Write down what was found until the deadline, then end the worker, if it still looks: never the other way round."""
        try:
            self._keep("instances", key, Entry(killed_facts(watch.facts, watch.clock)), watch.trial_key)
        except StoreError as error:  # the next worker of the trial says so
            self._unwritten[watch.trial_key] = error
        with self._lock:
            if key not in self._late:  # its answer came meanwhile, and it may be in another trial now
                return
            self._late[key] = True
            if watch.trial_key in self._running:
                self._running[watch.trial_key].kills += 1
        self._kill(watch.handle)


def _points(facts: dict[str, Any]) -> int:
    return len(facts.get("timeline") or ())
