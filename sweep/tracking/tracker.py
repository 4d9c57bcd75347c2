"""Writes a sweep into MLflow while it runs: the parent run, a nested run for every trial that has ended, and the end."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException

from surrogate.networks import ReluNetwork
from sweep.config.mlflow_address import DATABASE, sqlite_address
from sweep.config.passwords import hide_password
from sweep.errors import SweepError
from sweep.records import TrialRecord
from sweep.terminal.wording import joined
from sweep.tracking import content, drivers, trial_runs
from sweep.tracking.connection import UI_ADDRESS, connect, denied, quiet, reason, ui_command
from sweep.tracking.experiment import Experiment
from sweep.tracking.failures import judged
from sweep.tracking.gains import Gain, Gains
from sweep.tracking.notes import note_of
from sweep.tracking.outbox import Outbox, Unanswered
from sweep.tracking.parent import SweepEnd, SweepStart
from sweep.tracking.runs import Runs

PATIENCE_SECONDS = 120.0

START_SECONDS = 10.0
"""After this many seconds no further attempt is made to create the parent run."""

INTERRUPTED_SECONDS = 5.0
"""How long the end of an interrupted sweep may wait for an answer; in all it may wait twice as long."""

WORTH_A_NOTICE = 50
"""The terminal says how many entries wait at the end of a sweep if more than this wait: writing them takes seconds."""

TRIAL, NETWORK, GAIN, END = "the trial ", "the network ", "the gain of the trial ", "the end of the sweep"
"""The names of waiting entries in sentences."""


@dataclass(frozen=True)
class _Orphans:
    """Runs of drivers that are gone are to be closed."""


@dataclass(frozen=True)
class _EndedTrial:
    record: TrialRecord
    reused: bool


@dataclass(frozen=True)
class _View:
    """The experiment's table of trials is to show these parameters."""

    swept: tuple[str, ...]
    shortest: bool


@dataclass(frozen=True)
class _Network:
    key: str
    network: ReluNetwork


