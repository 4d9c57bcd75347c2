"""A trial takes from the store what is there and makes the rest, however it was ended before."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from composing import QUICK, Composer
from omegaconf import OmegaConf

from surrogate.attack import AttackResult, GradientAttack, Instance
from surrogate.datasets import Dataset
from surrogate.networks import ReluNetwork
from surrogate.region import Region
from surrogate.witness import check
from sweep import keys, trial
from sweep.attacks import ATTACKS, Attack
from sweep.plan import Trial, plan_one
from sweep.records import InstanceRecord, TrialRecord
from sweep.schema import Settings, read
from sweep.stages import Entry, Kind, once
from sweep.store import LocalStages, NoStages, Store
from sweep.trial import Inputs, TrialRun, run_trial, still_valid

Plan = Callable[..., Trial]


@pytest.fixture(scope="module")
def plan(composer: Composer) -> Plan:
    """Plans a trial of three questions with some settings changed; faster than Hydra, which composes it only once."""
    base = composer.plain(*QUICK, "instances.count=3", "pruning.amount=0.5")

    def planned(*overrides: str) -> Trial:
        changed = OmegaConf.from_dotlist(list(overrides))
        return plan_one(OmegaConf.merge(base, changed)).trials[0]

    return planned


class Work:
    """Counts what a process trains, prunes and attacks; ``attack`` runs before each attack, with the number of those before."""

    def __init__(self) -> None:
        self.trained = self.pruned = self.attacked = 0
        self.attack: Callable[[int], None] = lambda number: None

    @property
    def done(self) -> tuple[int, int, int]:
        """What was trained, pruned and attacked since this was last asked."""
        done = self.trained, self.pruned, self.attacked
        self.trained = self.pruned = self.attacked = 0
        return done


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    import surrogate.pruning

    counted = Work()

    def train(*args: Any) -> Any:
        counted.trained += 1
        return train_network(*args)

    def pruning(*args: Any) -> Any:
        counted.pruned += 1
        return prune(*args)

    def quick(settings: Settings) -> Attack:
        """The gradient attack in the place of the MILP: as good for what is tested here."""
        gradient = GradientAttack(starts=2, time_limit_seconds=settings.solver.time_limit_seconds)

        def run(dense: ReluNetwork, pruned: ReluNetwork | None, instance: Instance) -> AttackResult:
            assert pruned is not None
            counted.attack(counted.attacked)
            counted.attacked += 1
            return gradient.run(dense, instance)

        return Attack(needs_surrogate=True, run=run)

    train_network, prune = trial.train_network, surrogate.pruning.prune
    monkeypatch.setattr(trial, "train_network", train)
    monkeypatch.setattr(surrogate.pruning, "prune", pruning)
    monkeypatch.setitem(ATTACKS, "surrogate", quick)
    return counted


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def outcome(record: TrialRecord) -> list[tuple[Any, ...]]:
    return [(i.instance_key, i.image, i.status, i.margin, i.perturbed, i.clean) for i in record.instances]


@pytest.fixture
def expected(plan: Plan, digits: Dataset, work: Work) -> TrialRecord:
    record = run_trial(plan(), Inputs(digits))
    assert record.status == "finished", record.error
    assert work.done == (1, 1, 3)
    return record


def test_the_same_trial_again_makes_nothing_and_gives_the_same(
    plan: Plan, digits: Dataset, work: Work, store: Store, expected: TrialRecord
) -> None:
    one = plan()
    first = run_trial(one, Inputs(digits), None, LocalStages(store))
    assert (first.status, work.done, outcome(first)) == ("finished", (1, 1, 3), outcome(expected))
    again = run_trial(one, Inputs(digits), None, LocalStages(store))
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
        (["solver.time_limit_seconds=7"], (0, 0, 3)),
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
    assert run_trial(plan(), Inputs(digits), None, LocalStages(store)).status == "finished"
    assert work.done == (1, 1, 3)
    record = run_trial(plan(*changed), Inputs(digits), None, LocalStages(store))
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
    stages = LocalStages(store)
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
    record = run_trial(plan(), Inputs(digits), None, LocalStages(store))
    assert (record.status, record.error, len(record.instances)) == ("failed", "ArithmeticError: no luck", 1)
    work.attack = lambda number: None
    assert work.done == (1, 1, 1)
    assert run_trial(plan(), Inputs(digits), None, LocalStages(store)).status == "finished"
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
    run_trial(plan(), Inputs(digits), None, LocalStages(store))
    assert work.done == (1, 1, 3)
    key = sorted(store.keys(damaged))[0]
    path = Path(store.address) / damaged / key[:2] / f"{key}.json"
    path.write_bytes(path.read_bytes()[:100])
    record = run_trial(plan(), Inputs(digits), None, LocalStages(store))
    assert work.done == {"networks": (1, 0, 0), "surrogates": (0, 1, 0), "instances": (0, 0, 1)}[damaged]
    assert (outcome(record), len(told)) == (outcome(expected), 1)


def test_afresh_reads_nothing_and_deletes_nothing(plan: Plan, digits: Dataset, work: Work, store: Store) -> None:
    one = plan()
    run_trial(one, Inputs(digits), None, LocalStages(store))
    old = [store.get("instances", key) for key in sorted(store.keys("instances"))]
    assert work.done == (1, 1, 3)
    stages = LocalStages(store, resume=False)
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
    stages = LocalStages(store)
    work.attack = lambda number: time.sleep(0.02)
    trials = [plan(), plan(), plan("instances.count=4")]
    records: list[TrialRecord] = []
    threads = [threading.Thread(target=lambda t=t: records.append(run_trial(t, Inputs(digits), None, stages))) for t in trials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.status for record in records] == ["finished"] * 3
    assert work.done == (1, 1, 4)
    assert all(outcome(record)[:3] == outcome(expected) for record in records)


class Watched(NoStages):
    """Keeps what it is told while attacks run."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any], float | None]] = []
        self.kept: dict[str, Entry] = {}

    def begin(self, key: str, facts: dict[str, Any], deadline_seconds: float) -> None:
        self.told.append((key, json.loads(json.dumps(facts, allow_nan=False)), deadline_seconds))

    def improve(self, key: str, facts: dict[str, Any]) -> None:
        self.told.append((key, json.loads(json.dumps(facts, allow_nan=False)), None))

    def put(self, kind: Kind, key: str, entry: Entry) -> None:
        if kind == "instances":
            self.kept[key] = entry


