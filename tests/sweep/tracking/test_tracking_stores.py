"""Reaching an MLflow store; and stores that cannot be used."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import psutil
import pytest
import sqlalchemy
from mlflow import MlflowClient
from mlflow.entities import ViewType
from ports import free_port
from tracked import EXPERIMENT

from sweep.errors import SweepError
from sweep.tracking import Tracker, connection, embedded, sqlite


def test_the_embedded_store_is_a_database_beside_its_artifacts(empty_store: Path) -> None:
    tracker = Tracker(None, EXPERIMENT, empty_store)
    assert tracker.uri == f"sqlite:///{empty_store}/mlflow.db"
    experiment = MlflowClient(tracking_uri=tracker.uri).get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert experiment.artifact_location == (empty_store / "artifacts").as_uri()
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_folder_may_be_called_what_means_something_else_in_an_address(tmp_path: Path) -> None:
    folder = tmp_path / "50%20 what?"
    tracker = Tracker(None, EXPERIMENT, folder)
    tracker.start_sweep("named", {}, [], "no trials")
    assert tracker.finish_sweep([], "FINISHED", []) is None
    assert (folder / "mlflow.db").exists()
    assert not (tmp_path / "50%20 what").exists()


_OPEN = """
import sys
from pathlib import Path
from sweep.tracking import Tracker
print("ready", flush=True)
sys.stdin.readline()
Tracker(None, "study", Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_sweeps_that_make_the_database_at_once_do_not_break_it(tmp_path: Path) -> None:
    """Each process has imported what it needs before any of them begins, so that they meet."""
    command = [sys.executable, "-c", _OPEN, str(tmp_path / "runs")]
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as exits:
        drivers = [exits.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)) for _ in range(3)]
        for driver in drivers:
            exits.callback(driver.kill)
            assert driver.stdout is not None
            assert driver.stdout.readline() == b"ready\n"
        for driver in drivers:
            assert driver.stdin is not None
            driver.stdin.write(b"\n")
            driver.stdin.flush()
        said = [driver.communicate(timeout=120)[1].decode() for driver in drivers]
        assert [driver.returncode for driver in drivers] == [0, 0, 0], said
    assert not [file.name for file in (tmp_path / "runs").iterdir() if "lock" in file.name]


def test_a_database_whose_lock_is_not_given_back_is_opened_all_the_same(
    empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "ALONE_SECONDS", 0.2)
    with sqlite.alone(empty_store / "mlflow.db"):
        Tracker(None, EXPERIMENT, empty_store)


def test_the_ui_line_is_for_any_folder_and_the_loopback_interface(empty_store: Path) -> None:
    words = shlex.split(Tracker(None, EXPERIMENT, empty_store).ui_command)
    assert words[:4] == [sys.executable, "-m", "mlflow", "ui"]
    assert words[words.index("--backend-store-uri") + 1] == f"sqlite:///{empty_store}/mlflow.db"
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert connection.ui_command("http://tracker:5000") == "http://tracker:5000"
    assert "secret" not in connection.ui_command("postgresql://me:secret@db/mlflow")


