"""The search by Optuna: which trials it suggests, what it counts, what it makes of each end, and how it goes on later."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from composing import Composer

from sweep.config.reading import read
from sweep.config.schema import SpaceSearchSettings
from sweep.errors import ConfigError
from sweep.planning.search.base import Suggester
from sweep.planning.search.goals import judged_by
from sweep.planning.search.memory import SearchMemory, Suggestion
from sweep.planning.search.optuna_search import ATTEMPTS, OptunaSuggester
from sweep.planning.search_axes import Axes
from sweep.planning.swept_keys import Choices, Dimension, SweptInterval
from sweep.planning.trials import Trial
from sweep.records import InstanceRecord, TrialRecord, TrialStatus
from sweep.store import Store

AMOUNT = SweptInterval("pruning.amount", 0.0, 1.0, integer=False, log=False)
METHOD = Choices("pruning.method", ("magnitude", "random"))
WIDTH = SweptInterval("network.width", 1, 8, integer=True, log=False)
RATE = SweptInterval("training.learning_rate", 1e-4, 1.0, integer=False, log=True)


def search(**values: Any) -> SpaceSearchSettings:
    usual = {"method": "optuna", "where": [], "samples": 8, "seed": 0, "objectives": ["margin"], "scheduler": "none"}
    return SpaceSearchSettings(**{**usual, "grace": 1, "reduction": 3, **values})


class Space:
    """A space whose trials are their values, without composing anything."""

    def __init__(
        self, *dimensions: Dimension, key: Callable[[Suggestion], str | None] = lambda values: str(sorted(values.items()))
    ):
        self.dimensions = {dimension.key: dimension for dimension in dimensions}
        self.axes = Axes(self.dimensions)
        self._key = key

    def at(self, values: Suggestion) -> Trial | None:
        key = self._key(values)
        return None if key is None else Trial(key, key, {}, dict(values), "", "")


def record(
    trial: Trial, margin: float | None = None, status: TrialStatus = "finished", answers: int = 1, **more: Any
) -> TrialRecord:
    instances = [InstanceRecord("i", 1, 2, 3, "l1", 1.0, "unresolved", dense_value=margin) for _ in range(answers)]
    config = {"solver": {"time_limit_seconds": 1.0}}
    return TrialRecord(trial.key, trial.name, config, trial.swept, status, instances=instances, **more)


def run(suggester: Suggester, end: Callable[[Trial], TrialRecord], at_a_time: int = 1) -> list[Trial]:
    """Run a search to its end, ``at_a_time`` trials side by side."""
    trials: list[Trial] = []
    running: list[Trial] = []
    while True:
        while len(running) < at_a_time:
            trial = suggester.suggest(str(len(trials)))
            if trial is None:
                break
            trials.append(trial)
            running.append(trial)
        if not running:
            return trials
        ended = running.pop(0)
        suggester.tell(str(trials.index(ended)), end(ended))


def best_at(amount: float) -> Callable[[Trial], TrialRecord]:
    return lambda trial: record(trial, -abs(trial.swept["pruning.amount"] - amount))


@pytest.mark.parametrize("at_a_time", [1, 3])
def test_it_suggests_as_many_distinct_trials_as_asked_and_no_more(at_a_time: int) -> None:
    suggester = OptunaSuggester(Space(AMOUNT, METHOD), search(samples=12))
    trials = run(suggester, best_at(0.7), at_a_time)
    assert len({trial.key for trial in trials}) == len(trials) == 12
    assert suggester.suggest("more") is None
    assert suggester.notice is None


def test_values_are_of_their_dimensions() -> None:
    for trial in run(OptunaSuggester(Space(AMOUNT, METHOD, WIDTH, RATE), search(samples=20)), best_at(0.5)):
        values = trial.swept
        assert values["pruning.method"] in METHOD.values
        assert type(values["network.width"]) is int
        assert 1 <= values["network.width"] <= 8
        assert values["pruning.amount"] == float(f"{values['pruning.amount']:.6g}")
        assert 1e-4 <= values["training.learning_rate"] <= 1.0


def test_a_logarithmic_interval_is_drawn_by_factors() -> None:
    rates = [trial.swept["training.learning_rate"] for trial in run(OptunaSuggester(Space(RATE), search(samples=30)), record)]
    assert sum(rate < 1e-2 for rate in rates) > 5  # a hundredth of the length, half of the factors


def test_the_same_seed_and_results_give_the_same_trials_and_another_seed_others() -> None:
    def keys(seed: int) -> list[str]:
        return [trial.key for trial in run(OptunaSuggester(Space(AMOUNT, METHOD), search(samples=15, seed=seed)), best_at(0.3))]

    assert keys(1) == keys(1)
    assert keys(1) != keys(2)


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_it_looks_where_trials_were_good(direction: float) -> None:
    """The second half is nearer to the best place than what is drawn at random (a quarter away on average), on average."""
    objectives = ["margin"] if direction > 0 else ["total_seconds"]

    def end(trial: Trial) -> TrialRecord:
        distance = abs(trial.swept["pruning.amount"] - 0.8)
        return record(trial, -distance, answers=1, prune_seconds=distance)

    far = []
    for seed in range(3):
        trials = run(OptunaSuggester(Space(AMOUNT, METHOD), search(samples=30, seed=seed, objectives=objectives)), end)
        far.extend(abs(trial.swept["pruning.amount"] - 0.8) for trial in trials[15:])
    assert sum(far) / len(far) < 0.2


def test_several_objectives_are_searched_together() -> None:
    def end(trial: Trial) -> TrialRecord:
        amount = trial.swept["pruning.amount"]
        worse = 0.0 if trial.swept["pruning.method"] == "magnitude" else 1.0
        return record(trial, amount - worse, accuracy_surrogate=1.0 - amount - worse)

    trials = run(OptunaSuggester(Space(AMOUNT, METHOD), search(samples=30, objectives=["margin", "accuracy"])), end)
    assert (
        sum(trial.swept["pruning.method"] == "magnitude" for trial in trials[15:]) > 10
    )  # better in both, whatever the amount


def test_what_where_excludes_is_never_a_trial() -> None:
    space = Space(AMOUNT, METHOD, key=lambda values: str(values) if values["pruning.method"] == "magnitude" else None)
    trials = run(OptunaSuggester(space, search(samples=12)), best_at(0.5))
    assert [trial.swept["pruning.method"] for trial in trials] == ["magnitude"] * 12


def test_values_that_give_a_trial_again_are_answered_by_it() -> None:
    """Without pruning the amount changes nothing, so that all amounts are one trial."""
    space = Space(AMOUNT, METHOD, key=lambda v: "dense" if v["pruning.method"] == "random" else str(v["pruning.amount"]))
    for at_a_time in (1, 4):
        trials = run(OptunaSuggester(space, search(samples=12)), best_at(0.5), at_a_time)
        assert len({trial.key for trial in trials}) == len(trials) == 12


def test_a_space_that_is_smaller_is_searched_to_its_end() -> None:
    suggester = OptunaSuggester(
        Space(METHOD, SweptInterval("network.width", 1, 3, integer=True, log=False)), search(samples=20)
    )
    assert len(run(suggester, record)) == 6
    assert suggester.notice == "The search ended after 6 of 20 trials: the space has no more."


def test_a_search_that_finds_nothing_new_ends() -> None:
    suggester = OptunaSuggester(Space(AMOUNT, key=lambda values: "one"), search(samples=2))
    assert len(run(suggester, record)) == 1
    assert suggester.notice == f"The search ended after 1 of 2 trials: {ATTEMPTS} suggestions in a row were excluded or known."


def test_values_that_are_not_allowed_together_are_left_out_and_said() -> None:
    def refuse(values: Suggestion, above: float) -> str:
        if values["pruning.amount"] > above:
            raise ConfigError("pruning.amount is too large")
        return str(values["pruning.amount"])

    suggester = OptunaSuggester(Space(AMOUNT, key=lambda values: refuse(values, 0.5)), search(samples=6))
    assert all(trial.swept["pruning.amount"] <= 0.5 for trial in run(suggester, record))
    assert "suggestions, such as one with pruning.amount is too large" in str(suggester.notice)
    with pytest.raises(ConfigError, match="too large"):
        OptunaSuggester(Space(AMOUNT, key=lambda values: refuse(values, -1.0)), search()).suggest("0")


ENDS: dict[str, Callable[[Trial], TrialRecord]] = {
    "failed": lambda trial: record(trial, 9.0, "failed"),
    "without a margin": lambda trial: record(trial, None),
    "stopped early": lambda trial: record(trial, -9.0, "stopped"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_trial_without_the_value_is_worse_than_those_with_it(end: Callable[[Trial], TrialRecord]) -> None:
    good = best_at(0.5)
    suggester = OptunaSuggester(Space(AMOUNT, METHOD), search(samples=40))
    trials = run(suggester, lambda trial: end(trial) if trial.swept["pruning.method"] == "random" else good(trial))
    assert sum(trial.swept["pruning.method"] == "magnitude" for trial in trials[20:]) > 12


def test_an_interrupted_trial_says_nothing_and_a_second_end_changes_nothing() -> None:
    suggester = OptunaSuggester(Space(AMOUNT), search(samples=2))
    trial = suggester.suggest("a")
    assert trial is not None
    suggester.tell("a", record(trial, status="interrupted"))
    suggester.tell("a", record(trial, 1.0))
    suggester.tell("unknown", record(trial, 1.0))
    assert suggester.suggest("b") is not None
    assert suggester.suggest("c") is None


def test_the_key_of_a_search_has_the_forms_that_stores_of_before_know() -> None:
    """The key is made of these texts, so that another text would make every search in a store begin again."""
    assert Choices("a", (1, "b", 0.5)).in_keys == "Choices(key='a', values=(1, 'b', 0.5), lines=())"
    swept = SweptInterval("a", 0.1, 8.0, integer=False, log=True)
    assert swept.in_keys == "Interval(key='a', low=0.1, high=8.0, integer=False, log=True)"


def test_the_same_search_again_suggests_the_same_trials_first_whatever_they_gave(tmp_path: Path) -> None:
    store, space = Store(tmp_path), Space(AMOUNT, METHOD, RATE)

    def resumed(samples: int, best: float, resume: bool = True, **more: Any) -> list[str]:
        suggester = OptunaSuggester(space, search(samples=samples, **more))
        suggester.remember(SearchMemory(store, resume))
        return [trial.key for trial in run(suggester, best_at(best), at_a_time=2)]

    first = resumed(12, best=0.2)
    assert resumed(12, best=0.9) == first
    longer = resumed(20, best=0.9)
    assert longer[:12] == first
    assert len(set(longer)) == 20
    assert resumed(20, best=0.1) == longer
    assert resumed(12, best=0.9, seed=5) != first
    afresh = resumed(12, best=0.9, resume=False)
    assert afresh != first
    assert resumed(12, best=0.1) == afresh


def test_another_configuration_or_another_space_is_another_search(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def searches(*dimensions: Dimension, limit: int) -> int:
        suggester = OptunaSuggester(Space(*dimensions, key=lambda values: f"{values} {limit}"), search(samples=1))
        suggester.remember(SearchMemory(store, resume=True))
        run(suggester, record)
        return len(store.keys("searches"))

    assert searches(AMOUNT, limit=1) == searches(AMOUNT, limit=1) == 1
    assert searches(AMOUNT, limit=2) == 2
    assert searches(AMOUNT, WIDTH, limit=2) == 3


def test_a_space_of_hydras_grammar(composer: Composer) -> None:
    where = "search.where=['pruning.method!=\"none\" or network.width>4']"
    lines = ("pruning=none,magnitude", "pruning.amount=interval(0.3,0.9)", "network.width=range(4,9,2)")
    planned = composer.plan("search=optuna", "search.samples=6", where, *lines)
    assert planned.trials == []
    assert planned.suggester is not None
    trials = run(planned.suggester, lambda trial: record(trial, trial.config["pruning"]["amount"]))
    assert len({trial.key for trial in trials}) == 6
    dense = [trial for trial in trials if trial.config["pruning"]["method"] == "none"]
    assert len(dense) <= 2
    assert all(trial.config["network"]["width"] > 4 and "pruning.amount" not in trial.swept for trial in dense)
    for trial in trials:
        if trial not in dense:
            assert 0.3 <= trial.config["pruning"]["amount"] == trial.swept["pruning.amount"] <= 0.9


def test_listed_numbers_are_searched_in_their_order(composer: Composer) -> None:
    planned = composer.plan("search=optuna", "network.width=4,8,16,32,64")
    assert planned.suggester is not None
    trials = run(planned.suggester, record)
    assert sorted(trial.config["network"]["width"] for trial in trials) == [4, 8, 16, 32, 64]


@pytest.mark.parametrize(
    ("task", "usual"), [((), "margin"), (("attack.objective=closest",), "norm"), (("task=model", "method=walk"), "found_rate")]
)
def test_without_objectives_it_has_the_usual_one_of_its_task(composer: Composer, task: tuple[str, ...], usual: str) -> None:
    planned = composer.plan("search=optuna", "network.width=4,8", *task)
    assert isinstance(planned.suggester, OptunaSuggester)
    assert [one.name for one in planned.suggester._objectives] == [usual]
    trial = planned.suggester.suggest("first")
    assert trial is not None
    assert judged_by(read(trial.config)) == (usual,)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("attack.objective=margin,closest", "search.method=optuna over attack.objective needs search.objectives"),
        ("search.objectives=[accuracies]", "did you mean accuracy?"),
        ("search.where=['pruning.amount>1']", "the search space is empty: none of 500 combinations drawn from"),
    ],
)
def test_a_search_that_cannot_begin_is_refused_with_the_plan(composer: Composer, line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        composer.plan("search=optuna", "pruning.amount=interval(0.3,0.9)", line)
