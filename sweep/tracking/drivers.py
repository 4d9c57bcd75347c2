"""Which driver writes a sweep, so that runs left by a dead driver are recognised.

The parent run names machine, process and the time when the process began, and has a heartbeat. A driver on this machine is
asked about at the operating system; one elsewhere is gone when its heart has not beaten for :data:`SILENCE_SECONDS`, so the
clocks of the machines must agree to within some minutes.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run, RunTag

from sweep.tracking.experiment import Experiment

HOST, PID, STARTED, MACHINE, HEARTBEAT = (
    *("driver.host", "driver.pid", "driver.started"),
    *("driver.machine", "driver.heartbeat"),
)
"""Tags of the parent run. ``driver.started`` is in clock ticks since the machine was started, as in ``/proc/<pid>/stat``;
``driver.machine`` tells apart machines of the same host name: other boots, and containers with process numbers of their own."""

BEAT_SECONDS = 60.0
SILENCE_SECONDS = 300.0

_PROC = Path("/proc")
_STATE, _START_TIME = 0, 19
"""Fields of ``/proc/<pid>/stat``, counted from the one behind the program's name, which may hold anything."""


def tags() -> dict[str, str]:
    """Return the tags of this process."""
    found = {HOST: socket.gethostname(), PID: str(os.getpid()), HEARTBEAT: heartbeat()}
    started, machine = _started(os.getpid()), _machine()
    if started is not None and machine is not None:
        found |= {STARTED: started, MACHINE: machine}
    return found


def heartbeat() -> str:
    """Return the Unix time in seconds, as the tag has it."""
    return f"{time.time():.0f}"


def why_gone(tags: Mapping[str, str]) -> str | None:
    """Return why the driver that wrote these tags will not come back; None if it runs, may run, or is not of our making."""
    if PID not in tags or not tags.get(HEARTBEAT, "").isdecimal():
        return None
    who = f"its driver, process {tags[PID]} on {tags.get(HOST, 'an unknown host')},"
    if tags.get(MACHINE) is not None and tags[MACHINE] == _machine():
        return None if _started(int(tags[PID])) == tags.get(STARTED) else f"{who} had ended without closing it"
    silent = time.time() - int(tags[HEARTBEAT])
    return None if silent <= SILENCE_SECONDS else f"{who} had not been heard of for {silent / 60:.0f} minutes"


def close_orphans(experiment: Experiment) -> list[str]:
    """End as KILLED what drivers that are gone have left RUNNING in the experiment; return the names of the sweeps.

    Their ends are the last heartbeats, and their notes say what happened. Calling it again changes nothing.
    """
    client, running = experiment.client, list(experiment.runs("attributes.status = 'RUNNING'"))
    gone = {run.info.run_id: why for run in running if (why := why_gone(run.data.tags)) is not None}
    parents = {run.info.run_id: run for run in running if run.info.run_id in gone}
    # Children first: if this is cut off, their parent is still found.
    for child in running:
        parent = parents.get(child.data.tags.get("mlflow.parentRunId", ""))
        if parent is not None:
            _close(client, child, parent, gone[parent.info.run_id])
    for run_id, parent in parents.items():
        _close(client, parent, parent, gone[run_id])
    return [str(parent.info.run_name) for parent in parents.values()]


def _close(client: MlflowClient, run: Run, parent: Run, why: str) -> None:
    note = f"Closed by a later sweep: {why}."
    if run is parent:
        note += " The same command again goes on where it stopped."
    client.log_batch(
        run.info.run_id,
        tags=[RunTag("status", "interrupted"), RunTag("error", why), RunTag("mlflow.note.content", note)],
        synchronous=True,
    )
    end = max(int(run.info.start_time), 1000 * int(parent.data.tags[HEARTBEAT]))
    client.set_terminated(run.info.run_id, status="KILLED", end_time=end)


def _started(pid: int) -> str | None:
    """Return when a process was started; None if there is none, or only its remains are there, or the system does not say."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[_STATE] in ("Z", "X") else fields[_START_TIME]


def _machine() -> str | None:
    """Return what processes share whose numbers can be compared: this boot of the machine, and the space of the numbers."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return None
