"""Where the trials of a sweep end up: in the store, in the tracker and on the terminal, at the moment they end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sweep.interruption import Interruption
from sweep.plan import Trial
from sweep.progress import Progress
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.tracking import Tracker
from sweep.trial import new_record


class Ledger:
    """Books every trial once; the store comes first, because it is the truth of which the tracker is a view."""

    def __init__(
        self, trials: Sequence[Trial], store: Store, tracker: Tracker, progress: Progress, interruption: Interruption
    ) -> None:
        self.trials = {trial.key: trial for trial in trials}
        self.records: dict[str, TrialRecord] = {}
        self.running: dict[str, float] = {}
        self._store, self._tracker, self._progress, self._interruption = store, tracker, progress, interruption

    def start(self, key: str) -> None:
        """A worker takes up a trial."""
        if key in self.records:
            return
        self.running[key] = time.time()
        self._progress.start(key, self.trials[key].name)

    def lose(self, key: str) -> None:
        """A running trial lost its worker and goes back to the queue; one that has its record only lost a spare worker."""
        if key in self.records:
            return
        self.running.pop(key, None)
        self._progress.lose(key, self.trials[key].name)

    def end(self, record: TrialRecord, reused: bool = False) -> None:
        """Book a trial that ended. A second record of the same trial (after a lost connection) changes nothing.

        Raises:
            StoreError, SweepError: the record cannot be written; the sweep must not go on as if it were.
        """
        if record.key in self.records:
            return
        with self._interruption.postponed():
            self.running.pop(record.key, None)
            self.records[record.key] = record
            if record.status == "finished" and not reused:
                self._store.save_trial(record)
            self._tracker.log_trial(record, reused=reused)
            self._progress.end(record, reused)

    def fail(self, key: str, error: str, detail: str | None = None) -> None:
        """Book a trial that failed outside of :func:`sweep.trial.run_trial`."""
        record = new_record(self.trials[key])
        record.started_at = self.running.get(key, record.started_at)
        record.status, record.error, record.error_detail = "failed", error, detail
        record.ended_at = time.time()
        self.end(record)

    def interrupt(self, signal_name: str) -> None:
        """Book the trials that are running as interrupted."""
        for key, started_at in list(self.running.items()):
            record = new_record(self.trials[key])
            record.status, record.started_at, record.ended_at = "interrupted", started_at, time.time()
            record.error = f"interrupted by {signal_name} after {record.ended_at - started_at:.0f} s"
            self.end(record)

    @property
    def missing(self) -> list[Trial]:
        """Trials that have no record: they never started."""
        return [trial for trial in self.trials.values() if trial.key not in self.records]

    @property
    def ordered(self) -> list[TrialRecord]:
        """The records in the order of the plan."""
        return [self.records[key] for key in self.trials if key in self.records]
