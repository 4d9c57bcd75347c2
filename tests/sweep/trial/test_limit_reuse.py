"""A sweep with another time limit takes from the store what cannot differ, and says what it took."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from composing import QUICK, Composer
from counting import Plan, Work, stages_of
from rich.console import Console

from surrogate.attack import METHODS, Attack, AttackResult, Event, Instance, PortfolioAttack, SurrogateAttack
from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from sweep.commands import run as commands
from sweep.commands.notebook import results
from sweep.config.inputs import Inputs
from sweep.errors import ConfigError
from sweep.execution.coordinator import Coordinator
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.records.time_limit import records_at_limit, trial_at_limit
from sweep.report.gather import gather
from sweep.store import Store
from sweep.store.stage_results import Entry, NoStages, is_better
from sweep.trial.limit_reuse import KIND, keep_trial
from sweep.trial.trial import run_trial

Starve = Callable[[bool], None]


@pytest.fixture
def lasting(monkeypatch: pytest.MonkeyPatch, work: Work) -> Starve:
    """Attacks on a clock of their own: the first question ends by itself after 1 s, the others only at their limit.

    After 3 s their margin is larger by 1. The function that is returned says whether they have next to no CPU from now on.
    """
    quick, starved, seen = METHODS["surrogate"](), [False], list[bytes]()

    class OnAClock(Attack):
        def answer(self, dense: ReluNetwork, surrogate: Any, instance: Instance) -> AttackResult:
            limit = getattr(self, "solver", self).time_limit_seconds
            found = quick.answer(dense, dense if surrogate is None else surrogate, instance)
            center = instance.region.center.tobytes()
            if center not in seen:
                seen.append(center)
            itself = seen.index(center) == 0 and limit > 1.0
            total = 1.0 if itself else limit
            events = [Event(0.1, 1.0, None, "start"), Event(3.0, 2.0, None, "polish")]
            events = [event for event in events if event.seconds <= total]
            return dataclasses.replace(
                found,
                status="unresolved",
                margin=events[-1].margin,
                timeline=events,
                first_adversarial_seconds=None,
                norms={},
                timings={"total_seconds": total, "cpu_seconds": 0.01 if starved[0] else total},
                solver_status="optimal" if itself else "time_limit",
            )

    class MilpOnAClock(OnAClock, SurrogateAttack):
        pass

    class PortfolioOnAClock(OnAClock, PortfolioAttack):
        pass

    def starve(value: bool) -> None:
        starved[0] = value

    monkeypatch.setitem(METHODS, "surrogate", MilpOnAClock)
    monkeypatch.setitem(METHODS, "portfolio", PortfolioOnAClock)
    return starve


@pytest.fixture
def at(plan: Plan, digits: Dataset, store: Store, lasting: Starve) -> Callable[..., TrialRecord]:
    """Runs the trial of three questions with a time limit, as a later sweep on the same store would."""

    def run(seconds: float, *overrides: str, resume: bool = True) -> TrialRecord:
        one = plan(f"solver.time_limit_seconds={seconds:g}", *overrides)
        record = run_trial(one, Inputs(digits), None, stages_of(store, resume))
        assert record.status == "finished", record.error
        return record

    return run


At = Callable[..., TrialRecord]


def margins(record: TrialRecord) -> list[tuple[float | None, float | None, float | None]]:
    return [(one.dense_value, one.limit_seconds, one.cut_from_seconds) for one in record.instances]


def test_with_a_longer_limit_only_what_had_not_ended_by_itself_is_asked_again(at: At, work: Work) -> None:
    short = at(2)
    assert (work.done, margins(short)) == ((1, 1, 3), [(1.0, 2.0, None)] * 3)
    longer = at(4)
    assert work.done == (0, 0, 2)
    assert margins(longer) == [(1.0, 2.0, None), (2.0, 4.0, None), (2.0, 4.0, None)]
    assert longer.instances[0].solver_status == "optimal"
    assert at(2).instances == short.instances, "what was made with that limit stays"
    assert work.done == (0, 0, 0)


def test_with_a_shorter_limit_nothing_is_asked_and_the_record_says_that_it_was_cut(at: At, work: Work, store: Store) -> None:
    at(4)
    assert work.done == (1, 1, 3)
    short = at(2)
    assert work.done == (0, 0, 0)
    assert margins(short) == [(1.0, 4.0, None), (1.0, 2.0, 4.0), (1.0, 2.0, 4.0)]
    assert [one.total_seconds for one in short.instances] == [1.0, 2.0, 2.0]
    cut = [line for line in short.log if "cut at 2 s from a run with a limit of 4 s, solver time_limit" in line]
    assert len(cut) == 2
    assert store.partial(short.key) == 3, "as if it had been run with that limit"
    again = at(2)
    assert (again.instances, work.done) == (short.instances, (0, 0, 0))
    assert margins(at(4)) == [(1.0, 4.0, None), (2.0, 4.0, None), (2.0, 4.0, None)]
    at(3, "instances.count=2")
    assert work.done == (0, 0, 0), "of other trials too"


def test_a_killed_trial_goes_on_with_another_limit_where_it_ended(at: At, work: Work) -> None:
    def killed(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    work.attack = killed
    with pytest.raises(KeyboardInterrupt):
        at(4)
    assert work.done == (1, 1, 2)
    work.attack = lambda number: None
    assert margins(at(2)) == [(1.0, 4.0, None), (1.0, 2.0, 4.0), (1.0, 2.0, None)]
    assert work.done == (0, 0, 1)
    assert margins(at(4)) == [(1.0, 4.0, None), (2.0, 4.0, None), (2.0, 4.0, None)]
    assert work.done == (0, 0, 1)
    assert margins(at(8))[1:] == [(2.0, 8.0, None)] * 2
    assert work.done == (0, 0, 2)


def test_afresh_takes_only_what_it_made_itself(at: At, work: Work, plan: Plan, digits: Dataset, store: Store) -> None:
    at(4)
    assert work.done == (1, 1, 3)
    at(2, resume=False)
    assert work.done == (1, 1, 3)
    stages = stages_of(store, resume=False)
    for limit, attacked in ((4, 3), (2, 0)):
        run_trial(plan(f"solver.time_limit_seconds={limit}"), Inputs(digits), None, stages)
        assert work.done[2] == attacked


def test_what_had_too_little_cpu_is_taken_for_no_other_limit(at: At, work: Work, lasting: Starve) -> None:
    lasting(True)
    at(4)
    lasting(False)
    assert work.done == (1, 1, 3)
    assert margins(at(2))[1:] == [(1.0, 2.0, None)] * 2
    assert work.done == (0, 0, 2), "the one that ended by itself stands whatever it had"


def test_a_starved_answer_gives_way_to_one_that_is_cut(at: At, work: Work, lasting: Starve) -> None:
    lasting(True)
    assert [one.starved for one in at(2).instances] == [False, True, True]
    lasting(False)
    at(4)
    assert work.done == (1, 1, 5)
    again = at(2)
    assert [(one.starved, one.cut_from_seconds) for one in again.instances] == [(False, None), (False, 4.0), (False, 4.0)]
    assert work.done == (0, 0, 0)


def test_an_attack_that_plans_by_its_limit_is_run_for_each(at: At, work: Work, store: Store) -> None:
    for limit in (4, 2, 8):
        at(limit, "attack.method=portfolio")
        assert work.done[2] == 3
    assert store.keys(KIND) == set()


def test_the_longest_stands_whoever_writes_last(at: At, work: Work, plan: Plan, digits: Dataset, store: Store) -> None:
    """Two drivers at once, each with a limit of its own, that know nothing of each other."""
    for limit in (4, 2):
        run_trial(plan(f"solver.time_limit_seconds={limit}"), Inputs(digits), None, stages_of(store, resume=False))
    shared = store.keys(KIND)
    assert len(shared) == 3
    stages, key = stages_of(store), sorted(shared)[0]
    stages.put(KIND, key, Entry({"key": "long", "limit_seconds": 9.0}))
    stages.put(KIND, key, Entry({"key": "short", "limit_seconds": 3.0}))
    assert stages.peek(KIND, key) == Entry({"key": "long", "limit_seconds": 9.0})
    assert NoStages().peek(KIND, key) is None
    there = Entry({"status": "robust", "limit_seconds": 2.0})
    assert is_better(Entry({"status": "unresolved", "limit_seconds": 4.0}), there)
    for less in ({"deadline_seconds": 1.0}, {"starved": True}):
        assert not is_better(Entry({"status": "unresolved", "limit_seconds": 4.0, **less}), there)


@pytest.mark.parametrize("how", ["cut short", "of nothing", "of another file"])
def test_a_damaged_note_costs_a_run_and_no_more(at: At, work: Work, store: Store, how: str) -> None:
    said: list[str] = []
    store.notice = said.append
    at(4)
    for key in store.keys(KIND):
        path = Path(store.address) / KIND / key[:2] / f"{key}.json"
        if how == "cut short":
            path.write_bytes(path.read_bytes()[:40])
        else:
            where = "0" * 16 if how == "of nothing" else "../../../etc/passwd"
            store.put(KIND, key, Entry({"key": where, "limit_seconds": 4.0}), replace=True)
    assert work.done == (1, 1, 3)
    assert margins(at(2)) == [(1.0, 2.0, None)] * 3
    assert work.done == (0, 0, 3)
    assert len(said) == (3 if how == "cut short" else 0)


def test_the_head_shows_what_is_there_whoever_makes_it(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    coordinator = Coordinator(url, resume=True, retries=2, kill=lambda _: None)
    assert coordinator.peek("instances", "k") is None
    assert coordinator.claim("instances", "k", 60.0, "one", "a") == ("make", None)
    coordinator.put("instances", "k", Entry({"a": 1}), "a")
    assert coordinator.claim("instances", "k", None, "two", "b")[0] == "found"
    assert coordinator.peek("instances", "k") == Entry({"a": 1})
    afresh = Coordinator(url, resume=False, retries=2, kill=lambda _: None)
    assert afresh.peek("instances", "k") is None
    afresh.put("instances", "k", Entry({"a": 2}), "a")
    assert afresh.peek("instances", "k") == Entry({"a": 2})


@pytest.fixture
def sweep(
    composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path, lasting: Starve
) -> Callable[..., str]:
    """Runs a sweep of two trials of two questions each in this process and returns what it printed."""
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())
    uri, store = f"sqlite:///{empty_store / 'mlflow.db'}", tmp_path / "store"

    def run(name: str, *more: str) -> str:
        lines = [*QUICK, "pruning.amount=0.5,0.8", f"sweep.name={name}", f"sweep.store={store}", f"tracking.uri={uri}", *more]
        terminal = io.StringIO()
        assert commands.run(composer.plan(*lines), lines, parallel=False, console=Console(file=terminal, width=250)) == 0
        return terminal.getvalue()

    return run


def test_whole_trials_are_taken_where_all_of_their_answers_are(
    sweep: Callable[..., str], work: Work, tmp_path: Path, composer: Composer
) -> None:
    four, two = "solver.time_limit_seconds=4", "solver.time_limit_seconds=2"
    store = Store(tmp_path / "store")
    assert "2 finished (0 reused)" in sweep("long", four)
    assert work.done == (0, 2, 4)
    preview = sweep("short", two, "sweep.dry_run=true")
    assert "2 trials: 2 done. 4 of 4 answers are in" in preview
    assert "Nothing is left to compute" in preview
    assert len(store.keys("trials")) == 2, "a dry run keeps nothing"
    printed = sweep("short", two)
    assert work.done == (0, 0, 0)
    assert "2 finished (2 reused), 0 failed of 2 trials." in printed
    assert "2 answers of 2 trials were read from stored runs with a longer solver.time_limit_seconds" in printed
    short = gather(store, ["short"]).records
    assert [margins(record) for record in short] == [[(1.0, 4.0, None), (1.0, 2.0, 4.0)]] * 2
    assert [record.config["solver"]["time_limit_seconds"] for record in short] == [2, 2]
    assert {record.key for record in short}.isdisjoint(store.keys(KIND))
    log = store.log(short[0].key)
    assert log is not None
    assert "which had a limit of 4 s; this one has 2 s" in log[1]
    long = gather(store, ["long"]).records
    assert [margins(record) for record in long] == [[(1.0, 4.0, None), (2.0, 4.0, None)]] * 2
    cut = [trial_at_limit(record, 2.0) for record in long]
    assert [one and one.instances for one in cut] == [record.instances for record in short]

    preview = sweep("longer", "solver.time_limit_seconds=8", "sweep.dry_run=true")
    assert "2 trials: 2 partly done. 2 of 4 answers are in" in preview
    assert "each of the 2 attacks" in preview
    assert "read from stored runs" not in sweep("longer", "solver.time_limit_seconds=8")
    assert work.done == (0, 0, 2)
    assert sweep("short", two).count("2 finished (2 reused)") == 1
    assert work.done == (0, 0, 0)


def test_a_sweep_over_limits_runs_once_and_can_be_read_at_each(sweep: Callable[..., str], work: Work, tmp_path: Path) -> None:
    swept = "solver.time_limit_seconds=2,4,1.5"
    said = "solver.time_limit_seconds: 3 limits, one run of 4 s each; the report reads the shorter ones from it."
    assert said in sweep("limits", swept, "sweep.dry_run=true")
    printed = sweep("limits", swept)
    assert work.done == (0, 2, 4)
    assert printed.count(said) == 2, "when it begins, and at the end"
    records = gather(Store(tmp_path / "store"), ["limits"]).records
    assert [record.limits for record in records] == [[1.5, 2.0, 4.0]] * 2
    assert [[one.dense_value for one in record.instances] for record in records_at_limit(records, 2.0)] == [[1.0, 1.0]] * 2
    assert [[one.dense_value for one in record.instances] for record in records_at_limit(records, 4.0)] == [[1.0, 2.0]] * 2
    whole, cut = (results("limits", store=tmp_path / "store", limit=limit) for limit in (None, 2.0))
    assert (list(whole["limit_seconds"]), list(whole["dense_value"])) == ([4.0] * 4, [1.0, 2.0] * 2)
    assert (list(cut["dense_value"]), set(cut["cut_from_seconds"].dropna())) == ([1.0] * 4, {4.0})
    with pytest.raises(ConfigError, match="limit=0 of results must be a number of seconds above 0"):
        results("limits", store=tmp_path / "store", limit=0)
    sweep("one", "solver.time_limit_seconds=4")
    assert work.done == (0, 0, 0)
    assert gather(Store(tmp_path / "store"), ["one"]).records[0].limits == [], "the limits are the sweep's, not the trial's"
    sweep("again", "solver.time_limit_seconds=2,4")
    assert gather(Store(tmp_path / "store"), ["again"]).records[0].limits == [2.0, 4.0]
    assert gather(Store(tmp_path / "store"), ["limits"]).records[0].limits == [1.5, 2.0, 4.0]
    assert work.done == (0, 0, 0)


def test_of_a_trial_with_cut_answers_nothing_else_is_taken(composer: Composer, store: Store, at: At) -> None:
    at(4)
    cut = at(2)
    trial: Trial = composer.trial(*QUICK, "solver.time_limit_seconds=2")
    keep_trial(store, trial, cut)
    assert store.get(KIND, trial.any_limit_key) is None
