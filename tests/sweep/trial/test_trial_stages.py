"""A trial takes from the store what is there and makes the rest, however it was ended before."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from counting import Plan, Work, outcome, stages_of

from surrogate.data import Dataset
from sweep.config import key_versions
from sweep.config.inputs import Inputs
from sweep.execution.coordinated_stages import CoordinatedStages
from sweep.execution.local_run import local_coordinator
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.store.stage_results import Entry, once
from sweep.trial.trial import TrialRun, run_trial


def test_the_same_trial_again_makes_nothing_and_gives_the_same(
    plan: Plan, digits: Dataset, work: Work, store: Store, expected: TrialRecord
) -> None:
    one = plan()
    first = run_trial(one, Inputs(digits), None, stages_of(store))
    assert (first.status, work.done, outcome(first)) == ("finished", (1, 1, 3), outcome(expected))
    again = run_trial(one, Inputs(digits), None, stages_of(store))
    assert (again.status, work.done) == ("finished", (0, 0, 0))
    assert again.instances == first.instances
    same = ("network_key", "accuracy_dense", "accuracy_surrogate", "sparsity", "train_seconds", "prune_seconds", "skipped")
    assert [getattr(again, name) for name in same] == [getattr(first, name) for name in same]
    assert again.total_seconds is not None
    assert again.total_seconds >= sum(i.total_seconds or 0.0 for i in first.instances)  # the work in it, whoever did it
    assert (len(store.keys("networks")), len(store.keys("surrogates")), len(store.keys("instances"))) == (1, 1, 3)


@pytest.mark.parametrize(
    ("changed", "done"),
    [
        (["solver.time_limit_seconds=7"], (0, 0, 0)),  # they ended by themselves (tests/sweep/trial/test_limit_reuse.py)
        (["solver.seed=1"], (0, 0, 3)),
        (["instances.count=5"], (0, 0, 2)),
        (["instances.count=2"], (0, 0, 0)),
        (["attack.radius=2.0"], (0, 0, 3)),
        (["pruning.amount=0.25"], (0, 1, 3)),
        (["training.epochs=2"], (1, 1, 3)),
        (["deadlines.instance_seconds=999", "sweep.name=other"], (0, 0, 0)),
        (["pruning.method=none"], (0, 0, 3)),
        (["pruning.method=stable"], (0, 3, 3)),
    ],
)
def test_a_change_makes_anew_what_it_changes(
    plan: Plan, digits: Dataset, work: Work, store: Store, changed: list[str], done: tuple[int, int, int]
) -> None:
    assert run_trial(plan(), Inputs(digits), None, stages_of(store)).status == "finished"
    assert work.done == (1, 1, 3)
    record = run_trial(plan(*changed), Inputs(digits), None, stages_of(store))
    assert (record.status, work.done) == ("finished", done)
    fresh = run_trial(plan(*changed), Inputs(digits))
    assert outcome(record) == outcome(fresh)
    assert (record.sparsity, record.accuracy_surrogate) == (fresh.sparsity, fresh.accuracy_surrogate)


def test_a_trial_goes_on_at_the_question_where_it_ended(
    plan: Plan, digits: Dataset, work: Work, store: Store, expected: TrialRecord
) -> None:
    def killed(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    one = plan()
    stages = stages_of(store)
    work.attack = killed
    with pytest.raises(KeyboardInterrupt):
        run_trial(one, Inputs(digits), None, stages)
    assert (work.done, store.partial(one.key)) == ((1, 1, 2), 2)
    work.attack = lambda number: None
    record = run_trial(one, Inputs(digits), None, stages)  # the same stages: nothing is left claimed
    assert (record.status, work.done, store.partial(one.key)) == ("finished", (0, 0, 1), 3)
    assert outcome(record) == outcome(expected)


def test_what_was_found_before_a_failure_is_in_the_record_and_kept(
    plan: Plan, digits: Dataset, work: Work, store: Store
) -> None:
    def fails(number: int) -> None:
        if number == 1:
            raise ArithmeticError("no luck")

    work.attack = fails
    record = run_trial(plan(), Inputs(digits), None, stages_of(store))
    assert (record.status, record.error, len(record.instances)) == ("failed", "ArithmeticError: no luck", 1)
    work.attack = lambda number: None
    assert work.done == (1, 1, 1)
    assert run_trial(plan(), Inputs(digits), None, stages_of(store)).status == "finished"
    assert work.done == (0, 0, 2)


def test_a_step_is_a_question(plan: Plan, digits: Dataset, work: Work) -> None:
    run = TrialRun(plan(), Inputs(digits))
    answers = []
    for more in (True, True, False):
        assert run.step() == more
        answers.append(len(run.record.instances))
    assert answers == [1, 2, 3]
    assert run.finish().status == "finished"


@pytest.mark.parametrize("damaged", ["networks", "surrogates", "instances"])
def test_damaged_results_are_made_anew(
    plan: Plan, digits: Dataset, work: Work, store: Store, expected: TrialRecord, damaged: str
) -> None:
    told: list[str] = []
    store.notice = told.append
    run_trial(plan(), Inputs(digits), None, stages_of(store))
    assert work.done == (1, 1, 3)
    key = sorted(store.keys(damaged))[0]
    path = Path(store.address) / damaged / key[:2] / f"{key}.json"
    path.write_bytes(path.read_bytes()[:100])
    record = run_trial(plan(), Inputs(digits), None, stages_of(store))
    assert work.done == {"networks": (1, 0, 0), "surrogates": (0, 1, 0), "instances": (0, 0, 1)}[damaged]
    assert (outcome(record), len(told)) == (outcome(expected), 1)


def test_afresh_reads_nothing_and_deletes_nothing(plan: Plan, digits: Dataset, work: Work, store: Store) -> None:
    one = plan()
    run_trial(one, Inputs(digits), None, stages_of(store))
    old = [store.get("instances", key) for key in sorted(store.keys("instances"))]
    assert work.done == (1, 1, 3)
    stages = stages_of(store, resume=False)
    assert run_trial(one, Inputs(digits), None, stages).status == "finished"
    assert work.done == (1, 1, 3)
    new = [store.get("instances", key) for key in sorted(store.keys("instances"))]
    assert len(old) == len(new) == 3
    assert all(before != after for before, after in zip(old, new, strict=True))  # their times differ
    run_trial(plan("instances.count=4"), Inputs(digits), None, stages)
    assert work.done == (0, 0, 1)  # what this sweep made it also uses


def test_trials_at_the_same_time_make_each_result_once(
    plan: Plan, digits: Dataset, work: Work, store: Store, expected: TrialRecord
) -> None:
    coordinator = local_coordinator(store)
    work.attack = lambda number: time.sleep(0.02)
    trials = [plan(), plan(), plan("instances.count=4")]
    records: list[TrialRecord] = []

    def run(worker: str, trial: Trial) -> None:
        records.append(
            run_trial(trial, Inputs(digits), None, CoordinatedStages(coordinator, worker, worker, threading.Event()))
        )

    threads = [threading.Thread(target=run, args=(f"worker {place}", trial)) for place, trial in enumerate(trials)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.status for record in records] == ["finished"] * 3
    assert work.done == (1, 1, 4)
    assert all(outcome(record)[:3] == outcome(expected) for record in records)


def test_a_failing_maker_gives_up_its_claim(store: Store) -> None:
    stages = stages_of(store)

    def fails() -> Entry:
        raise ArithmeticError

    for _ in range(2):
        with pytest.raises(ArithmeticError):
            once(stages, "surrogates", "k1", fails)
    assert once(stages, "surrogates", "k1", lambda: Entry({"a": 1})) == (Entry({"a": 1}), False)
    assert once(stages, "surrogates", "k1", fails) == (Entry({"a": 1}), True)


def test_who_waits_for_a_result_that_fails_makes_it(store: Store) -> None:
    coordinator = local_coordinator(store)
    stages, others = (CoordinatedStages(coordinator, worker, worker, threading.Event()) for worker in ("one", "two"))
    assert stages.get("instances", "k1") is None
    got: list[Entry | None] = []
    waiting = threading.Thread(target=lambda: got.append(others.get("instances", "k1")))
    waiting.start()
    time.sleep(0.05)
    assert got == []
    stages.abandon("instances", "k1")
    waiting.join(5.0)
    assert got == [None]
    stages.put("instances", "k1", Entry({"a": 1}))
    assert stages.get("instances", "k1") == Entry({"a": 1})


def test_a_trial_of_another_version_is_not_continued(
    plan: Plan, digits: Dataset, work: Work, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_trial(plan(), Inputs(digits), None, stages_of(store))
    assert work.done == (1, 1, 3)
    monkeypatch.setattr(key_versions, "INSTANCES_VERSION", key_versions.INSTANCES_VERSION + 1)
    run_trial(plan(), Inputs(digits), None, stages_of(store))
    assert work.done == (0, 0, 3)
