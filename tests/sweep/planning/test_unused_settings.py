"""Settings of the command line that change nothing are said; those that come with an option are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from composing import Composer
from oracles import random_network

from surrogate.pruning import METHODS, Pruning, prune
from surrogate.pruning.base import SurvivorMethod
from sweep.planning.plan import CORNERS, plan_one
from sweep.planning.search import plan_sweep

DIGITS = ["dataset=digits", "instances.count=2"]

ALONE = [
    (["dataset.folder=/data"], "dataset.folder=/data"),
    (["pruning=none"], "pruning.amount=0.5"),
    (["attack=gradient"], "pruning=structured"),
    (["attack=gradient"], "bounds=box"),
    (["attack=gradient"], "solver.threads=1"),
    (["attack=gradient"], "solver=scip"),
    (["attack=gradient"], "formulation=partition"),
    ([], "attack.free=3"),
    ([], "attack.gradient_starts=9"),
    ([], "bounds.lp_seconds=9"),
    ([], "pruning.seed=3"),
    ([], "pruning.finetune.epochs=3"),
    (["pruning.finetune.rounds=1", "pruning.finetune.epochs=0"], "pruning.finetune.optimizer=adam"),
    (["pruning.finetune.rounds=1", "pruning.finetune.epochs=0"], "pruning.seed=3"),
    (["pruning.finetune.rounds=1"], "pruning.finetune.rewind=true"),
    (["attack.on_incumbent=exclude_region"], "attack.exclusion.subproblem_seconds=9"),
    (["training.epochs=0"], "training.learning_rate=0.5"),
    (["attack.objective=output"], "attack.norm=linf"),
    (["attack.objective=output"], "instances.seed=3"),
    (["network.file={folder}/images.safetensors"], "network.depth=3"),
    (["network.file={folder}/images.safetensors"], "training.epochs=3"),
    (["network.file={folder}/three.safetensors", "attack.objective=output"], "dataset.side=9"),
    (["network.file={folder}/three.safetensors", "attack.objective=output", "dataset=function"], "dataset.inputs=4"),
    (["attack.objective=output", "dataset=function"], "dataset.side=9"),
    ([], 'search.where=["pruning.amount > 0.9"]'),
    ([], "search.samples=3"),
    ([], "cluster.cpus=1"),
    ([], "sweep.retries=1"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("networks")
    random_network(np.random.default_rng(0), (64, 4, 10)).save(path / "images.safetensors")
    random_network(np.random.default_rng(0), (3, 4, 1)).save(path / "three.safetensors")
    return path


def notes(composer: Composer, written: list[str], others: list[str]) -> tuple[str, ...]:
    """Return what is said of one trial."""
    return plan_one(composer.config(*DIGITS, *others, *written), written).notes


def of_a_sweep(composer: Composer, written: list[str], others: list[str]) -> tuple[str, ...]:
    """Return what is said of a sweep, of which ``others`` are an experiment's."""
    return plan_sweep(composer.loader, composer.compose_as_hydra, [*others, *written], written).notes


@pytest.mark.few(10)
@pytest.mark.parametrize(("others", "written"), ALONE)
def test_what_changes_nothing_is_said(composer: Composer, folder: Path, others: list[str], written: str) -> None:
    others = [one.format(folder=folder) for one in others]
    assert notes(composer, [written], others) == (f"{written} has no effect: no trial of this command uses it.",)


def test_several_are_one_sentence(composer: Composer) -> None:
    assert notes(composer, ["attack.free=3", "bounds.lp_seconds=9", "dataset.folder=/x"], []) == (
        "attack.free=3, bounds.lp_seconds=9 and dataset.folder=/x have no effect: no trial of this command uses them.",
    )


