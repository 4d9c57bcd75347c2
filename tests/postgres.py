"""A PostgreSQL cluster of the tests' own: made in a temporary folder, reached on the loopback interface, gone at the end."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ports import free_port

SECONDS = 60.0
USER = "mlflow"


def programs() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``, which Debian keeps out of the path; None if there is none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(folders, key=lambda path: [int(part) for part in path.parts[-3].split(".")])
    return newest[-1].parent if newest else None


needs_postgres = pytest.mark.skipif(
    programs() is None,
    reason="needs PostgreSQL's initdb, in the path or /usr/lib/postgresql (Debian: apt-get install postgresql)",
)


@dataclass(frozen=True)
class Cluster:
    """A running server with one user, who may do anything."""

    port: int
    password: str

    def uri(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Create a database and return its address."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.uri(database)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a cluster with a password; end it and remove its folder.

    Not in pytest's own temporary folder: nobody but its owner may enter that, and PostgreSQL refuses to run as root.
    """
    folder = programs()
    assert folder is not None
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as scratch:
        home, password, port = Path(scratch), secrets.token_hex(8), free_port()
        words = home / "password"
        words.write_text(password)
        account = _account()
        for path in (home, words):
            os.chown(path, account.get("user", -1), account.get("group", -1))
        setup = [str(folder / "initdb"), "--pgdata", str(home / "data"), "--username", USER, "--pwfile", str(words)]
        setup += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        made = subprocess.run(setup, **account, cwd=home, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        settings = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": "", "fsync": "off"}
        command = [str(folder / "postgres"), "-D", str(home / "data")]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(command, **account, cwd=home, stdout=log, stderr=log, start_new_session=True)
        running = Cluster(port, password)
        try:
            _wait_for(running, process, home / "log")
            yield running
        finally:
            _end(process)


def _account() -> dict[str, Any]:
    """Return, for ``subprocess``, whom a cluster runs as: root's tests need somebody else, all others run it themselves."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    found = names.get("postgres") or names["nobody"]
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _wait_for(running: Cluster, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(running.uri("postgres"), connect_timeout=5):
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not answer:\n{log.read_text(errors='replace')}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # a fast shutdown: it ends its connections and its children
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
