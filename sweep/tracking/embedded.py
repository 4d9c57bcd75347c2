"""The embedded database: made whole or not at all, and moved aside where it is damaged or was made only in part."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import mlflow
from alembic.script import ScriptDirectory
from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH

from sweep.config.mlflow_address import sqlite_address
from sweep.errors import SweepError
from sweep.tracking.sqlite import ALONE_SECONDS, LOCAL_DISKS, file_system, opened_for_writing

CHECK_SECONDS = 5.0
"""A look through the pages of a database that takes longer is broken off; it counts as sound then."""

SETTLED_SECONDS = 3.0
"""Another program, such as MLflow's UI, may be making a half-made database that was written less than this long ago."""

MADE_WITH = frozenset({"alembic_version", "workspaces"})
"""Tables that MLflow fills while it makes the others. One who has made them all fills ``experiments`` too."""

MADE_IN_PASSING = "_alembic_tmp_"
"""The names of the temporary tables of a migration begin with this."""

_COMPANIONS = ("", "-wal", "-journal", "-shm")
"""A database is these files. What a former one has left of them would be taken for the new one's, and break it."""

_MAGIC = b"SQLite format 3\0"

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_REMEDIES = {
    sqlite3.SQLITE_FULL: "free some space",
    sqlite3.SQLITE_BUSY: "end the program that keeps it locked",
    sqlite3.SQLITE_CANTOPEN: "make the file and its folder writable, move it away if it is no file",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_NOTADB: "move it away, for it holds something else",
}

_MOVE_AWAY = "move it away (the same command records its finished trials again)"


@dataclass(frozen=True)
class _Fault:
    """Why a database has to give way: ``word`` is for the name of the file, ``why`` completes "the file ..."."""

    word: Literal["half-made", "damaged"]
    why: str


