"""Answers for which there was no CPU are marked, told of, and asked for again: once a run, and the better answer stands."""

from __future__ import annotations

import dataclasses
import io
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import synthetic
from composing import QUICK, Composer
from counting import Plan, Work, stages_of
from rich.console import Console
from waiting import until

from surrogate.attack import METHODS, AttackResult, Instance
from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from sweep.commands import run as commands
from sweep.config.inputs import Inputs
from sweep.config.reading import read
from sweep.execution import coordinator as coordinators
from sweep.execution import local_run
from sweep.execution.coordinator import Coordinator
from sweep.planning.trials import Trial
from sweep.records import InstanceRecord, TrialRecord, cpu_share
from sweep.records.cpu_share import CpuClock, core_share, is_starved, killed_facts, load_sentences
from sweep.store import Store
from sweep.store.stage_results import Entry, is_better, stands
from sweep.tasks.dense_network import train_network
from sweep.trial.trial import run_trial, still_valid

LIMIT = 10.0

Supply = Callable[[int], float]
"""The CPU seconds of an attack, by how many came before it."""


@pytest.fixture
def supply(monkeypatch: pytest.MonkeyPatch, work: Work) -> Callable[[Supply], None]:
    """Sets what CPU attacks have from now on: each ends at its limit, after ten seconds by the clock."""
    plain: Any = METHODS["surrogate"]
    given = list[Supply]()

    class Limited(plain):  # type: ignore[misc]
        def answer(self, dense: ReluNetwork, surrogate: Any, instance: Instance) -> AttackResult:
            cpu = given[-1](work.attacked)
            result = super().answer(dense, surrogate, instance)
            timings = {**result.timings, "total_seconds": LIMIT, "cpu_seconds": cpu}
            return dataclasses.replace(result, timings=timings, solver_status="time_limit")

    monkeypatch.setitem(METHODS, "surrogate", Limited)
    return given.append


def answered(store: Store, one: Trial, digits: Dataset) -> TrialRecord:
    record = run_trial(one, Inputs(digits), None, stages_of(store))
    assert record.status == "finished", record.error
    store.save_trial(record)
    return record


@pytest.mark.parametrize(
    ("changed", "starved"),
    [
        ({}, True),
        ({"cpu_seconds": 4.9}, True),
        ({"cpu_seconds": 5.1}, False),
        ({"cpu_seconds": None}, False),
        ({"total_seconds": None}, False),
        ({"total_seconds": 0.9, "cpu_seconds": 0.0}, False),
        ({"total_seconds": 300.0, "cpu_seconds": 9.8}, False),  # it was stopped after it had nearly all that its limit gives
        ({"total_seconds": 300.0, "cpu_seconds": 1.0}, True),
        ({"status": "adversarial"}, True),  # more CPU may find more within the limit
        ({"status": "robust"}, False),
        ({"status": "optimal"}, False),
        ({"status": "infeasible", "task": "model", "objective": "model"}, False),
        ({"status": "robust", "task": "model", "objective": "model"}, True),  # no proof is called so there
        ({"status": "least", "task": "own_tasks:LeastTask", "objective": "own_tasks:LeastTask"}, False),  # the task says so
        ({"status": "optimal", "task": "own_tasks:LeastTask", "objective": "own_tasks:LeastTask"}, True),
        ({"solver_status": "optimal"}, False),  # it ended by itself, whatever that took
        ({"solver_status": "stopped", "status": "adversarial"}, False),
        ({"solver_status": "exhausted"}, False),
        ({"solver_status": None}, True),  # as of a gradient attack, which came to its limit
        ({"solver_status": None, "total_seconds": 9.0}, False),  # and here it had come to its end
    ],
)
def test_what_is_starved_is_what_more_cpu_could_change(changed: dict[str, Any], starved: bool) -> None:
    facts = {"status": "unresolved", "solver_status": "time_limit", "total_seconds": LIMIT, "cpu_seconds": 0.1}
    facts |= {"task": "image", "objective": "margin"}
    assert is_starved({**facts, **changed}, LIMIT) == starved


def test_a_starved_answer_is_marked_and_only_it_is_asked_again(
    plan: Plan, digits: Dataset, work: Work, store: Store, supply: Callable[[Supply], None]
) -> None:
    one = plan(f"solver.time_limit_seconds={LIMIT}")
    supply(lambda number: 0.1 if number == 1 else 9.9)
    before = answered(store, one, digits)
    assert [i.starved for i in before.instances] == [False, True, False]
    assert any("starved of CPU" in text for text in before.log)
    assert not still_valid(before, read(one.config))
    assert work.done == (1, 1, 3)

    supply(lambda number: 9.9)
    after = answered(store, one, digits)
    assert work.done == (0, 0, 1)
    assert [(i.starved, i.cpu_seconds) for i in after.instances] == [(False, 9.9)] * 3
    assert still_valid(after, read(one.config))
    answered(store, one, digits)
    assert work.done == (0, 0, 0)


