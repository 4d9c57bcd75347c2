"""Reading back with MLflow's own client what a tracker has written; and an MLflow server that can be stopped and started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from ports import free_port

from sweep.tracking import Tracker

EXPERIMENT = "study"


CONFIG = {"dataset": {"name": "digits", "side": None}, "pruning": {"amount": "(swept)"}, "cluster": {"cpus": 2}}
"""Of a sweep as a whole."""


def started(tracker: Tracker, name: str = "a sweep", keys: Sequence[str] = (), **changed: Any) -> Tracker:
    """Start a sweep of two settings in a tracker, and return the tracker; without ``keys`` it is the same as no other."""
    keys = keys or [uuid.uuid4().hex]
    tracker.start_sweep(name, CONFIG | changed, ["dataset=digits", "+pruning.amount=0.5,0.8"], "2 trials", keys)
    return tracker


def parent_of(tracker: Tracker) -> Run:
    return MlflowClient(tracking_uri=tracker.uri).get_run(tracker.page.rpartition("/")[2].partition("?")[0])


def children_of(tracker: Tracker) -> list[Run]:
    """Return the nested runs by name, once the sweep is finished."""
    client = MlflowClient(tracking_uri=tracker.uri)
    parent = parent_of(tracker)
    found = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return sorted(found, key=lambda run: str(run.info.run_name))


def artifacts_of(tracker: Tracker, run: Run, folder: str | None = None) -> set[str]:
    return {file.path for file in MlflowClient(tracking_uri=tracker.uri).list_artifacts(run.info.run_id, folder)}


def text_of(tracker: Tracker, run: Run, name: str) -> str:
    return Path(MlflowClient(tracking_uri=tracker.uri).download_artifacts(run.info.run_id, name)).read_text(encoding="utf-8")


class Server:
    """An MLflow server of this machine on one port, over a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        arguments += ["--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}"]
        arguments += ["--artifacts-destination", str(self.folder / "artifacts")]
        return [sys.executable, "-m", "mlflow", "server", *arguments]

    def environment(self) -> dict[str, str]:
        """Return what it finds in its environment beside what is in this process's."""
        return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}

    def start(self, seconds: float = 90.0) -> None:
        """Return when the server answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return
            time.sleep(0.1)
        raise RuntimeError((self.folder / "server.log").read_text(errors="replace")[-2000:])

    def stop(self) -> None:
        """Kill the server and its workers at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Server]:
    with started_server(Server(folder)) as running:
        yield running


@contextlib.contextmanager
def started_server(running: Server) -> Iterator[Server]:
    try:
        running.start()
        yield running
    finally:
        running.stop()
