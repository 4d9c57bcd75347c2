"""A tracker whose MLflow fails: nothing is lost or there twice, nothing stays RUNNING, and the sweep is not held up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, TEMPORARILY_UNAVAILABLE
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from tracked import EXPERIMENT, artifacts_of, children_of, parent_of, started, text_of

from surrogate.networks import ReluNetwork
from sweep.errors import SweepError
from sweep.tracking import Tracker, outbox, tracker
from sweep.tracking.failures import judged
from sweep.tracking.outbox import Refused, Unanswered

LOST = MlflowException("API request to http://tracker failed with exception: Connection reset by peer")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(outbox, "LAST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(outbox, "LEAST_PATIENCE_SECONDS", 0.5)


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def study(empty_store: Path, notices: list[str]) -> Tracker:
    return started(Tracker(None, EXPERIMENT, empty_store, patience_seconds=20.0, notice=notices.append))


Patch = Callable[[type, str, Callable[[Callable[..., Any]], Callable[..., Any]]], None]


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Patch:
    """Replaces a method by what ``wrap`` makes of it."""

    def patch(owner: type, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        monkeypatch.setattr(owner, name, wrap(getattr(owner, name)))

    return patch


def answer_lost(times: int = 1, error: Exception = LOST) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The request is heard, and its answer gets lost."""
    left = [times]

    def wrap(call: Callable[..., Any]) -> Callable[..., Any]:
        def lossy(*arguments: Any, **named: Any) -> Any:
            result = call(*arguments, **named)
            if left[0] > 0:
                left[0] -= 1
                raise error
            return result

        return lossy

    return wrap


