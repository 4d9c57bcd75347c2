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