@pytest.mark.parametrize("overrides", [[], ["attack.method=gradient", "attack.radius=6.0"], ["pruning.method=stable"]])
def test_what_is_known_is_told_while_the_attack_runs(plan: Plan, digits: Dataset, overrides: list[str]) -> None:
    stages = Watched()
    one = plan("training.epochs=20", "instances.count=2", "solver.time_limit_seconds=5", *overrides)
    record = run_trial(one, Inputs(digits), None, stages)
    assert record.status == "finished", record.error
    dense = trial.train_network(read(one.config), digits).network
    starts = [place for place, (_, _, deadline) in enumerate(stages.told) if deadline is not None]
    assert [stages.told[place][2] for place in starts] == [70.0, 70.0]  # twice the solver's limit and a minute
    for begin, end, answer in zip(starts, [*starts[1:], None], record.instances, strict=True):
        key = stages.told[begin][0]
        assert stages.kept[key].facts["status"] == answer.status
        found = [InstanceRecord(**facts) for told, facts, _ in stages.told[begin:end] if told == key]
        assert len(found) == len(stages.told[begin:end])
        assert (found[0].status, found[0].margin, found[0].perturbed, found[0].timeline) == ("unresolved", None, None, [])
        assert (found[-1].margin, found[-1].perturbed) == (answer.margin, answer.perturbed)
        assert found[-1].status == ("adversarial" if answer.status == "adversarial" else "unresolved")
        assert found[-1].first_adversarial_seconds == answer.first_adversarial_seconds
        assert found[-1].l1 == answer.l1
        assert (found[-1].prune_seconds, found[-1].sparsity) == (answer.prune_seconds, answer.sparsity)
        assert answer.radius is not None
        question = Instance(Region(0.0, 1.0, answer.clean, answer.radius, "l1"), answer.label, answer.target)
        for one_before, known in pairwise(found):
            assert (known.solver_status, known.deadline_seconds, known.instance_key) == ("killed", 70.0, answer.instance_key)
            assert known.margin is not None
            assert one_before.margin is None or known.margin > one_before.margin
            assert known.timeline[:-1] == one_before.timeline
            checked = check(dense, question.region, question.problem, known.perturbed)
            assert checked is not None
            assert (checked.margin, checked.is_witness) == (pytest.approx(known.margin), known.status == "adversarial")


