"""Stored results come back as they were, or with a sentence that says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import synthetic

from surrogate.networks import ReluNetwork
from sweep.errors import StoreError
from sweep.store import Store
from sweep.trial import TrainedNetwork


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def a_network(seed: int = 0) -> TrainedNetwork:
    rng = np.random.default_rng(seed)
    network = ReluNetwork([rng.normal(size=(3, 4)), rng.normal(size=(2, 3))], [rng.normal(size=3), rng.normal(size=2)])
    return TrainedNetwork(network, train_seconds=1.5, train_cpu_seconds=1.25, accuracy=0.875)


def test_a_network_comes_back(store: Store) -> None:
    assert store.network("recipe") is None
    trained = a_network()
    store.save_network("recipe", trained, {"training": {"seed": 0}})
    found = store.network("recipe")
    assert found is not None
    assert found.network.key == trained.network.key
    assert (found.train_seconds, found.train_cpu_seconds, found.accuracy) == (1.5, 1.25, 0.875)


def test_a_trial_comes_back(store: Store) -> None:
    record = synthetic.trial("abc")
    assert store.trial("abc") is None
    store.save_trial(record)
    assert store.trial("abc") == record
    store.save_trial(record)
    assert store.trial("abc") == record


def test_only_finished_trials_are_kept(store: Store) -> None:
    with pytest.raises(ValueError, match="only finished trials are kept, abc is failed"):
        store.save_trial(synthetic.trial("abc", status="failed"))


def test_numbers_that_json_lacks_are_not_written(store: Store) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.save_trial(synthetic.trial("abc", total_seconds=float("nan")))
    assert store.trial("abc") is None


def test_nothing_is_ever_half_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    record = synthetic.trial("abc")
    store.save_trial(record)

    def full(self: Path, text: str, encoding: str) -> int:
        with self.open("w") as file:
            file.write(text[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(StoreError, match=r"abc\.json cannot be written: .*No space left"):
            store.save_trial(synthetic.trial("abc", skipped=7))
    assert store.trial("abc") == record
    assert [path.name for path in (store.folder / "trials").iterdir()] == ["abc.json"]


def test_weights_without_their_facts_are_no_network(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies between the two files leaves the weights alone, and the network is trained again."""

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_write_json", dies)
    with pytest.raises(KeyboardInterrupt):
        store.save_network("recipe", a_network(), {})
    assert (store.folder / "networks" / "recipe.safetensors").exists()
    assert store.network("recipe") is None


@pytest.mark.parametrize("content", [b"", b"not json", b'{"key": "abc"}', b"[]", b"\xff"])
def test_a_broken_record_is_named(store: Store, content: bytes) -> None:
    path = store.folder / "trials" / "abc.json"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=re.escape(str(path)) + ".*delete it"):
        store.trial("abc")


@pytest.mark.parametrize("damage", ["truncated", "missing", "exchanged"])
def test_a_broken_network_is_named(store: Store, damage: str) -> None:
    store.save_network("recipe", a_network(), {})
    store.save_network("other", a_network(1), {})
    path = store.folder / "networks" / "recipe.safetensors"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-8])
    elif damage == "missing":
        path.unlink()
    else:
        path.write_bytes((store.folder / "networks" / "other.safetensors").read_bytes())
    with pytest.raises(StoreError, match=re.escape(str(path)) + " cannot be used: .*delete it"):
        store.network("recipe")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"the store cannot be written: .*sweep\.store"):
        Store(tmp_path / "file" / "store")
