"""Keys change with whatever can change a result, and with nothing else."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest
from composing import Composer

from surrogate.data import Dataset
from surrogate.data.dataset import _from_idx
from surrogate.data.functions import sample
from surrogate.data.sources import SOURCES, ImageSource, SourceFile
from sweep.config import canonical, key_versions
from sweep.config.inputs import _fixed_checksum, data_checksum
from sweep.config.schema import Settings
from sweep.config.stage_keys import instance_key, surrogate_key


def data(**changed: Any) -> Dataset:
    images, labels = np.zeros((2, 4), np.float32), np.zeros(2, np.int64)
    values = {"name": "mnist", "side": 2, "checksum": "c" * 16, **changed}
    return Dataset(values["name"], (values["side"],) * 2, images, labels, images, labels, values["checksum"])


@pytest.fixture(scope="module")
def settings(composer: Composer) -> Settings:
    return composer.changed(pruning__finetune__rounds=3)  # so many that rewinding counts


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
    "formulation__method": "partition",
    "solver__time_limit_seconds": 7.0,
    "solver__seed": 3,
    "solver__relative_gap": 0.1,
    "attack__objective": "closest",
    "attack__on_incumbent": "stop",
    "attack__start": "gradient",
    "attack__polish": True,
    "attack__method": "gradient",
}
ELSEWHERE = {
    "dataset__folder": "elsewhere",
    "network__depth": 3,  # the weights count, not what made them
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
    changed = composer.changed(**{"pruning__finetune__rounds": 3, key: value})
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
        patch.setattr(key_versions, "SURROGATES_VERSION", 99)
        assert surrogate(settings) != before[0]
        assert instance(settings) == before[1]
        assert instance(settings, pruned=None) != before[2]
    monkeypatch.setattr(key_versions, "INSTANCES_VERSION", 99)
    assert surrogate(settings) == before[0]
    assert instance(settings) != before[1]


def test_parts_count_where_there_are_any(composer: Composer, settings: Settings) -> None:
    assert canonical.part("formulation", settings) == {"method": "big_m"}  # as before there were others
    assert canonical.part("formulation", composer.changed(formulation__partitions=4)) == {"method": "big_m"}
    parts = [composer.changed(formulation__method="partition", formulation__partitions=n) for n in (2, 4)]
    assert instance(parts[0]) != instance(parts[1])


def trial_keys(composer: Composer, *overrides: str) -> tuple[str, str]:
    """Return the keys of a trial and of its training."""
    trial = composer.trial(*overrides)
    return trial.key, trial.training_key


def test_a_trial_is_made_anew_when_its_surrogate_or_its_answers_would_be(
    composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = (["pruning=magnitude"], ["pruning=none"], ["attack=gradient"])
    before = [trial_keys(composer, *kind) for kind in kinds]
    with monkeypatch.context() as patch:
        patch.setattr(key_versions, "SURROGATES_VERSION", 99)
        after = [trial_keys(composer, *kind) for kind in kinds]
        assert [old[0] != new[0] for old, new in zip(before, after, strict=True)] == [True, False, False]
        assert [old[1] for old in before] == [new[1] for new in after]
    monkeypatch.setattr(key_versions, "INSTANCES_VERSION", 99)
    after = [trial_keys(composer, *kind) for kind in kinds]
    assert all(old[0] != new[0] and old[1] == new[1] for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("dataset", ["mnist", "digits"])
def test_other_data_of_the_same_name_make_all_anew(composer: Composer, monkeypatch: pytest.MonkeyPatch, dataset: str) -> None:
    lines = f"dataset={dataset}", "pruning=magnitude"
    before, baseline = trial_keys(composer, *lines), composer.trial(*lines).baseline_key
    monkeypatch.setattr(canonical, "data_checksum", lambda settings: "other")
    after = trial_keys(composer, *lines)
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert composer.trial(*lines).baseline_key != baseline


def test_the_checksum_in_keys_is_that_of_the_data(composer: Composer, digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    _fixed_checksum.cache_clear()
    assert data_checksum(composer.changed(dataset__name="digits").dataset) == digits.checksum
    assert data_checksum(composer.changed(dataset__name="none").dataset) is None
    function = composer.changed(dataset__name="function", dataset__function="levy", dataset__inputs=2).dataset
    assert data_checksum(function) == sample("levy", 2).checksum
    # Of files that are downloaded the published checksums count, so that a plan needs none of them.
    contents = {"a": bytes(16 + 4), "b": bytes(8 + 1), "c": bytes(16 + 8), "d": bytes(8 + 2)}
    files = tuple(SourceFile(name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in contents.items())
    source = ImageSource("mnist", files, mirrors=(), side=2)
    monkeypatch.setitem(SOURCES, "mnist", source)
    assert data_checksum(composer.changed(dataset__name="mnist").dataset) == _from_idx(source, contents, None).checksum
    _fixed_checksum.cache_clear()