@pytest.mark.few(7)
@pytest.mark.parametrize(
    ("others", "written"),
    [
        ([], "training.seed=3"),
        ([], "dataset.side=9"),
        (["pruning=random"], "pruning.seed=3"),
        (["pruning.finetune.rounds=1"], "pruning.seed=3"),
        (["pruning.finetune.rounds=2"], "pruning.finetune.rewind=true"),
        (["attack.on_incumbent=dense_subproblem"], "attack.exclusion.subproblem_seconds=9"),
        (["attack.start=gradient"], "attack.gradient_starts=9"),
        (["network.file={folder}/images.safetensors", "attack.objective=output"], "dataset=digits"),  # for the accuracy
        (["attack=gradient"], "solver.seed=3"),
        ([], "solver=scip"),
        ([], "bounds=box"),
        (["attack=gradient"], "pruning=none"),  # asks for nothing, and gets it
        (["attack=gradient"], "attack.polish=false"),
        ([], "dataset.folder=null"),
        ([], "sweep.name=mine"),
        ([], "cluster.cpus_per_trial=1"),
        ([], "deadlines.trial_seconds=9"),
    ],
)
def test_what_counts_is_not(composer: Composer, folder: Path, others: list[str], written: str) -> None:
    assert notes(composer, [written], [one.format(folder=folder) for one in others]) == ()


def test_one_trial_that_looks_at_it_is_enough(composer: Composer) -> None:
    swept = ["attack=surrogate,gradient", "pruning=none,magnitude"]
    assert of_a_sweep(composer, [*swept, "pruning.amount=0.5,0.8", "attack.gradient_starts=9"], DIGITS) == ()
    said = of_a_sweep(composer, ["pruning.amount=0.5,0.8", "search.samples=9"], [*DIGITS, "attack=gradient"])
    assert said == ("pruning.amount=0.5,0.8 and search.samples=9 have no effect: no trial of this command uses them.",)


def test_an_option_of_which_only_the_rest_counts(composer: Composer) -> None:
    """The gradient attack has no solver, but its seed and its time limit."""
    assert of_a_sweep(composer, ["solver=highs,scip"], [*DIGITS, "attack=gradient"]) == (
        "solver=highs,scip has no effect: no trial of this command uses it.",
    )
    assert of_a_sweep(composer, ["solver=highs,scip"], [*DIGITS, "attack=gradient,surrogate"]) == ()
    own = composer.config(*DIGITS, "attack=gradient", "solver=scip", "solver.name=highs")  # as an option of one's own
    assert plan_one(own, ["solver=scip"]).notes == ()


def test_what_comes_with_an_experiment_is_not(composer: Composer) -> None:
    params = ["attack=surrogate,gradient", "pruning=none", "pruning.amount=0.8", "attack.free=3"]
    assert of_a_sweep(composer, ["training.seed=1,2"], [*DIGITS, *params]) == ()


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("swept", "idle"),
    [
        (
            ["attack=gradient", "pruning.amount=interval(0.3,0.9)", "attack.radius=interval(1,2)"],
            "pruning.amount=interval(0.3,0.9)",
        ),
        (["pruning=none,magnitude", "pruning.amount=interval(0.3,0.9)", "attack.free=3"], "attack.free=3"),
        (["attack=surrogate,gradient", "pruning=none,magnitude", "pruning.amount=interval(0.3,0.9)"], None),
        (["attack=surrogate,gradient", "pruning=none,random", "pruning.amount=interval(0.3,0.9)", "pruning.seed=3"], None),
        (
            [
                "search.where=['0.4 < pruning.amount < 0.5']",
                "pruning=random",
                "pruning.amount=interval(0.3,0.9)",
                "pruning.seed=3",
            ],
            None,
        ),
        (["pruning.amount=interval(0.3,0.9)", "search.seed=3"], None),
    ],
)
def test_of_a_search_whose_trials_are_not_known_yet(composer: Composer, swept: list[str], idle: str | None) -> None:
    said = of_a_sweep(composer, [*swept, "search=optuna"], DIGITS)
    assert said == (() if idle is None else (f"{idle} has no effect: no trial of this command uses it.",))


def test_of_a_search_with_too_many_corners_nothing_is_said(composer: Composer) -> None:
    seeds = ",".join(str(seed) for seed in range(CORNERS // 2 + 1))
    swept = [f"training.seed={seeds}", "pruning.amount=interval(0.3,0.9)", "attack.free=3", "search=optuna"]
    assert of_a_sweep(composer, swept, DIGITS) == ()


@pytest.mark.parametrize("method", [name for name, each in METHODS.items() if issubclass(each, SurvivorMethod)])
def test_the_prunings_that_draw(method: str, digits: object) -> None:
    network = random_network(np.random.default_rng(0), (64, 12, 10))
    keys = {prune(Pruning(method, 0.5, seed), network, digits).key for seed in range(4)}  # type: ignore[arg-type]
    assert (len(keys) > 1) == METHODS[method].draws
