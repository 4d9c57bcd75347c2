"""Reuses an answer made under another time limit if a run under this limit would give the same answer.

The key of a result contains its limit. An entry under a further key, which all limits share, says which result has the longest
limit; the others are taken from that result. Two sweeps at once may each write their own entry. That may cost a run that was
not needed, and does no harm.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from sweep.planning.trials import Trial
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.time_limit import is_whole, taken_for
from sweep.records.trial_log import line
from sweep.store import Store, is_key
from sweep.store.stage_results import Entry, Stages

KIND: Final = "limits"


def answer_of_another_limit(stages: Stages, shared_key: str, seconds: float) -> Entry | None:
    """Return the answer that another time limit gave, as the limit ``seconds`` would; None if it is to be looked for."""
    key = _longest(stages.peek(KIND, shared_key))
    entry = None if key is None else stages.peek("instances", key)
    found = None if entry is None else taken_for(InstanceRecord.from_dict(entry.facts), seconds)
    return None if found is None else Entry(found.to_dict())


def keep_answer(stages: Stages, shared_key: str, key: str, answer: InstanceRecord) -> None:
    """Say that an answer was made, if it is the one with the longest limit.

    Raises:
        StoreError: the store cannot be written.
    """
    if answer.limit_seconds is not None and is_whole(answer):
        stages.put(KIND, shared_key, _entry(key, answer.limit_seconds))


def trial_of_another_limit(store: Store, trial: Trial, *, pictures: bool = True) -> tuple[TrialRecord | None, int]:
    """Return the record of a trial from one with another time limit, and how many of its answers that has.

    The record is None if they are not all of them, or if there is no such trial. Without ``pictures`` it is read sooner.
    """
    key = _longest(store.get(KIND, trial.any_limit_key)) if trial.any_limit_key else None
    record = None if key is None or key == trial.key else store.trial(key, pictures=pictures)
    if record is None:
        return None, 0
    limit = trial.settings.solver.time_limit_seconds
    taken = [taken_for(one, limit) for one in record.instances]
    answers = [one for one in taken if one is not None]
    if len(answers) < len(taken):
        return None, len(answers)
    said = line(f"taken from the trial {record.key}, which had a limit of {record.limit_seconds:g} s; this one has {limit:g} s")
    found = dataclasses.replace(
        record,
        key=trial.key,
        name=trial.name,
        config=trial.config,
        swept=trial.swept,
        limits=list(trial.limits),
        baseline_key=trial.baseline_key,
        instances=answers,
        log=[*record.log, said],
        total_seconds=_spent(record.total_seconds, record.instances, answers),
        cpu_seconds=None if any(one.cut_from_seconds for one in answers) else record.cpu_seconds,
    )
    return found, len(answers)


def keep_trial(store: Store, trial: Trial, record: TrialRecord) -> None:
    """Say that a trial has finished, if it is the one with the longest limit.

    Raises:
        StoreError: the store cannot be written.
    """
    if trial.any_limit_key and all(map(is_whole, record.instances)):
        store.put(KIND, trial.any_limit_key, _entry(trial.key, record.limit_seconds))


def _entry(key: str, limit_seconds: float) -> Entry:
    return Entry({"key": key, "limit_seconds": limit_seconds})


def _longest(entry: Entry | None) -> str | None:
    key = None if entry is None else entry.facts.get("key")
    return key if is_key(key) else None


def _spent(seconds: float | None, before: list[InstanceRecord], now: list[InstanceRecord]) -> float | None:
    """Return the wall seconds of a trial whose answers took others before."""
    if seconds is None:
        return None
    return seconds + sum((one.total_seconds or 0.0) - (old.total_seconds or 0.0) for old, one in zip(before, now, strict=True))
