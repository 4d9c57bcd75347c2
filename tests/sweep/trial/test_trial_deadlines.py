"""What an attack or a trial leaves when a deadline ends it, and how long that stands."""

from __future__ import annotations

import json
import threading
import time
from itertools import pairwise
from typing import Any

import pytest
from counting import Plan, Work, outcome, stages_of

from surrogate.attack import Instance
from surrogate.data import Dataset
from surrogate.region import Region
from surrogate.witness import check
from sweep.config.inputs import Inputs
from sweep.config.reading import read
from sweep.execution.coordinated_stages import CoordinatedStages
from sweep.execution.local_run import local_coordinator
from sweep.planning.trials import Trial
from sweep.records import InstanceRecord, TrialRecord
from sweep.store import Store
from sweep.store.stage_results import Entry, NoStages, StageKind
from sweep.tasks.dense_network import train_network
from sweep.trial.trial import TrialRun, run_trial, still_valid


class Watched(NoStages):
    """Keeps what it is told while attacks run."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any], float | None]] = []
        self.kept: dict[str, Entry] = {}

    def begin(self, key: str, facts: dict[str, Any], deadline_seconds: float) -> None:
        self.told.append((key, json.loads(json.dumps(facts, allow_nan=False)), deadline_seconds))

    def improve(self, key: str, facts: dict[str, Any]) -> None:
        self.told.append((key, json.loads(json.dumps(facts, allow_nan=False)), None))

    def put(self, kind: StageKind, key: str, entry: Entry) -> None:
        if kind == "instances":
            self.kept[key] = entry


@pytest.mark.parametrize("overrides", [[], ["attack.method=gradient", "attack.radius=6.0"], ["pruning.method=stable"]])
def test_what_is_known_is_told_while_the_attack_runs(plan: Plan, digits: Dataset, overrides: list[str]) -> None:
    stages = Watched()
    one = plan("training.epochs=20", "instances.count=2", "solver.time_limit_seconds=5", *overrides)
    record = run_trial(one, Inputs(digits), None, stages)
    assert record.status == "finished", record.error
    dense = train_network(read(one.config), digits).network
    starts = [place for place, (_, _, deadline) in enumerate(stages.told) if deadline is not None]
    assert [stages.told[place][2] for place in starts] == [70.0, 70.0]  # twice the solver's limit and a minute
    for begin, end, answer in zip(starts, [*starts[1:], None], record.instances, strict=True):
        key = stages.told[begin][0]
        assert stages.kept[key].facts["status"] == answer.status
        found = [InstanceRecord(**facts) for told, facts, _ in stages.told[begin:end] if told == key]
        assert len(found) == len(stages.told[begin:end])
        assert (found[0].status, found[0].dense_value, found[0].perturbed, found[0].timeline) == ("unresolved", None, None, [])
        assert (found[-1].dense_value, found[-1].perturbed) == (answer.dense_value, answer.perturbed)
        assert found[-1].status == ("adversarial" if answer.status == "adversarial" else "unresolved")
        assert found[-1].first_found_seconds == answer.first_found_seconds
        assert found[-1].l1 == answer.l1
        assert (found[-1].prune_seconds, found[-1].sparsity) == (answer.prune_seconds, answer.sparsity)
        assert answer.radius is not None
        question = Instance(Region(0.0, 1.0, answer.clean, answer.radius, "l1"), answer.label, answer.target)
        for one_before, known in pairwise(found):
            assert (known.solver_status, known.deadline_seconds, known.instance_key) == ("killed", 70.0, answer.instance_key)
            assert known.dense_value is not None
            assert one_before.dense_value is None or known.dense_value > one_before.dense_value
            assert known.timeline[:-1] == one_before.timeline
            checked = check(dense, question.region, question.problem, known.perturbed)
            assert checked is not None
            assert (checked.margin, checked.is_witness) == (pytest.approx(known.dense_value), known.status == "adversarial")


def ended(store: Store, one: Trial, digits: Dataset, work: Work, deadline_seconds: float) -> str:
    """Run a trial whose second attack is ended by a deadline, as the coordinator does it; return the key of that answer."""
    coordinator = local_coordinator(store)
    killed: dict[str, dict[str, Any]] = {}

    def hangs(number: int) -> None:
        if number == 1:
            killed.update({key: watch.facts for key, watch in coordinator._watches.items()})
            raise KeyboardInterrupt

    work.attack = hangs
    with pytest.raises(KeyboardInterrupt):
        run_trial(one, Inputs(digits), None, CoordinatedStages(coordinator, "a worker", one.key, threading.Event()))
    work.attack = lambda number: None
    ((key, facts),) = killed.items()
    assert facts["deadline_seconds"] == deadline_seconds
    store.put("instances", key, Entry(facts))
    assert work.done == (1, 1, 1)
    return key


def test_an_answer_that_a_deadline_ended_stands_until_it_may_take_longer(
    plan: Plan, digits: Dataset, work: Work, store: Store
) -> None:
    one = plan("deadlines.instance_seconds=5")
    key = ended(store, one, digits, work, 5.0)
    record = run_trial(one, Inputs(digits), None, stages_of(store))
    assert (record.status, work.done) == ("finished", (0, 0, 1))
    assert [i.solver_status == "killed" for i in record.instances] == [False, True, False]
    assert (record.instances[1].deadline_seconds, record.instances[1].total_seconds) == (5.0, 5.0)
    for seconds, stands in ((4.0, True), (5.0, True), (6.0, False)):
        changed = plan(f"deadlines.instance_seconds={seconds}")
        assert changed.key == one.key
        assert still_valid(record, read(changed.config)) == stands
    longer = plan()
    assert not still_valid(record, read(longer.config))
    record = run_trial(longer, Inputs(digits), None, stages_of(store))
    assert (record.status, work.done) == ("finished", (0, 0, 1))
    assert all(i.deadline_seconds is None for i in record.instances)
    entry = store.get("instances", key)
    assert entry is not None
    assert entry.facts["solver_status"] != "killed"


def test_a_trial_over_its_time_stops_after_a_question_and_goes_on_later(
    plan: Plan, digits: Dataset, work: Work, store: Store, expected: TrialRecord
) -> None:
    work.attack = lambda number: time.sleep(1.3)
    short = plan("deadlines.trial_seconds=1.2")
    record = run_trial(short, Inputs(digits), None, stages_of(store))
    assert (record.status, len(record.instances), work.done) == ("stopped", 1, (1, 1, 1))
    assert record.error == (
        "stopped by deadlines.trial_seconds=1.2 with 1 of 3 instances answered; the same command with a larger deadline goes "
        "on from there"
    )
    work.attack = lambda number: None
    larger = plan("deadlines.trial_seconds=60")
    record = run_trial(larger, Inputs(digits), None, stages_of(store))
    assert (record.status, work.done, outcome(record)) == ("finished", (0, 0, 2), outcome(expected))
    stages = stages_of(store)
    run = TrialRun(larger, Inputs(digits), None, stages, spent_seconds=61.0)
    while run.step():
        pass
    assert (run.finish().status, work.done) == ("finished", (0, 0, 0))  # all is there: nothing was missed


def test_time_spent_on_a_lost_worker_counts(plan: Plan, digits: Dataset, work: Work, store: Store) -> None:
    one = plan("deadlines.trial_seconds=60", "deadlines.instance_seconds=100")
    stages = Watched()
    run = TrialRun(one, Inputs(digits), None, stages, spent_seconds=50.0)
    run.step()
    (_, facts, deadline), *_ = stages.told
    assert deadline is not None
    assert 5.0 < deadline <= 10.0  # what is left for the trial, less than what is left for the question
    assert facts["deadline_seconds"] == deadline
    # The coordinator ended it there. What it had found is in the record, as the last answer before the stop.
    work.done  # noqa: B018
    key = stages.told[0][0]
    store.put("instances", key, Entry(facts))
    run = TrialRun(one, Inputs(digits), None, stages_of(store), spent_seconds=60.0)
    assert run.step() is False
    record = run.finish()
    assert (record.status, [i.solver_status for i in record.instances]) == ("stopped", ["killed"])
    assert record.error is not None
    assert "with 0 of 3 instances answered" in record.error
    assert work.done == (1, 1, 0)
