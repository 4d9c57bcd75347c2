"""The configuration of a sweep as a whole says what all trials have in common, and what is swept."""

from __future__ import annotations

from composing import QUICK, Composer

from sweep.planning.sweep_config import LISTED, SWEPT, idle_keys, sweep_config


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


def test_a_key_is_idle_that_changes_no_trial(composer: Composer) -> None:
    gradient, both = (idle_keys(composer.plan(*QUICK, f"attack={names}")) for names in ("gradient", "gradient,surrogate"))
    assert {"pruning.amount", "solver.threads", "attack.polish", "model.problem", "method.points"} <= gradient
    assert {"attack.norm", "attack.gradient_steps", "instances.seed", "training.epochs", "solver.seed"}.isdisjoint(gradient)
    assert {"attack.polish", "solver.threads", "attack.gradient_steps", "pruning.method"}.isdisjoint(both)
    assert "model.problem" in both
    assert not any(key.startswith(("sweep.", "tracking.", "search.")) for key in gradient)


def test_a_task_of_ones_own_has_no_parameters_of_attacks(composer: Composer) -> None:
    idle = idle_keys(composer.plan("task.name=own_tasks:LeastTask", "dataset=none", "instances.count=2"))
    assert {"attack.method", "attack.norm", "attack.exclusion.interrupt", "model.problem", "method.points"} <= idle
    assert {"task.name", "solver.time_limit_seconds"}.isdisjoint(idle)


def test_of_an_adaptive_search_only_whole_sections_are_idle(composer: Composer) -> None:
    lines = ("search=optuna", "search.objectives=[margin]", "attack=gradient,surrogate", "pruning=none,magnitude")
    idle = idle_keys(composer.plan(*QUICK, *lines))
    assert "model.problem" in idle
    assert {"pruning.amount", "pruning.seed", "attack.polish"}.isdisjoint(idle)
