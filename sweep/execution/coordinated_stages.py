"""The stage results that a coordinator keeps, as one trial on one worker sees them."""

from __future__ import annotations

import time
from typing import Any

from sweep.records.cpu_share import CpuClock
from sweep.store.stage_results import Entry, StageKind

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 2.0
"""Pauses between two looks whether a result that another worker makes is there."""


class CoordinatedStages:
    """A :class:`sweep.store.stage_results.Stages` that asks a coordinator.

    Args:
        coordinator: a :class:`sweep.execution.coordinator.Coordinator`; of one in another process a
            :class:`sweep.execution.worker.RemoteCoordinator`.
        worker: name of the worker.
        trial_key: of the trial.
        handle: what the coordinator ends the worker by.
    """

    def __init__(self, coordinator: Any, worker: str, trial_key: str, handle: Any) -> None:
        self._coordinator, self._worker, self._trial_key, self._handle = coordinator, worker, trial_key, handle

    def get(self, kind: StageKind, key: str, deadline_seconds: float | None = None) -> Entry | None:
        pause = FIRST_WAIT_SECONDS
        while True:
            state, entry = self._coordinator.claim(kind, key, deadline_seconds, self._worker, self._trial_key)
            if state != "wait":
                found: Entry | None = entry
                return found
            time.sleep(pause)
            pause = min(2.0 * pause, LONGEST_WAIT_SECONDS)

    def put(self, kind: StageKind, key: str, entry: Entry) -> Entry | None:
        stands: Entry | None = self._coordinator.put(kind, key, entry, self._trial_key)
        return stands

    def abandon(self, kind: StageKind, key: str) -> None:
        self._coordinator.abandon(kind, key, self._worker)

    def peek(self, kind: StageKind, key: str) -> Entry | None:
        entry: Entry | None = self._coordinator.peek(kind, key)
        return entry

    def begin(self, key: str, facts: dict[str, Any], deadline_seconds: float) -> None:
        clock = CpuClock.of_this_process()
        self._coordinator.begin(key, facts, deadline_seconds, self._worker, self._trial_key, self._handle, clock)

    def improve(self, key: str, facts: dict[str, Any]) -> None:
        self._coordinator.improve(key, facts, self._worker)