def test_on_a_machine_that_stays_busy_a_run_asks_once_and_the_better_answer_stands(
    plan: Plan, digits: Dataset, work: Work, store: Store, supply: Callable[[Supply], None]
) -> None:
    one = plan(f"solver.time_limit_seconds={LIMIT}")
    supply(lambda number: 2.0)
    answered(store, one, digits)
    work.done  # noqa: B018
    for cpu, kept in ((1.0, 2.0), (3.0, 3.0), (0.5, 3.0)):
        supply(lambda number, cpu=cpu: cpu)  # type: ignore[misc]
        stages = stages_of(store)
        for _ in range(2):  # the second is another trial of the same run that asks the same, or the same one begun again
            record = run_trial(one, Inputs(digits), None, stages)
            assert [(i.starved, i.cpu_seconds) for i in record.instances] == [(True, kept)] * 3
        assert work.done == (0, 0, 3)


def test_a_witness_is_not_given_up_and_answers_of_before_count_as_supplied() -> None:
    def entry(status: str, cpu: float | None, **more: Any) -> Entry:
        first = 0.5 if status == "adversarial" else None
        return Entry({"status": status, "cpu_seconds": cpu, "first_found_seconds": first, **more})

    starved = entry("unresolved", 1.0, starved=True)
    assert is_better(entry("adversarial", 9.0), starved)
    assert is_better(entry("unresolved", 0.7), starved)  # all that it asked for
    assert not is_better(entry("unresolved", None), starved)  # nobody knows what it had
    assert not is_better(entry("unresolved", 0.7, deadline_seconds=1.0), starved)  # nor was this given all its time
    assert not is_better(entry("unresolved", 9.0), entry("adversarial", 1.0, starved=True))
    assert is_better(entry("adversarial", 9.0), entry("adversarial", 1.0, starved=True))
    before = Entry(synthetic.of_before(synthetic.instance(starved=True).to_dict()))
    assert not is_better(entry("unresolved", 9.0), before)
    assert stands(Entry({"status": "unresolved"}), 60.0)
    assert not is_better(entry("adversarial", 9.0), Entry({"status": "unresolved"}))
    facts = {name: value for name, value in synthetic.instance().to_dict().items() if name != "starved"}
    assert not InstanceRecord(**facts).starved


def test_the_head_has_a_starved_answer_made_once(tmp_path: Path) -> None:
    def coordinator() -> Coordinator:
        return Coordinator(str(tmp_path / "store"), resume=True, retries=2, kill=lambda _: None)

    poor, poorer = ({"status": "unresolved", "starved": True, "cpu_seconds": cpu} for cpu in (2.0, 1.0))
    first = coordinator()
    assert first.claim("instances", "k", 60.0, "one", "a") == ("make", None)
    assert first.put("instances", "k", Entry(poor), "a") is None
    assert first.claim("instances", "k", 60.0, "two", "b") == ("found", Entry(poor))
    again = coordinator()
    assert again.claim("instances", "k", 60.0, "one", "a") == ("make", None)
    assert again.put("instances", "k", Entry(poorer), "a") == Entry(poor)
    assert again.claim("instances", "k", 60.0, "two", "b") == ("found", Entry(poor))
    late = coordinator()
    assert late.claim("instances", "k", 0.0, "one", "a") == ("found", Entry(poor)), "no time is left to ask again"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that counts, and is stopped."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        process.send_signal(signal.SIGSTOP)
        yield process
        process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the CPU time of another process by its number")
def test_an_answer_of_a_stopped_worker_that_its_deadline_ends_is_starved(
    child: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinators, "GRACE_SECONDS", 0.0)
    killed: list[Any] = []
    coordinator = Coordinator(str(tmp_path / "store"), resume=True, retries=2, kill=killed.append)
    facts = {"status": "unresolved", "solver_status": "killed", "total_seconds": 70.0, "deadline_seconds": 70.0}
    clock = dataclasses.replace(CpuClock.of_this_process(), pid=child.pid, before=0.0)
    coordinator.claim("instances", "k", 70.0, "one", "a")
    coordinator.begin("k", facts, 0.05, "one", "a", "the worker", clock)
    until(lambda: killed, seconds=10.0)
    found = Store(tmp_path / "store").get("instances", "k")
    assert found is not None
    assert found.facts["starved"] is True
    assert 0.0 <= found.facts["cpu_seconds"] < 1.0
    assert coordinator.claim("instances", "k", 70.0, "two", "a")[0] == "found", "not in this run"
    coordinator = Coordinator(str(tmp_path / "store"), resume=True, retries=2, kill=killed.append)
    assert coordinator.claim("instances", "k", 70.0, "one", "a")[0] == "make"


def test_an_answer_of_another_machine_that_its_deadline_ends_is_not_judged() -> None:
    facts = {"status": "unresolved", "solver_status": "killed", "total_seconds": 70.0}
    here_now = CpuClock.of_this_process()
    assert killed_facts(facts, here_now)["starved"]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for unknown in (None, dataclasses.replace(here_now, host="elsewhere"), dataclasses.replace(here_now, pid=gone.pid)):
        assert killed_facts(facts, unknown) == facts
    busy = dataclasses.replace(here_now, before=here_now.before - 69.0)
    assert "starved" not in killed_facts(facts, busy)


