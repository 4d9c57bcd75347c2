"""A worker of Ray Tune: trial after trial in one process, one instance a step, every stage result through the coordinator."""

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

from sweep.config.inputs import Inputs
from sweep.errors import StoreError, sentence
from sweep.execution.assignment import Start
from sweep.execution.coordinated_stages import CoordinatedStages
from sweep.execution.coordinator import BEAT_SECONDS
from sweep.planning.search.early_stopping import progress_values
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store.networks import TrainedNetwork
from sweep.store.stage_results import Stages
from sweep.trial.process import limit_threads, warm_up
from sweep.trial.trial import TrialRun, new_record


class RunningTrial(Protocol):
    """A trial under way; :class:`sweep.trial.trial.TrialRun` is the one that does something."""

    record: TrialRecord

    def step(self) -> bool:
        """Answer one instance; return whether there are more."""
        ...

    def finish(self) -> TrialRecord:
        """Return the record, complete."""
        ...


OpenRun = Callable[[Trial, Inputs, TrainedNetwork | None, Stages, float], RunningTrial]
"""As :class:`sweep.trial.trial.TrialRun`, whose last argument is how long the trial ran before."""


class RemoteCoordinator:
    """A coordinator in a Ray actor, called as if it were here: its methods return what it returns, and raise what it raises."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._actor, name)
        return lambda *given: ask(method.remote(*given))

    def improve(self, key: str, facts: dict[str, Any], worker: str) -> None:
        self._actor.improve.remote(key, facts, worker)  # not waited for: an attack must not pay for it

    def beat(self, worker: str) -> None:
        self._actor.beat.remote(worker)  # not waited for: the next one comes anyway


class Worker(tune.Trainable):
    """Runs the trials that Tune gives it by key; reused, so that imports and data are paid for once a process."""

    def setup(  # type: ignore[override]  # Tune's own way to hand over parameters
        self, config: dict[str, Any], coordinator: Any, threads: int, open_run: OpenRun
    ) -> None:
        limit_threads(threads)
        self._coordinator, self._open_run = RemoteCoordinator(coordinator), open_run
        self._run: RunningTrial | None = None
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
            start: Start = self._coordinator.start(self._key)
            if start.work is None:
                # Tune retries, and tells it.
                raise RuntimeError("the coordinator was started again and does not know this trial yet")
            if start.refused is not None:
                return self._ended(self._refused(start.work.trial, start.refused))
            self._trial = start.work.trial
            self._run = self._open(start)
        try:
            return self._go_on(self._run)
        except StoreError as error:  # no trial can keep what it finds now
            return {"store_error": str(error), "done": True}
        except Exception as error:  # of the coordinator or the store; a trial's own errors are in its record
            return self._ended(self._refused(self._trial, sentence(error)))

    def _go_on(self, run: RunningTrial) -> dict[str, Any]:
        more = run.step()
        if more:
            record = run.record
            self._coordinator.report(self._key, dataclasses.replace(record, instances=[]).to_dict())
            return {**progress_values(record), "done": False}
        return {**progress_values(run.record), **self._ended(run.finish())}

    def _take(self, config: dict[str, Any]) -> None:
        self._key: str = config["trial_key"]
        self._run = None

    def _open(self, start: Start) -> RunningTrial:
        work = start.work
        assert work is not None
        networks = {file: self._get(network) for file, network in work.networks.items()}
        inputs = Inputs(self._get(work.data), self._get(work.properties), networks)
        stages = CoordinatedStages(self._coordinator, self._name, self._key, self._handle)
        return self._open_run(work.trial, inputs, self._get(work.network), stages, start.seconds)

    def _refused(self, trial: Trial, why: str) -> TrialRecord:
        """Return the record of a trial that cannot go on, with what it had found."""
        found = self._coordinator.partial(self._key)
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
            self._coordinator.beat(self._name)
            time.sleep(BEAT_SECONDS)


def ask(reference: Any) -> Any:
    """Return what a remote call gives; an error is raised as the coordinator raised it."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        raise error.cause from error