class Tracker:
    """One sweep in MLflow.

    ``uri`` None is the embedded store: ``mlflow.db`` (SQLite) and ``artifacts/`` in ``folder``. The artifacts of any database
    go to ``folder``, those of a server to where the server keeps them. ``stored`` gives the record of a finished trial by its
    key: what waits of one has no pictures then, which are most of it. They are read when its run is written.

    Trials are written when they have ended and with their final state. A thread writes them: :meth:`log_trial` and
    :meth:`log_network` return at once. While MLflow does not answer, what is to be written waits, in little memory, and the
    sweep goes on; ``notice`` gets a sentence, from that thread, when the waiting begins and ends. The parent is RUNNING until
    :meth:`finish_sweep`, which must be called however the sweep ends; a parent whose driver is gone is closed by the next
    sweep of the same name.

    The same sweep again, which has the same trials, goes on with the parent run that it has, and a trial whose result is the
    one that a run of the experiment shows gets no second run.

    Raises:
        SweepError: from the constructor and :meth:`start_sweep` if the store cannot be used, within 30 s. Nothing is raised
            later: the trials are in the sweep's own store, and the same command writes here what is missing.
    """

    uri: str
    """Where the runs are."""
    ui_command: str
    """The line that opens the MLflow UI, on the loopback interface."""

    def __init__(
        self,
        uri: str | None,
        experiment: str,
        folder: Path,
        patience_seconds: float = PATIENCE_SECONDS,
        notice: Callable[[str], None] | None = None,
        stored: Callable[[str], TrialRecord | None] | None = None,
    ) -> None:
        home = Path(folder).absolute()
        self.uri = uri if uri is not None else sqlite_address(home / DATABASE)
        self.ui_command = ui_command(self.uri)
        self._notice = notice or _to_stderr
        self._patience_seconds = patience_seconds
        self._stored = None if stored is None else trial_runs.StoredPictures(stored, self._notice)
        self._client, self._experiment_id = connect(self.uri, experiment, home / "artifacts", self._notice)
        self._runs: Runs | None = None
        self._outbox: Outbox | None = None
        self._begin()

    def _begin(self, asked: tuple[str, ...] = ()) -> None:
        self._trials = 0
        self._gains = Gains()
        self._asked = asked
        """The keys that the sweep has swept."""
        self._swept: dict[str, None] = {}
        """The parameters that the table of trials shows, in their order."""

    @property
    def page(self) -> str:
        """The address of this sweep's page, once :attr:`ui_command` runs: MLflow's front page shows language models."""
        base = hide_password(self.uri).rstrip("/") if self.uri.startswith("http") else UI_ADDRESS
        runs, _ = self._started()
        return f"{base}/#/experiments/{self._experiment_id}/runs/{runs.parent.run_id}?workflowType=machine_learning"

    def start_sweep(
        self,
        name: str,
        config: Mapping[str, Any],
        overrides: Sequence[str],
        planned: str,
        keys: Sequence[str] = (),
        idle: Collection[str] = (),
    ) -> None:
        """Create the parent run, with git state, package versions, ``config.yaml``, ``overrides.txt`` and ``packages.txt``; or
        go on with the one of the same sweep.

        What all trials have in common is its parameters, without the keys of ``config`` that are ``idle`` in all of them.
        Until it ends its note says what is ``planned``, such as ``144 trials``. ``keys`` are those of the trials, where they
        are known beforehand. Runs that drivers that are gone have left RUNNING get closed.
        """
        outbox = Outbox(
            f"MLflow at {hide_password(self.uri)}",
            self._send,
            self._notice,
            idle=lambda: self._started()[0].parent.beat(),
            idle_seconds=drivers.BEAT_SECONDS,
        )
        runs = Runs(Experiment(self._client, self._experiment_id, outbox.answered), self._stored)
        note = f"Running: {planned} planned; the findings are written here at the end."
        try:
            self._start(runs, SweepStart(name, config, overrides, note, keys, idle))
        except BaseException:  # also an interrupt: the caller has no sweep to finish yet
            with contextlib.suppress(Exception):
                runs.parent.fail()
            raise
        self._runs, self._outbox = runs, outbox
        self._begin(tuple(config.get("swept", ())))
        outbox.put("the end of an earlier sweep", _Orphans())

    def _start(self, runs: Runs, start: SweepStart) -> None:
        quiet()
        begin, again = time.monotonic(), False
        while True:
            try:
                runs.start(start, again)
            except (MlflowException, OSError) as error:
                lasting = not isinstance(judged(error, self._client, self._experiment_id), Unanswered)
                if (refusal := denied(self.uri, error)) is not None:
                    raise SweepError(f"{refusal}; nothing was started") from error
                if lasting or time.monotonic() - begin > START_SECONDS:
                    raise SweepError(
                        f"MLflow at {hide_password(self.uri)} did not take the sweep {start.name} ({reason(error, self.uri)}); "
                        f"nothing was started: mend it, or set tracking.uri to another store"
                    ) from error
                again = True
                time.sleep(1.0)
            else:
                return

    def log_trial(self, record: TrialRecord, reused: bool = False) -> None:
        """Have a trial that has ended written as a nested run, as it is now, unless a run of the experiment shows it already.

        Calling it again for the same trial key does nothing, unless the first record had not finished and this one has another
        state: then that run is deleted and written anew. ``reused`` says that the record is one of before.
        """
        _, outbox = self._started()
        self._trials += 1
        record = content.with_nothing_pruned(record, self._asked)
        lacking = not record.swept.keys() <= self._swept.keys()
        if lacking and (new := [name for name in content.params(record) if name not in self._swept]):
            self._swept |= dict.fromkeys(new)
            shortest = any(instance.is_minimized for instance in record.instances)
            outbox.put("the table of the trials", _View(tuple(self._swept), shortest))
        is_stored = self._stored is not None and record.status == "finished"
        outbox.put(f"{TRIAL}{record.name}", _EndedTrial(record.without_pictures() if is_stored else record, reused))
        for gain in self._gains.add(record):
            outbox.put(f"{GAIN}{gain.name}", gain)

    def log_network(self, key: str, network: ReluNetwork) -> None:
        """Have a dense network stored as the model ``dense-<key>`` of the parent run, once per key."""
        _, outbox = self._started()
        outbox.put(f"{NETWORK}{key}", _Network(key, network))

    def finish_sweep(
        self,
        records: Sequence[TrialRecord],
        status: str,
        files: Sequence[Path],
        error: str | None = None,
        hurried: Callable[[], bool] = lambda: False,
    ) -> str | None:
        """End the parent run as ``status`` (FINISHED, FAILED or KILLED), with key findings, counts and the report's files.

        ``error`` says why the sweep as a whole failed. Waits until all is written, as long as MLflow answers, and for
        ``patience_seconds`` while it does not; after KILLED, or once ``hurried()`` is true, for a few seconds only. Returns a
        sentence on what was not written and how to catch up; None if all was.
        """
        _, outbox = self._started()
        killed = status == "KILLED"
        patience = min(self._patience_seconds, INTERRUPTED_SECONDS) if killed else self._patience_seconds
        most = 2 * INTERRUPTED_SECONDS if killed else None
        paths = tuple(Path(file).absolute() for file in files)
        outbox.put(END, SweepEnd(status, content.summary(records), note_of(records, paths), error, paths, time.time()))
        if (waiting := len(outbox)) > WORTH_A_NOTICE:
            self._notice(f"{waiting} entries are still to be written to {outbox.name}.")
        if not outbox.flush(patience, most, hurried) and outbox.answers:
            outbox.skip_to_last()  # answered, but too slowly: the parent at least shall not stay RUNNING
            outbox.flush(min(patience, INTERRUPTED_SECONDS), 2 * INTERRUPTED_SECONDS)
        missing = outbox.close()
        return _sentence(outbox, missing, self._trials)

    def _started(self) -> tuple[Runs, Outbox]:
        if self._runs is None or self._outbox is None:
            raise RuntimeError("start_sweep must come first")
        return self._runs, self._outbox

    def _send(self, message: Any, again: bool) -> None:
        """Write one thing, in the outbox's thread.

        Raises:
            what :func:`~sweep.tracking.failures.judged` makes of a failure.
        """
        runs, outbox = self._started()
        quiet()
        try:
            match message:
                case _EndedTrial(record, reused):
                    runs.trial(record, reused, again)
                case _Network(key, network):
                    runs.network(key, network, again)
                case Gain():
                    runs.gain(message)
                case _View(swept, shortest):
                    runs.view(swept, shortest)
                case SweepEnd():
                    runs.finish(message, outbox.doubtful)
                case _Orphans():
                    for name in runs.close_orphans():
                        self._notice(f"Closed in MLflow: the sweep {name}, whose driver is gone.")
        except Exception as error:
            raise judged(error, self._client, self._experiment_id) from error


def _sentence(outbox: Outbox, missing: Sequence[str], trials: int) -> str | None:
    """Say what is not in MLflow, why, and how it gets there."""
    labels = [*outbox.refused, *outbox.skipped, *missing]
    count = sum(label.startswith(TRIAL) for label in labels)
    networks = sum(label.startswith(NETWORK) for label in labels)
    what = [f"{count} of {trials} trials"] if count else []
    what += [f"{networks} network{'s' if networks > 1 else ''}"] if networks else []
    what += [END] if END in labels else []
    if not what:
        return None
    why = f" ({outbox.why})" if outbox.why else ""
    return (
        f"{outbox.name} did not take {joined(what)}{why}; finished trials are in the sweep's own store, and the same command "
        f"records them again."
    )


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)
