"""One trial: its task is prepared, and answers one instance after the other. Knows neither Ray nor MLflow.

The result of each stage goes through :class:`sweep.store.stage_results.Stages`, so that a trial that is started again
continues.
"""

from __future__ import annotations

import socket
import time
import traceback
from statistics import median
from typing import TYPE_CHECKING

from sweep.config.inputs import Inputs
from sweep.config.schema import Settings
from sweep.errors import StoreError, SweepError, sentence
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.trial_log import answer_text, line, overheard
from sweep.store.networks import TrainedNetwork
from sweep.store.stage_results import Entry, NoStages, Stages
from sweep.tasks.base import TaskWork, task_to_run
from sweep.tasks.clock import TrialClock
from sweep.tasks.networks import Networks
from sweep.terminal.wording import count
from sweep.trial.answers import InstanceAnswers, had_its_time, still_stands

if TYPE_CHECKING:
    from sweep.planning.trials import Trial
    from sweep.tasks.base import TaskInstance


class TrialRun:
    """A trial under way, one instance a step. An error ends it as ``failed``, with its sentence and what was found before it.

    Args:
        trial: what to run.
        inputs: data set and properties.
        trained: the dense network; None to train it, unless the stages have it.
        stages: results of before, and of others; by default none.
        spent_seconds: how long the trial ran before, on a worker that was lost; counts against ``deadlines.trial_seconds``.

    Attributes:
        record: what is known so far. Its seconds are those of the work in it, also where that was done before.
    """

    def __init__(
        self,
        trial: Trial,
        inputs: Inputs,
        trained: TrainedNetwork | None = None,
        stages: Stages | None = None,
        spent_seconds: float = 0.0,
    ) -> None:
        self.record = new_record(trial)
        self.record.host = socket.gethostname()
        self._trial, self._inputs, self._trained = trial, inputs, trained
        self._stages: Stages = NoStages() if stages is None else stages
        self._spent = spent_seconds
        self._clock = TrialClock()
        self._answers: InstanceAnswers | None = None
        self._open: list[TaskInstance] = []
        self._asked = 0
        self._limit: float | None = None

    def step(self) -> bool:
        """Answer one instance, and in the first step prepare for it; return whether there are more.

        Raises:
            StoreError: the store cannot be read or written.
        """
        try:
            with overheard(self._say):
                self._step()
        except StoreError:  # no trial could keep what it finds: the sweep has to stop
            raise
        except Exception as error:  # the boundary of a trial: whatever goes wrong in one must not touch the others
            mark_failed(self.record, error)
        return bool(self._open) and self.record.status == "finished"

    def _step(self) -> None:
        if self._answers is None:
            self._answers = self._prepare()
        left = self._seconds_left()
        if self._open and (left is None or left > 0.0):
            self._say(f"{self._open[0].name} begins")
            instance, reused = self._answers.answer(self._open[0], left)
            self._book(instance, reused)
        while self._open and self._late():  # of the rest, what is there counts too: above all what a deadline ended
            found = self._answers.found(self._open[0])
            if found is None:
                break
            self._book(found, reused=True)
        if self._late():
            self._stop()

    def finish(self) -> TrialRecord:
        """Return the record, complete."""
        record = self.record
        if record.status == "finished" and self._answers is not None and not self._open:
            try:
                self._answers.prepared.check(record.instances)
            except SweepError as error:
                mark_failed(record, error)
        record.ended_at = time.time()
        record.total_seconds, record.cpu_seconds = self._clock.seconds(), self._clock.cpu_seconds()
        return record

    def _prepare(self) -> InstanceAnswers:
        settings, record = self._trial.settings, self.record
        self._say(f"begins on {record.host}")
        self._limit = settings.deadlines.trial_seconds
        networks = Networks(
            settings, self._inputs, self._trial.training_key, self._stages, record, self._clock, self._say, self._trained
        )
        prepared = task_to_run(settings).prepare(TaskWork(settings, self._inputs, networks, self._say))
        self._open, record.skipped = list(prepared.instances), prepared.skipped
        self._asked = len(self._open)
        self._say(f"{count(self._asked, 'instance')}{prepared.opening}")
        answers = InstanceAnswers(settings, prepared, self._stages)
        if self._asked > 1:
            instances = {"questions": [answers.key(instance) for instance in self._open]}
            self._stages.put("progress", self._trial.key, Entry(instances))
        return answers

    def _book(self, instance: InstanceRecord, reused: bool) -> None:
        record = self.record
        del self._open[0]
        record.instances.append(instance)
        self._say(answer_text(instance) + (", taken from the store" if reused else ""))
        sparsities = [one.sparsity for one in record.instances if one.sparsity is not None]
        if sparsities:
            record.sparsity = median(sparsities)
        if reused:
            self._clock.add((instance.total_seconds or 0.0) + (instance.prune_seconds or 0.0), instance.cpu_seconds or 0.0)

    def _say(self, text: str) -> None:
        self.record.log.append(line(text))

    def _seconds_left(self) -> float | None:
        return None if self._limit is None else self._limit - self._spent - self._clock.running()

    def _late(self) -> bool:
        left = self._seconds_left()
        return left is not None and left <= 0.0

    def _stop(self) -> None:
        """End a trial that is over its time, unless that was enough for all instances."""
        assert self._answers is not None
        answered = sum(had_its_time(instance, self._answers.settings) for instance in self.record.instances)
        if answered < self._asked:
            self.record.status, self.record.late = "stopped", True
            self.record.error = (
                f"stopped by deadlines.trial_seconds={self._limit:g} with {answered} of {self._asked} instances answered; the "
                f"same command with a larger deadline goes on from there"
            )


def run_trial(trial: Trial, inputs: Inputs, trained: TrainedNetwork | None = None, stages: Stages | None = None) -> TrialRecord:
    """Run a trial to its end (:class:`TrialRun`)."""
    run = TrialRun(trial, inputs, trained, stages)
    while run.step():
        pass
    return run.finish()


def still_valid(record: TrialRecord, settings: Settings) -> bool:
    """Whether the record of a finished trial is as good as a new one: no answer of it would be asked for again."""
    return all(still_stands(instance, settings) for instance in record.instances)


def new_record(trial: Trial) -> TrialRecord:
    """Return the record of a trial that starts now."""
    return TrialRecord(
        key=trial.key,
        name=trial.name,
        config=trial.config,
        swept=trial.swept,
        limits=list(trial.limits),
        status="finished",
        started_at=time.time(),
        baseline_key=trial.baseline_key,
    )


def mark_failed(record: TrialRecord, error: BaseException) -> None:
    """Set the status of a record to ``failed``, with one sentence and the traceback."""
    record.status = "failed"
    record.error = sentence(error)
    record.error_detail = "".join(traceback.format_exception(error))
