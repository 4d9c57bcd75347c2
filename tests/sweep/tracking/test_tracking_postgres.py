"""A sweep that is tracked in a PostgreSQL database, which several drivers may write into at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import postgres
import psycopg
import pytest
import synthetic
from tracked import EXPERIMENT, artifacts_of, children_of, parent_of, started

from sweep.errors import SweepError
from sweep.tracking import Tracker

pytestmark = postgres.needs_postgres


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.fixture(scope="module")
def uri(cluster: postgres.Cluster) -> str:
    return cluster.create("mlflow")


def test_a_sweep_is_in_the_database_and_its_artifacts_are_beside_the_others(uri: str, tmp_path: Path) -> None:
    tracker = started(Tracker(uri, EXPERIMENT, tmp_path))
    records = [synthetic.trial(f"key{number}", [synthetic.instance(number)], name=f"trial {number}") for number in range(3)]
    for record in records:
        tracker.log_trial(record)
    assert tracker.finish_sweep(records, "FINISHED", []) is None
    assert parent_of(tracker).data.metrics["sweep/trials"] == 3.0
    for number, run in enumerate(children_of(tracker)):
        assert (run.info.run_name, run.info.status) == (f"trial {number}", "FINISHED")
        assert run.data.metrics["attack/margin"] == 1.0
        assert artifacts_of(tracker, run, "pictures") == {f"pictures/image_{number}.png"}
        assert run.info.artifact_uri.startswith((tmp_path / "artifacts").as_uri())
    with psycopg.connect(uri) as connection:
        found = connection.execute("SELECT name, status FROM runs").fetchall()
    assert sorted(found) == [("a sweep", "FINISHED"), *((record.name, "FINISHED") for record in records)]


def test_two_sweeps_at_once_are_two_runs(uri: str, tmp_path: Path) -> None:
    trackers = [started(Tracker(uri, "at once", tmp_path), name) for name in ("one", "two")]
    record = synthetic.trial("key", [])
    for tracker in trackers:
        tracker.log_trial(record)
    assert [tracker.finish_sweep([record], "FINISHED", []) for tracker in trackers] == [None, None]
    assert [parent_of(tracker).info.run_name for tracker in trackers] == ["one", "two"]
    assert [len(children_of(tracker)) for tracker in trackers] == [1, 1]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"password": "not-this-one"}, "password authentication failed"),
        ({"database": "absent"}, 'database "absent" does not exist'),
        ({"port": "1"}, "Connection refused"),
    ],
)
def test_a_database_that_refuses_is_named_without_its_password(
    cluster: postgres.Cluster, changed: dict[str, str], why: str, tmp_path: Path
) -> None:
    asked = postgres.Cluster(int(changed.get("port", cluster.port)), changed.get("password", cluster.password))
    begin = time.monotonic()
    with pytest.raises(SweepError, match=why) as refused:
        Tracker(asked.uri(changed.get("database", "mlflow")), EXPERIMENT, tmp_path)
    assert time.monotonic() - begin < 10.0, "at once, and not after all the tries that MLflow makes"
    assert asked.password not in str(refused.value)
    assert "\n" not in str(refused.value)
