"""Keys change with whatever can change a result, and with nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from composing import Composer

from surrogate.datasets import Dataset
from sweep import keys
from sweep.keys import instance_key, surrogate_key
from sweep.schema import Settings


def data(**changed: Any) -> Dataset:
    images, labels = np.zeros((2, 4), np.float32), np.zeros(2, np.int64)
    values = {"name": "mnist", "side": 2, "checksum": "c" * 16, **changed}
    return Dataset(values["name"], values["side"], images, labels, images, labels, values["checksum"])


@pytest.fixture(scope="module")
def settings(composer: Composer) -> Settings:
    return composer.changed(pruning__finetune__rounds=1)


def surrogate(settings: Settings, dense: str = "d", source: Dataset | None = None) -> str:
    return surrogate_key(settings, dense, source or data())


def instance(
    settings: Settings, dense: str = "d", pruned: str | None = "s", question: str = "q", source: Dataset | None = None
) -> str:
    return instance_key(settings, dense, pruned, question, source or data())


PRUNING = {
    "pruning__method": "random",
    "pruning__amount": 0.25,
    "pruning__seed": 5,
    "pruning__finetune__rounds": 2,
    "pruning__finetune__epochs": 3,
    "pruning__finetune__optimizer": "adam",
    "pruning__finetune__learning_rate": 0.5,
    "pruning__finetune__weight_decay": 0.25,
    "pruning__finetune__batch_size": 17,
    "pruning__finetune__rewind": False,
}
ATTACK = {
    "bounds__method": "interval",
    "solver__time_limit_seconds": 7.0,
    "solver__seed": 3,
    "attack__objective": "closest",
    "attack__on_incumbent": "stop",
    "attack__start": "gradient",
    "attack__polish": True,
    "attack__method": "gradient",
}
ELSEWHERE = {
    "dataset__folder": "elsewhere",
    "network__depth": 2,  # the weights count, not what made them
    "network__file": "no/such/file.onnx",
    "training__epochs": 1,
    "instances__seed": 9,
    "instances__count": 77,
    "instances__properties": "no/such/folder",
    "attack__norm": "linf",  # the question holds it
    "attack__radius": 3.0,
    "attack__target": "untargeted",
    "search__method": "random",
    "deadlines__instance_seconds": 5.0,
    "deadlines__trial_seconds": 5.0,
    "cluster__cpus_per_trial": 2,
    "tracking__uri": "http://nowhere",
    "sweep__name": "other",
    "sweep__retries": 0,
}
"""Keys with another value than by default."""


@pytest.mark.parametrize("key", [*PRUNING, *ATTACK, *ELSEWHERE])
def test_each_key_changes_what_it_can_change(composer: Composer, settings: Settings, key: str) -> None:
    value = {**PRUNING, **ATTACK, **ELSEWHERE}[key]
    changed = composer.changed(**{"pruning__finetune__rounds": 1, key: value})
    assert changed != settings, "the value is the default"
    assert (surrogate(changed) != surrogate(settings)) == (key in PRUNING or key == "attack__method")
    # A shared surrogate counts by its contents, whatever made it.
    assert (instance(changed) != instance(settings)) == (key in ATTACK)
    of_regions = instance(changed, pruned=None) != instance(settings, pruned=None)
    assert of_regions == (key in PRUNING or key in ATTACK)


def test_what_goes_in_counts(settings: Settings) -> None:
    assert len({surrogate(settings), surrogate(settings, dense="e")}) == 2
    assert len({instance(settings), instance(settings, dense="e"), instance(settings, pruned="t")}) == 3
    assert instance(settings, question="r") != instance(settings)
    for change in ({"name": "digits"}, {"checksum": "d" * 16}):
        assert surrogate(settings, source=data(**change)) != surrogate(settings)
        assert instance(settings, source=data(**change)) != instance(settings)
    assert surrogate_key(settings, "d", None) != surrogate(settings)
    wider = dataclasses.replace(data(), train_images=np.zeros((2, 9), np.float32))
    assert surrogate(settings, source=wider) != surrogate(settings)


def test_settings_of_finetuning_that_does_not_happen_do_not_count(composer: Composer) -> None:
    plain, other = composer.changed(), composer.changed(pruning__finetune__epochs=3)
    assert surrogate(plain) == surrogate(other)


def test_versions_count(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = surrogate(settings), instance(settings), instance(settings, pruned=None)
    with monkeypatch.context() as patch:
        patch.setattr(keys, "SURROGATES_VERSION", 99)
        assert surrogate(settings) != before[0]
        assert instance(settings) == before[1]
        assert instance(settings, pruned=None) != before[2]
    monkeypatch.setattr(keys, "INSTANCES_VERSION", 99)
    assert surrogate(settings) == before[0]
    assert instance(settings) != before[1]
