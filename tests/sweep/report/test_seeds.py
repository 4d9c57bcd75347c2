"""The seeds of a trial: the same however they are said, and those of single networks too."""

from __future__ import annotations

import pytest
from composing import Composer

from sweep.config.overrides import forced
from sweep.records import TrialRecord
from sweep.report.seeds import seed_of

MODEL = ("task=model", "model=constrained", "method=surrogate", "instances.count=1", "training.epochs=1")


def seed(composer: Composer, key: str, *overrides: str) -> object:
    return seed_of(TrialRecord("key", "name", composer.plain(*MODEL, *forced(list(overrides))), {}, "finished"), key)


@pytest.mark.parametrize("key", ["training.seed", "pruning.seed"])
def test_it_is_the_same_whoever_says_it(composer: Composer, key: str) -> None:
    both = [f"networks.{name}.{key}=3" for name in ("objective", "constraint")]
    assert seed(composer, key) == 0
    assert seed(composer, key, f"{key}=3") == 3
    assert seed(composer, key, *both) == 3
    assert seed(composer, key, *both, f"{key}=7") == 3


def test_of_networks_with_several_it_says_them_all(composer: Composer) -> None:
    one = seed(composer, "training.seed", "networks.objective.training.seed=3")
    assert one == "networks.constraint.training.seed=0, networks.objective.training.seed=3"
    assert seed(composer, "training.seed", "training.seed=3", "networks.constraint.training.seed=0") == one
    assert seed(composer, "training.seed", "networks.constraint.training.seed=3") != one


def test_other_settings_of_single_networks_do_not_matter(composer: Composer) -> None:
    assert seed(composer, "training.seed", "training.seed=3", "networks.objective.width=8") == 3
    assert seed(composer, "solver.seed", "solver.seed=2", "networks.objective.training.seed=1") == 2
