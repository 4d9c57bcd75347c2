"""Settings that are off by default: they stand in no key then, and are known, said and named where they are on."""

from __future__ import annotations

import copy

import pytest
from composing import Composer

from sweep.config.canonical import part, parts
from sweep.config.dotted_keys import flatten
from sweep.config.effect import with_effect
from sweep.config.families import switches
from sweep.config.reading import read
from sweep.config.schema import SECTIONS
from sweep.config.sections import method_of
from sweep.errors import ConfigError
from sweep.planning.plan import plan_one

SWITCHES = {
    "training.l1": 0.0,
    "training.stability": 0.0,
    "training.big_m": 0.0,
    "training.radius": None,
    "training.dropout": 0.0,
}

MODEL = ("task=model", "model=scholarship", "method=dense", "network.depth=1", "network.width=6", "instances.count=2")


def test_they_are_these() -> None:
    assert dict(switches()) == SWITCHES


OF_BEFORE = {"epochs", "seed", "batch_size", "learning_rate", "weight_decay", "optimizer"}
"""What of the section stood in keys before there were switches."""


@pytest.mark.parametrize("overrides", [(), ("training=fashion_mnist",), ("training.epochs=0",), MODEL], ids=" ".join)
def test_keys_of_before_stay(composer: Composer, overrides: tuple[str, ...]) -> None:
    trial = composer.trial(*overrides)
    assert (part("training", read(trial.config)) or {}).keys() == OF_BEFORE


def test_off_stands_in_no_key_and_can_change_a_result_all_the_same(composer: Composer) -> None:
    trial = composer.trial()
    counted = flatten(parts(read(trial.config), SECTIONS))
    assert not {key for key in counted if key in SWITCHES}
    off = [key for key in SWITCHES if key != "training.radius"]
    assert with_effect(SWITCHES, flatten(trial.config)) == off, "a radius is of no use without bounds"
    untrained = composer.trial("training.epochs=0")
    assert with_effect(SWITCHES, flatten(untrained.config)) == []


@pytest.mark.parametrize(
    "override", ["training.l1=0.1", "training.stability=0.1", "training.big_m=0.1", "training.dropout=0.1"]
)
def test_on_makes_another_training(composer: Composer, override: str) -> None:
    plain, changed = composer.trial(), composer.trial(override)
    assert plain.key != changed.key
    assert plain.training_key != changed.training_key
    models = [composer.trial(*MODEL, *more) for more in ((), (override,))]
    assert models[0].key != models[1].key


def test_the_radius_counts_with_a_penalty_on_bounds(composer: Composer) -> None:
    keys = [composer.trial("training.stability=0.1", *more).key for more in ((), ("training.radius=0.1",))]
    assert keys[0] != keys[1]
    assert composer.trial("training.l1=0.1", "training.radius=0.1").key == composer.trial("training.l1=0.1").key
    attacks = [composer.trial("training.stability=0.1", f"attack.radius={radius}").training_key for radius in (1.0, 2.0)]
    assert attacks[0] == attacks[1], "a training does not follow the attack"


def test_a_configuration_of_before_is_read(composer: Composer) -> None:
    config = copy.deepcopy(composer.plain())
    for key in SWITCHES:
        del config["training"][key.partition(".")[2]]
    assert method_of("training", read(config)) == method_of("training", read(composer.plain()))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.l1=-0.1", "training.l1=-0.1 is not allowed: it must be a number of at least 0"),
        ("training.stability=-1", "training.stability=-1.0 is not allowed: it must be a number of at least 0"),
        ("training.big_m=lots", "training.big_m=lots is not allowed: it must be a finite number, not str"),
        ("training.dropout=1", "training.dropout=1.0 is not allowed: it must be a number with 0 <= value < 1"),
        ("training.radius=0", "training.radius=0.0 is not allowed: it must be a number above 0"),
    ],
)
def test_impossible_values_are_one_sentence(composer: Composer, override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        composer.trial(override)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("others", "idle"),
    [
        ((), "training.radius=0.1"),
        (("training.l1=0.1",), "training.radius=0.1"),
        (("training.epochs=0",), "training.stability=0.1"),
        (("training.epochs=0",), "training.dropout=0.1"),
    ],
)
def test_what_changes_nothing_is_said(composer: Composer, others: tuple[str, ...], idle: str) -> None:
    said = plan_one(composer.config(*others, idle), [idle]).notes
    assert said == (f"{idle} has no effect: no trial of this command uses it.",)


def test_what_is_on_is_looked_at(composer: Composer) -> None:
    written = ["training.stability=0.1", "training.radius=0.1", "training.l1=0.1", "training.dropout=0.1"]
    assert plan_one(composer.config(*written), written).notes == ()


def test_names_have_what_is_on(composer: Composer) -> None:
    plan = composer.plan(
        *MODEL,
        "training.l1=0,0.001,0",
        "training.stability=0,0,0.01",
        "search.together=[[training.l1,training.stability]]",
    )
    assert [trial.name for trial in plan.trials] == [
        "scholarship 1x6 dense",
        "scholarship 1x6 dense training.l1=0.001",
        "scholarship 1x6 dense training.stability=0.01",
    ]
    assert plan.trials[0].swept == {"training.l1": 0, "training.stability": 0}