class _Silent(BaseHTTPRequestHandler):
    """A web server that is no MLflow."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def other_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def deaf_server() -> Iterator[str]:
    """A port that takes connections and never says a word."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def closed_port() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize(
    ("server", "why"),
    [(closed_port, "Connection refused"), (other_server, "404"), (deaf_server, "did not answer within 1 s")],
)
def test_a_server_that_is_none_is_refused(
    server: Any, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    before = dict(os.environ)
    with server() as uri, pytest.raises(SweepError) as refused:
        Tracker(uri, EXPERIMENT, tmp_path)
    message = str(refused.value)
    assert why in message
    assert f"tracking.uri={uri}" in message
    assert "accepted are" in message
    assert "\n" not in message
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("uri", ["foo://host", "mlruns", "file:///tmp/mlruns", "sqlite://", "sqlite:///:memory:", ""])
def test_an_address_that_is_no_store_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="accepted are null"):
        Tracker(uri, EXPERIMENT, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "module", "package"),
    [
        ("postgresql+psycopg://me:secret@127.0.0.1:1/db", "psycopg", "'psycopg[binary]'"),
        ("postgresql+psycopg2://me:secret@127.0.0.1:1/db", "psycopg2", "psycopg2-binary"),
        ("mysql+pymysql://me:secret@127.0.0.1:1/db", "pymysql", "pymysql"),
    ],
)
def test_a_database_whose_driver_is_missing_says_what_to_install(
    uri: str, module: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SweepError) as refusal:
        Tracker(uri, EXPERIMENT, tmp_path)
    assert str(refusal.value).endswith(f"needs the Python package of the database's driver: pip install {package}")
    assert "secret" not in str(refusal.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database " * 100)
    with pytest.raises(SweepError, match=r"mlflow\.db cannot be used as MLflow's database \(file is not a database\)"):
        Tracker(None, EXPERIMENT, tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlruns").write_text("a file in the way")
    with pytest.raises(SweepError, match="cannot be used as MLflow's database"):
        Tracker(None, EXPERIMENT, tmp_path / "mlruns")


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    with closed_port() as uri, pytest.raises(SweepError) as refused:
        Tracker(uri.replace("http://", "http://me:secret@"), EXPERIMENT, tmp_path)
    assert "secret" not in str(refused.value)
    assert "me:***@" in str(refused.value)


def test_a_deleted_experiment_is_refused(empty_store: Path) -> None:
    tracker = Tracker(None, "gone", empty_store)
    client = MlflowClient(tracking_uri=tracker.uri)
    experiment = client.get_experiment_by_name("gone")
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    assert experiment.name in [e.name for e in client.search_experiments(view_type=ViewType.DELETED_ONLY)]
    with pytest.raises(SweepError, match=r"sweep\.name=gone was deleted"):
        Tracker(None, "gone", empty_store)


@pytest.mark.slow
def test_a_fresh_store_is_silent_and_leaves_the_working_directory_alone(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from sweep.tracking import Tracker\n"
        "import mlflow.telemetry.client\n"
        "tracker = Tracker(None, 'study', Path(sys.argv[2]))\n"
        "tracker.start_sweep('quiet', {}, [], '1 trial')\n"
        "tracker.finish_sweep([], 'FINISHED', [])\n"
        "assert mlflow.telemetry.client.get_telemetry_client() is None\n"
    )
    (tmp_path / "cwd").mkdir()
    environment_ = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTEST_")) and k not in ("CI",)}
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", program, root, str(tmp_path / "runs")],
        cwd=tmp_path / "cwd",
        env=environment_,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((tmp_path / "cwd").iterdir()) == []


def test_an_experiment_of_somebody_else_is_refused(empty_store: Path) -> None:
    client = MlflowClient(Tracker(None, EXPERIMENT, empty_store).uri)
    client.create_run(client.create_experiment("wine"), run_name="a regression")
    with pytest.raises(
        SweepError, match=r"sweep\.name=wine .* holds runs that no sweep has made, such as a regression: choose"
    ):
        Tracker(None, "wine", empty_store)


def test_an_experiment_without_runs_or_with_runs_of_sweeps_alone_is_taken(empty_store: Path) -> None:
    client = MlflowClient(Tracker(None, EXPERIMENT, empty_store).uri)
    client.create_experiment("cheese")
    for _ in range(2):
        tracker = Tracker(None, "cheese", empty_store)
        tracker.start_sweep("cheese", {}, [], "1 trial")
        assert tracker.finish_sweep([], "FINISHED", []) is None


def journal(file: Path) -> str:
    with contextlib.closing(sqlite3.connect(file)) as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0])


def opened(file: Path) -> Any:
    """Return how a connection of SQLAlchemy waits for the disk, once the file was opened for writing."""
    with sqlite.opened_for_writing(file, 1.0):
        engine = sqlalchemy.create_engine(f"sqlite:///{file}")
    with engine.connect() as connection_:
        synchronous = connection_.exec_driver_sql("PRAGMA synchronous").scalar()
    engine.dispose()
    return synchronous


@pytest.mark.few(1)
@pytest.mark.parametrize(("system", "mode", "synchronous"), [("ext4", "wal", 1), ("nfs4", "delete", 2)])
def test_a_new_database_on_a_local_disk_has_a_write_ahead_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, mode: str, synchronous: int
) -> None:
    connection.quiet()
    monkeypatch.setattr(embedded, "file_system", lambda _: system)
    embedded.ready(tmp_path / "new.db", 1.0, notice=print)
    assert (journal(tmp_path / "new.db"), opened(tmp_path / "new.db")) == (mode, synchronous)


def test_a_database_that_is_there_keeps_its_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as database:
        database.execute("CREATE TABLE numbers AS SELECT 1 AS number")
    monkeypatch.setattr(embedded, "file_system", lambda _: "ext4")
    embedded.ready(tmp_path / "old.db", 1.0, notice=print)
    assert (journal(tmp_path / "old.db"), opened(tmp_path / "old.db")) == ("delete", 2)


def test_the_file_system_is_that_of_the_deepest_mount_and_of_the_last_one_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    kinds = {"/": "ext4", str(home / "disk"): "btrfs", str(home): "nfs4"}
    mounts = [SimpleNamespace(mountpoint=place, fstype=kind) for place, kind in kinds.items()]
    covering = SimpleNamespace(mountpoint=str(home / "disk"), fstype="xfs")
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [*mounts, covering] if all else [])
    assert sqlite.file_system(home / "runs") == "nfs4"
    assert sqlite.file_system(home / "disk" / "runs") == "xfs"
    assert sqlite.file_system(tmp_path / "homestead") == "ext4"


def test_a_system_that_does_not_say_its_mounts_has_no_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sqlite.file_system(tmp_path) is not None

    def unknown(all: bool) -> NoReturn:
        raise FileNotFoundError("/proc/self/mounts")

    monkeypatch.setattr(psutil, "disk_partitions", unknown)
    assert sqlite.file_system(tmp_path) is None
