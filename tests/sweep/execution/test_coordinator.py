"""The coordinator hands out each result once, and neither a slow store nor a late worker holds up the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from sweep.errors import StoreError
from sweep.execution import coordinator as module
from sweep.execution.coordinator import Coordinator
from sweep.store import Store
from sweep.store.stage_results import Entry

WAIT = 10.0
"""Seconds that are never reached unless something hangs."""


class Gate:
    """Holds up the store's reads or writes of one key until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, key: str) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        plain = getattr(Store, name)

        def slow(store: Store, kind: str, asked: str, *rest: Any, **options: Any) -> Any:
            if asked == key:
                self.entered.set()
                assert self.opened.wait(WAIT)
            return plain(store, kind, asked, *rest, **options)

        monkeypatch.setattr(Store, name, slow)


@pytest.fixture
def killed() -> list[Any]:
    return []


@pytest.fixture
def coordinator(tmp_path: Path, killed: list[Any], monkeypatch: pytest.MonkeyPatch) -> Coordinator:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.01)
    return Coordinator(str(tmp_path / "store"), resume=True, retries=2, kill=killed.append)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_others_wait_for_the_one_that_makes_a_result(coordinator: Coordinator) -> None:
    assert coordinator.claim("instances", "k", None, "one", "a") == ("make", None)
    assert coordinator.claim("instances", "k", None, "two", "b") == ("wait", None)
    coordinator.put("instances", "k", Entry({"dense_value": 1.0}), "a")
    assert coordinator.claim("instances", "k", None, "two", "b") == ("found", Entry({"dense_value": 1.0}))


def test_what_is_put_while_another_looks_is_not_made_again(
    coordinator: Coordinator, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever claims first looks first: another one can't take a look of before for the state of now."""
    gate = Gate(monkeypatch, "get", "k")
    first = pool.submit(coordinator.claim, "instances", "k", None, "one", "a")
    assert gate.entered.wait(WAIT)
    assert coordinator.claim("instances", "k", None, "two", "b") == ("wait", None)
    gate.opened.set()
    assert first.result(WAIT) == ("make", None)


def test_a_slow_store_holds_up_neither_other_calls_nor_deadlines(
    coordinator: Coordinator, pool: ThreadPoolExecutor, killed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, "get", "slow")
    waiting = pool.submit(coordinator.claim, "instances", "slow", None, "one", "a")
    assert gate.entered.wait(WAIT)
    coordinator.beat("two")
    assert coordinator.claim("instances", "quick", 1.0, "two", "b") == ("make", None)
    coordinator.begin("quick", {"status": "unresolved", "deadline_seconds": 0.0}, 0.0, "two", "b", "the worker")
    until(lambda: killed == ["the worker"])
    gate.opened.set()
    assert waiting.result(WAIT) == ("make", None)


def test_an_answer_that_came_in_time_is_not_cut_off_while_it_is_written(
    coordinator: Coordinator, pool: ThreadPoolExecutor, killed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, "put", "k")
    coordinator.claim("instances", "k", 1.0, "one", "a")
    coordinator.begin("k", {"status": "unresolved", "deadline_seconds": 0.2}, 0.2, "one", "a", "the worker")
    writing = pool.submit(coordinator.put, "instances", "k", Entry({"status": "robust"}), "a")
    assert gate.entered.wait(WAIT)
    time.sleep(0.4)
    gate.opened.set()
    writing.result(WAIT)
    assert killed == []
    assert coordinator.claim("instances", "k", 1.0, "two", "b") == ("found", Entry({"status": "robust"}))


def test_a_worker_whose_answer_comes_just_after_the_deadline_is_not_ended(
    coordinator: Coordinator, pool: ThreadPoolExecutor, killed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be in another trial by then, which would be said to have lost its worker."""
    gate = Gate(monkeypatch, "put", "k")
    coordinator.claim("instances", "k", 1.0, "one", "a")
    coordinator.begin("k", {"status": "unresolved", "deadline_seconds": 0.0}, 0.0, "one", "a", "the worker")
    assert gate.entered.wait(WAIT)  # what was found until the deadline is being written
    answer = pool.submit(coordinator.put, "instances", "k", Entry({"status": "robust"}), "a")
    until(lambda: not coordinator._late)
    gate.opened.set()
    answer.result(WAIT)
    until(lambda: all(thread.name != "deadline" for thread in threading.enumerate()))
    assert killed == []
    assert coordinator.claim("instances", "k", 1.0, "two", "b") == ("found", Entry({"status": "robust"}))


def test_a_worker_that_is_being_ended_does_not_go_on(
    coordinator: Coordinator, killed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_SECONDS", 0.2)
    coordinator.claim("instances", "k", 1.0, "one", "a")
    coordinator.begin("k", {"status": "unresolved", "deadline_seconds": 0.0}, 0.0, "one", "a", "the worker")
    until(lambda: killed == ["the worker"])
    begin = time.monotonic()
    coordinator.put("instances", "k", Entry({"status": "robust"}), "a")
    assert time.monotonic() - begin >= 0.2


def test_findings_that_overtake_each_other(coordinator: Coordinator, killed: list[Any]) -> None:
    coordinator.claim("instances", "k", 1.0, "one", "a")
    coordinator.begin("k", {"timeline": []}, 1.0, "one", "a", "the worker")
    coordinator.improve("k", {"timeline": [1, 2], "deadline_seconds": 1.0}, "one")
    coordinator.improve("k", {"timeline": [1], "deadline_seconds": 1.0}, "one")
    until(lambda: bool(killed))
    assert coordinator.claim("instances", "k", 1.0, "two", "b") == (
        "found",
        Entry({"timeline": [1, 2], "deadline_seconds": 1.0}),
    )


def test_a_store_that_fails_gives_the_claim_back(coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "get", broken)
        with pytest.raises(StoreError, match="the disk is gone"):
            coordinator.claim("instances", "k", None, "one", "a")
    assert coordinator.claim("instances", "k", None, "two", "b") == ("make", None)


def test_that_an_answer_could_not_be_written_at_its_deadline_is_told_to_the_next_worker_of_its_trial(
    coordinator: Coordinator, killed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full")

    coordinator.claim("instances", "k", 1.0, "one", "a")
    monkeypatch.setattr(Store, "put", broken)
    coordinator.begin("k", {"status": "unresolved", "deadline_seconds": 0.0}, 0.0, "one", "a", "the worker")
    until(lambda: killed == ["the worker"])
    with pytest.raises(StoreError, match="the disk is full"):
        coordinator.claim("instances", "k", 1.0, "two", "a")


def test_a_lost_worker_gives_way_to_the_next_of_its_trial(coordinator: Coordinator) -> None:
    assert coordinator.claim("instances", "k", None, "one", "a") == ("make", None)
    assert coordinator.claim("instances", "k", None, "two", "a") == ("make", None)
    coordinator.lost("a")
    assert coordinator.claim("instances", "k", None, "three", "b") == ("make", None)


def test_what_the_store_says_is_kept_for_the_driver_and_told_once(coordinator: Coordinator, tmp_path: Path) -> None:
    coordinator.put("instances", "abc", Entry({"dense_value": 1.0}), "a")
    entry = tmp_path / "store" / "instances" / "ab" / "abc.json"
    entry.write_text("cut short")
    assert coordinator.claim("instances", "abc", None, "one", "a") == ("make", None)
    (said,) = coordinator.notices()
    assert f"{entry} is damaged" in said
    assert coordinator.notices() == []
