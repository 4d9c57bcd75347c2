"""A database of MLflow that a full disk cut off, or that was damaged: the same command goes on, and no file is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import synthetic
from mlflow import MlflowClient
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tracked import EXPERIMENT, children_of, started

from sweep.errors import SweepError
from sweep.tracking import Tracker, connection, embedded
from sweep.tracking.connection import quiet

PAGE_BYTES = 4096


@contextlib.contextmanager
def disk_of(pages: int) -> Iterator[None]:
    """Let every database have so many pages at most: SQLite fails at the next one as it does on a full disk."""

    def limit(connected: Any, _: Any) -> None:
        connected.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


@pytest.fixture(autouse=True)
def no_warnings_of_mlflow() -> None:
    quiet()


def stores() -> Any:
    """Return MLflow's class of stores in a database, whose module warns when it is imported."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore


def cut_off(folder: Path, pages: int) -> Path:
    """Return the database that MLflow leaves when it makes its tables itself, and the disk is full meanwhile."""
    folder.mkdir()
    path = folder / "mlflow.db"
    with disk_of(pages), pytest.raises(Exception, match="database or disk is full"):
        stores()(f"sqlite:///{path}", "artifacts")
    stores()._engine_map[f"sqlite:///{path}"].dispose()
    return path


def aged(path: Path) -> None:
    """Let a file be one that nobody writes any more."""
    os.utime(path, (time.time() - 60.0,) * 2)


def as_another_process(uri: str) -> None:
    """Close what this process holds open of a database."""
    stores()._engine_map[uri].dispose()


def goes_on(folder: Path, told: list[str]) -> Tracker:
    """Run a small sweep into a folder, and return its tracker."""
    tracker = started(Tracker(None, EXPERIMENT, folder, patience_seconds=20.0, notice=told.append))
    tracker.log_trial(synthetic.trial("abc"))
    assert tracker.finish_sweep([], "FINISHED", []) is None
    assert [run.info.status for run in children_of(tracker)] == ["FINISHED"]
    return tracker


def moved_to(folder: Path, word: str, told: list[str]) -> Path:
    """Return the one file that was moved aside, which a sentence names."""
    (away,) = folder.glob(f"mlflow.db.{word}-*")
    (sentence,) = told
    assert f"{folder.resolve() / 'mlflow.db'} " in sentence
    assert f"moved to {away.name}, and a new one is made" in sentence
    return away


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with the runs of a sweep."""
    folder = tmp_path_factory.mktemp("written")
    as_another_process(goes_on(folder, []).uri)
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that MLflow has made, which no process holds open: to copy an open one takes SQLite's locks away."""
    quiet()
    path = tmp_path_factory.mktemp("made") / "mlflow.db"
    embedded._make(path)
    return path


