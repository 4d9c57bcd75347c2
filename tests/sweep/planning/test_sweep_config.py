"""The configuration of a sweep as a whole says what all trials have in common, and what is swept."""

from __future__ import annotations

from composing import QUICK, Composer

from sweep.planning.sweep_config import LISTED, SWEPT, sweep_config


def test_what_differs_between_trials_is_named_with_its_values(composer: Composer) -> None:
    plan = composer.plan(*QUICK, "pruning=magnitude,structured", "pruning.amount=0.5,0.8", "attack.norm=l1")
    found = sweep_config(plan)
    assert found["swept"] == {"pruning.method": ["magnitude", "structured"], "pruning.amount": [0.5, 0.8]}
    assert found["pruning"]["method"] == found["pruning"]["amount"] == SWEPT
    assert found["pruning"]["seed"] == plan.config["pruning"]["seed"]
    assert found["dataset"] == plan.config["dataset"]
    assert plan.config["pruning"]["amount"] == 0.5, "the plan itself stays as it was"


def test_many_values_are_summed_up(composer: Composer) -> None:
    found = sweep_config(composer.plan(*QUICK, f"training.seed=range(0,{LISTED + 1})"))
    assert found["swept"] == {"training.seed": f"{LISTED + 1} values from 0 to {LISTED}"}


def test_of_an_adaptive_search_the_space_is_named(composer: Composer) -> None:
    lines = ("search=optuna", "search.objectives=[margin]", "pruning.amount=interval(0.3,0.9)", "network.width=6,7")
    found = sweep_config(composer.plan(*QUICK, *lines))
    assert found["swept"] == {"pruning.amount": "interval(0.3,0.9)", "network.width": [6, 7]}
    assert found["pruning"]["amount"] == SWEPT


def test_a_single_trial_sweeps_nothing(composer: Composer) -> None:
    plan = composer.plan(*QUICK)
    assert sweep_config(plan) == {"swept": {}, **plan.config}
