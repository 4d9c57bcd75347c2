"""What a configuration says reaches the attack that is run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from composing import Composer

from surrogate import attack as library
from surrogate.attack import METHODS, Exclusion, Instance
from surrogate.attack.closest.closest import ClosestByBranching, ClosestByMilp
from surrogate.bounds import AlphaCrown, Crown, Lp
from surrogate.formulation import BigM, Partition
from surrogate.networks import ReluNetwork
from surrogate.region import Region
from sweep.config.schema import Settings
from sweep.config.sections import method_of


@pytest.fixture
def made() -> Callable[[Settings], Any]:
    """Return a function that gives the attack object which the settings make."""
    return functools.partial(method_of, "attack")


def test_the_milp(composer: Composer, made: Any) -> None:
    exclusion = {"interrupt": True, "solve_seconds": 3.0, "subproblem_seconds": 1.5, "seeds": 2}
    changes = {"attack__polish": True, "attack__polish_steps": 7, "solver__relative_gap": 0.25, "solver__seed": 4}
    attack = made(composer.changed(**changes, **{f"attack__exclusion__{name}": value for name, value in exclusion.items()}))
    assert (attack.polish_steps, attack.solver.relative_gap) == (7, 0.25)
    assert attack.exclusion == Exclusion(interrupt=True, solve_seconds=3.0, subproblem_seconds=1.5, seeds=2, seed=4)


def test_bounds_by_linear_programmes_keep_their_budget(composer: Composer, made: Any) -> None:
    for method in ("surrogate", "branch_and_bound", "restriction", "portfolio"):
        attack = made(composer.changed(attack__method=method, bounds__method="lp", bounds__lp_seconds=0.5))
        assert attack.bounds == Lp(seconds=0.5)
    assert isinstance(made(composer.changed(bounds__lp_seconds=0.5)).bounds, Crown)
    assert isinstance(made(composer.changed(attack__method="portfolio")).bounds, AlphaCrown)


def test_the_formulation_keeps_its_parts(composer: Composer, made: Any) -> None:
    for objective in ("margin", "closest"):
        changes = {"attack__objective": objective, "formulation__partitions": 5}
        assert made(composer.changed(**changes, formulation__method="partition")).formulation == Partition(5)
        assert isinstance(made(composer.changed(**changes)).formulation, BigM)


def test_the_gap_is_that_of_what_proves(composer: Composer, made: Any) -> None:
    for method in ("branch_and_bound", "portfolio"):
        assert made(composer.changed(attack__method=method)).relative_gap == 1e-4
        assert made(composer.changed(attack__method=method, solver__relative_gap=0.1)).relative_gap == 0.1
    assert made(composer.changed()).solver.relative_gap == 1e-6
    closest = made(composer.changed(attack__objective="closest", solver__relative_gap=0.1))
    assert (closest.relative_gap, closest.solver.relative_gap) == (0.1, 1e-6)  # its MILPs prove a sign, which a gap would hide


def test_the_rounds_of_restrictions(composer: Composer, made: Any) -> None:
    assert made(composer.changed(attack__method="restriction", attack__round_seconds=2.5)).round_seconds == 2.5


def test_defaults_are_the_librarys(composer: Composer, made: Any) -> None:
    attack = made(composer.changed())
    assert attack.exclusion == Exclusion()
    assert attack.polish_steps == library.SurrogateAttack.polish_steps
    assert made(composer.changed(attack__method="restriction")).round_seconds == library.RestrictionAttack.round_seconds
    assert made(composer.changed(bounds__method="lp")).bounds == Lp()


def test_an_objective_may_have_a_class_of_its_own(composer: Composer, made: Any) -> None:
    classes = {"surrogate": ClosestByMilp, "branch_and_bound": ClosestByBranching}
    for method, cls in classes.items():
        attack = made(composer.changed(attack__method=method, attack__objective="closest", attack__gradient_starts=7))
        assert (type(attack), attack.starts, attack.takes_surrogate) == (cls, 7, method == "surrogate")
        assert type(made(composer.changed(attack__method=method, attack__objective="output"))) is METHODS[method]


@pytest.mark.parametrize("method", METHODS)
def test_every_attack_answers(composer: Composer, method: str) -> None:
    network = ReluNetwork([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0], [0.0, 0.0]])
    settings = composer.changed(attack__method=method, attack__on_incumbent="stop", solver__time_limit_seconds=5.0)
    attack = method_of("attack", settings)
    instance = Instance(Region(0.0, 1.0, [0.6, 0.5], radius=0.3, norm="l1"), 0)
    result = attack.answer(network, network if attack.takes_surrogate else None, instance)
    assert (str(result.status), round(result.margin, 4) > 0.0) == ("adversarial", True)
