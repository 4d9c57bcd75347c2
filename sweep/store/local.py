"""The stage results as one process sees them: claims among its threads, and no store at all."""

from __future__ import annotations

import threading
from typing import Any

from sweep.stages import Entry, Kind, stands
from sweep.store.store import Store


class LocalStages:
    """A store for the threads of one process: what one of them makes, the others wait for.

    Nothing here ends an attack that outlives its deadline; ``found`` tells what it had found.

    Args:
        store: where results are kept.
        resume: whether results of before count; if not, new ones take their places.
    """

    def __init__(self, store: Store, resume: bool = True) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        """The last facts of each answer that is being looked for."""
        self._store, self._resume = store, resume
        self._changed = threading.Condition()
        self._claims: set[tuple[Kind, str]] = set()
        self._made: set[tuple[Kind, str]] = set()

    def get(self, kind: Kind, key: str, deadline_seconds: float | None = None) -> Entry | None:
        with self._changed:
            self._changed.wait_for(lambda: (kind, key) not in self._claims)
            self._claims.add((kind, key))  # also while it reads, so that two don't set aside the same damaged entry
        entry = None
        try:
            if self._resume or (kind, key) in self._made:
                entry = self._store.get(kind, key)
                made_now = (kind, key) in self._made
                entry = entry if entry is not None and stands(entry, deadline_seconds, made_now=made_now) else None
        except BaseException:
            self.abandon(kind, key)
            raise
        if entry is not None:
            self.abandon(kind, key)
        return entry

    def put(self, kind: Kind, key: str, entry: Entry) -> Entry | None:
        try:
            stands = self._store.put(kind, key, entry, replace=not self._resume and (kind, key) not in self._made)
            self._made.add((kind, key))
            return stands
        finally:
            self.abandon(kind, key)

    def abandon(self, kind: Kind, key: str) -> None:
        with self._changed:
            if kind == "instances":
                self.found.pop(key, None)
            self._claims.discard((kind, key))
            self._changed.notify_all()

    def peek(self, kind: Kind, key: str) -> Entry | None:
        return self._store.get(kind, key) if self._resume or (kind, key) in self._made else None

    def begin(self, key: str, facts: dict[str, Any], deadline_seconds: float) -> None:
        self.found[key] = facts

    def improve(self, key: str, facts: dict[str, Any]) -> None:
        self.found[key] = facts


class NoStages:
    """Stage results that are never there and never kept: every trial makes all of its own."""

    def get(self, kind: Kind, key: str, deadline_seconds: float | None = None) -> Entry | None:
        return None

    def put(self, kind: Kind, key: str, entry: Entry) -> Entry | None:
        return None

    def abandon(self, kind: Kind, key: str) -> None:
        pass

    def peek(self, kind: Kind, key: str) -> Entry | None:
        return None

    def begin(self, key: str, facts: dict[str, Any], deadline_seconds: float) -> None:
        pass

    def improve(self, key: str, facts: dict[str, Any]) -> None:
        pass
