"""A real MLflow server that goes away and comes back while a sweep is written into it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import synthetic
from mlflow import MlflowClient
from tracked import EXPERIMENT, Server, artifacts_of, children_of, parent_of, server, started

from sweep.errors import SweepError
from sweep.tracking import Tracker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("server")) as running:
        yield running


def test_a_server_that_goes_and_comes_back_misses_nothing(
    address: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    notices: list[str] = []
    tracker = started(Tracker(address.uri, EXPERIMENT, tmp_path, notice=notices.append))
    records = [synthetic.trial(f"key{number}", [synthetic.instance(number)], name=f"trial {number}") for number in range(6)]
    for record in records[:2]:
        tracker.log_trial(record)
    time.sleep(0.2)  # so that it may die in the middle of a request
    address.stop()
    begin = time.monotonic()
    for record in records[2:]:
        tracker.log_trial(record)
    assert time.monotonic() - begin < 1.0
    time.sleep(4.0)
    address.start()
    assert tracker.finish_sweep(records, "FINISHED", []) is None
    children = children_of(tracker)
    assert [run.info.run_name for run in children] == [record.name for record in records]
    assert {run.info.status for run in children} == {"FINISHED"}
    assert parent_of(tracker).info.status == "FINISHED"
    assert parent_of(tracker).data.metrics["sweep/trials"] == 6.0
    for number, run in enumerate(children):
        assert run.data.metrics["value"] == 1.0
        assert artifacts_of(tracker, run) == {"config.yaml", "instances.json", "log.txt", "pictures"}
        assert artifacts_of(tracker, run, "pictures") == {f"pictures/image_{number}.png"}
    assert "does not answer ([Errno 111] Connection refused)" in notices[0]
    assert "answers again" in notices[1]
    assert len(notices) == 2
    assert not list(tmp_path.iterdir()), "the server keeps the artifacts"
    assert capfd.readouterr() == ("", "")


def test_a_server_that_is_gone_for_good_is_caught_up_by_the_next_sweep(address: Server, tmp_path: Path) -> None:
    notices: list[str] = []
    records = [synthetic.trial(f"key{number}", []) for number in range(3)]
    keys = [record.key for record in records]
    tracker = started(Tracker(address.uri, "gone", tmp_path, patience_seconds=3.0, notice=notices.append), "first", keys)
    tracker.log_trial(records[0])
    assert tracker._outbox is not None
    assert tracker._outbox.flush(30.0)
    address.stop()
    for record in records[1:]:
        tracker.log_trial(record)
    begin = time.monotonic()
    unwritten = tracker.finish_sweep(records, "FINISHED", [])
    assert 2.0 < time.monotonic() - begin < 15.0
    assert unwritten == (
        f"MLflow at {address.uri} did not take 2 of 3 trials and the end of the sweep ([Errno 111] Connection refused); "
        f"finished trials are in the sweep's own store, and the same command records them again."
    )
    with pytest.raises(SweepError, match="Connection refused"):
        Tracker(address.uri, "gone", tmp_path)
    address.start()
    client = MlflowClient(tracking_uri=address.uri)
    first = parent_of(tracker)
    assert first.info.status == "RUNNING"
    client.set_tag(first.info.run_id, "driver.started", "1")  # as if its driver were gone, which is this process
    tracker = started(Tracker(address.uri, "gone", tmp_path, notice=notices.append), "second", keys)
    for record in records:
        tracker.log_trial(record, reused=True)
    assert tracker.finish_sweep(records, "FINISHED", []) is None
    assert [run.info.status for run in children_of(tracker)] == ["FINISHED"] * 3
    parent = parent_of(tracker)
    assert (parent.info.run_id, parent.info.run_name, parent.info.status) == (first.info.run_id, "second", "FINISHED")


def test_an_interrupt_while_the_server_is_gone_ends_in_seconds(address: Server, tmp_path: Path) -> None:
    tracker = started(Tracker(address.uri, "interrupted", tmp_path, notice=lambda _: None))
    address.stop()
    try:
        tracker.log_trial(synthetic.trial("abc", [], status="interrupted"))
        begin = time.monotonic()
        unwritten = tracker.finish_sweep([], "KILLED", [])
        assert time.monotonic() - begin < 10.0
        assert unwritten is not None
        assert "1 of 1 trials and the end of the sweep" in unwritten
    finally:
        address.start()