def test_an_attack_that_is_left_behind_without_cpu_does_not_go_round(
    plan: Plan, digits: Dataset, work: Work, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process an attack that outlives its deadline is left behind and its trial begins again."""
    monkeypatch.setattr(coordinators, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(coordinators, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(local_run, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(cpu_share, "JUDGED_SECONDS", 0.1)
    one = plan("deadlines.instance_seconds=0.2")
    trained = train_network(read(one.config), digits)
    begun: list[int] = []

    def second_hangs(number: int) -> None:
        begun.append(number)
        if len(begun) == 2:
            time.sleep(1.0)

    work.attack = second_hangs
    record = local_run.run_locally(one, Inputs(digits), trained, local_run.local_coordinator(store))
    assert record.status == "finished", record.error
    assert [i.starved for i in record.instances] == [False, True, False]
    assert record.instances[1].solver_status == "killed"
    assert len(begun) == 3, "the second question is asked once"


def test_how_much_of_a_core_attacks_had() -> None:
    def attack(total: float | None, cpu: float | None) -> InstanceRecord:
        return synthetic.instance(total_seconds=total, cpu_seconds=cpu)

    assert core_share([attack(10.0, 2.0), attack(10.0, 5.0)]) == pytest.approx(0.35)
    assert core_share([attack(10.0, 40.0), attack(10.0, 0.0)]) == pytest.approx(0.5), "four cores of one do not hide the other"
    assert core_share([attack(10.0, 5.0), attack(60.0, None)]) == pytest.approx(0.5)
    assert core_share([attack(0.01, 0.0)] * 9) is None
    assert core_share([]) is None


def test_load_is_told_with_the_trials_concerned() -> None:
    free = synthetic.trial("free", [synthetic.instance(total_seconds=20.0, cpu_seconds=16.1)])
    assert load_sentences([free]) == []
    short = synthetic.trial("short", [synthetic.instance(total_seconds=0.02, cpu_seconds=0.0)])
    assert load_sentences([short]) == []
    busy = [
        synthetic.trial(f"busy {place}", [synthetic.instance(total_seconds=20.0, cpu_seconds=15.8 - place)])
        for place in range(7)
    ]
    (text,) = load_sentences([free, *busy])
    assert "the attacks of 7 trials had less than 0.8 of a core" in text
    assert "(busy 6: 0.49; busy 5: 0.54; busy 4: 0.59; busy 3: 0.64; busy 2: 0.69 and 2 more)" in text
    assert "sweep.resume=false" in text
    poor = synthetic.trial(
        "poor", [synthetic.instance(1), synthetic.instance(2, starved=True, total_seconds=9.0, cpu_seconds=1.0)]
    )
    first, second = load_sentences([poor])
    assert "Starved of CPU: 1 answer of 1 trial had less than 0.5 of a core until the limit (poor: 1 of 2)." in first
    assert "(poor: 0.28)" in second


def test_a_sweep_says_so_at_its_end_in_its_report_and_in_a_dry_run_and_mends_it_when_run_again(
    composer: Composer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    empty_store: Path,
    work: Work,
    supply: Callable[[Supply], None],
) -> None:
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())
    uri, store = f"sqlite:///{empty_store / 'mlflow.db'}", tmp_path / "store"
    overrides = [*QUICK, "pruning.amount=0.5,0.8", f"solver.time_limit_seconds={LIMIT}", "sweep.name=busy"]

    def sweep(*more: str) -> str:
        terminal = io.StringIO()
        plan = composer.plan(*overrides, f"sweep.store={store}", f"tracking.uri={uri}", *more)
        assert commands.run(plan, overrides, parallel=False, console=Console(file=terminal, width=200)) == 0
        return terminal.getvalue()

    supply(lambda number: 0.1 if number == 1 else 9.9)
    printed = sweep()
    starved = "Starved of CPU: 1 answer of 1 trial had less than 0.5 of a core until the limit (1x6 magnitude 0.5: 1 of 2)."
    busy = "Busy machine: the attacks of 1 trial had less than 0.8 of a core (1x6 magnitude 0.5: 0.50)."
    assert starved in printed
    assert busy in printed
    assert "What to run next:" not in printed, "that is for who has a first look"
    (page,) = (path.read_text() for path in (store / "reports").glob("*/report.html"))
    assert starved in page
    assert busy in page
    planned = sweep("sweep.dry_run=true")
    assert "2 trials: 1 partly done, 1 done. 3 of 4 answers are in" in planned
    assert "1 answer of 1 trial had too little CPU: computed again." in planned
    assert work.attacked == 4

    supply(lambda number: 9.9)
    printed = sweep()
    assert "2 finished (1 reused), 0 failed of 2 trials." in printed
    assert "Starved" not in printed
    assert "Busy" not in printed
    assert work.attacked == 5
    assert "2 done. 4 of 4 answers are in" in sweep("sweep.dry_run=true")
