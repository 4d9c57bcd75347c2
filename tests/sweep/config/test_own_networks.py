"""The section ``networks``: what it may have is what the sections have in whose place it stands, in the same sentences."""

from __future__ import annotations

from typing import Any

import pytest
import synthetic
from composing import Composer

from sweep.config.overrides import forced
from sweep.config.own_networks import key_in_use, layers_in_words, settings_of, settled
from sweep.config.reading import is_key, kinds_of, read
from sweep.config.schema import Settings
from sweep.config.trial_names import is_named
from sweep.errors import ConfigError
from sweep.report.settled import settled_config


def with_networks(composer: Composer, networks: Any) -> Settings:
    return read({**composer.plain(), "networks": networks})


OWN = {
    "f": {"depth": 4, "file": None, "training": {"epochs": 7}},
    "g": {"width": 32, "pruning": {"amount": 0.5, "finetune": {"rounds": 1}}},
}


def test_a_network_has_its_own_values_and_those_of_the_sections(composer: Composer) -> None:
    settings, common = with_networks(composer, OWN), composer.changed()
    f, g, h = (settings_of(settings, name) for name in "fgh")
    assert h == common
    assert (f.network.depth, f.network.width, f.training.epochs) == (4, common.network.width, 7)
    assert f.training.seed == common.training.seed
    assert f.pruning == common.pruning
    assert (g.network.width, g.pruning.amount, g.pruning.finetune.rounds) == (32, 0.5, 1)
    assert g.pruning.finetune.epochs == common.pruning.finetune.epochs
    assert g.training == common.training
    assert all(one.networks == {} for one in (f, g, h))


def test_the_key_that_gives_a_value(composer: Composer) -> None:
    settings = with_networks(composer, OWN)
    assert key_in_use(settings, "f", "network.depth") == "networks.f.depth"
    assert key_in_use(settings, "f", "network.file") == "networks.f.file"
    assert key_in_use(settings, "f", "network.width") == "network.width"
    assert key_in_use(settings, "g", "pruning.finetune.rounds") == "networks.g.pruning.finetune.rounds"
    assert key_in_use(settings, "g", "pruning.finetune.epochs") == "pruning.finetune.epochs"
    assert key_in_use(settings, "h", "training.epochs") == "training.epochs"


REFUSED = {
    "no section": (3, "networks=3 must be a section, of which keys are set as in networks.cost.width=16"),
    "a network that is no section": (
        {"f": 8},
        "networks.f=8 must be a section with the keys depth, width, bias, file, training",
    ),
    "an unknown key": (
        {"f": {"widht": 8}},
        "unknown key networks.f.widht (did you mean networks.f.width?); available in networks.f: depth, width, bias, file",
    ),
    "a key of a section inside": (
        {"f": {"amount": 0.5}},
        "unknown key networks.f.amount (did you mean networks.f.pruning.amount?)",
    ),
    "an unknown key inside": (
        {"f": {"training": {"epoch": 3}}},
        "unknown key networks.f.training.epoch (did you mean networks.f.training.epochs?); available in networks.f.training: ",
    ),
    "out of range": ({"f": {"width": 0}}, "networks.f.width=0 is not allowed: it must be an integer of at least 1"),
    "of another type": ({"f": {"depth": 2.5}}, "networks.f.depth=2.5 is not allowed: it must be an integer, not float"),
    "an amount": ({"f": {"pruning": {"amount": 1}}}, "networks.f.pruning.amount=1.0 is not allowed: it must be "),
    "a method": ({"f": {"pruning": {"method": "magnitud"}}}, "(did you mean magnitude?)"),
    "an option": ({"f": {"pruning": "magnitude"}}, "networks.f.pruning='magnitude' must be a section with the keys method, "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(composer: Composer, case: str) -> None:
    given, sentence = REFUSED[case]
    with pytest.raises(ConfigError) as refused:
        with_networks(composer, given)
    assert sentence in str(refused.value)


def test_records_of_before_have_no_such_section(composer: Composer) -> None:
    config = composer.plain()
    assert config.pop("networks") == {}
    assert read(config) == composer.changed()


def test_its_keys_are_written_as_any_key() -> None:
    assert forced(["networks.f.width=8,16", "network.width=8"]) == ["++networks.f.width=8,16", "network.width=8"]
    assert kinds_of("networks.f.width") == kinds_of("network.width")
    assert kinds_of("networks.f.pruning.amount")[0] == {float}
    assert is_key("networks.f.training.epochs")
    assert not is_key("networks.f.training.epoch")
    assert is_named("networks.f.pruning.amount")
    assert not is_named("networks.f.training.epochs")


def test_an_interval_of_a_network_has_the_numbers_of_its_section(composer: Composer) -> None:
    model = ("task=model", "search=random", "search.samples=4")
    widths = composer.plan(*model, "++networks.objective.width=interval(4,9)").trials
    assert {type(trial.swept["networks.objective.width"]) for trial in widths} == {int}
    amounts = composer.plan(*model, "++networks.objective.pruning.amount=interval(0,1)").trials
    assert {type(trial.swept["networks.objective.pruning.amount"]) for trial in amounts} == {float}
    with pytest.raises(ConfigError, match=r"unknown key networks\.objective\.widht .did you mean networks\.objective\.width"):
        composer.plan(*model, "++networks.objective.widht=interval(4,9)")


def test_conditions_know_them(composer: Composer) -> None:
    swept = ("task=model", "++networks.objective.width=4,8", "++networks.constraint.width=4,8")
    plan = composer.plan(*swept, 'search.where=["networks.objective.width <= networks.constraint.width"]')
    assert (len(plan.trials), plan.excluded) == (3, 1)
    with pytest.raises(ConfigError, match=r"networks\.objective\.width is never 'wide': it must be an integer"):
        composer.plan(*swept, "search.where=[\"networks.objective.width == 'wide'\"]")


def test_a_task_without_names_of_networks_has_none_in_its_report(composer: Composer) -> None:
    config = {**composer.plain(), "networks": {"foo": {"width": 3}}}
    layers, flat = settled_config(synthetic.trial(config=config))
    assert layers == "2x16"
    assert "networks.foo.width" not in flat
    config["task"] = {"name": "model", "parameters": {}}
    assert settled_config(synthetic.trial(config={**config, "networks": {"objective": {"width": 3}}}))[0] != "2x16"


def test_a_configuration_tells_in_what_networks_differ() -> None:
    flat = {"network.depth": 2, "network.width": 16, "network.file": None, "pruning.method": "magnitude", "pruning.amount": 0.5}
    one = {**flat, "networks.f.width": 8, "solver.seed": 3}
    assert settled(one, ["f"]) == {**flat, "network.width": 8, "solver.seed": 3}
    both = settled({**one, "networks.g.width": 8}, ["f", "g"])
    assert both == {**flat, "network.width": 8, "solver.seed": 3}
    methods = settled({**flat, "networks.f.pruning.method": "none"}, ["f", "g"])
    assert methods["networks.f.pruning.amount"] == methods["networks.g.pruning.amount"] == 0.5
    assert "pruning.amount" not in methods
    assert layers_in_words(one) == "f=2x8, others 2x16"
    assert layers_in_words(one, ["f"]) == "2x8"
    assert layers_in_words({**flat, "networks.f.file": "far/net.onnx"}, ["f", "g"]) == "f=net, others 2x16"
    assert layers_in_words({**flat, "networks.f.file": "a.onnx", "networks.g.file": "b.onnx"}, ["f", "g"]) == "f=a, g=b"
    assert layers_in_words(flat) == "2x16"
