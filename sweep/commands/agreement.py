"""Do two records of the same trial agree? Proven results must agree; results that a clock ended need not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sweep.records import InstanceRecord, TrialRecord
from sweep.report.words import number
from sweep.tasks.base import Task, TaskWork

TOLERANCE = 2e-4
"""Relative to the value (at least 1): solvers call a gap of 1e-4 closed, and either side may have its own."""


class Finding(StrEnum):
    """How one thing compares."""

    SAME = "same"
    TIME = "time"
    """It differs, and a clock decided at least one of the two: another machine, or another load."""
    DIFFERENT = "different"
    """It differs, and nothing excuses it."""


@dataclass(frozen=True)
class Comparison:
    """One thing of two records: what it is, how it compares, and a sentence."""

    what: str
    finding: Finding
    said: str


def compare(before: TrialRecord, after: TrialRecord) -> Iterator[Comparison]:
    """Yield what the trial as a whole and each of its instances gave before and now.

    Without a common dense network the instances are others, and are not compared.
    """
    yield _equal("dense network", before.network_key, after.network_key)
    for what, old, new in (
        ("accuracy of the dense network", before.accuracy_dense, after.accuracy_dense),
        ("accuracy of the surrogate", before.accuracy_surrogate, after.accuracy_surrogate),
        ("R² of the dense network", before.r2_dense, after.r2_dense),
        ("R² of the surrogate", before.r2_surrogate, after.r2_surrogate),
        ("sparsity", before.sparsity, after.sparsity),
    ):
        if old is not None or new is not None:
            yield _equal(what, old, new)
    if before.network_key != after.network_key:
        return
    answers = {one.instance_key: one for one in after.instances}
    for old_answer in before.instances:
        answer = answers.pop(old_answer.instance_key, None)
        if answer is None:
            yield Comparison(old_answer.name, Finding.DIFFERENT, "it was asked before, and is not asked now")
        else:
            yield compare_answers(old_answer, answer)
    for answer in answers.values():
        yield Comparison(answer.name, Finding.DIFFERENT, "it was not asked before")


def compare_answers(before: InstanceRecord, after: InstanceRecord) -> Comparison:
    """Return how two answers to one instance compare; a proof of one against a point of the other is the worst there is."""
    what = before.name
    for first, second, when in ((before, after, "now"), (after, before, "before")):
        if first.has_none and second.is_found:
            return Comparison(
                what, Finding.DIFFERENT, f"proven {first.status}, and {when} there is a witness: one of them is wrong"
            )
        bound, reached, sign = first.bound, second.value, before.sign
        if bound is not None and reached is not None and _exceeds(sign * reached, sign * bound):
            beyond = "below" if before.is_minimized else "above"
            return Comparison(
                what, Finding.DIFFERENT, f"{when} it reaches {number(reached)}, {beyond} the proven bound {number(bound)}"
            )
    old, new = before.value, after.value
    same_value = (old is None and new is None) or (
        old is not None and new is not None and not _exceeds(old, new) and not _exceeds(new, old)
    )
    values = f"{before.words.value} {_text(old)}, now {_text(new)}"
    if before.status == after.status and same_value:
        return Comparison(what, Finding.SAME, f"{after.status}, {values}")
    said = f"{before.status}, now {after.status}; {values}"
    timed = any(_ended_by_clock(one) for one in (before, after))
    return Comparison(what, Finding.TIME if timed else Finding.DIFFERENT, said)


def confirm(before: TrialRecord, task: Task, work: TaskWork) -> Iterator[Comparison]:
    """Yield for each answer on record that can be checked without its method whether it holds today."""
    for one in task.confirm(work, before.instances):
        said = one.said if one.value is None else f"{one.said} {number(one.value)}"
        yield Comparison(one.what, Finding.SAME if one.holds else Finding.DIFFERENT, said)


def _ended_by_clock(answer: InstanceRecord) -> bool:
    """Whether more time could have given another answer; a search without an end, such as the gradient's, always could."""
    if answer.deadline_seconds is not None:
        return True
    if answer.is_proven_best:
        return False
    return not (answer.is_found or answer.has_none) or answer.solver_status != "optimal"


def _exceeds(value: float, bound: float) -> bool:
    return value > bound + TOLERANCE * max(1.0, abs(bound))


def _equal(what: str, old: object, new: object) -> Comparison:
    if old == new:
        return Comparison(what, Finding.SAME, _text(new))
    return Comparison(what, Finding.DIFFERENT, f"{_text(old)}, now {_text(new)}")


def _text(value: object) -> str:
    return "none" if value is None else number(value) if isinstance(value, float) else str(value)