@pytest.fixture
def quickly(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New databases are copies of one; to make one takes a second."""
    monkeypatch.setattr(embedded, "_make", lambda path: shutil.copy(made, path))


PARTLY = "was made only in part, and holds nothing"


# In the first tables, in migrations, in the last statement.
@pytest.mark.few(1)
@pytest.mark.parametrize(("pages", "why"), [(1, "is empty"), (22, PARTLY), (130, PARTLY), (231, PARTLY)])
def test_a_database_that_a_full_disk_cut_off_gives_way_to_a_whole_one(tmp_path: Path, pages: int, why: str) -> None:
    path = cut_off(tmp_path / "runs", pages)
    aged(path)
    before, told = path.read_bytes(), list[str]()
    Tracker(None, EXPERIMENT, tmp_path / "runs", notice=told.append)
    assert moved_to(tmp_path / "runs", "half-made", told).read_bytes() == before
    assert f"mlflow.db {why}: moved" in told[0]
    assert MlflowClient(f"sqlite:///{path}").get_experiment_by_name(EXPERIMENT) is not None


@pytest.mark.few(1)
@pytest.mark.parametrize("pages", [1, 232])
def test_a_disk_that_is_full_leaves_no_database(tmp_path: Path, pages: int) -> None:
    with (
        disk_of(pages),
        pytest.raises(
            SweepError,
            match=r"mlflow\.db cannot be used as .* \(.*database or disk is full\): free some space; or set",
        ),
    ):
        Tracker(None, EXPERIMENT, tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.slow
def test_after_space_was_freed_the_same_command_runs(tmp_path: Path) -> None:
    with disk_of(100), pytest.raises(SweepError, match="free some space"):
        Tracker(None, EXPERIMENT, tmp_path)
    told: list[str] = []
    goes_on(tmp_path, told)
    assert told == []


@pytest.mark.few(2)
@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("length", [16, 100, PAGE_BYTES, 0.4, -PAGE_BYTES])
def test_a_database_that_was_cut_short_is_moved_aside(tmp_path: Path, written: bytes, length: float) -> None:
    data = written[: int(length * len(written)) if isinstance(length, float) else length]
    (tmp_path / "mlflow.db").write_bytes(data)
    told: list[str] = []
    goes_on(tmp_path, told)
    assert moved_to(tmp_path, "damaged", told).read_bytes() == data
    assert told[0].endswith("the command of each sweep records them again.")


@pytest.mark.few(1)
@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("filled", [bytes(PAGE_BYTES), b"\xa5" * PAGE_BYTES])
def test_a_page_that_cannot_be_read_is_found_before_the_sweep(tmp_path: Path, written: bytes, filled: bytes) -> None:
    """The page of a table that a sweep writes into only when its trials end."""
    (tmp_path / "mlflow.db").write_bytes(written)
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        ((page,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'metrics'")
    data = written[: (page - 1) * PAGE_BYTES] + filled + written[page * PAGE_BYTES :]
    (tmp_path / "mlflow.db").write_bytes(data)
    told: list[str] = []
    goes_on(tmp_path, told)
    assert moved_to(tmp_path, "damaged", told).read_bytes() == data


@pytest.mark.usefixtures("quickly")
def test_an_empty_file_gives_way(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    aged(tmp_path / "mlflow.db")
    told: list[str] = []
    Tracker(None, EXPERIMENT, tmp_path, notice=told.append)
    assert moved_to(tmp_path, "half-made", told).read_bytes() == b""


@pytest.mark.slow
def test_what_a_crash_has_left_empty_gives_way(tmp_path: Path) -> None:
    """A file of zeros, or one whose beginning was never written."""
    (tmp_path / "mlflow.db").write_bytes(bytes(2 * PAGE_BYTES))
    told: list[str] = []
    embedded.ready(tmp_path / "mlflow.db", 1.0, notice=told.append)
    assert moved_to(tmp_path, "damaged", told).read_bytes() == bytes(2 * PAGE_BYTES)


@pytest.mark.parametrize("beginning", [b"To whom it may concern", b"sQLite format 3\0"])
def test_a_file_that_is_no_database_stays_and_is_named(tmp_path: Path, written: bytes, beginning: bytes) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(beginning + written[len(beginning) :])
    before = path.read_bytes()
    with pytest.raises(SweepError, match=r"mlflow\.db cannot be used .*\(file is not a database\): move it away, for it holds"):
        Tracker(None, EXPERIMENT, tmp_path)
    assert path.read_bytes() == before


def test_a_database_of_somebody_else_is_not_moved(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        database.execute("CREATE TABLE sales (day TEXT)")
    aged(tmp_path / "mlflow.db")
    told: list[str] = []
    embedded.ready(tmp_path / "mlflow.db", 1.0, notice=told.append)
    assert (told, [file.name for file in tmp_path.iterdir()]) == ([], ["mlflow.db"])


@pytest.mark.usefixtures("quickly")
def test_a_log_without_its_database_is_not_taken_for_the_new_ones(tmp_path: Path, written: bytes) -> None:
    """Somebody moved the one file that an error named."""
    (tmp_path / "mlflow.db-wal").write_bytes(written[:5000])
    told: list[str] = []
    goes_on(tmp_path, told)
    (away,) = tmp_path.glob("mlflow.db.damaged-*-wal")
    assert away.read_bytes() == written[:5000]
    assert f"is not there, but its log is: moved to {away.name}, and a new one is made" in told[0]


@pytest.mark.usefixtures("quickly")
def test_what_is_left_beside_a_database_goes_with_it(tmp_path: Path) -> None:
    """SQLite would delete the log beside an empty file, and has its rows nowhere else."""
    (tmp_path / "mlflow.db").touch()
    aged(tmp_path / "mlflow.db")
    (tmp_path / "mlflow.db-wal").write_bytes(b"log")
    told: list[str] = []
    embedded.ready(tmp_path / "mlflow.db", 1.0, notice=told.append)
    (away,) = tmp_path.glob("mlflow.db.half-made-*-wal")
    assert f" and {away.name}, and a new one is made" in told[0]
    assert away.read_bytes() == b"log"


@pytest.mark.usefixtures("quickly")
def test_a_sound_database_stays(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "mlflow.db").write_bytes(written)
    told: list[str] = []
    tracker = goes_on(tmp_path, told)
    assert told == []
    experiment = MlflowClient(tracker.uri).get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert len(MlflowClient(tracker.uri).search_runs([experiment.experiment_id])) == 4, "a parent and a child of each sweep"


@pytest.mark.usefixtures("quickly")
def test_a_database_that_is_cut_short_in_a_sweep_keeps_the_promise_of_its_last_line(tmp_path: Path) -> None:
    told: list[str] = []
    tracker = started(Tracker(None, EXPERIMENT, tmp_path, patience_seconds=600.0, notice=told.append))
    as_another_process(tracker.uri)
    path = tmp_path / "mlflow.db"
    path.write_bytes(path.read_bytes()[: 40 * PAGE_BYTES])
    for key in ("abc", "def"):
        tracker.log_trial(synthetic.trial(key))
    unwritten = tracker.finish_sweep([], "FINISHED", [])
    assert unwritten is not None
    assert "did not take 2 of 2 trials and the end of the sweep (database disk image is malformed)" in unwritten
    assert unwritten.endswith("and the same command records them again.")
    as_another_process(tracker.uri)
    damaged = path.read_bytes()
    told.clear()
    goes_on(tmp_path, told)
    away = [file for file in tmp_path.glob("mlflow.db.damaged-*") if not file.name.endswith(("-wal", "-shm"))]
    assert [file.read_bytes() for file in away] == [damaged]
    assert f"is damaged (database disk image is malformed): moved to {away[0].name}" in told[0]


def test_results_in_a_database_whose_tables_are_not_complete_stay_where_they_are(tmp_path: Path) -> None:
    """An upgrade that was cut off: MLflow cannot open it, but it holds something."""
    path = cut_off(tmp_path / "runs", 22)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO experiments (experiment_id, name) VALUES (1, 'of long ago')")
    aged(path)
    told: list[str] = []
    with pytest.raises(SweepError, match=r"mlflow\.db cannot be used as .*already exists\): move it away \("):
        Tracker(None, EXPERIMENT, tmp_path / "runs", notice=told.append)
    assert told == []
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert ("of long ago",) in database.execute("SELECT name FROM experiments").fetchall()


@pytest.fixture
def copied(tmp_path: Path, written: bytes) -> Path:
    (tmp_path / "mlflow.db").write_bytes(written)
    return tmp_path / "mlflow.db"


def test_a_database_of_a_later_mlflow_is_refused_by_name(copied: Path) -> None:
    with contextlib.closing(sqlite3.connect(copied)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0123456789ab'")
    before = copied.read_bytes()
    with pytest.raises(SweepError, match=r"a later version of MLflow: .* its schema 0123456789ab; install the later version"):
        Tracker(None, EXPERIMENT, copied.parent)
    assert copied.read_bytes() == before


@pytest.mark.parametrize(("tables", "said"), [(["metrics"], "metrics:"), (["inputs", "metrics"], "inputs and 1 more:")])
def test_a_database_that_has_lost_a_table_is_refused_as_it_is(copied: Path, tables: list[str], said: str) -> None:
    """MLflow would make an old one in its place, and fail at the first trial that ends."""
    with contextlib.closing(sqlite3.connect(copied)) as database, database:
        for table in tables:
            database.execute(f"DROP TABLE {table}")
    before = copied.read_bytes()
    with pytest.raises(SweepError, match=f"has lost MLflow's table {said} put a copy of it in its place, or move it away"):
        Tracker(None, EXPERIMENT, copied.parent)
    assert copied.read_bytes() == before


def test_a_database_that_stays_locked_is_refused(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(copied)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SweepError, match=r"\(database is locked\): end the program that keeps it locked; or set"):
            Tracker(None, EXPERIMENT, copied.parent)


def test_a_database_that_can_only_be_read_is_refused(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write every file, so the system's answer is made up."""
    monkeypatch.setattr(os, "access", lambda path, mode: not (str(path) == str(copied) and mode == os.W_OK))
    with pytest.raises(SweepError, match=r"mlflow\.db cannot be used .*Permission denied\): make it writable, or move it away"):
        Tracker(None, EXPERIMENT, copied.parent)


def test_a_folder_that_takes_no_new_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("/proc", str(tmp_path / "file")):
        with pytest.raises(SweepError, match=r": make its folder one that takes new files; or set tr"):
            Tracker(f"sqlite:///{place}/x.db", EXPERIMENT, tmp_path)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(SweepError, match=r"mlflow\.db cannot be used .*: make the file and its folder writable, move"):
        Tracker(None, EXPERIMENT, tmp_path)


def test_damage_that_cannot_be_moved_is_said(tmp_path: Path, written: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").write_bytes(written[:9000])

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(SweepError, match=r"is damaged .* cannot be moved to .*\.damaged-.* \(Permission denied\): move"):
        Tracker(None, EXPERIMENT, tmp_path)
    assert (tmp_path / "mlflow.db").read_bytes() == written[:9000]


def test_a_database_that_another_program_makes_just_now_is_waited_for(
    tmp_path: Path, written: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "SETTLED_SECONDS", 600.0)
    (tmp_path / "mlflow.db").touch()
    (tmp_path / "whole").write_bytes(written)
    timer = threading.Timer(0.3, (tmp_path / "whole").replace, [tmp_path / "mlflow.db"])
    timer.start()
    told: list[str] = []
    Tracker(None, EXPERIMENT, tmp_path, notice=told.append)
    timer.join()
    assert (told, len(list(tmp_path.glob("mlflow.db.*")))) == ([], 0)


def test_a_new_database_never_takes_the_place_of_another_sweeps(
    tmp_path: Path, written: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where folders cannot be locked, two sweeps may make it at a time."""
    path = tmp_path / "mlflow.db"

    def meanwhile(_: Path) -> str:
        path.write_bytes(written)
        return "nfs4"

    monkeypatch.setattr(embedded, "file_system", meanwhile)
    embedded._make(path)
    assert path.read_bytes() == written
    assert [file.name for file in tmp_path.iterdir()] == ["mlflow.db"]


@pytest.mark.slow
def test_a_file_system_without_hard_links_gets_a_database_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    embedded.ready(tmp_path / "mlflow.db", 1.0, notice=print)
    assert [file.name for file in tmp_path.iterdir()] == ["mlflow.db"]