def ready(path: Path, timeout_seconds: float, notice: Callable[[str], None]) -> None:
    """Leave a database at ``path`` that can be opened for writing: the one that is there, or a new one.

    One that is damaged, or was made only in part, is moved to a file beside it, and ``notice`` gets a sentence that names it.
    A new one is made in a folder of its own and put in its place when it has all of MLflow's tables: a disk that is full
    meanwhile leaves nothing.

    Raises:
        SweepError: it is of a later version of MLflow, or is damaged and cannot be moved.
        what SQLite, the system or MLflow raises: it cannot be opened or made.
    """
    place = path.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    if (fault := _lasting_fault(place, timeout_seconds)) is not None:
        _move_away(place, fault, notice)
    if not place.exists():
        _make(place)
        with opened_for_writing(place, timeout_seconds):
            pass


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite says, at the bottom of an error, that the file is damaged: nothing can be written there any more."""
    while error is not None:
        if _code(error) in _DAMAGE:
            return True
        error = error.__cause__ or error.__context__
    return False


def remedy(error: BaseException, uri: str) -> str:
    """Return what to do about a database that cannot be used."""
    if "out-of-date database schema" in str(error):
        return f"back it up and run `python -m mlflow db upgrade {uri}`"
    inner: BaseException | None = error
    while inner is not None:
        if _code(inner) in _REMEDIES:
            return _REMEDIES[_code(inner)]
        if isinstance(inner, PermissionError):
            return f"make it writable, or {_MOVE_AWAY}"
        if isinstance(inner, (FileNotFoundError, FileExistsError, NotADirectoryError)):
            return "make its folder one that takes new files"
        inner = inner.__cause__ or inner.__context__
    return _MOVE_AWAY


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _lasting_fault(path: Path, timeout_seconds: float) -> _Fault | None:
    end = time.monotonic() + ALONE_SECONDS
    while (fault := _fault(path, timeout_seconds)) is not None and fault.word == "half-made":
        if abs(time.time() - path.stat().st_mtime) > SETTLED_SECONDS or time.monotonic() > end:
            break
        time.sleep(0.1)
    return fault


def _fault(path: Path, timeout_seconds: float) -> _Fault | None:
    """Return why a database can hold no runs; None if it can, or there is none.

    Raises:
        SweepError: a later version of MLflow has made it, or it has lost a table.
        OSError, sqlite3.Error: it cannot be opened, or is none.
    """
    if not path.exists():
        left = any(Path(f"{path}{ending}").exists() for ending in ("-wal", "-journal"))
        return _Fault("damaged", "is not there, but its log is") if left else None
    if path.is_file() and path.stat().st_size == 0:
        return _Fault("half-made", "is empty")  # not to be opened: SQLite would delete a log beside it
    try:
        with opened_for_writing(path, timeout_seconds) as database:
            if (broken := _broken_pages(database)) is not None:
                return _Fault("damaged", f"is damaged ({broken})")
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            ours = all(name in _mlflows() or name.startswith(MADE_IN_PASSING) for name in tables)
            if ours and not any(_has_rows(database, name) for name in tables - MADE_WITH):
                return _Fault("half-made", "was made only in part, and holds nothing")
            if "alembic_version" in tables:
                versions = {version for (version,) in database.execute("SELECT version_num FROM alembic_version")}
                _refuse_unknown(path, versions, tables)
    except sqlite3.Error as error:
        if is_damage(error) and (_MAGIC.startswith(_beginning(path)) or not any(_beginning(path))):
            return _Fault("damaged", f"is damaged ({error})")
        raise
    return None


def _mlflows() -> set[str]:
    """Return the tables that MLflow works with."""
    import mlflow.store.db.utils  # noqa: F401  # imports what declares them
    from mlflow.store.db.base_sql_model import Base

    return set(Base.metadata.tables) | MADE_WITH


def _broken_pages(database: sqlite3.Connection) -> str | None:
    """Return what SQLite finds wrong with the pages of a database.

    It reports values that break a constraint too, and pages that nothing uses: those are no obstacle.
    """
    end = time.monotonic() + CHECK_SECONDS
    database.set_progress_handler(lambda: time.monotonic() > end, 100_000)
    try:
        found = [str(row) for (row,) in database.execute("PRAGMA quick_check(10)")]
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        found = []
    finally:
        database.set_progress_handler(None, 0)
    lines = [line for row in found if row.startswith("*** in database") for line in row.splitlines()[1:]]
    return next((line for line in lines if "never used" not in line), None)


def _has_rows(database: sqlite3.Connection, table: str) -> bool:
    name = table.replace('"', '""')
    return database.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone() is not None


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_MAGIC))


def _refuse_unknown(path: Path, versions: set[str], tables: set[str]) -> None:
    """Raise SweepError for a schema that MLflow would take for its own, and then break or write into in vain.

    One that the installed version does not know it would offer to upgrade, and could not; in the place of a table that is lost
    it would make one as it was in its first version.
    """
    migrations = ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    unknown = sorted(versions - {script.revision for script in migrations.walk_revisions()})
    if unknown:
        raise SweepError(
            f"{path} was made by a later version of MLflow: the installed version {mlflow.__version__} does not know its "
            f"schema {unknown[0]}; install the later version, or set tracking.uri to another database"
        )
    lost = sorted(_mlflows() - tables) if versions == set(migrations.get_heads()) else []
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise SweepError(
            f"{path} has lost MLflow's table {lost[0]}{more}: put a copy of it in its place, or {_MOVE_AWAY}; or set "
            f"tracking.uri to another database"
        )


def _move_away(path: Path, fault: _Fault, notice: Callable[[str], None]) -> None:
    stamp, number = f"{path}.{fault.word}-{time.strftime('%Y%m%d-%H%M%S')}", 1
    away = stamp
    while any(os.path.lexists(f"{away}{ending}") for ending in _COMPANIONS):
        number += 1
        away = f"{stamp}-{number}"
    moved = []
    for ending in _COMPANIONS:  # under names by which SQLite still takes them for one database
        try:
            Path(f"{path}{ending}").rename(f"{away}{ending}")
            moved.append(f"{Path(away).name}{ending}")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SweepError(
                f"{path} {fault.why}, and {path}{ending} cannot be moved to {away}{ending} ({error.strerror or error}): move "
                f"it away, or set tracking.uri to another database"
            ) from error
    again = " Finished trials are in the sweeps' own store: the command of each sweep records them again."
    notice(
        f"MLflow's database {path} {fault.why}: moved to {' and '.join(moved)}, and a new one is made."
        f"{again if fault.word == 'damaged' else ''}"
    )


def _make(path: Path) -> None:
    """Make a database with MLflow's tables.

    On a local disk it gets a write-ahead log: then a page of the UI does not hold up the sweep, nor does the disk at every
    commit. What a crash of the *machine* can lose of it is the last seconds, and the store has them.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        new = Path(folder) / path.name
        SqlAlchemyStore(sqlite_address(new), DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).engine.dispose()
        if file_system(path.parent) in LOCAL_DISKS:
            with contextlib.closing(sqlite3.connect(new)) as database:
                database.execute("PRAGMA journal_mode=WAL")
        try:
            os.link(new, path)  # unlike a renaming, it never takes the place of one that another sweep has just made
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            if not path.exists():
                new.rename(path)
