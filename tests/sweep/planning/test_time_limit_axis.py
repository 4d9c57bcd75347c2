"""Swept time limits: which runs are planned for them, and what is said of that."""

from __future__ import annotations

import pytest
from composing import QUICK, Composer, key_of

from benchmarks.planning import CASES
from benchmarks.planning import planned as plan_of_its_own
from sweep.config.reading import read
from sweep.store import Store
from sweep.store.manifest import Manifest, load, planned, save

LIMITS = "solver.time_limit_seconds=5,30,10"


def limit_of(trial: object) -> float:
    limit: float = trial.config["solver"]["time_limit_seconds"]
    return limit


def test_a_combination_is_run_once_with_the_longest_limit(composer: Composer) -> None:
    plan = composer.plan(*QUICK, LIMITS, "pruning=none,magnitude", "pruning.amount=0.5,0.8")
    alone = composer.plan(*QUICK, "solver.time_limit_seconds=30", "pruning=none,magnitude", "pruning.amount=0.5,0.8")
    assert [trial.key for trial in plan.trials] == [trial.key for trial in alone.trials], "the same trials as of that limit"
    assert [trial.name for trial in plan.trials] == ["1x6 dense", "1x6 magnitude 0.5", "1x6 magnitude 0.8"]
    assert [trial.limits for trial in plan.trials] == [(5.0, 10.0, 30.0)] * 3
    assert [trial.limits for trial in alone.trials] == [()] * 3
    assert all("solver.time_limit_seconds" not in trial.swept for trial in plan.trials)
    assert (plan.duplicates, plan.excluded) == (3, 0), "the dense MILP of the other amount, at each limit"
    said = "solver.time_limit_seconds: 3 limits, one run of 30 s each; the report reads the shorter ones from it."
    assert plan.limits_note == said
    assert said in plan.notes
    assert alone.limits_note is None


def test_the_longest_limit_is_that_which_a_condition_leaves(composer: Composer) -> None:
    where = 'search.where=["solver.time_limit_seconds < 30 or pruning.amount == 0.8"]'
    plan = composer.plan(*QUICK, LIMITS, "pruning.amount=0.5,0.8", where)
    assert [(limit_of(trial), trial.limits) for trial in plan.trials] == [(10.0, (5.0, 10.0)), (30.0, (5.0, 10.0, 30.0))]
    assert plan.excluded == 1
    assert plan.limits_note == (
        "solver.time_limit_seconds: 3 limits, one run each, with the longest of its limits; the report reads the shorter ones "
        "from it."
    )
    two = composer.plan(*QUICK, LIMITS, 'search.where=["solver.time_limit_seconds > 30 or solver.time_limit_seconds == 10"]')
    assert [(limit_of(trial), trial.limits) for trial in two.trials] == [(10.0, (10.0,))]
    assert two.limits_note is None, "one limit is no axis"


def test_equal_trials_under_other_limits_are_one_with_the_longest(composer: Composer) -> None:
    """Two amounts of no pruning are one trial, and a condition leaves each another limit."""
    where = 'search.where=["(solver.time_limit_seconds == 30) == (pruning.amount == 0.8)"]'
    plan = composer.plan(*QUICK, "solver.time_limit_seconds=10,30", "pruning=none", "pruning.amount=0.5,0.8", where)
    assert [(limit_of(trial), trial.limits) for trial in plan.trials] == [(30.0, (10.0, 30.0))]
    assert (plan.duplicates, plan.excluded) == (1, 2)


@pytest.mark.parametrize(
    ("attack", "what"),
    [
        (["attack=portfolio"], "attack=portfolio"),
        (["attack.objective=closest"], "attack.objective=closest"),
        (["attack=branch_and_bound", "attack.objective=closest"], "attack.objective=closest"),
        (["task=model", "method=search"], "method=search"),
    ],
)
def test_what_plans_by_its_limit_is_run_for_each(composer: Composer, attack: list[str], what: str) -> None:
    plan = composer.plan(*QUICK, LIMITS, *attack)
    assert [(limit_of(trial), trial.limits, trial.any_limit_key) for trial in plan.trials] == [
        (5.0, (), ""),
        (10.0, (), ""),
        (30.0, (), ""),
    ]
    assert [trial.swept["solver.time_limit_seconds"] for trial in plan.trials] == [5, 10, 30]
    assert [trial.name.rpartition(" ")[2] for trial in plan.trials] == [f"solver.time_limit_seconds={n}" for n in (5, 10, 30)]
    assert plan.limits_note == (
        f"solver.time_limit_seconds: 3 limits, {what}: a run for each limit, "
        "because what it does on the way depends on the limit."
    )


