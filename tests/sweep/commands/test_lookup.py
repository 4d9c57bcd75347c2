"""A trial is found by key, run or name; what is not there is named with what is near."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from counting import Plan

from sweep.commands.lookup import find
from sweep.errors import ConfigError, SweepError
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.store.manifest import Manifest, Planned, save
from sweep.trial.trial import new_record


@pytest.fixture
def filled(store: Store, plan: Plan) -> tuple[Store, TrialRecord, TrialRecord]:
    """Two sweeps of one experiment: the older with one trial, the newer with the same, one that failed and one that waits."""
    first, second = (new_record(plan(f"pruning.amount={amount}")) for amount in (0.5, 0.8))
    for record in (first, second):
        store.save_trial(record)
    one = Planned(first.key, first.name, "finished")
    other = Planned(second.key, second.name, "finished")
    failed, waiting = Planned("f" * 16, "1x6 broken", "failed", "it diverged"), Planned("a" * 16, "1x6 waiting")
    save(store, Manifest("study-20260101-000000", "study", started_at=1.0, ended_at=2.0, trials=(one,)))
    save(store, Manifest("study-20260102-000000", "study", started_at=3.0, trials=(one, other, failed, waiting)))
    return store, first, second


def test_by_key_and_name(filled: tuple[Store, TrialRecord, TrialRecord]) -> None:
    store, first, second = filled
    for asked in (first.key, first.key[:8], first.name, f"study/{first.name}", f"study-20260101-000000/{first.name}"):
        assert find(store, asked).record == first
    assert find(store, second.name).key == second.key


def test_what_has_not_finished(filled: tuple[Store, TrialRecord, TrialRecord]) -> None:
    store, *_ = filled
    failed, waiting = find(store, "1x6 broken"), find(store, "aaaa")
    assert (failed.record, failed.status, failed.error) == (None, "failed", "it diverged")
    assert (waiting.record, waiting.status, waiting.name) == (None, "not finished", "1x6 waiting")


def test_what_is_not_there(filled: tuple[Store, TrialRecord, TrialRecord]) -> None:
    store, first, _ = filled
    with pytest.raises(ConfigError, match="near ones are 1x6 broken"):
        find(store, "1x6 brokn")
    with pytest.raises(ConfigError, match="there is no trial study-20260101-000000/1x6 broken x"):
        find(store, "study-20260101-000000/1x6 broken x")
    with pytest.raises(ConfigError, match=r"there is no MLflow store here: set tracking\.uri"):
        find(store, "0" * 32)
    with pytest.raises(ConfigError, match="accepted are a trial's key"):
        find(store, first.key[:3])


def test_an_empty_store_says_so(store: Store) -> None:
    with pytest.raises(ConfigError, match="which is empty: run a sweep first"):
        find(store, "anything")


def test_two_of_one_name_or_beginning(store: Store, plan: Plan) -> None:
    record = new_record(plan())
    keys = ("abcd000000000000", "abcd000000000001")
    for key in keys:
        store.save_trial(dataclasses.replace(record, key=key))
    save(store, Manifest("twins-1", "twins", trials=tuple(Planned(key, record.name) for key in keys)))
    with pytest.raises(ConfigError, match=r"has 2 trials named .*: give a key, one of abcd000000000000, abcd000000000001"):
        find(store, record.name)
    with pytest.raises(ConfigError, match="abcd is the beginning of 2 keys"):
        find(store, "abcd")


def test_by_the_run_in_mlflow(filled: tuple[Store, TrialRecord, TrialRecord], empty_store: Path) -> None:
    from mlflow import MlflowClient

    store, first, _ = filled
    uri = f"sqlite:///{empty_store / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("looked up")
    child = client.create_run(experiment, tags={"trial_key": first.key}).info.run_id
    parent = client.create_run(experiment).info.run_id
    assert find(store, child, uri).record == first
    with pytest.raises(SweepError, match="is no trial"):
        find(store, parent, uri)
    with pytest.raises(ConfigError, match=f"has no run {'0' * 32}"):
        find(store, "0" * 32, uri)
    with pytest.raises(SweepError, match="there is no MLflow store"):
        find(store, child, "sqlite:////nowhere/mlflow.db")


def test_a_run_whose_tag_is_no_key_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.tracking.reading.tags_of", lambda *_: {"trial_key": "../../victim"})
    with pytest.raises(SweepError, match=r"is no trial of a sweep \(its tag trial_key is '\.\./\.\./victim'\)"):
        find(store, "0" * 32, "sqlite:///mlflow.db")
