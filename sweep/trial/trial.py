"""One trial: train (unless that is done), prune, answer question by question. Knows neither Ray nor MLflow.

Whatever a stage gives goes through :class:`sweep.store.stage_results.Stages`, so that a trial that starts again goes on where
it was.
"""

from __future__ import annotations

import functools
import socket
import time
import traceback
from statistics import median
from typing import TYPE_CHECKING

from sweep.config.canonical import training_recipe
from sweep.config.inputs import Inputs
from sweep.config.reading import read
from sweep.config.schema import Settings
from sweep.config.sections import attack_of, pruning_of
from sweep.config.stage_keys import surrogate_key
from sweep.errors import StoreError, SweepError, sentence
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.trial_log import answer_text, line, overheard
from sweep.store.networks import TrainedNetwork, network_entry, network_of, stored_weights
from sweep.store.stage_results import Entry, NoStages, Stages, once
from sweep.terminal.wording import count
from sweep.trial.clock import TrialClock
from sweep.trial.dense_network import accuracy_on, train_network
from sweep.trial.instance_answers import InstanceAnswers, draw_questions, had_its_time, still_stands
from sweep.trial.pruned_network import pruned_entry

if TYPE_CHECKING:
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Pruning
    from sweep.planning.trials import Trial
    from sweep.trial.instances import DrawnInstance


class TrialRun:
    """A trial under way, one question a step. An error ends it as ``failed``, with its sentence and what was found before it.

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
        self._open: list[DrawnInstance] = []
        self._asked = 0
        self._limit: float | None = None

    def step(self) -> bool:
        """Answer one question, and in the first step prepare for it; return whether there are more.

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
            self._say(f"{self._open[0].title} begins")
            instance, reused = self._answers.answer(self._open[0], self._stages, left)
            self._book(instance, reused)
        while self._open and self._late():  # of the rest, what is there counts too: above all what a deadline ended
            found = self._answers.found(self._open[0], self._stages)
            if found is None:
                break
            self._book(found, reused=True)
        if self._late():
            self._stop()

    def finish(self) -> TrialRecord:
        """Return the record, complete."""
        record = self.record
        if record.status == "finished" and self._inputs.properties and not self._open:
            try:
                self._check_verdicts()
            except SweepError as error:
                mark_failed(record, error)
        record.ended_at = time.time()
        record.total_seconds, record.cpu_seconds = self._clock.seconds(), self._clock.cpu_seconds()
        return record

    def _prepare(self) -> InstanceAnswers:
        settings, record = read(self._trial.config), self.record
        self._say(f"begins on {record.host}")
        self._limit = settings.deadlines.trial_seconds
        trained = self._trained or self._train(settings)
        self._clock = TrialClock()  # training has its own time, and is done once for many trials
        dense = trained.network
        record.network_key, record.accuracy_dense, record.train_seconds = dense.key, trained.accuracy, trained.train_seconds
        self._say(f"attacks the dense network {dense.key}{_accuracy(trained.accuracy)}")
        attack = attack_of(settings)
        pruning = pruning_of(settings) if attack.needs_surrogate else None
        shared = None
        if pruning is not None and not pruning.needs_region:
            shared, pruning = self._prune(settings, pruning, dense), None
        self._open, record.skipped = draw_questions(settings, self._inputs, dense)
        self._asked = len(self._open)
        left_out = f", {count(record.skipped, 'image')} left out as misclassified" if record.skipped else ""
        self._say(f"{count(self._asked, 'question')}{left_out}")
        answers = InstanceAnswers(settings, self._inputs, dense, attack, shared, pruning)
        if self._asked > 1:
            questions = {"questions": [answers.key(drawn) for drawn in self._open]}
            self._stages.put("progress", self._trial.key, Entry(questions))
        return answers

    def _train(self, settings: Settings) -> TrainedNetwork:
        def train() -> Entry:
            return network_entry(train_network(settings, self._inputs.data), training_recipe(settings))

        self._say(f"needs the dense network {settings.network.name}: trained here, or by another trial")
        entry, reused = once(self._stages, "networks", self._trial.training_key, train)
        trained = network_of(entry)
        self._say("it was in the store" if reused else f"trained in {trained.train_seconds or 0.0:.1f} s")
        return trained

    def _prune(self, settings: Settings, pruning: Pruning, dense: ReluNetwork) -> ReluNetwork:
        """Return the surrogate that serves all instances."""
        from surrogate.pruning import sparsity

        data, record = self._inputs.data, self.record
        if not pruning.prunes:
            record.prune_seconds, record.sparsity = 0.0, sparsity(dense, dense)
            record.accuracy_surrogate = accuracy_on(dense, data)
            return dense
        finetuned = f", {count(pruning.finetuning.rounds, 'round')} of finetuning" if pruning.finetuning.rounds else ""
        self._say(f"pruning begins: {pruning.way.name} {pruning.amount:g}{finetuned}")
        make = functools.partial(pruned_entry, settings, pruning, dense, data)
        entry, reused = once(self._stages, "surrogates", surrogate_key(settings, dense.key, data), make)
        facts = entry.facts
        taken = "taken from the store, made" if reused else "pruned"
        reached = f"sparsity {facts['sparsity']:.3f}{_accuracy(facts['accuracy'])}"
        self._say(f"surrogate {facts['network_key']} {taken} in {facts['prune_seconds']:.1f} s: {reached}")
        record.prune_seconds, record.sparsity = facts["prune_seconds"], facts["sparsity"]
        record.accuracy_surrogate = facts["accuracy"]
        if reused:
            self._clock.add(facts["prune_seconds"], facts["prune_cpu_seconds"])
        return stored_weights(entry)

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
        """End a trial that is over its time, unless that was enough for all questions."""
        assert self._answers is not None
        answered = sum(had_its_time(instance, self._answers.settings) for instance in self.record.instances)
        if answered < self._asked:
            self.record.status, self.record.late = "stopped", True
            self.record.error = (
                f"stopped by deadlines.trial_seconds={self._limit:g} with {answered} of {self._asked} instances answered; the "
                f"same command with a larger deadline goes on from there"
            )

    def _check_verdicts(self) -> None:
        from sweep.trial.instances import contradictions

        properties = self._inputs.properties
        statuses = iter([instance.status for instance in self.record.instances])
        verdicts = [[next(statuses) for _ in one.questions] for one in properties]
        wrong = contradictions(properties, verdicts)
        if wrong:
            raise SweepError(
                f"{'; '.join(wrong)}: this program, its reading of the network or the list is wrong, and no verdict of this "
                f"trial should be trusted until that is known"
            )


def _accuracy(share: float | None) -> str:
    return "" if share is None else f", accuracy {share:.4f}"


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
