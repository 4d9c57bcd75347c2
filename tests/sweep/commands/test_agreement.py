"""Two records of a trial: what must be the same, what a clock excuses, and what can never both be true."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from surrogate.attack import Instance
from surrogate.networks import ReluNetwork
from surrogate.region import Region
from sweep.commands.agreement import Finding, compare, compare_answers, confirm
from sweep.records import InstanceRecord, TrialRecord
from sweep.tasks.image.task import ImageTask

ANSWER = InstanceRecord(
    instance_key="q",
    image=3,
    label=1,
    target=2,
    norm="l1",
    radius=2.0,
    status="adversarial",
    dense_value=1.5,
    surrogate_bound=1.5,
    dense_bound=1.5,
    solver_status="optimal",
    l1=1.9,
)
RECORD = TrialRecord("k", "2x16 dense", {}, {}, "finished", network_key="n", accuracy_dense=0.9, instances=[ANSWER])


def changed(**values: Any) -> InstanceRecord:
    return dataclasses.replace(ANSWER, **values)


@pytest.mark.parametrize(
    ("values", "finding", "said"),
    [
        ({}, Finding.SAME, "adversarial, margin 1.5, now 1.5"),
        ({"dense_value": 1.5001}, Finding.SAME, "margin"),
        ({"dense_value": 1.2, "dense_bound": 1.6}, Finding.DIFFERENT, "margin 1.5, now 1.2"),
        ({"dense_value": 1.2, "dense_bound": 1.6, "solver_status": "time_limit"}, Finding.TIME, "margin 1.5, now 1.2"),
        ({"dense_value": 1.7, "dense_bound": 1.7}, Finding.DIFFERENT, "now it reaches 1.7, above the proven bound 1.5"),
        ({"dense_bound": 1.0}, Finding.DIFFERENT, "before it reaches 1.5, above the proven bound 1"),
        ({"status": "robust", "dense_value": -1.0}, Finding.DIFFERENT, "one of them is wrong"),
        (
            {"status": "unresolved", "dense_value": -1.0, "solver_status": "time_limit"},
            Finding.TIME,
            "adversarial, now unresolved",
        ),
        ({"deadline_seconds": 3.0, "dense_value": 0.3}, Finding.TIME, "margin 1.5, now 0.3"),
    ],
)
def test_answers(values: dict[str, Any], finding: Finding, said: str) -> None:
    compared = compare_answers(ANSWER, changed(**values))
    assert compared.finding is finding
    assert said in compared.said


def test_lengths_of_closest_perturbations() -> None:
    closest = changed(objective="closest", norm_bound=1.9)
    assert compare_answers(closest, closest).finding is Finding.SAME
    longer = dataclasses.replace(closest, l1=2.4)
    assert compare_answers(closest, longer).said == "adversarial, now adversarial; length 1.9, now 2.4"


@pytest.mark.parametrize(("value", "bound", "task"), [(0.2, 1.0, "model"), (1.9, 2.4, "image")])
def test_a_minimised_value_below_what_was_proven_is_a_contradiction(value: float, bound: float, task: str) -> None:
    before = changed(task=task, sense="minimize", status="feasible", dense_value=2.0, dense_bound=bound, solver_status=None)
    after = dataclasses.replace(before, dense_value=value, dense_bound=None)
    if task == "image":
        before = changed(objective="closest", l1=2.5, norm_bound=bound, solver_status="time_limit")
        after = dataclasses.replace(before, l1=value, norm_bound=None)
    compared = compare_answers(before, after)
    assert compared.finding is Finding.DIFFERENT
    assert compared.said == f"now it reaches {value}, below the proven bound {bound:g}"


def test_what_a_task_calls_proven_is_excused_by_no_clock() -> None:
    """A user's task need not know the status of a solver."""
    task = {"task": "own_tasks:LeastTask", "objective": "own_tasks:LeastTask", "sense": "minimize", "solver_status": None}
    before = changed(**task, status="least", dense_value=1.0, dense_bound=None)
    after = dataclasses.replace(before, dense_value=2.0)
    assert compare_answers(before, after).finding is Finding.DIFFERENT
    open_yet = {"status": "feasible"}
    assert compare_answers(*(dataclasses.replace(one, **open_yet) for one in (before, after))).finding is Finding.TIME


def test_a_surrogates_own_bound_bounds_nothing() -> None:
    surrogate = changed(surrogate_bound=0.2, dense_bound=None)
    assert compare_answers(surrogate, surrogate).finding is Finding.SAME


def test_trials() -> None:
    assert {one.finding for one in compare(RECORD, RECORD)} == {Finding.SAME}
    other_question = dataclasses.replace(RECORD, instances=[changed(instance_key="p")])
    said = [one.said for one in compare(RECORD, other_question) if one.finding is Finding.DIFFERENT]
    assert said == ["it was asked before, and is not asked now", "it was not asked before"]
    other_network = dataclasses.replace(RECORD, network_key="m", accuracy_dense=0.8)
    assert [one.what for one in compare(RECORD, other_network)] == ["dense network", "accuracy of the dense network"]


def test_a_witness_that_a_cut_answer_no_longer_has_is_not_called_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    network = ReluNetwork([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0], [0.0, 0.0]])
    drawn: Any = SimpleNamespace(key="q", attacked=Instance(Region(0.0, 1.0, [0.6, 0.5], 0.3, "l1"), label=0, target=1))

    task, work = ImageTask(), Mock()
    work.inputs.data = None
    work.networks.dense.return_value.network = network
    monkeypatch.setattr(task, "drawn", lambda *_: ([drawn], 0))

    def found(**values: Any) -> list[Finding]:
        record = dataclasses.replace(RECORD, instances=[changed(**values)])
        return [one.finding for one in confirm(record, task, work)]

    assert found(perturbed=[0.5, 0.65]) == [Finding.SAME]
    assert found(perturbed=[0.6, 0.5]) == [Finding.DIFFERENT]
    assert found(perturbed=None) == [Finding.DIFFERENT]
    assert found(perturbed=None, cut_from_seconds=30.0) == []
    assert found(perturbed=[0.6, 0.5], cut_from_seconds=30.0) == [Finding.DIFFERENT], "what it has must hold"
