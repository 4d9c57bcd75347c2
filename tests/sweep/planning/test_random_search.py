"""A random search: distinct trials from the whole space, by its seed."""

from __future__ import annotations

import pytest
from composing import Composer

from sweep.errors import ConfigError
from sweep.planning.plan import TrialSpace
from sweep.planning.swept_keys import SweptInterval

SPACE = ("search=random", "pruning.amount=interval(0.1,0.95)", "training.learning_rate=tag(log,interval(1e-5,1e-1))")


def test_a_sample_has_as_many_distinct_trials_as_asked_for_and_depends_on_the_seed_alone(composer: Composer) -> None:
    plan = composer.plan(*SPACE, "search.samples=30", "search.seed=3")
    assert len({trial.key for trial in plan.trials}) == 30
    assert plan.notes == ()
    again = composer.plan(*SPACE, "search.samples=30", "search.seed=3")
    assert [trial.key for trial in again.trials] == [trial.key for trial in plan.trials]
    other = composer.plan(*SPACE, "search.samples=30", "search.seed=4")
    assert {trial.key for trial in other.trials}.isdisjoint(trial.key for trial in plan.trials)


def test_a_larger_sample_begins_with_the_smaller_one(composer: Composer) -> None:
    small, large = (composer.plan(*SPACE, f"search.samples={count}").trials for count in (5, 12))
    assert [trial.key for trial in large[:5]] == [trial.key for trial in small]


def test_values_lie_in_their_intervals_and_a_logarithmic_one_covers_every_decade(composer: Composer) -> None:
    trials = composer.plan(*SPACE, "search.samples=80").trials
    amounts = [trial.swept["pruning.amount"] for trial in trials]
    rates = [trial.swept["training.learning_rate"] for trial in trials]
    assert all(0.1 <= amount <= 0.95 for amount in amounts)
    assert all(1e-5 <= rate <= 1e-1 for rate in rates)
    for low in (1e-5, 1e-4, 1e-3, 1e-2):
        assert sum(low <= rate < 10.0 * low for rate in rates) >= 8


def test_what_where_excludes_is_never_drawn(composer: Composer) -> None:
    where = 'search.where=["pruning.method != \\"structured\\" or pruning.amount >= 0.5"]'
    plan = composer.plan("search=random", "pruning=magnitude,structured", "pruning.amount=interval(0.1,0.9)", where)
    structured = [t.config["pruning"]["amount"] for t in plan.trials if t.config["pruning"]["method"] == "structured"]
    assert structured
    assert min(structured) >= 0.5


def test_a_space_that_is_too_small_is_taken_whole_and_said(composer: Composer) -> None:
    plan = composer.plan("search=random", "search.samples=20", "network=2x16,2x32", "pruning=none,magnitude")
    assert len(plan.trials) == 4
    assert plan.notes == ("search.samples=20, but the space has only 4 different trials: all of them are taken",)


def test_a_grid_has_no_intervals(composer: Composer) -> None:
    with pytest.raises(ConfigError, match="interval"):
        composer.plan("pruning.amount=interval(0.1,0.95)")


@pytest.mark.parametrize(
    ("key", "interval", "integer"),
    [
        ("model.parameters.above", "interval(0,1)", False),
        ("model.parameters.above", "int(interval(0,1))", True),
        ("model.parameters.inputs", "interval(2,6)", True),
        ("model.parameters.inputs", "tag(log,interval(2,6))", True),
        ("model.parameters.inputs", "interval(2.0,6)", False),
        ("model.parameters.inputs", "float(interval(2,6))", False),
        ("++task.parameters.width", "interval(1,3)", False),
    ],
)
def test_an_interval_of_a_parameter_is_of_its_kind(composer: Composer, key: str, interval: str, integer: bool) -> None:
    task = "task.name=own_tasks:LeastTask" if key.startswith("++") else "task=model"
    space = TrialSpace(composer.loader, composer.compose_as_hydra, [task, "model=constrained", f"{key}={interval}"])
    (found,) = space.dimensions.values()
    assert isinstance(found, SweptInterval)
    values = {found.drawn(share / 10) for share in range(10)}
    assert found.integer is integer
    assert all(isinstance(value, int) for value in values) is integer
    assert len(values) == (found.high - found.low + 1 if integer else 10)
