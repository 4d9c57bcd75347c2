"""Settings are declared once: what objects check, and what of them can change a result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from surrogate.attack import (
    CLOSEST_METHODS,
    METHODS,
    BranchAndBoundAttack,
    ClosestAttack,
    Exclusion,
    GradientAttack,
    PortfolioAttack,
    RestrictionAttack,
    SurrogateAttack,
    method,
)
from surrogate.bounds import METHODS as BOUNDS
from surrogate.bounds import Lp
from surrogate.checks import shown
from surrogate.errors import InvalidSetting
from surrogate.formulation import METHODS as FORMULATIONS
from surrogate.formulation import Partition
from surrogate.models import SearchSettings
from surrogate.models.methods import METHODS as MODEL_METHODS
from surrogate.models.methods import SurrogateMilp, WalkAlone, WholeSearch
from surrogate.problems.objectives import OBJECTIVES
from surrogate.pruning import METHODS as PRUNINGS
from surrogate.pruning import Finetuning, Pruning
from surrogate.settings import Configurable, Internal, Setting
from surrogate.solvers import SOLVERS
from surrogate.training import Training


def classes() -> Iterator[type[Configurable]]:
    for family in (METHODS, CLOSEST_METHODS, BOUNDS, FORMULATIONS, PRUNINGS, SOLVERS, MODEL_METHODS):
        yield from family.values()
    yield from (Training, Finetuning, Pruning, Exclusion, SearchSettings)


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
        values = ("a", None, True, 0.5, -1, float("nan"), float("inf"), (1, 2), 2**63)
        outside = [value for value in values if declared.rule(value) is not None]
        assert outside, f"{name} can be anything"
        for value in outside:
            with pytest.raises(InvalidSetting) as refused:
                cls(**{name: value})
            expected = f"{cls.called}{name}={shown(value)} is not allowed: expected {declared.rule(value)}"
            assert str(refused.value) == expected


def test_a_setting_that_another_class_declares_is_the_same_one() -> None:
    of_search = dict(SearchSettings.declared())
    shared = {"solver", "bounds", "formulation", "sparsities", "points", "seed"}
    for cls in MODEL_METHODS.values():
        for name, declared in cls.declared():
            if name in shared:
                assert cls.default_of(name) == SearchSettings.default_of(name)
                assert getattr(declared, "rule", None) is getattr(of_search[name], "rule", None)
    walk = dict(MODEL_METHODS["walk"].declared())
    assert (walk["seed"].key, of_search["seed"].key) == ("solver.seed", None)


COUNT, AT_LEAST_0 = "an integer of at least 1", "an integer of at least 0"
POSITIVE, NOT_NEGATIVE, SHARE = "a number above 0", "a number of at least 0", "a number with 0 <= value < 1"

JUST_OUTSIDE: list[tuple[type[Configurable], str, Any, str]] = [
    (SurrogateAttack, "on_incumbent", "go", "one of check, stop, exclude_region, dense_subproblem"),
    (SurrogateAttack, "start", "cold", "one of none, center, gradient"),
    (SurrogateAttack, "polish", 1, "true or false"),
    (SurrogateAttack, "polish_steps", 0, COUNT),
    (GradientAttack, "starts", 0, COUNT),
    (GradientAttack, "steps", 0, COUNT),
    (GradientAttack, "seed", -1, AT_LEAST_0),
    (GradientAttack, "time_limit_seconds", 0.0, f"{POSITIVE} or None"),
    (BranchAndBoundAttack, "goal", "best", "one of optimum, verdict"),
    (BranchAndBoundAttack, "time_limit_seconds", 0.0, POSITIVE),
    (BranchAndBoundAttack, "relative_gap", 0.0, POSITIVE),
    (BranchAndBoundAttack, "climb_steps", 0, COUNT),
    (RestrictionAttack, "free", 0, COUNT),
    (RestrictionAttack, "time_limit_seconds", 0.0, POSITIVE),
    (RestrictionAttack, "round_seconds", 0.0, POSITIVE),
    (PortfolioAttack, "goal", "best", "one of optimum, verdict"),
    (PortfolioAttack, "time_limit_seconds", 0.0, POSITIVE),
    (PortfolioAttack, "relative_gap", 0.0, POSITIVE),
    (PortfolioAttack, "free", 0, COUNT),
    (ClosestAttack, "prover", "gurobi", "one of branch_and_bound, milp"),
    (ClosestAttack, "starts", 0, COUNT),
    (ClosestAttack, "steps", 0, COUNT),
    (ClosestAttack, "seed", -1, AT_LEAST_0),
    (ClosestAttack, "threshold", 0.0, "a number above 1e-09, the margin of a witness"),
    (ClosestAttack, "relative_gap", 0.0, "a number with 0 < value < 1"),
    (Exclusion, "interrupt", 1, "true or false"),
    (Exclusion, "solve_seconds", 0.0, POSITIVE),
    (Exclusion, "subproblem_seconds", -1.0, POSITIVE),
    (Exclusion, "seeds", -1, AT_LEAST_0),
    (Exclusion, "seed", -1, AT_LEAST_0),
    (Lp, "seconds", -1.0, NOT_NEGATIVE),
    (Partition, "partitions", 0, COUNT),
    *((kind, "time_limit_seconds", 0.0, POSITIVE) for kind in SOLVERS.values()),
    *((kind, "threads", 0, COUNT) for kind in SOLVERS.values()),
    *((kind, "seed", -1, AT_LEAST_0) for kind in SOLVERS.values()),
    *((kind, "seed", 2_000_000_001, "an integer of at most 2000000000") for kind in SOLVERS.values()),
    *((kind, "relative_gap", 1.0, SHARE) for kind in SOLVERS.values()),
    (Training, "epochs", -1, AT_LEAST_0),
    (Training, "seed", -1, AT_LEAST_0),
    (Training, "batch_size", 0, COUNT),
    (Training, "learning_rate", 0.0, POSITIVE),
    (Training, "weight_decay", -1e-3, NOT_NEGATIVE),
    (Training, "optimizer", "lbfgs", "one of adam, sgd"),
    (Training, "bias", 1, "true or false"),
    (Training, "l1", -1.0, NOT_NEGATIVE),
    (Training, "stability", -1.0, NOT_NEGATIVE),
    (Training, "big_m", -1.0, NOT_NEGATIVE),
    (Training, "radius", 0.0, f"{POSITIVE} or None"),
    (Training, "dropout", 1.0, SHARE),
    (Finetuning, "rounds", -1, AT_LEAST_0),
    (Finetuning, "epochs", -1, AT_LEAST_0),
    (Finetuning, "optimizer", "lbfgs", "one of adam, sgd"),
    (Finetuning, "learning_rate", 0.0, POSITIVE),
    (Finetuning, "weight_decay", -1.0, NOT_NEGATIVE),
    (Finetuning, "batch_size", 0, COUNT),
    (Finetuning, "rewind", 1, "true or false"),
    (Finetuning, "seed", -3, AT_LEAST_0),
    (Pruning, "amount", 1.0, SHARE),
    (Pruning, "amount", -0.1, SHARE),
    (Pruning, "seed", -1, AT_LEAST_0),
    *((kind, "points", 0, COUNT) for kind in (SearchSettings, WalkAlone, WholeSearch)),
    *((kind, "seed", -1, AT_LEAST_0) for kind in (SearchSettings, WalkAlone)),
    *((kind, "sparsities", (), "a list of shares, such as (0.5, 0.9)") for kind in (SearchSettings, WholeSearch)),
    (WalkAlone, "time_limit_seconds", 0.0, POSITIVE),
    (SurrogateMilp, "repair", 1, "true or false"),
]
"""Of settings a value just outside of what it may be, and the words for what it may be.

A setting of a new method needs no line here: the test above holds its rule to what is wrong for every setting of its kind.
"""


@pytest.mark.parametrize(("cls", "name", "value", "words"), JUST_OUTSIDE)
def test_the_rule_of_each_setting(cls: type[Configurable], name: str, value: Any, words: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        cls(**{name: value})
    assert str(refused.value) == f"{cls.called}{name}={shown(value)} is not allowed: expected {words}"


@pytest.mark.parametrize("cls", [SurrogateAttack, ClosestAttack, BranchAndBoundAttack, RestrictionAttack, PortfolioAttack])
def test_methods_of_other_families_are_chosen_by_their_names(cls: type[Configurable]) -> None:
    with pytest.raises(InvalidSetting, match="bounds='tight' is not one of box, interval, crown"):
        cls(**{"bounds": "tight"})
    if issubclass(cls, SurrogateAttack | ClosestAttack):
        with pytest.raises(InvalidSetting, match="formulation='x' is not one of big_m"):
            cls(formulation="x")


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
