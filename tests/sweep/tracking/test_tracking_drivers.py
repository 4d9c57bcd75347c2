"""Runs of drivers that are gone are closed by the next sweep, and those of drivers that live are not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from tracked import started
from waiting import until

from sweep.tracking import Tracker, drivers

MINUTE = 60


def ended_process() -> int:
    """Return the number of a process that was there a moment ago."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def tags(**changed: str | int | None) -> dict[str, str]:
    """Return the tags of this process with some changed, or left out where None."""
    found: dict[str, str | int | None] = {**drivers.tags(), **{f"driver.{name}": value for name, value in changed.items()}}
    return {name: str(value) for name, value in found.items() if value is not None}


def test_the_tags_of_a_driver_say_where_it_is() -> None:
    found = drivers.tags()
    assert found["driver.pid"] == str(os.getpid())
    assert abs(int(found["driver.heartbeat"]) - time.time()) < 60
    assert set(found) == {"driver.host", "driver.pid", "driver.started", "driver.machine", "driver.heartbeat"}
    assert found["driver.started"] == drivers.tags()["driver.started"]


def test_a_driver_here_is_gone_when_its_process_is() -> None:
    assert drivers.why_gone(tags()) is None
    assert drivers.why_gone(tags(heartbeat=0)) is None, "it lives, whatever its heart does"
    ended = ended_process()
    why = drivers.why_gone(tags(pid=ended))
    assert why is not None
    assert f"process {ended} on " in why
    assert "had ended" in why
    assert drivers.why_gone(tags(started=1)) is not None, "another process has its number now"


def test_a_process_of_which_only_remains_are_there_is_gone() -> None:
    process = subprocess.Popen(["sleep", "60"])
    started_at = drivers._started(process.pid)
    assert started_at is not None
    assert drivers.why_gone(tags(pid=process.pid, started=started_at)) is None
    process.kill()
    until(lambda: drivers._started(process.pid) is None)
    assert drivers.why_gone(tags(pid=process.pid, started=started_at)) is not None
    process.wait()


@pytest.mark.parametrize("elsewhere", [{"machine": "another boot"}, {"machine": None, "started": None}])
def test_a_driver_elsewhere_is_gone_when_it_was_not_heard_of(elsewhere: Mapping[str, str | None]) -> None:
    now = int(time.time())
    assert drivers.why_gone(tags(pid=ended_process(), heartbeat=now - 4 * MINUTE, **elsewhere)) is None
    why = drivers.why_gone(tags(heartbeat=now - 20 * MINUTE, host="node7", **elsewhere))
    assert why is not None
    assert why.endswith("on node7, had not been heard of for 20 minutes")


def test_what_no_driver_of_ours_has_written_is_left_alone() -> None:
    assert drivers.why_gone({}) is None
    assert drivers.why_gone({"driver.pid": "1"}) is None
    assert drivers.why_gone(tags(heartbeat="never", machine=None)) is None


def left_behind(client: MlflowClient, experiment_id: str, name: str, parent_tags: Mapping[str, str]) -> tuple[str, str]:
    """Create a RUNNING parent with a RUNNING child; return their ids."""
    parent = client.create_run(experiment_id, tags={"sweep": name, **parent_tags}, run_name=name)
    child_tags = {"sweep": name, "mlflow.parentRunId": parent.info.run_id}
    child = client.create_run(experiment_id, tags=child_tags, run_name=f"{name} child")
    return parent.info.run_id, child.info.run_id


def test_the_next_sweep_closes_what_is_orphaned_and_nothing_else(empty_store: Path) -> None:
    notices: list[str] = []
    tracker = Tracker(None, "orphans", empty_store, notice=notices.append)
    client = MlflowClient(tracking_uri=tracker.uri)
    experiment_id = tracker._experiment_id
    beat = int(time.time()) - 10 * MINUTE
    dead = left_behind(client, experiment_id, "dead", tags(pid=ended_process(), heartbeat=beat))
    lost = left_behind(client, experiment_id, "lost", tags(machine="elsewhere", heartbeat=int(time.time()) - 10 * MINUTE))
    alive = left_behind(client, experiment_id, "alive", tags())
    far = left_behind(client, experiment_id, "far", tags(machine="elsewhere"))
    old = left_behind(client, experiment_id, "old", {})

    started(tracker, "next")
    assert tracker.finish_sweep([], "FINISHED", []) is None

    def run(run_id: str) -> Run:
        return client.get_run(run_id)

    assert {run(run_id).info.status for run_id in (*dead, *lost)} == {"KILLED"}
    assert {run(run_id).info.status for run_id in (*alive, *far, *old)} == {"RUNNING"}
    assert sorted(notices) == [
        "Closed in MLflow: the sweep dead, whose driver is gone.",
        "Closed in MLflow: the sweep lost, whose driver is gone.",
    ]
    parent, child = map(run, dead)
    assert parent.info.end_time == max(1000 * beat, parent.info.start_time)
    assert parent.data.tags["status"] == child.data.tags["status"] == "interrupted"
    assert parent.data.tags["mlflow.note.content"].startswith("Closed by a later sweep: its driver, process ")
    assert "The same command again goes on" in parent.data.tags["mlflow.note.content"]


def test_a_sweep_whose_driver_was_killed_is_closed_by_the_next(empty_store: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from sweep.tracking import Tracker\n"
        "tracker = Tracker(None, 'killed', Path(sys.argv[1]))\n"
        "tracker.start_sweep('the killed one', {}, [], '1 trial')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program, str(empty_store)], cwd=root, timeout=120, check=False)
    assert done.returncode == -9
    tracker = Tracker(None, "killed", empty_store, notice=lambda _: None)
    client = MlflowClient(tracking_uri=tracker.uri)
    (before,) = client.search_runs([tracker._experiment_id])
    assert before.info.status == "RUNNING"
    started(tracker)
    assert tracker.finish_sweep([], "FINISHED", []) is None
    assert client.get_run(before.info.run_id).info.status == "KILLED"


def test_a_driver_that_lives_says_so(empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(drivers, "heartbeat", lambda: "1234567890")
    tracker = started(Tracker(None, "beats", empty_store))
    client = MlflowClient(tracking_uri=tracker.uri)
    monkeypatch.setattr(drivers, "heartbeat", lambda: "1234567950")
    until(lambda: client.search_runs([tracker._experiment_id])[0].data.tags["driver.heartbeat"] == "1234567950")
    assert tracker.finish_sweep([], "FINISHED", []) is None
