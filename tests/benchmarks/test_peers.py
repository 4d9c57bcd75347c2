"""Every tool of the comparison answers the same question: on a tiny network their optima are one number."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from oracles import brute_force_maximum, random_network, random_region

from benchmarks.peers import TOOLS, guarded
from benchmarks.peers.base import Ending, Task, Trace
from benchmarks.peers.guarded import guard, tool_run
from surrogate.attack import Instance

LABEL, TARGET = 0, 2


@cache
def question(norm: str, amount: float) -> Task:
    rng = np.random.default_rng(3)
    network = random_network(rng, (6, 4, 4, 3))
    return Task(network, Instance(random_region(rng, 6, norm), LABEL, TARGET), time_limit_seconds=20.0, amount=amount)


@cache
def optimum(norm: str, amount: float) -> float:
    """The largest margin of the network in the tool's MILP, by brute force over activation patterns."""
    task = question(norm, amount)
    row = np.zeros((1, 3))
    row[0, TARGET], row[0, LABEL] = 1.0, -1.0
    return brute_force_maximum(task.surrogate().compose(row), task.instance.region)


@pytest.mark.few(6)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("norm", ["l1", "linf"])
@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_has_the_same_optimum(name: str, norm: str) -> None:
    tool = TOOLS[name]
    if tool.missing():
        pytest.skip(f"{', '.join(tool.missing())} not installed: pip install -e '.[bench]'")
    amount = 0.5 if tool.amount else 0.0
    task = question(norm, amount)
    sent: list[tuple[str, Any]] = []
    ending = tool_run(name)(task, Trace(task, sent.append))
    expected, dense = optimum(norm, amount), optimum(norm, 0.0)
    assert ending.status == "optimal"
    assert ending.dual_bound == pytest.approx(expected, abs=1e-3)
    best = max(value[1] for what, value in sent if what == "margin")
    if tool.is_dense:
        assert best == pytest.approx(expected, abs=1e-3)
    else:
        assert abs(dense - expected) > 0.1, "the pruning must matter here, or this test shows nothing"
        assert best <= dense + 1e-6
    assert [what for what, _ in sent].count("built") == int(name != "ours")  # branch and bound builds no model
    first = [value for what, value in sent if what == "first"]
    assert len(first) == int(best > 1e-9)


def test_the_trace_reports_improvements_and_the_first_witness_once() -> None:
    task = question("l1", 0.0)
    sent: list[tuple[str, Any]] = []
    trace = Trace(task, sent.append)
    for seconds, margin in ((0.1, -1.0), (0.2, -2.0), (0.3, 0.5), (0.4, 0.7)):
        trace.note(seconds, margin, margin > 0.0)
    assert sent == [("margin", (0.1, -1.0)), ("margin", (0.3, 0.5)), ("first", 0.3), ("margin", (0.4, 0.7))]


def test_the_trace_judges_by_the_dense_network() -> None:
    task = question("l1", 0.5)
    sent: list[tuple[str, Any]] = []
    x = task.instance.region.center
    Trace(task, sent.append).meet(x)
    logits = task.dense(x[None])[0]
    assert sent[0][1][1] == pytest.approx(logits[TARGET] - logits[LABEL])


def deaf(name: str, task: Task, trace_from: Callable[[], Trace]) -> Ending:
    """A tool that finds something in time, and something too late, and never ends."""
    trace = trace_from()
    trace.note(0.1, -1.0, False)
    trace.built()
    trace.note(task.time_limit_seconds + 0.1, 2.0, True)
    while True:
        time.sleep(0.1)


def dying(name: str, task: Task, trace_from: Callable[[], Trace]) -> Ending:
    trace_from().note(0.1, 1.5, True)
    os._exit(7)


def raising(name: str, task: Task, trace_from: Callable[[], Trace]) -> Ending:
    trace_from()
    raise ValueError("no licence")


def test_a_tool_that_ignores_its_limit_is_killed_and_keeps_what_it_found_in_time() -> None:
    task = replace(question("l1", 0.0), time_limit_seconds=0.5)
    outcome = guard(deaf, "deaf", task, grace_seconds=0.5)
    assert outcome.status == "killed"
    assert outcome.error is None
    assert outcome.margin_at(0.5) == -1.0
    assert outcome.first_adversarial_seconds is None
    assert outcome.build_seconds is not None


def test_a_tool_that_dies_keeps_what_it_found() -> None:
    outcome = guard(dying, "dying", question("l1", 0.0))
    assert (outcome.status, outcome.error) == ("failed", "the process died with exit code 7")
    assert outcome.margin_at(20.0) == 1.5


def test_a_tool_that_raises_says_why() -> None:
    sent: list[tuple[str, Any]] = []
    sender = type("Sender", (), {"send": staticmethod(sent.append)})
    guarded.child(raising, "raising", question("l1", 0.0), sender)
    assert sent == [("begin", None), ("failed", "ValueError: no licence")]
