"""One run answers for every shorter limit: what it had by then is what a run with that limit finds, apart from timing noise.

A proof counts from the moment at which the attack ended, since nobody wrote down when its bound was reached. Attacks that plan
by their limit (:meth:`sweep.config.tasks.TaskRules.limit_only_ends`) answer for their own limit only. So does a task whose
module is not here: nobody can say whether it plans by its limit.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sweep.config.task_names import task_name_in
from sweep.config.task_words import task_on_record
from sweep.records import TRUE_VIOLATION, InstanceRecord, TrialRecord
from sweep.terminal.wording import count

KEY = "solver.time_limit_seconds"
"""The key of the configuration."""

TIME_LIMIT = "time_limit"
"""The ``solver_status`` of an attack that its limit ended."""

_UNKNOWN = (
    *("surrogate_bound", "dense_bound", "norm_bound", "gap", "solve_seconds", "cpu_seconds", "nodes", "simplex_iterations"),
    *("gradient_evaluations", "regions", "solves", "restrictions"),
)
"""Fields of an answer that are known of its end only."""

_OF_THE_MODEL = ("bounds_seconds", "build_seconds", "binaries", "rows", "columns", "nonzeros")
"""Fields that are known once the model is built."""

_UNKNOWN_FACTS, _FACTS_OF_THE_MODEL = ("root_gap",), ("unstable", "big_m")
"""How the names of facts begin: of facts known at the end only, and of facts known once the model is built."""

_NORMS = ("l0", "l1", "l2", "linf")


def at_limit(instance: InstanceRecord, seconds: float) -> InstanceRecord:
    """Return the standing of an answer after some seconds: value so far, status as of then, first find.

    An answer of an attack that had ended by then, or whose own limit is no longer than that, is returned as it is. Another one
    is cut, and says so (``cut_from_seconds``): a witness counts if it was met by then, a proof does not count, and what is
    known of the end alone (bounds on the value, work, CPU seconds) is None.

    Args:
        instance: an answer.
        seconds: from the start of its attack.
    """
    total, limit = instance.total_seconds, instance.limit_seconds
    if total is None or total <= seconds or (limit is not None and limit <= seconds):
        return instance
    met = [event for event in instance.timeline if event["seconds"] <= seconds]
    best, final = _best(met, instance), _best(instance.timeline, instance)
    is_found = instance.first_found_seconds is not None and instance.first_found_seconds <= seconds
    is_built = (instance.bounds_seconds or 0.0) + (instance.build_seconds or 0.0) <= seconds
    surrogate = [event["surrogate_value"] for event in met if event.get("surrogate_value") is not None]
    changed: dict[str, Any] = dict.fromkeys(_UNKNOWN if is_built else (*_UNKNOWN, *_OF_THE_MODEL))
    later_facts: tuple[str, ...] = _UNKNOWN_FACTS if is_built else (*_UNKNOWN_FACTS, *_FACTS_OF_THE_MODEL)
    if best is None or best is not final:
        changed |= dict.fromkeys((*_NORMS, "perturbed", "true_value"))  # of a point that was met later
        later_facts += (TRUE_VIOLATION,)
        if best is not None and best.get("norm") is not None and instance.norm in _NORMS:
            changed[instance.norm] = best["norm"]
    return dataclasses.replace(
        instance,
        **changed,
        status=instance.words.found[-1] if is_found else instance.words.open[0],
        dense_value=None if best is None else _confirmed(best["dense_value"], instance),
        surrogate_value=max(surrogate, key=lambda value: instance.sign * value, default=None),
        first_found_seconds=instance.first_found_seconds if is_found else None,
        solver_status=None if instance.solver_status is None else TIME_LIMIT,
        facts={name: value for name, value in instance.facts.items() if not name.startswith(later_facts)},
        total_seconds=seconds,
        deadline_seconds=None,
        limit_seconds=seconds,
        cut_from_seconds=instance.cut_from_seconds or limit or total,
        timeline=met,
        region_visits=[],
    )


def is_known_at(instance: InstanceRecord, seconds: float) -> bool:
    """Whether an answer tells what its attack has after some seconds: not if its limit ended it before."""
    return instance.limit_seconds is not None and (seconds <= instance.limit_seconds or _ended_by_itself(instance))


def taken_for(instance: InstanceRecord, seconds: float) -> InstanceRecord | None:
    """Return an answer as the attack would give it with another time limit; None if that could be another one.

    It could where a deadline or too little CPU ended the attack, where a longer limit lets it go on, where it ended with a
    proof after the shorter limit (the bound may have been reached before), and where pre-activation bounds take so long that
    their share of a limit cuts them off.
    """
    limit = instance.limit_seconds
    if limit is None or not is_whole(instance) or not _had_bounds(instance, min(limit, seconds)):
        return None
    if seconds > limit:
        return instance if _ended_by_itself(instance) else None
    found = at_limit(instance, seconds)
    return None if found is not instance and instance.has_none else found


def is_whole(instance: InstanceRecord) -> bool:
    """Whether an attack had all the time and CPU that its own limit gives: others may be judged by it."""
    return not instance.starved and instance.deadline_seconds is None and instance.cut_from_seconds is None


def trial_at_limit(record: TrialRecord, seconds: float) -> TrialRecord | None:
    """Return a trial with the standing of its answers after some seconds (:func:`at_limit`); None where that is not known.

    It is not where a limit ended an answer before, nor of attacks that plan by their limit, with any limit but their own.
    """
    own = record.limit_seconds
    if own != seconds and not _only_ends(record):
        return None
    instances = [
        one if one.limit_seconds is not None else dataclasses.replace(one, limit_seconds=own) for one in record.instances
    ]
    if not all(is_known_at(one, seconds) for one in instances):
        return None
    return dataclasses.replace(record, instances=[at_limit(one, seconds) for one in instances])


def records_at_limit(records: Sequence[TrialRecord], seconds: float) -> list[TrialRecord]:
    """Return the trials whose standing after some seconds is known, as they stand then.

    Of an attack that plans by its limit, that is the trial of exactly this limit. It is measured against the same dense MILP as
    its trial of the longest limit, which is cut at this one too.
    """
    longest: dict[str, TrialRecord] = {}
    for record in records:
        if not _only_ends(record):
            known = longest.get(_but_limit(record))
            if known is None or known.limit_seconds < record.limit_seconds:
                longest[_but_limit(record)] = record
    standing = []
    for record in records:
        found = trial_at_limit(record, seconds)
        if found is not None:
            sibling = longest.get(_but_limit(record))
            standing.append(found if sibling is None else dataclasses.replace(found, baseline_key=sibling.baseline_key))
    return standing


def limit_sentences(swept: str | None, records: Iterable[TrialRecord]) -> list[str]:
    """Return what is to be said of time limits at the end of a sweep: how swept ones were run, and what was cut."""
    cut = [sum(one.cut_from_seconds is not None for one in record.instances) for record in records]
    said = [] if swept is None else [swept]
    if any(cut):
        were = "was" if sum(cut) == 1 else "were"
        trials = count(sum(map(bool, cut)), "trial")
        said.append(f"{count(sum(cut), 'answer')} of {trials} {were} read from stored runs with a longer {KEY}.")
    return said


def _best(timeline: Sequence[dict[str, Any]], instance: InstanceRecord) -> dict[str, Any] | None:
    """Return the event that a method kept: the first of the best value, or of what comes closest to having one."""
    reached = [(value, event) for event in timeline if (value := instance.value_in(event)) is not None]
    if reached:
        return max(reached, key=lambda one: instance.sign * one[0])[1]
    return max(timeline, key=lambda event: float(event["dense_value"]), default=None)


def _confirmed(value: float, instance: InstanceRecord) -> float | None:
    """Return the value of a point that was met, at most that of the answer: what the answer did not confirm does not count."""
    if instance.is_length:
        return value  # the point of the shortest length has not the largest dense value
    return None if instance.dense_value is None else min(value, instance.dense_value, key=lambda one: instance.sign * one)


def _ended_by_itself(instance: InstanceRecord) -> bool:
    total, limit = instance.total_seconds, instance.limit_seconds
    if total is None or limit is None or not is_whole(instance):
        return False
    return total < limit and instance.solver_status != TIME_LIMIT


def _had_bounds(instance: InstanceRecord, seconds: float) -> bool:
    """Whether the pre-activation bounds came to their end within their share of a limit, and are the same with a longer one."""
    from surrogate.attack.recorder import BOUNDS_SHARE

    took, solve, total = instance.bounds_seconds, instance.solve_seconds, instance.total_seconds
    if took is None or solve is None or total is None:
        return True
    before = max(total - took - (instance.build_seconds or 0.0) - solve, 0.0)  # the bounds began, at the latest
    return took < BOUNDS_SHARE * (seconds - before)


def _only_ends(record: TrialRecord) -> bool:
    return task_on_record(task_name_in(record.config)).limit_only_ends(record.config)


def _but_limit(record: TrialRecord) -> str:
    solver = {name: value for name, value in record.config["solver"].items() if name != "time_limit_seconds"}
    return json.dumps({**record.config, "solver": solver}, sort_keys=True, default=str)
