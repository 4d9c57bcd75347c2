"""A single trial in this process, without Ray: under a watch, in a thread, so that deadlines and signals hold all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from sweep.answering import late_in_words
from sweep.cpu_share import CpuClock, killed_facts
from sweep.inputs import Inputs, TrainedNetwork
from sweep.logbook import line
from sweep.plan import Trial
from sweep.records import TrialRecord
from sweep.schema import read
from sweep.stages import Entry
from sweep.store import LocalStages
from sweep.trial import TrialRun, warm_up

GRACE_SECONDS = 2.0
"""An attack that ends by itself just after its deadline is waited for."""

WATCH_SECONDS = 0.25


class WatchedStages(LocalStages):
    """Knows since when the answer in work is looked for."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.deadlines: dict[str, float] = {}
        self.clocks: dict[str, CpuClock] = {}

    def begin(self, key: str, facts: dict[str, Any], deadline_seconds: float) -> None:
        super().begin(key, facts, deadline_seconds)
        self.deadlines[key] = time.monotonic() + deadline_seconds + GRACE_SECONDS
        self.clocks[key] = CpuClock.of_this_process()

    def late(self) -> list[str]:
        """Return the answers whose deadline is over."""
        return [key for key in list(self.found) if self.deadlines.get(key, float("inf")) < time.monotonic()]


def run_here(
    trial: Trial,
    inputs: Inputs,
    trained: TrainedNetwork,
    stages: WatchedStages,
    watch: Callable[[int], object] = lambda answered: None,
) -> TrialRecord:
    """Run a trial; an attack that outlives its deadline is left behind, with what it had found as its answer.

    Its thread cannot be ended and goes on until the program does. The caller has limited the threads of this process.
    ``watch`` is called now and then with the number of questions that are answered.
    """
    warm_up()
    begin, before = time.monotonic(), list[str]()
    while True:
        run = TrialRun(trial, inputs, trained, stages, time.monotonic() - begin)
        record = _watched(run, stages, watch)
        if record is not None:
            record.log = [*before, *record.log]
            return record
        before += [*run.record.log, line(f"{late_in_words(read(trial.config))} and is left behind: the trial begins again")]


def _watched(run: TrialRun, stages: WatchedStages, watch: Callable[[int], object]) -> TrialRecord | None:
    """Return the record at the end of a trial, or None if an attack had to be left behind."""
    outcome: list[TrialRecord | BaseException] = []

    def target() -> None:
        try:
            while run.step():
                pass
            outcome.append(run.finish())
        except BaseException as error:  # handed over to the waiting thread, which raises it
            outcome.append(error)

    thread = threading.Thread(target=target, name="trial", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(WATCH_SECONDS)  # here a signal is seen at once even if a solver holds the other thread
        watch(len(run.record.instances))
        for key in stages.late():
            facts = stages.found.get(key)
            if facts is not None:  # else it ended just now
                stages.put("instances", key, Entry(killed_facts(facts, stages.clocks.get(key))))
                return None
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