@pytest.mark.parametrize("attack", ["surrogate", "gradient", "branch_and_bound", "restriction"])
def test_all_others_share_a_run(composer: Composer, attack: str) -> None:
    (trial,) = composer.plan(*QUICK, LIMITS, f"attack={attack}").trials
    assert trial.limits == (5.0, 10.0, 30.0)


@pytest.mark.parametrize("method", ["dense", "surrogate", "walk"])
def test_so_do_methods_of_models(composer: Composer, method: str) -> None:
    (trial,) = composer.plan(*QUICK, LIMITS, "task=model", f"method={method}").trials
    assert trial.limits == (5.0, 10.0, 30.0)


def test_both_kinds_side_by_side(composer: Composer) -> None:
    plan = composer.plan(*QUICK, LIMITS, "attack=surrogate,portfolio", "pruning=none")
    assert [(trial.config["attack"]["method"], limit_of(trial)) for trial in plan.trials] == [
        ("surrogate", 30.0),
        *(("portfolio", limit) for limit in (5.0, 10.0, 30.0)),
    ]
    assert plan.duplicates == 0
    assert plan.limits_note is not None
    assert "one run of 30 s each; the report reads the shorter ones from it; attack=portfolio: a run for" in plan.limits_note


def test_the_key_of_all_limits_changes_with_all_else(composer: Composer) -> None:
    def key(*overrides: str) -> tuple[str, str]:
        trial = composer.trial(*QUICK, *overrides)
        assert trial.key == key_of(read(trial.config))
        return trial.key, trial.any_limit_key

    first, longer = key(), key("solver.time_limit_seconds=99")
    assert first[0] != longer[0]
    assert first[1] == longer[1]
    assert first[1] not in (first[0], longer[0])
    others = ("solver.seed=1", "pruning.amount=0.5", "training.seed=3", "instances.count=3", "attack.polish=true", "bounds=box")
    assert len({first[1], *(key(other)[1] for other in others)}) == 1 + len(others)


def test_a_sample_is_drawn_over_the_other_keys(composer: Composer) -> None:
    lines = (*QUICK, "search=random", "search.samples=4", "pruning.amount=0.1,0.2,0.3,0.4,0.5,0.6")
    plan = composer.plan(*lines, LIMITS)
    alone = composer.plan(*lines, "solver.time_limit_seconds=30")
    assert [trial.key for trial in plan.trials] == [trial.key for trial in alone.trials]
    assert all(trial.limits == (5.0, 10.0, 30.0) for trial in plan.trials)
    whole = composer.plan(*lines, "search.samples=9", LIMITS)
    assert len(whole.trials) == 6
    assert any("the space has only 6 different trials" in note for note in whole.notes)
    apart = composer.plan(*lines, LIMITS, "attack=portfolio")
    assert len(apart.trials) == 4


def test_an_interval_of_limits_is_a_dimension(composer: Composer) -> None:
    plan = composer.plan(*QUICK, "search=random", "search.samples=5", "solver.time_limit_seconds=interval(5,30)")
    assert len({limit_of(trial) for trial in plan.trials}) == 5
    assert all(trial.limits == () for trial in plan.trials)
    assert plan.limits_note is None


def test_an_adaptive_search_chooses_the_limit(composer: Composer) -> None:
    plan = composer.plan(*QUICK, "search=optuna", "search.samples=3", "search.objectives=[margin]", LIMITS)
    assert plan.suggester is not None
    (dimension,) = plan.suggester.dimensions
    assert list(dimension.values) == [5, 30, 10]
    suggested = [plan.suggester.suggest(str(n)) for n in range(3)]
    assert {limit_of(trial) for trial in suggested if trial is not None} == {5.0, 10.0, 30.0}


def test_the_limits_are_kept_in_the_list_of_the_sweep(composer: Composer, store: Store) -> None:
    plan = composer.plan(*QUICK, LIMITS, "attack=surrogate,portfolio", "pruning=none")
    manifest = Manifest("digits-1", "digits", trials=planned(plan.trials))
    save(store, manifest)
    found = load(store, "digits-1")
    assert found is not None
    assert [list(trial.limits) for trial in found.trials] == [[5.0, 10.0, 30.0], [], [], []]


@pytest.mark.slow
def test_a_hundred_thousand_trials_with_three_limits_are_planned_in_two_gigabytes() -> None:
    measured = plan_of_its_own(CASES["three time limits"])
    assert measured["trials"] == 100_000
    assert measured["peak_mib"] < 2000.0
