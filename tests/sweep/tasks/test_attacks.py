"""What a configuration says reaches the attack that is run."""

from __future__ import annotations

from typing import Any

import pytest
from composing import Composer

from surrogate import attack as library
from surrogate.attack import Exclusion, Instance
from surrogate.bounds import AlphaCrown, Crown, Lp
from surrogate.formulation import BigM, Partition
from surrogate.networks import ReluNetwork
from surrogate.region import Region
from sweep.config.attack_facts import NAMES
from sweep.config.schema import Settings
from sweep.tasks.attacks import ATTACKS

NETWORK = ReluNetwork([[[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0]])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that gives the attack object which the settings make."""
    found: list[Any] = []
    for name in ("SurrogateAttack", "ClosestAttack", "BranchAndBoundAttack", "RestrictionAttack", "PortfolioAttack"):
        monkeypatch.setattr(getattr(library, name), "run", lambda self, *_: found.append(self))

    def make(settings: Settings) -> Any:
        ATTACKS[settings.attack.method](settings).run(NETWORK, NETWORK, Instance(Region(0.0, 1.0, [0.6, 0.4]), 0))
        return found.pop()

    return make


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


def test_every_name_has_an_attack() -> None:
    assert list(ATTACKS) == list(NAMES)
