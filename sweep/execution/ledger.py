"""The ledger of a sweep: each trial that ends goes into the store, into the tracker and onto the terminal at once."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

from sweep.config.tasks import task_of
from sweep.errors import StoreError
from sweep.execution.interruption import Interruption
from sweep.planning.search.early_stopping import stop_key
from sweep.planning.trials import Trial
from sweep.records import TrialRecord, TrialStatus
from sweep.records.trial_log import TIME_CHARACTERS, line, log_text
from sweep.store import Store
from sweep.terminal.progress import Progress
from sweep.tracking import Tracker
from sweep.trial.limit_reuse import keep_trial
from sweep.trial.trial import new_record


class Ledger:
    """Books every trial once; the store comes first, because it is the truth of which the tracker is a view."""

    def __init__(
        self, trials: Sequence[Trial], store: Store, tracker: Tracker, progress: Progress, interruption: Interruption
    ) -> None:
        self.trials = {trial.key: trial for trial in trials}
        self.records: dict[str, TrialRecord] = {}
        """Records by key, without the pictures: pictures are in the store, and those of a large sweep would fill the memory."""
        self.running: dict[str, float] = {}
        self._partial: dict[str, dict[str, Any] | None] = {}
        self._networks: dict[str, str] = {}
        self._lost: dict[str, list[str]] = {}
        """Lines for the logs of trials: where a network came from, by training key, and lost workers, by trial key."""
        self._keeps_logs = True
        self._store, self._tracker, self._progress, self._interruption = store, tracker, progress, interruption

    def say(self, text: str) -> None:
        """Print what concerns no trial of its own."""
        self._progress.say(text)

    def trained(self, training_key: str, text: str) -> None:
        """Say in the logs of the trials that need a dense network where it came from."""
        self._networks.setdefault(training_key, line(text))

    def plan(self, trial: Trial) -> None:
        """A search has chosen one more trial."""
        if trial.key not in self.trials:
            self.trials[trial.key] = trial
            self._progress.expect(max(self._progress.total, len(self.trials)))

    def start(self, key: str) -> None:
        """A worker takes up a trial."""
        if key in self.records:
            return
        self.running[key] = time.time()
        trial = self.trials[key]
        self._progress.start(key, trial.name, task_of(trial.settings).count(trial.settings))

    def advance(self, key: str, answered: int) -> None:
        """Note how many instances a running trial has answered."""
        if key in self.running:
            self._progress.advance(key, answered)

    def lose(self, key: str, why: str) -> None:
        """A running trial lost its worker and goes back to the queue; one that has its record only lost a spare worker."""
        if key in self.records:
            return
        self.running.pop(key, None)
        self._lost.setdefault(key, []).append(line(f"goes back to the queue: {why}"))
        self._progress.lose(key, self.trials[key].name, why)

    def end(self, record: TrialRecord, reused: bool = False) -> None:
        """Book a trial that ended. A second record of the same trial (after a lost connection) changes nothing.

        Raises:
            StoreError, SweepError: the record cannot be written; the sweep must not go on as if it were.
        """
        if record.key in self.records:
            return
        with self._interruption.postponed():
            if not reused:
                self._complete_log(record)
            if record.status == "finished" and not reused:
                self._store.save_trial(record)
                keep_trial(self._store, self.trials[record.key], record)
            self.running.pop(record.key, None)  # not before: a trial whose record is not kept counts as cut off
            self._tracker.log_trial(record, reused=reused)
            self._progress.end(record, reused)
            trial = self.trials[record.key]
            # The plan has one copy of what many configurations share, a record that came from a worker has its own.
            self.records[record.key] = dataclasses.replace(record.without_pictures(), config=trial.config, log=[])
            if not reused:
                self._keep_log(record)

    def _complete_log(self, record: TrialRecord) -> None:
        """Add what the driver knows: where the network came from, and which workers were lost."""
        network = self._networks.get(self.trials[record.key].training_key)
        lines = [*([network] if network is not None else []), *self._lost.pop(record.key, []), *record.log]
        record.log = sorted(lines, key=lambda text: text[:TIME_CHARACTERS])

    def _keep_log(self, record: TrialRecord) -> None:
        """Write the log beside the results; without it they are whole, so that a store that is full is not met here."""
        if self._keeps_logs:
            try:
                self._store.save_log(record.key, log_text(record))
            except StoreError as error:
                self._keeps_logs = False  # each further one might take as long to be refused
                self.say(f"No more logs of trials are kept: {error}")

    def fail(self, key: str, error: str, detail: str | None = None) -> None:
        """Book a trial that failed outside of :func:`sweep.trial.trial.run_trial`."""
        self._cut(key, "failed", error, detail)

    def stop(self, key: str, found: dict[str, Any] | None, why: str) -> None:
        """Book a trial that the search ended early, with what it had found; that is final, and kept as such.

        Raises:
            StoreError, SweepError: the record cannot be written.
        """
        if key in self.records:
            return
        record = self._cut_off(key, found, "stopped", why)
        self._store.save_stopped(stop_key(key, self.trials[key].settings), record)
        self.end(record)

    def keep_partial(self, key: str, found: dict[str, Any] | None) -> None:
        """Keep what a trial under way has found, for its record if it is cut off."""
        self._partial[key] = found

    def interrupt(self, by: str) -> None:
        """Book the trials that are running as interrupted, with what they had found; ``by`` names a signal or another cause."""
        for key, started_at in list(self.running.items()):
            self._cut(key, "interrupted", f"interrupted by {by} after {time.time() - started_at:.0f} s")

    def _cut(self, key: str, status: TrialStatus, error: str, detail: str | None = None) -> None:
        self.end(self._cut_off(key, self._partial.pop(key, None), status, error, detail))

    def _cut_off(
        self, key: str, found: dict[str, Any] | None, status: TrialStatus, error: str, detail: str | None = None
    ) -> TrialRecord:
        record = new_record(self.trials[key]) if found is None else TrialRecord.from_dict(found)
        record.started_at = self.running.get(key, record.started_at)
        record.status, record.error, record.error_detail = status, error, detail
        record.ended_at = time.time()
        return record

    @property
    def has_begun(self) -> bool:
        """Whether a trial was started or has its record."""
        return bool(self.running or self.records)

    @property
    def missing(self) -> list[Trial]:
        """Trials that have no record: they never started."""
        return [trial for trial in self.trials.values() if trial.key not in self.records]

    @property
    def ordered(self) -> list[TrialRecord]:
        """The records in the order of the plan."""
        return [self.records[key] for key in self.trials if key in self.records]
