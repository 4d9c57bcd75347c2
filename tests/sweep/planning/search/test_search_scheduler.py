"""Ray's successive halving on answered questions; imports Ray and starts nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sweep.config.schema import SpaceSearchSettings
from sweep.planning.search.tune_scheduler import scheduler
from sweep.records import InstanceRecord, TrialRecord

STOP, GO_ON = "STOP", "CONTINUE"


def search(**values: Any) -> SpaceSearchSettings:
    usual = {"method": "grid", "where": [], "samples": 1, "seed": 0, "objectives": ["margin"], "scheduler": "asha"}
    return SpaceSearchSettings(**{**usual, "grace": 1, "reduction": 2, **values})


class Judge:
    """What a scheduler decides about the trials that report to it."""

    def __init__(self, halving: Any) -> None:
        self._halving = halving
        self._known: dict[str, Any] = {}

    def report(self, name: str, answered: int, **values: float) -> str:
        if name not in self._known:
            self._known[name] = SimpleNamespace(trial_id=name)
            self._halving.on_trial_add(None, self._known[name])
        decision: str = self._halving.on_trial_result(None, self._known[name], {"answered": answered, **values})
        return decision


def record(key: str, *margins: float) -> TrialRecord:
    instances = [InstanceRecord("i", 1, 2, 3, "l1", 1.0, "unresolved", dense_value=margin) for margin in margins]
    return TrialRecord(key, key, {"solver": {"time_limit_seconds": 1.0}}, {}, "finished", instances=instances)


def test_without_a_scheduler_nothing_is_stopped() -> None:
    assert scheduler(search(scheduler="none", objectives=[]), 4) is None


def test_the_better_half_goes_on_at_each_rung_and_the_last_answer_stops_nothing() -> None:
    judge = Judge(scheduler(search(), 4))
    assert judge.report("first", 1, margin=1.0) == GO_ON
    assert judge.report("better", 1, margin=2.0) == GO_ON
    assert judge.report("worse", 1, margin=0.0) == STOP
    assert judge.report("first", 2, margin=1.0) == GO_ON
    assert judge.report("better", 2, margin=0.5) == STOP
    assert judge.report("first", 3, margin=-9.0) == GO_ON  # no rung
    assert judge.report("first", 4, margin=-9.0) == GO_ON


@pytest.mark.parametrize(("questions", "decision"), [(2, GO_ON), (3, STOP), (None, STOP)])
def test_the_last_answer_is_no_moment_to_stop(questions: int | None, decision: str) -> None:
    judge = Judge(scheduler(search(), questions))
    for name, margin in (("good", 2.0), ("bad", 1.0)):
        judge.report(name, 1, margin=5.0)
        assert judge.report(name, 2, margin=margin) == (GO_ON if name == "good" else decision)


def test_the_grace_comes_before_the_first_decision() -> None:
    judge = Judge(scheduler(search(grace=2), 8))
    assert judge.report("good", 1, margin=5.0) == GO_ON
    assert judge.report("good", 2, margin=5.0) == GO_ON
    assert judge.report("bad", 1, margin=0.0) == GO_ON
    assert judge.report("bad", 2, margin=0.0) == STOP


def test_the_direction_is_the_objectives() -> None:
    judge = Judge(scheduler(search(objectives=["total_seconds", "margin"]), 4))
    assert judge.report("slow", 1, total_seconds=9.0, margin=9.0) == GO_ON
    assert judge.report("quick", 1, total_seconds=1.0, margin=0.0) == GO_ON
    assert judge.report("slowest", 1, total_seconds=10.0, margin=9.0) == STOP


def test_a_trial_without_the_objective_goes_on() -> None:
    judge = Judge(scheduler(search(), 4))
    judge.report("good", 1, margin=5.0)
    assert judge.report("none", 1) == GO_ON


def test_a_trial_that_lost_its_worker_reports_again_and_is_not_judged_twice() -> None:
    judge = Judge(scheduler(search(), 4))
    assert judge.report("early", 1, margin=1.0) == GO_ON
    assert judge.report("later", 1, margin=3.0) == GO_ON
    assert judge.report("early", 1, margin=1.0) == GO_ON  # below the cutoff now, but decided before


@pytest.mark.parametrize(("margin", "decision"), [(1.0, STOP), (3.0, GO_ON)])
def test_trials_that_ended_before_are_judged_against(margin: float, decision: str) -> None:
    judge = Judge(scheduler(search(), 4, [record("a", 2.0, 2.0, 2.0, 2.0), record("stopped", 1.5), record("unanswered")]))
    assert judge.report("new", 1, margin=margin) == decision
