"""A single trial in this process, without Ray: in a thread, so that deadlines and signals work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sweep.config.inputs import Inputs
from sweep.execution.coordinated_stages import CoordinatedStages
from sweep.execution.coordinator import Coordinator
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.records.trial_log import line
from sweep.store import Store
from sweep.store.networks import TrainedNetwork
from sweep.trial.answers import late_in_words
from sweep.trial.process import warm_up
from sweep.trial.trial import TrialRun

LOOK_SECONDS = 0.25
"""How often the waiting thread looks how far the trial is."""


def local_coordinator(store: Store, resume: bool = True) -> Coordinator:
    """Return the coordinator of trials in this process.

    At a deadline it tells the trial's thread that it is left behind: a thread cannot be ended from outside.

    Args:
        store: where results are kept.
        resume: whether results of before count; if not, new ones take their places.
    """
    return Coordinator(store, resume, retries=0, kill=threading.Event.set)


def run_locally(
    trial: Trial,
    inputs: Inputs,
    trained: TrainedNetwork | None,
    coordinator: Coordinator,
    watch: Callable[[int], object] = lambda answered: None,
) -> TrialRecord:
    """Run a trial; an attack that outlives its deadline is left behind, with what it had found as its answer.

    The thread of that attack goes on until the attack or the program ends. The caller has limited the threads of this process.
    ``watch`` is called now and then with the number of instances that are answered.

    Raises:
        StoreError: the store cannot be read or written.
    """
    warm_up()
    begin, before, attempt = time.monotonic(), list[str](), 0
    while True:
        attempt += 1
        left_behind = threading.Event()
        stages = CoordinatedStages(coordinator, f"attempt {attempt} at {trial.key}", trial.key, left_behind)
        run = TrialRun(trial, inputs, trained, stages, time.monotonic() - begin)
        record = _watched(run, left_behind, watch)
        if record is not None:
            record.log = [*before, *record.log]
            return record
        coordinator.lost(trial.key)
        before += [*run.record.log, line(f"{late_in_words(trial.settings)} and is left behind: the trial begins again")]


def _watched(run: TrialRun, left_behind: threading.Event, watch: Callable[[int], object]) -> TrialRecord | None:
    """Return the record of a trial, or None once it is left behind."""
    outcome: list[TrialRecord | BaseException] = []

    def target() -> None:
        try:
            while not left_behind.is_set() and run.step():
                pass
            outcome.append(run.finish())
        except BaseException as error:  # handed over to the waiting thread, which raises it
            outcome.append(error)

    thread = threading.Thread(target=target, name="trial", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK_SECONDS)  # here a signal is seen at once even if a solver holds the other thread
        watch(len(run.record.instances))
        if left_behind.is_set():
            return None
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
