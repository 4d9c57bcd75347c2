"""A method with a setting of its own is one class and one line: keys, rules, names and notes follow from its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from composing import Composer

from surrogate import bounds, pruning, rules
from surrogate.attack import METHODS as ATTACKS
from surrogate.attack import SurrogateAttack
from surrogate.bounds import Bounds, Interval
from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, SurvivorMethod, Survivors, prune
from surrogate.region import Region
from surrogate.settings import setting
from sweep.config.overrides import as_written, forced
from sweep.config.reading import keys, kinds_of, unknown_key
from sweep.config.sections import method_of
from sweep.errors import ConfigError
from sweep.planning.plan import TrialSpace, plan_one
from sweep.planning.swept_keys import SweptInterval


@dataclass(frozen=True)
class EveryOther(SurvivorMethod):
    """Of the hidden neurons one in ``stride`` survives, whatever the amount."""

    name: ClassVar[str] = "every_other"
    draws: ClassVar[bool] = False

    stride: int = setting(2, rules.integer(1))

    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        return Survivors.of_neurons(network, [np.arange(0, size, self.stride) for size in network.hidden_sizes])


@dataclass(frozen=True)
class Wide(Interval):
    """Interval bounds that a setting widens."""

    name: ClassVar[str] = "wide"

    slack: float = setting(0.5, rules.POSITIVE)

    def compute(self, network: ReluNetwork, region: Region, deadline: float = float("inf")) -> Bounds:
        found = super().compute(network, region, deadline)
        return Bounds(tuple(low - self.slack for low in found.lower), tuple(high + self.slack for high in found.upper))


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """List the two methods, for one test."""
    monkeypatch.setitem(pruning.METHODS, EveryOther.name, EveryOther)
    monkeypatch.setitem(bounds.METHODS, Wide.name, Wide)


def test_its_setting_is_a_key() -> None:
    assert {"pruning.stride", "bounds.slack"} <= set(keys())
    assert kinds_of("pruning.stride")[0] == {int}


def test_it_is_built_with_its_setting(composer: Composer) -> None:
    chosen = composer.changed(pruning__method="every_other", pruning__stride=3, bounds__method="wide", bounds__slack=0.25)
    assert method_of("pruning", chosen) == Pruning(EveryOther(3), amount=0.8)
    assert method_of("attack", chosen).bounds == Wide(0.25)
    without = composer.changed(pruning__method="every_other")  # other options lack the key
    assert method_of("pruning", without).way == EveryOther()
    dense = ReluNetwork([np.ones((6, 2)), np.ones((2, 6))], [np.ones(6), np.zeros(2)])
    assert prune(method_of("pruning", chosen), dense).hidden_sizes == (2,)


def test_a_wrong_value_and_a_wrong_name_are_refused(composer: Composer) -> None:
    with pytest.raises(ConfigError, match=r"pruning\.stride=0 is not allowed: it must be an integer of at least 1"):
        composer.changed(pruning__method="every_other", pruning__stride=0)
    with pytest.raises(ConfigError, match=r"unknown key pruning\.strde \(did you mean pruning\.stride\?\)"):
        composer.changed(pruning__strde=2)
    with pytest.raises(ConfigError, match=r"did you mean every_other\?"):
        composer.changed(pruning__method="every_othr")


def test_it_is_swept(composer: Composer) -> None:
    plan = composer.plan("pruning.method=every_other,magnitude", "+pruning.stride=2,3")
    assert [trial.name for trial in plan.trials] == [
        "2x16 every_other 0.8 pruning.stride=2",
        "2x16 every_other 0.8 pruning.stride=3",
        "2x16 magnitude 0.8",
    ]
    assert [trial.swept.get("pruning.stride") for trial in plan.trials] == [2, 3, None]
    assert plan.trials[2].key == composer.trial().key  # the key of another method is what it was
    assert plan.duplicates == 1
    assert len(composer.plan("bounds.method=wide", "+bounds.slack=0.1,0.2").trials) == 2


def test_it_is_swept_as_any_other_key_is(composer: Composer) -> None:
    swept = "pruning.method=every_other,magnitude"
    keys = [trial.key for trial in composer.plan(swept, "+pruning.stride=2,3").trials]
    for lines in ([swept, "pruning.stride=2,3"], forced([swept, "pruning.stride=2,3"])):
        assert [trial.key for trial in composer.plan(*lines).trials] == keys
    condition = "search.where=[\"pruning.stride == 2 or pruning.method == 'none'\"]"
    assert len(composer.plan("pruning.method=every_other,none", condition).trials) == 2  # its default, where there is no key
    assert forced(["pruning.stride=2", "pruning.amount=0.5"]) == ["++pruning.stride=2", "pruning.amount=0.5"]
    assert str(unknown_key("pruning.stride")) == "pruning.stride has no value in the chosen files; ++pruning.stride=... adds it"
    assert str(unknown_key("pruning.finetune")).startswith("pruning.finetune is a section")


def test_where_nothing_looks_at_it_that_is_said(composer: Composer) -> None:
    def notes(*overrides: str) -> tuple[str, ...]:
        return plan_one(composer.config(*overrides), ["+pruning.stride=3"]).notes

    assert notes("+pruning.stride=3") == ("+pruning.stride=3 has no effect: no trial of this command uses it.",)
    assert notes("+pruning.stride=3", "pruning.method=every_other") == ()


def test_what_the_program_adds_to_an_override_is_not_shown(composer: Composer) -> None:
    for written in ("attack.start=gradient", "pruning.amount=0.5", "++pruning.amount=0.5", "+experiment=digits"):
        assert as_written(*forced([written])) == written
    with pytest.raises(ConfigError, match=r"^attack\.start=interval\(0,1\): the values of attack\.start are no numbers"):
        composer.plan(*forced(["attack.start=interval(0,1)"]))


def test_so_is_an_attack(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Patient(SurrogateAttack):
        name: ClassVar[str] = "patient"
        patience: float = setting(1.5, rules.POSITIVE)

    monkeypatch.setitem(ATTACKS, "patient", Patient)
    settings = composer.changed(attack__method="patient", attack__patience=2.0, attack__start="none")
    attack = method_of("attack", settings)
    assert isinstance(attack, Patient)
    assert (attack.patience, attack.start) == (2.0, "none")
    plan = composer.plan("attack.method=patient,surrogate", "+attack.patience=1.0,2.0")
    assert [trial.swept.get("attack.patience") for trial in plan.trials] == [1.0, 2.0, None]
    with pytest.raises(ConfigError, match=r"attack\.patience=0\.0 is not allowed: it must be a number above 0"):
        composer.changed(attack__method="patient", attack__patience=0)


def test_methods_may_have_settings_of_one_name_and_different_types(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Worded(SurrogateAttack):
        name: ClassVar[str] = "worded"
        free: str = setting("few", rules.one_of("few", "many"))

    @dataclass(frozen=True)
    class Exact(SurrogateAttack):
        name: ClassVar[str] = "exact"
        free: float = setting(0.5, rules.POSITIVE)

    @dataclass(frozen=True)
    class Timed(SurrogateAttack):
        name: ClassVar[str] = "timed"
        pause: float = setting(0.5, rules.POSITIVE)

    @dataclass(frozen=True)
    class Paced(SurrogateAttack):
        name: ClassVar[str] = "paced"
        pause: str = setting("short", rules.one_of("short", "long"))
        steps: tuple[float, ...] = setting((0.5, 0.8), rules.several("shares", rules.SHARE))

    monkeypatch.setitem(ATTACKS, "timed", Timed)
    monkeypatch.setitem(ATTACKS, "paced", Paced)
    assert method_of("attack", composer.changed(attack__method="timed", attack__pause=3)).pause == 3.0
    where = ("attack.method=paced,timed", "search.where=['attack.method == \"timed\" or attack.steps == [0.5, 0.8]']")
    assert len(composer.plan(*where).trials) == 2, "lists are lists where a class has its default as a tuple"

    integers = [trial.key for trial in composer.plan("attack=restriction", "attack.free=3,4").trials]
    monkeypatch.setitem(ATTACKS, "worded", Worded)
    assert kinds_of("attack.free")[0] == {int, str}
    assert method_of("attack", composer.changed(attack__method="worded", attack__free="many")).free == "many"
    with pytest.raises(ConfigError, match=r"attack\.free=all is not allowed: it must be an integer of .* or one of few, many"):
        composer.changed(attack__method="worded", attack__free="all")
    with pytest.raises(ConfigError, match=r"free=few with attack\.method=restriction: there it must be an integer"):
        composer.plan("attack=restriction", "attack.free=few")

    monkeypatch.setitem(ATTACKS, "exact", Exact)
    assert [trial.key for trial in composer.plan("attack=restriction", "attack.free=3,4").trials] == integers
    free = method_of("attack", composer.changed(attack__method="restriction", attack__free=3)).free
    assert (free, type(free)) == (3, int)
    free = method_of("attack", composer.changed(attack__method="exact", attack__free=3)).free
    assert (free, type(free)) == (3.0, float)
    space = TrialSpace(composer.loader, composer.compose_as_hydra, ["attack=restriction", "attack.free=interval(2,6)"])
    interval = space.dimensions["attack.free"]
    assert isinstance(interval, SweptInterval)
    assert interval.integer, "as the value is that the interval replaces"
