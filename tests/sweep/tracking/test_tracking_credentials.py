"""The MLflow server of a group, as deploy/mlflow-server.sh starts it: names and passwords, runs and users in PostgreSQL."""

from __future__ import annotations

import base64
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import postgres
import psycopg
import pytest
import synthetic
from mlflow import MlflowClient
from tracked import EXPERIMENT, Server, artifacts_of, children_of, parent_of, started, started_server

from sweep.errors import SweepError
from sweep.tracking import Tracker

pytestmark = [pytest.mark.slow, postgres.needs_postgres]

SCRIPT = Path(__file__).parents[3] / "deploy" / "mlflow-server.sh"
ADMIN, ADA, BOB = ("admin", "admin-of-the-tests"), ("ada", "ada-of-the-tests"), ("bob", "bob-of-the-tests")


class GroupServer(Server):
    """The server of the script, on two databases of a cluster."""

    def __init__(self, folder: Path, databases: tuple[str, str]) -> None:
        super().__init__(folder)
        self.databases = databases

    def command(self) -> list[str]:
        return ["bash", str(SCRIPT)]

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE": self.databases[0],
            "AUTH_DATABASE": self.databases[1],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "the same at every start",
            "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
            "PORT": str(self.port),
            "PYTHON": sys.executable,
            "TMPDIR": str(self.folder),
        }

    def add(self, name: str, password: str) -> None:
        """Create a user, as docs/cluster.md does with curl."""
        request = urllib.request.Request(
            f"{self.uri}/api/2.0/mlflow/users/create",
            json.dumps({"username": name, "password": password}).encode(),
            {
                "Content-Type": "application/json",
                "Authorization": "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode(),
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["user"]["username"] == name


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GroupServer]:
    with postgres.cluster() as cluster:
        databases = cluster.create("mlflow"), cluster.create("mlflow_auth")
        server = GroupServer(tmp_path_factory.mktemp("group"), databases)
        with started_server(server):
            server.add(*ADA)
            server.add(*BOB)
            yield server


def log_in(monkeypatch: pytest.MonkeyPatch, name: str, password: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)


def test_a_sweep_without_credentials_or_with_wrong_ones_is_refused(
    group: GroupServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SweepError, match=r"asks for credentials \(401\): set MLFLOW_TRACKING_USERNAME"):
        Tracker(group.uri, EXPERIMENT, tmp_path)
    log_in(monkeypatch, ADA[0], "not-her-password")
    with pytest.raises(SweepError, match=r"refuses these as credentials \(401\)") as refused:
        Tracker(group.uri, EXPERIMENT, tmp_path)
    assert "not-her-password" not in str(refused.value)


def test_a_sweep_that_logs_in_is_recorded_and_is_its_owners(
    group: GroupServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(monkeypatch, *ADA)
    tracker = started(Tracker(group.uri, EXPERIMENT, tmp_path))
    records = [synthetic.trial(f"key{number}", [synthetic.instance(number)], name=f"trial {number}") for number in range(3)]
    for record in records:
        tracker.log_trial(record)
    assert tracker.finish_sweep(records, "FINISHED", []) is None
    assert parent_of(tracker).info.status == "FINISHED"
    assert {run.info.status for run in children_of(tracker)} == {"FINISHED"}
    for number, run in enumerate(children_of(tracker)):
        assert artifacts_of(tracker, run) == {"config.yaml", "instances.json", "log.txt", "pictures"}
        assert artifacts_of(tracker, run, "pictures") == {f"pictures/image_{number}.png"}
    assert not list(tmp_path.iterdir()), "the server keeps the artifacts"
    with psycopg.connect(group.databases[0]) as connection:
        found = connection.execute("SELECT name, status FROM runs ORDER BY start_time, name").fetchall()
    assert sorted(found) == [("a sweep", "FINISHED"), *((record.name, "FINISHED") for record in records)]

    log_in(monkeypatch, *BOB)
    assert len(MlflowClient(group.uri).search_runs([parent_of(tracker).info.experiment_id])) == 4, "others may read it"
    with pytest.raises(SweepError, match=r"does not let the user bob do this \(403\).*or choose another sweep\.name"):
        started(Tracker(group.uri, EXPERIMENT, tmp_path))
