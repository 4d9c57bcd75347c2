"""Settings are declared once: what objects check, and what of them can change a result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from surrogate.attack import CLOSEST_METHODS, METHODS, Exclusion, GradientAttack, SurrogateAttack, method
from surrogate.bounds import METHODS as BOUNDS
from surrogate.checks import shown
from surrogate.errors import InvalidSetting
from surrogate.formulation import METHODS as FORMULATIONS
from surrogate.problems.objectives import OBJECTIVES
from surrogate.pruning import METHODS as PRUNINGS
from surrogate.pruning import Finetuning, Pruning
from surrogate.settings import Configurable, Internal, Setting
from surrogate.solvers import SOLVERS
from surrogate.training import Training


def classes() -> Iterator[type[Configurable]]:
    for family in (METHODS, CLOSEST_METHODS, BOUNDS, FORMULATIONS, PRUNINGS, SOLVERS):
        yield from family.values()
    yield from (Training, Finetuning, Pruning, Exclusion)


@pytest.mark.parametrize("cls", list(classes()), ids=lambda cls: cls.__name__)
def test_defaults_keep_their_own_rules(cls: type[Configurable]) -> None:
    for name, declared in cls.declared():
        if isinstance(declared, Setting):
            assert declared.rule(declared.default) is None, name
            assert declared.default == cls.default_of(name)


@pytest.mark.parametrize("cls", list(classes()), ids=lambda cls: cls.__name__)
def test_what_a_rule_refuses_is_refused_in_one_sentence(cls: type[Configurable]) -> None:
    for name, declared in cls.declared():
        if not isinstance(declared, Setting | Internal):
            continue
        for value in ("a", None, True, 0.5, -1, float("nan"), float("inf"), (1, 2), 2**63):
            allowed = declared.rule(value)
            if allowed is not None:
                with pytest.raises(InvalidSetting) as refused:
                    cls(**{name: value})
                assert str(refused.value) == f"{cls.called}{name}={shown(value)} is not allowed: expected {allowed}"


@pytest.mark.parametrize(
    ("made", "counting", "not_counting"),
    [
        (SurrogateAttack(), {"start", "solver"}, {"gradient", "polish_steps", "exclusion"}),
        (SurrogateAttack(start="gradient", polish=True), {"gradient", "polish_steps"}, {"exclusion"}),
        (SurrogateAttack(on_incumbent="exclude_region"), {"exclusion"}, {"gradient"}),
        (Training(epochs=0), {"seed", "epochs"}, {"learning_rate", "optimizer"}),
        (Training(), {"learning_rate", "optimizer"}, set()),
        (Finetuning(), {"rounds"}, {"epochs", "rewind", "seed"}),
        (Finetuning(rounds=1), {"epochs", "seed"}, {"rewind"}),
        (Finetuning(rounds=2), {"epochs", "seed", "rewind"}, set()),
        (Pruning(), {"method"}, {"amount", "seed", "finetuning"}),
        (Pruning("magnitude", 0.5), {"amount"}, {"seed"}),
        (Pruning("random", 0.5), {"amount", "seed"}, set()),
        (Pruning("magnitude", 0.5, finetuning=Finetuning(rounds=1)), {"amount", "seed"}, set()),
    ],
)
def test_what_counts(made: Configurable, counting: set[str], not_counting: set[str]) -> None:
    assert counting <= made.counting().keys()
    assert not not_counting & made.counting().keys()


def test_parts_count_setting_by_setting() -> None:
    excluding: Any = SurrogateAttack(on_incumbent="exclude_region", start="none").counting()["exclusion"]
    assert excluding == {"interrupt": False, "solve_seconds": 15.0, "seed": 0}
    assert SurrogateAttack().counting()["solver"]["name"] == "highs"


def test_an_object_that_is_not_checked_has_its_defaults() -> None:
    assert GradientAttack.unchecked({}) == GradientAttack()
    assert GradientAttack.unchecked({"starts": 0}).starts == 0


def test_attacks_by_name_and_objective() -> None:
    for name in METHODS:
        able = {one for one in OBJECTIVES if one != "closest" or name in CLOSEST_METHODS}
        for objective in OBJECTIVES:
            if objective in able:
                assert objective in method(name, objective).objectives
                continue
            with pytest.raises(InvalidSetting, match="only surrogate and branch_and_bound can optimise that"):
                method(name, objective)
    with pytest.raises(InvalidSetting, match="attack='surogate' is not one of surrogate, gradient"):
        method("surogate")