def ended(store: Store, one: Trial, digits: Dataset, work: Work, deadline_seconds: float) -> str:
    """Run a trial whose second attack is ended by a deadline, as the head does it; return the key of that answer."""
    stages = LocalStages(store)
    killed: dict[str, dict[str, Any]] = {}

    def hangs(number: int) -> None:
        if number == 1:
            killed.update(stages.found)
            raise KeyboardInterrupt

    work.attack = hangs
    with pytest.raises(KeyboardInterrupt):
        run_trial(one, Inputs(digits), None, stages)
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
    record = run_trial(one, Inputs(digits), None, LocalStages(store))
    assert (record.status, work.done) == ("finished", (0, 0, 1))
    assert [i.solver_status == "killed" for i in record.instances] == [False, True, False]
    assert (record.instances[1].deadline_seconds, record.instances[1].total_seconds) == (5.0, 5.0)
    for seconds, stands in ((4.0, True), (5.0, True), (6.0, False)):
        changed = plan(f"deadlines.instance_seconds={seconds}")
        assert changed.key == one.key
        assert still_valid(record, read(changed.config)) == stands
    longer = plan()
    assert not still_valid(record, read(longer.config))
    record = run_trial(longer, Inputs(digits), None, LocalStages(store))
    assert (record.status, work.done) == ("finished", (0, 0, 1))
    assert all(i.deadline_seconds is None for i in record.instances)
    entry = store.get("instances", key)
    assert entry is not None
    assert entry.facts["solver_status"] != "killed"


def test_a_trial_over_its_time_stops_after_a_question_and_goes_on_later(
    plan: Plan, digits: Dataset, work: Work, store: Store, expected: TrialRecord
) -> None:
    work.attack = lambda number: time.sleep(0.4)
    short = plan("deadlines.trial_seconds=0.3")
    record = run_trial(short, Inputs(digits), None, LocalStages(store))
    assert (record.status, len(record.instances), work.done) == ("stopped", 1, (1, 1, 1))
    assert record.error == (
        "stopped by deadlines.trial_seconds=0.3 with 1 of 3 instances answered; the same command with a larger deadline goes "
        "on from there"
    )
    work.attack = lambda number: None
    larger = plan("deadlines.trial_seconds=60")
    record = run_trial(larger, Inputs(digits), None, LocalStages(store))
    assert (record.status, work.done, outcome(record)) == ("finished", (0, 0, 2), outcome(expected))
    stages = LocalStages(store)
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
    # The head ended it there. What it had found is in the record, as the last answer before the stop.
    work.done  # noqa: B018
    key = stages.told[0][0]
    store.put("instances", key, Entry(facts))
    run = TrialRun(one, Inputs(digits), None, LocalStages(store), spent_seconds=60.0)
    assert run.step() is False
    record = run.finish()
    assert (record.status, [i.solver_status for i in record.instances]) == ("stopped", ["killed"])
    assert record.error is not None
    assert "with 0 of 3 instances answered" in record.error
    assert work.done == (1, 1, 0)


def test_a_failing_maker_gives_up_its_claim(store: Store) -> None:
    stages = LocalStages(store)

    def fails() -> Entry:
        raise ArithmeticError

    for _ in range(2):
        with pytest.raises(ArithmeticError):
            once(stages, "surrogates", "k1", fails)
    assert once(stages, "surrogates", "k1", lambda: Entry({"a": 1})) == (Entry({"a": 1}), False)
    assert once(stages, "surrogates", "k1", fails) == (Entry({"a": 1}), True)


def test_who_waits_for_a_result_that_fails_makes_it(store: Store) -> None:
    stages = LocalStages(store)
    assert stages.get("instances", "k1") is None
    got: list[Entry | None] = []
    waiting = threading.Thread(target=lambda: got.append(stages.get("instances", "k1")))
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
    run_trial(plan(), Inputs(digits), None, LocalStages(store))
    assert work.done == (1, 1, 3)
    monkeypatch.setattr(keys, "INSTANCES_VERSION", keys.INSTANCES_VERSION + 1)
    run_trial(plan(), Inputs(digits), None, LocalStages(store))
    assert work.done == (0, 0, 3)