def fails(error: Exception, times: int = 1_000_000) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The request is not heard."""
    left = [times]

    def wrap(call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*arguments: Any, **named: Any) -> Any:
            if left[0] > 0:
                left[0] -= 1
                raise error
            return call(*arguments, **named)

        return failing

    return wrap


REQUESTS = [
    (MlflowClient, "create_run"),
    (MlflowClient, "log_batch"),
    (LocalArtifactRepository, "log_artifacts"),
    (MlflowClient, "set_terminated"),
]


@pytest.mark.parametrize(("owner", "name"), REQUESTS, ids=[name for _, name in REQUESTS])
def test_a_request_whose_answer_is_lost_is_not_made_twice(study: Tracker, around: Patch, owner: type, name: str) -> None:
    around(owner, name, answer_lost(times=2))
    record = synthetic.trial("abc", [synthetic.instance(1), synthetic.instance(2)])
    study.log_trial(record)
    assert study.finish_sweep([record], "FINISHED", []) is None
    (run,) = children_of(study)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["total/instances"] == 2.0
    assert len(json.loads(text_of(study, run, "instances.json"))["data"]) == 2
    history = MlflowClient(tracking_uri=study.uri).get_metric_history(run.info.run_id, "incumbent/image_1")
    assert len(history) == 2
    assert parent_of(study).info.status == "FINISHED"


@pytest.mark.parametrize("name", ["create_logged_model", "finalize_logged_model", "log_outputs", "log_inputs"])
def test_a_network_whose_answer_is_lost_is_not_there_twice(study: Tracker, around: Patch, name: str) -> None:
    around(MlflowClient, name, answer_lost(times=2))
    key = f"key-{name}"
    study.log_network(key, ReluNetwork([np.eye(3), np.ones((2, 3))], [np.zeros(3), np.arange(2.0)]))
    study.log_trial(synthetic.trial("abc", network_key=key))
    assert study.finish_sweep([], "FINISHED", []) is None
    client, parent = MlflowClient(tracking_uri=study.uri), parent_of(study)
    (model,) = client.search_logged_models([parent.info.experiment_id], f"name = 'dense-{key}'")
    assert (model.status, [one.model_id for one in parent.outputs.model_outputs]) == ("READY", [model.model_id])
    (run,) = children_of(study)
    assert [one.model_id for one in client.get_run(run.info.run_id).inputs.model_inputs] == [model.model_id]


def test_a_request_that_is_heard_late_leaves_nothing_twice(study: Tracker, around: Patch) -> None:
    late: list[Callable[[], Any]] = []

    def wrap(create: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*arguments: Any, **named: Any) -> Any:
            if not late:  # the server is still at it when the client has given up, and when it has looked for the run
                late.append(lambda: create(*arguments, **named))
                raise LOST
            late[0]()
            return create(*arguments, **named)

        return slow

    around(MlflowClient, "create_run", wrap)
    record = synthetic.trial("abc")
    study.log_trial(record)
    assert study.finish_sweep([record], "FINISHED", []) is None
    (run,) = children_of(study)
    assert run.info.status == "FINISHED"


def test_a_full_disk_is_waited_for(study: Tracker, around: Patch, notices: list[str]) -> None:
    around(LocalArtifactRepository, "log_artifacts", fails(OSError(28, "No space left on device"), times=8))
    records = [synthetic.trial("abc", []), synthetic.trial("def", [])]
    for record in records:
        study.log_trial(record)
    assert study.finish_sweep(records, "FINISHED", []) is None
    assert [run.info.status for run in children_of(study)] == ["FINISHED"] * 2
    assert "does not answer ([Errno 28] No space left on device)" in notices[0]
    assert "answers again" in notices[1]


def test_what_is_refused_is_told_and_not_left_running(study: Tracker, around: Patch, notices: list[str]) -> None:
    refusal = MlflowException("Param value is too long", error_code=INVALID_PARAMETER_VALUE)
    assert isinstance(judged(refusal, study._client, study._experiment_id), Refused)
    around(MlflowClient, "log_batch", fails(refusal, times=1))
    records = [synthetic.trial("abc", []), synthetic.trial("def", [])]
    for record in records:
        study.log_trial(record)
    unwritten = study.finish_sweep(records, "FINISHED", [])
    assert unwritten is not None
    assert "did not take 1 of 2 trials (Param value is too long); finished trials are in the sweep's own store" in unwritten
    assert "\n" not in unwritten
    assert [(run.info.run_name, run.info.status) for run in children_of(study)] == [("abc", "KILLED"), ("def", "FINISHED")]
    assert "did not take the trial abc (Param value is too long); the sweep goes on" in notices[0]


@pytest.mark.parametrize(
    "said",
    [
        '(psycopg.errors.UniqueViolation) duplicate key value violates unique constraint "dataset_pk"',
        "(sqlite3.IntegrityError) UNIQUE constraint failed: datasets.experiment_id, datasets.name, datasets.digest",
        "(pymysql.err.IntegrityError) (1062, \"Duplicate entry '1-digits-87ff' for key 'PRIMARY'\")",
    ],
)
def test_a_row_that_another_sweep_has_just_written_is_found_at_the_next_attempt(
    study: Tracker, around: Patch, notices: list[str], said: str
) -> None:
    around(MlflowClient, "log_inputs", answer_lost(error=MlflowException(said, BAD_REQUEST)))
    records = [synthetic.trial("only", [])]
    study.log_trial(records[0])
    assert study.finish_sweep(records, "FINISHED", []) is None
    assert [run.info.status for run in children_of(study)] == ["FINISHED"]
    assert notices == []


def test_an_mlflow_that_is_gone_for_good_costs_the_sweep_its_patience_and_no_more(
    empty_store: Path, around: Patch, notices: list[str]
) -> None:
    study = started(Tracker(None, EXPERIMENT, empty_store, patience_seconds=1.5, notice=notices.append))
    for name in ("create_run", "log_batch", "set_terminated", "get_experiment", "search_runs"):
        around(MlflowClient, name, fails(LOST))
    records = [synthetic.trial(f"key{number}", []) for number in range(20)]
    begin = time.monotonic()
    for record in records:
        study.log_trial(record)
    assert time.monotonic() - begin < 20.0, "none waited for MLflow"
    unwritten = study.finish_sweep(records, "FINISHED", [])
    assert 1.0 < time.monotonic() - begin < 25.0, "all of them together waited once"
    assert unwritten is not None
    assert "did not take 20 of 20 trials and the end of the sweep (" in unwritten
    assert "the same command records them again" in unwritten
    assert len(notices) == 1


def test_an_interrupted_sweep_is_not_held_up(empty_store: Path, around: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "INTERRUPTED_SECONDS", 0.5)
    study = started(Tracker(None, EXPERIMENT, empty_store, patience_seconds=600.0, notice=lambda _: None))
    around(MlflowClient, "create_run", fails(MlflowException("busy", error_code=TEMPORARILY_UNAVAILABLE)))
    study.log_trial(synthetic.trial("abc", []))
    begin = time.monotonic()
    assert study.finish_sweep([], "KILLED", []) is not None
    assert time.monotonic() - begin < 60.0


def test_an_interrupted_sweep_with_much_to_write_is_closed_at_least(
    empty_store: Path, around: Patch, monkeypatch: pytest.MonkeyPatch, notices: list[str]
) -> None:
    monkeypatch.setattr(tracker, "INTERRUPTED_SECONDS", 0.5)
    study = started(Tracker(None, EXPERIMENT, empty_store, patience_seconds=600.0, notice=notices.append))

    def slow(create: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments, **named: (time.sleep(0.2), create(*arguments, **named))[1]

    around(MlflowClient, "create_run", slow)
    for number in range(100):
        study.log_trial(synthetic.trial(f"key{number}", []))
    unwritten = study.finish_sweep([], "KILLED", [])
    assert unwritten is not None
    assert "of 100 trials" in unwritten
    assert [f" entries are still to be written to MLflow at {study.uri}" in notice for notice in notices] == [True]
    assert "the end of the sweep" not in unwritten
    assert parent_of(study).info.status == "KILLED"
    assert {run.info.status for run in children_of(study)} == {"FINISHED"}


def test_the_end_can_be_written_after_an_interrupt_in_the_middle(study: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pickle.dumps", interrupt)
        with pytest.raises(KeyboardInterrupt):
            study.log_trial(synthetic.trial("abc", []))
    study.log_trial(synthetic.trial("def", [], status="interrupted"))
    assert study.finish_sweep([], "KILLED", []) is None
    assert [(run.info.run_name, run.info.status) for run in children_of(study)] == [("def", "KILLED")]
    assert parent_of(study).info.status == "KILLED"


def test_a_parent_whose_creation_was_not_answered_is_found_again(empty_store: Path, around: Patch) -> None:
    around(MlflowClient, "create_run", answer_lost(error=OSError("Connection reset by peer")))
    study = started(Tracker(None, EXPERIMENT, empty_store), "lost and found")
    client = MlflowClient(tracking_uri=study.uri)
    assert len(client.search_runs([parent_of(study).info.experiment_id], "tags.sweep = 'lost and found'")) == 1
    assert artifacts_of(study, parent_of(study)) == {"config.yaml", "overrides.txt", "packages.txt"}
    assert study.finish_sweep([], "FINISHED", []) is None


def test_a_sweep_that_cannot_be_started_is_refused_and_not_left_running(empty_store: Path, around: Patch) -> None:
    around(LocalArtifactRepository, "log_artifacts", fails(MlflowException("no bucket", error_code=INVALID_PARAMETER_VALUE)))
    study = Tracker(None, EXPERIMENT, empty_store)
    with pytest.raises(
        SweepError, match=r"did not take the sweep unlucky \(no bucket\); nothing was started: mend it"
    ) as refused:
        started(study, "unlucky")
    assert "\n" not in str(refused.value)
    client = MlflowClient(tracking_uri=study.uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.sweep = 'unlucky'")
    assert run.info.status == "FAILED"
    assert run.data.tags["mlflow.note.content"] == "The sweep could not be started."


def test_a_report_that_is_missing_leaves_the_parent_closed(study: Tracker, tmp_path: Path) -> None:
    unwritten = study.finish_sweep([], "FINISHED", [tmp_path / "absent.csv"])
    assert unwritten is not None
    assert "the end of the sweep" in unwritten
    assert parent_of(study).info.status == "FINISHED"


def test_what_the_server_says_is_told_from_its_silence(study: Tracker, around: Patch) -> None:
    def verdict(error: Exception) -> type:
        return type(judged(error, study._client, study._experiment_id))

    assert verdict(MlflowException("database is locked", error_code=TEMPORARILY_UNAVAILABLE)) is Unanswered
    assert verdict(ConnectionResetError()) is Unanswered
    assert verdict(MlflowException("no such run", error_code=RESOURCE_DOES_NOT_EXIST)) is Refused
    assert verdict(MlflowException("a fault of the server")) is RuntimeError
    assert verdict(FileNotFoundError("absent.csv")) is RuntimeError
    around(MlflowClient, "get_experiment", fails(LOST))
    assert verdict(MlflowException("no such page", error_code=RESOURCE_DOES_NOT_EXIST)) is Unanswered, (
        "of a proxy whose server is down"
    )
    assert study.finish_sweep([], "FINISHED", []) is None
