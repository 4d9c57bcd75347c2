"""SQLite files: one sweep at a time opens them, and a commit does not wait for the disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import event
from sqlalchemy.engine import Engine

LOCAL_DISKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay"})
"""File systems of one machine. SQLite's write-ahead log shares memory between its users, which a network's cannot."""

ALONE_SECONDS = 60.0
"""A sweep waits at most this many seconds for another one that makes the tables of the database, which takes seconds."""

_fast: set[str] = set()


@contextlib.contextmanager
def opened_for_writing(path: Path, timeout_seconds: float) -> Iterator[sqlite3.Connection]:
    """Open the file for writing, as MLflow will: MLflow itself retries one that cannot be opened for more than a minute.

    Raises:
        OSError, sqlite3.Error: it cannot be written, or is no database.
    """
    if not os.access(path, os.W_OK):  # of a file that can only be read, SQLite says so at the first row that is written
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with contextlib.closing(sqlite3.connect(path, timeout=timeout_seconds)) as database:
        database.execute("BEGIN IMMEDIATE")  # what a crash has cut off is taken back here
        database.execute("ROLLBACK")
        if database.execute("PRAGMA journal_mode").fetchone() == ("wal",):
            _fast.add(str(path.resolve()))
        yield database


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other sweeps from opening a database of the same folder meanwhile: two that make its tables at once break it.

    It is the folder that is locked, so that no other file is left behind; the system takes the lock back from a process that
    ends. Where nothing can be locked, or another process keeps it for ``ALONE_SECONDS``, the block runs all the same.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError:  # the one who opens the database meets it too, and says so
        yield
        return
    try:
        _lock(folder)
        yield
    finally:
        os.close(folder)


def _lock(folder: int) -> None:
    end = time.monotonic() + ALONE_SECONDS
    while time.monotonic() < end:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                return
        time.sleep(0.05)


def file_system(folder: Path) -> str | None:
    """Return the type of the file system that holds ``folder``, such as ``ext4``; None where the system does not say."""
    place, best, found = folder.resolve(), -1, None
    with contextlib.suppress(OSError):
        for mount in psutil.disk_partitions(all=True):
            depth = len(Path(mount.mountpoint).parts)
            if place.is_relative_to(mount.mountpoint) and depth >= best:  # of two on one place the later one covers the other
                best, found = depth, mount.fstype
    return found


@event.listens_for(Engine, "connect")
def _settle(connection: Any, _record: Any) -> None:
    """Leave it to checkpoints to wait for the disk, where a write-ahead log makes that safe for the file."""
    if not isinstance(connection, sqlite3.Connection):
        return
    for _, name, file in connection.execute("PRAGMA database_list").fetchall():
        if name == "main" and file in _fast:
            connection.execute("PRAGMA synchronous=NORMAL")
