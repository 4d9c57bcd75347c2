"""The answers of a trial: each is read from the store or made by the task. Better solutions are passed on as they are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sweep.config.schema import Settings
from sweep.config.tasks import task_of
from sweep.records import InstanceRecord
from sweep.records.cpu_share import KILLED, is_starved
from sweep.records.instance_record import by_field
from sweep.store.stage_results import Entry, Stages, once, stands
from sweep.tasks.base import PreparedTask, TaskInstance
from sweep.terminal.wording import a_or_an
from sweep.trial.limit_reuse import answer_of_another_limit, keep_answer


def instance_deadline(settings: Settings) -> float:
    """Return after how many seconds a method is ended from outside: by default well above the limit that it keeps itself."""
    given = settings.deadlines.instance_seconds
    return 2.0 * settings.solver.time_limit_seconds + 60.0 if given is None else given


def late_in_words(settings: Settings) -> str:
    """Return that a method was ended from outside, after how many seconds, and which setting says so."""
    given, seconds = settings.deadlines.instance_seconds, instance_deadline(settings)
    why = f"deadlines.instance_seconds={seconds:g}"
    if given is None:
        why = f"{seconds:g} s, twice solver.time_limit_seconds and 60 s more, as deadlines.instance_seconds=null says"
    if settings.deadlines.trial_seconds is not None:
        why += f", or what was left of deadlines.trial_seconds={settings.deadlines.trial_seconds:g}"
    return f"{a_or_an(task_of(settings).words('').act)} was past its deadline ({why})"


def had_its_time(instance: InstanceRecord, settings: Settings) -> bool:
    """Whether an answer had all the time that it may take now: False if a deadline ended it sooner."""
    ended = instance.deadline_seconds
    return ended is None or instance_deadline(settings) <= ended


def still_stands(instance: InstanceRecord, settings: Settings) -> bool:
    """Whether an answer of an earlier run is as good as a new one (:func:`sweep.store.stage_results.stands`)."""
    facts = {"deadline_seconds": instance.deadline_seconds, "starved": instance.starved}
    return stands(Entry(facts), instance_deadline(settings))


@dataclass(frozen=True, eq=False)
class InstanceAnswers:
    """How the instances of a trial are answered.

    Attributes:
        settings: of the trial.
        prepared: what answers them.
        stages: results of before, and of others.
    """

    settings: Settings
    prepared: PreparedTask
    stages: Stages

    def key(self, instance: TaskInstance) -> str:
        """Return the key under which an answer is kept."""
        return self.prepared.key(instance)

    def found(self, instance: TaskInstance) -> InstanceRecord | None:
        """Return the answer if it is in the store, whatever ended it; no method is run."""
        entry, _ = once(self.stages, "instances", self.key(instance), lambda: self._of_another_limit(instance), 0.0)
        return None if entry is None else self._record(entry, instance)

    def answer(self, instance: TaskInstance, seconds_left: float | None) -> tuple[InstanceRecord, bool]:
        """Return the answer, from the store or by a method that may take ``seconds_left`` at most, and whether it was there.

        Raises:
            whatever the method raises, after the claim on the answer was given up.
        """
        key, deadline = self.key(instance), instance_deadline(self.settings)
        is_made = False

        def make() -> Entry:
            nonlocal is_made
            known = self._of_another_limit(instance)
            if known is not None:
                return known
            is_made = True
            return self._make(instance, key, deadline if seconds_left is None else min(deadline, seconds_left))

        entry, _ = once(self.stages, "instances", key, make, deadline)
        answer = self._record(entry, instance)
        if is_made and self.prepared.limit_only_ends:
            keep_answer(self.stages, self.prepared.key(instance, any_limit=True), key, answer)
        return answer, not is_made

    def _of_another_limit(self, instance: TaskInstance) -> Entry | None:
        """Return the answer by one with another time limit, if there is one."""
        if not self.prepared.limit_only_ends:
            return None
        shared, limit = self.prepared.key(instance, any_limit=True), self.settings.solver.time_limit_seconds
        return answer_of_another_limit(self.stages, shared, limit)

    def _make(self, instance: TaskInstance, key: str, deadline_seconds: float) -> Entry:
        record = self.prepared.unanswered(instance)
        killed = record.to_dict()
        killed |= {"solver_status": KILLED, "total_seconds": deadline_seconds, "deadline_seconds": deadline_seconds}
        self.stages.begin(key, killed, deadline_seconds)

        def improved(**facts: Any) -> None:
            killed.update(by_field(facts))
            self.stages.improve(key, dict(killed))

        facts = self.prepared.answer(instance, record, improved).to_dict()
        return Entry({**facts, "starved": is_starved(facts, self.settings.solver.time_limit_seconds)})

    def _record(self, entry: Entry, instance: TaskInstance) -> InstanceRecord:
        return self.prepared.recalled(instance, InstanceRecord.from_dict(entry.facts))
