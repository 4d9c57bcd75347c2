"""The experiment ``models_small`` in a smaller form: every trial of it runs, and each has its yardsticks."""

from __future__ import annotations

from collections import Counter

import pytest
from composing import Composer

from sweep.config.inputs import Inputs
from sweep.trial.trial import run_trial


@pytest.mark.parametrize(
    ("experiment", "problems", "methods", "settings"), [("models_small", 2, 4, 7), ("models", 6, 3, 8)]
)  # a setting: a size with dense, walk, search, and a surrogate a sparsity, with and without repair
def test_it_asks_every_problem_every_way(
    composer: Composer, experiment: str, problems: int, methods: int, settings: int
) -> None:
    plan = composer.experiment(experiment)
    assert len(plan.trials) == len({trial.key for trial in plan.trials}) == problems * settings
    asked = Counter((trial.config["model"]["problem"], trial.config["method"]["name"]) for trial in plan.trials)
    assert len(asked) == methods * problems
    assert {trial.baseline_key for trial in plan.trials} == {
        trial.key for trial in plan.trials if trial.config["method"]["name"] == "dense"
    }


def test_all_of_it_runs_in_a_smaller_form(composer: Composer) -> None:
    small = ("network.depth=1", "network.width=4", "training.epochs=1", "instances.count=1", "solver.time_limit_seconds=0.2")
    plan = composer.experiment("models_small", "model=constrained", *small, "pruning.amount=0.5", "model.parameters.above=0.0")
    assert [trial.name for trial in plan.trials] == [
        "constrained 1x4 dense",
        "constrained 1x4 surrogate magnitude 0.5",
        "constrained 1x4 surrogate magnitude 0.5 repaired",
        "constrained 1x4 walk",
        "constrained 1x4 search",
    ]
    keys = set()
    for trial in plan.trials:
        record = run_trial(trial, Inputs(None))
        assert record.status == "finished", record.error_detail
        keys |= {one.instance_key for one in record.instances}
        assert all(one.status in ("optimal", "feasible", "infeasible", "unresolved") for one in record.instances)
    assert len(keys) == 1


def test_which_time_limit_pays_is_answered_by_one_run_a_setting(composer: Composer) -> None:
    plan = composer.experiment("what_time_pays")
    asked = Counter((trial.config["model"]["problem"], trial.config["method"]["name"]) for trial in plan.trials)
    methods = ("dense", "surrogate", "walk")
    assert asked == {(problem, method): 1 for problem in ("blending", "constrained", "diet") for method in methods}
    for trial in plan.trials:
        limits = trial.limits
        assert len(limits) >= 4
        assert limits[-1] == trial.config["solver"]["time_limit_seconds"]
    seconds = sum(trial.config["instances"]["count"] * trial.config["solver"]["time_limit_seconds"] for trial in plan.trials)
    assert seconds / 2 <= 540.0, "on two cores, of ten minutes"


def test_the_run_of_the_longest_limit_says_how_its_decision_got_better(composer: Composer) -> None:
    small = ("network.width=4", "training.epochs=1", "instances.count=1", "solver.time_limit_seconds=0.1,0.5")
    plan = composer.experiment("what_time_pays", "model=blending", "model.parameters.wines=2", *small)
    assert [trial.name for trial in plan.trials] == [
        "blending 1x4 dense",
        "blending 1x4 surrogate magnitude 0.8 repaired",
        "blending 1x4 walk",
    ]
    for trial in plan.trials:
        assert trial.limits == (0.1, 0.5)
        record = run_trial(trial, Inputs(None))
        assert record.status == "finished", record.error_detail
        (one,) = record.instances
        assert one.limit_seconds == 0.5
        assert one.value == max((event.value for event in one.events), default=None)
