"""A worker of Ray Tune: trial after trial in one process, one question a step, every stage result through the head."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import ray
from ray import tune
from ray.exceptions import RayTaskError

from sweep.cpu_share import CpuClock
from sweep.errors import StoreError, sentence
from sweep.head import BEAT_SECONDS
from sweep.inputs import Inputs, TrainedNetwork
from sweep.plan import Trial
from sweep.records import TrialRecord
from sweep.search.early_stopping import progress_values
from sweep.stages import Entry, Kind, Stages
from sweep.trial import TrialRun, limit_threads, new_record, warm_up
from sweep.work import Start

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 2.0
"""Pauses between two questions whether a result that another worker makes is there."""


class Run(Protocol):
    """A trial under way; :class:`sweep.trial.TrialRun` is the one that does something."""

    record: TrialRecord

    def step(self) -> bool:
        """Answer one question; return whether there are more."""
        ...

    def finish(self) -> TrialRecord:
        """Return the record, complete."""
        ...


OpenRun = Callable[[Trial, Inputs, TrainedNetwork | None, Stages, float], Run]
"""As :class:`sweep.trial.TrialRun`, whose last argument is how long the trial ran before."""


class RemoteStages:
    """The store at the head, for one trial on one worker."""

    def __init__(self, head: Any, worker: str, trial_key: str, handle: Any) -> None:
        self._head, self._worker, self._trial_key, self._handle = head, worker, trial_key, handle

    def get(self, kind: Kind, key: str, deadline_seconds: float | None = None) -> Entry | None:
        pause = FIRST_WAIT_SECONDS
        while True:
            state, entry = ask(self._head.claim.remote(kind, key, deadline_seconds, self._worker, self._trial_key))
            if state != "wait":
                return entry
            time.sleep(pause)
            pause = min(2.0 * pause, LONGEST_WAIT_SECONDS)

    def put(self, kind: Kind, key: str, entry: Entry) -> Entry | None:
        stands: Entry | None = ask(self._head.put.remote(kind, key, entry, self._trial_key))
        return stands

    def abandon(self, kind: Kind, key: str) -> None:
        ask(self._head.abandon.remote(kind, key, self._worker))

    def peek(self, kind: Kind, key: str) -> Entry | None:
        entry: Entry | None = ask(self._head.peek.remote(kind, key))
        return entry

    def begin(self, key: str, facts: dict[str, Any], deadline_seconds: float) -> None:
        clock = CpuClock.of_this_process()
        ask(self._head.begin.remote(key, facts, deadline_seconds, self._worker, self._trial_key, self._handle, clock))

    def improve(self, key: str, facts: dict[str, Any]) -> None:
        self._head.improve.remote(key, facts, self._worker)  # not waited for: an attack must not pay for it


class Worker(tune.Trainable):
    """Runs the trials that Tune gives it by key; reused, so that imports and data are paid for once a process."""

    def setup(  # type: ignore[override]  # Tune's own way to hand over parameters
        self, config: dict[str, Any], head: Any, threads: int, open_run: OpenRun
    ) -> None:
        limit_threads(threads)
        self._head, self._open_run = head, open_run
        self._run: Run | None = None
        self._name = ray.get_runtime_context().get_actor_id() or "unknown"
        self._handle = ray.get_runtime_context().current_actor
        self._seen: dict[Any, Any] = {}
        self._take(config)
        if open_run is TrialRun:
            warm_up()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._take(new_config)
        return True

    def step(self) -> dict[str, Any]:
        if self._run is None:
            start: Start = ask(self._head.start.remote(self._key))
            if start.work is None:
                raise RuntimeError("the head was started again and does not know this trial yet")  # Tune retries, and tells it
            if start.refused is not None:
                return self._ended(self._refused(start.work.trial, start.refused))
            self._trial = start.work.trial
            self._run = self._open(start)
        try:
            return self._go_on(self._run)
        except StoreError as error:  # no trial can keep what it finds now
            return {"store_error": str(error), "done": True}
        except (
            Exception
        ) as error:  # a trial's own errors are in its record; those of the head or the store are told the same way
            return self._ended(self._refused(self._trial, sentence(error)))

    def _go_on(self, run: Run) -> dict[str, Any]:
        more = run.step()
        if more:
            record = run.record
            ask(self._head.report.remote(self._key, dataclasses.replace(record, instances=[]).to_dict()))
            return {**progress_values(record), "done": False}
        return {**progress_values(run.record), **self._ended(run.finish())}

    def _take(self, config: dict[str, Any]) -> None:
        self._key: str = config["trial_key"]
        self._run = None

    def _open(self, start: Start) -> Run:
        work = start.work
        assert work is not None
        inputs = Inputs(self._get(work.data), self._get(work.properties))
        stages = RemoteStages(self._head, self._name, self._key, self._handle)
        return self._open_run(work.trial, inputs, self._get(work.network), stages, start.seconds)

    def _refused(self, trial: Trial, why: str) -> TrialRecord:
        """Return the record of a trial that cannot go on, with what it had found."""
        found = ask(self._head.partial.remote(self._key))
        record = new_record(trial) if found is None else TrialRecord.from_dict(found)
        record.status, record.error, record.ended_at = "failed", why, time.time()
        return record

    def _ended(self, record: TrialRecord) -> dict[str, Any]:
        # One text: Tune would flatten and copy a nested record again and again.
        return {"record": json.dumps(record.to_dict()), "done": True}

    def _get(self, reference: Any) -> Any:
        if not isinstance(reference, ray.ObjectRef):
            return reference
        if reference not in self._seen:
            self._seen[reference] = ray.get(reference)
        return self._seen[reference]

    def _beat(self) -> None:
        while True:
            self._head.beat.remote(self._name)
            time.sleep(BEAT_SECONDS)


def ask(reference: Any) -> Any:
    """Return what a remote call gives; an error is raised as the head raised it."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        raise error.cause from error
