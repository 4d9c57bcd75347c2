"""The prepared experiments: each composes, and asks what its comment says."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from composing import CONF, Composer

from sweep.errors import ConfigError
from sweep.planning.plan import Plan

ELSEWHERE = ("vnncomp", "blending_wine", "treatment_water", "design_car", "diet_wfp", "paper")
"""``vnncomp`` needs the competition's files (tests/sweep/config/test_files.py), and others public tables
(tests/sweep/tasks/test_table_experiments.py); ``paper`` is planned on its own."""

WITHOUT_FILES = sorted(path.stem for path in Path(CONF, "experiment").glob("*.yaml") if path.stem not in ELSEWHERE)


@pytest.mark.few(5)
@pytest.mark.parametrize("experiment", WITHOUT_FILES)
def test_every_experiment_is_valid_and_has_its_yardsticks(composer: Composer, experiment: str) -> None:
    plan = composer.experiment(experiment)
    assert plan.config["sweep"]["name"] == experiment
    keys = {trial.key for trial in plan.trials}
    assert len(keys) == len(plan.trials)
    assert {trial.baseline_key for trial in plan.trials if trial.config["attack"]["method"] == "surrogate"} <= keys


def test_the_papers_grid_is_the_authors(composer: Composer) -> None:
    plan = composer.experiment("paper", "dataset.side=18")
    pairs = {(trial.config["instances"]["seed"], trial.config["training"]["seed"]) for trial in plan.trials}
    assert pairs == {(0, 0), (1, 3), (8, 12), (90, 99)}
    # A dense MILP and a gradient method, and 3 methods x 7 amounts with and without finetuning, for 6 networks of 4 pairs.
    assert len(plan.trials) == 6 * 4 * (2 + 3 * 7 * 2)
    assert len({trial.training_key for trial in plan.trials}) == 24
    for trial in plan.trials:
        config = trial.config
        assert (config["bounds"]["method"], config["attack"]["start"], config["attack"]["polish"]) == ("box", "none", False)
        assert config["solver"]["time_limit_seconds"] == 300.0


AUTHORS = "(instances.seed, training.seed) in [(0, 0), (1, 3), (8, 12), (90, 99)]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "condition"),
    [
        ("paper", AUTHORS),
        ("paper_small", AUTHORS),
        ("paper_fashion", AUTHORS),
        ("best", AUTHORS),
        ("paper_fresh", "(training.seed, instances.seed) in [(0, 100), (3, 101), (12, 102)]"),
        ("what_pays", "(network.width == 32) == (dataset.side == 18)"),
    ],
)
def test_values_that_go_together_are_the_trials_of_all_combinations_with_a_condition(
    composer: Composer, experiment: str, condition: str
) -> None:
    """How these experiments were written before there was ``search.together``: what was computed then is found again."""
    small = ["network=4x32"] if experiment == "paper" else []  # tens of thousands of combinations otherwise
    found = composer.experiment(experiment, *small)
    where = json.dumps([*found.config["search"]["where"], condition])
    before = composer.experiment(experiment, *small, "search.together=[]", f"search.where={where}")
    assert before.excluded > found.excluded
    assert [(one.key, one.name, one.swept) for one in found.trials] == [(one.key, one.name, one.swept) for one in before.trials]


def seeds(plan: Plan) -> list[tuple[int, int]]:
    return list(dict.fromkeys((one.config["training"]["seed"], one.config["instances"]["seed"]) for one in plan.trials))


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["training.seed=5", "instances.seed=7"], [(5, 7)]),
        (["training.seed=5,6", "instances.seed=7,8"], [(5, 7), (6, 8)]),
        (["training.seed=3"], [(3, 101)]),
        (["instances.seed=102,100"], [(12, 102), (0, 100)]),
        (["training.seed=0,3", "search.together=[]"], [(0, 100), (3, 100), (0, 101), (3, 101), (0, 102), (3, 102)]),
    ],
)
def test_the_command_line_replaces_or_chooses_values_that_go_together(
    composer: Composer, overrides: list[str], expected: list[tuple[int, int]]
) -> None:
    assert seeds(composer.experiment("paper_fresh", "network=4x32", *overrides)) == expected


def test_a_value_that_goes_together_with_nothing_is_refused(composer: Composer) -> None:
    message = (
        "training.seed=5 is in no combination of the experiment, where instances.seed and training.seed go together: (100, 0), "
        "(101, 3), (102, 12); choose one of these, or give values for all of these keys"
    )
    for fixed in ("training.seed=5", "training.seed=0,5"):
        with pytest.raises(ConfigError, match=re.escape(message)):
            composer.experiment("paper_fresh", fixed)
    group = "search.together=[[network,pruning.amount]]"
    plan = composer.experiment("paper_fresh", "network=2x64,4x32", "pruning.amount=0.8,0.9", "pruning=magnitude", group)
    found = {(one.config["network"]["depth"], one.config["pruning"]["amount"]) for one in plan.trials}
    assert found == {(2, 0.8), (4, 0.9)}, "a group of the command line is about the values of the command line"


def test_the_small_form_fits_into_twenty_minutes(composer: Composer) -> None:
    plan = composer.experiment("paper_small")
    assert len(plan.trials) == 4 * (2 + 5 * 2)
    solving = sum(t.config["solver"]["time_limit_seconds"] for t in plan.trials if t.config["attack"]["method"] == "surrogate")
    assert solving / 2 <= 12 * 60, "on two cores, which leaves eight minutes for training and finetuning"


def test_functions(composer: Composer) -> None:
    plan = composer.experiment("paper_output")
    assert len(plan.trials) == 16
    assert len({trial.training_key for trial in plan.trials}) == 4
    assert {trial.config["attack"]["objective"] for trial in plan.trials} == {"output"}


def test_the_closest_perturbation(composer: Composer) -> None:
    plan = composer.experiment("closest")
    found = [(trial.config["attack"]["method"], trial.config["attack"]["norm"]) for trial in plan.trials]
    assert found == [(attack, norm) for attack in ("surrogate", "branch_and_bound") for norm in ("l1", "linf")]
    assert {trial.config["attack"]["objective"] for trial in plan.trials} == {"closest"}


@pytest.mark.slow
def test_the_best_margins_are_of_the_papers_instances(composer: Composer) -> None:
    plan, paper = (composer.experiment(name, "dataset.side=18") for name in ("best", "paper"))
    assert {trial.training_key for trial in plan.trials} == {trial.training_key for trial in paper.trials}
    by_method = Counter(trial.config["attack"]["method"] for trial in plan.trials)
    assert by_method == {"surrogate": 24, "gradient": 24, "portfolio": 24}
    assert {(trial.config["bounds"]["method"], trial.config["attack"]["start"]) for trial in plan.trials} == {
        ("auto", "gradient")
    }
    pairs = [{(t.training_key, t.config["instances"]["seed"]) for t in one.trials} for one in (plan, paper)]
    assert pairs[0] == pairs[1]
    dense = {trial.key for trial in plan.trials if trial.config["attack"]["method"] == "surrogate"}
    assert {trial.baseline_key for trial in plan.trials if trial.config["attack"]["method"] == "portfolio"} == dense
