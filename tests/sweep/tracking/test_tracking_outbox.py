"""The queue between a sweep and its tracker, with another side that fails in the ways that servers do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from waiting import until

from sweep.tracking import outbox as module
from sweep.tracking.outbox import Outbox, Refused, Unanswered
from sweep.tracking.spool import Spool


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(module, "LAST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(module, "LEAST_PATIENCE_SECONDS", 0.3)


class Other:
    """The other side: what it received, and what it does at the next messages."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.attempts: list[tuple[Any, bool]] = []
        self.notices: list[str] = []
        self.moods: list[Callable[[], None]] = []
        """Of the next attempts, in order."""
        self.down = threading.Event()
        self.outbox = Outbox("the other side", self.send, self.notices.append)

    def send(self, message: Any, again: bool) -> None:
        self.attempts.append((message, again))
        if self.down.is_set():
            raise Unanswered("no route")
        if self.moods:
            self.moods.pop(0)()
        self.received.append(message)

    def fails(self, *errors: Exception) -> None:
        for error in errors:
            self.moods.append(lambda error=error: _raise(error))  # type: ignore[misc]


def _raise(error: Exception) -> None:
    raise error


@pytest.fixture
def other() -> Iterator[Other]:
    other = Other()
    yield other
    other.outbox.close()


def test_messages_arrive_in_order_and_as_they_were(other: Other) -> None:
    message = {"number": 0}
    for number in range(100):
        message["number"] = number
        other.outbox.put("a message", message)
    message["number"] = -1
    assert other.outbox.flush(5.0)
    assert other.received == [{"number": number} for number in range(100)]
    assert all(not again for _, again in other.attempts)
    assert other.outbox.close() == []
    assert other.notices == []


def test_what_cannot_be_sent_waits_and_the_caller_does_not(other: Other) -> None:
    other.down.set()
    for number in range(50):
        other.outbox.put(f"message {number}", number)
    until(lambda: len(other.attempts) > 3)
    assert len(other.outbox) == 50
    assert not other.outbox.answers
    assert other.notices == [
        "the other side does not answer (no route); the sweep goes on, and what it finds is written there later."
    ]
    other.down.clear()
    assert other.outbox.flush(5.0)
    assert other.received == list(range(50))
    assert other.notices[1:] == ["the other side answers again; 49 entries are being caught up."]
    assert other.outbox.doubtful


def test_one_lost_connection_is_not_worth_a_notice(other: Other) -> None:
    other.fails(Unanswered("reset by peer"))
    other.outbox.put("a message", 1)
    assert other.outbox.flush(5.0)
    assert (other.received, other.notices) == ([1], [])
    assert other.attempts == [(1, False), (1, True)]


def test_a_message_that_is_refused_is_passed_over(other: Other) -> None:
    other.fails(Refused("too long"))
    for number in range(3):
        other.outbox.put(f"message {number}", number)
    assert other.outbox.flush(5.0)
    assert other.received == [1, 2]
    assert other.outbox.refused == ["message 0"]
    assert other.notices == ["the other side did not take message 0 (too long); the sweep goes on."]
    assert [again for _, again in other.attempts] == [False, False, False]


def test_a_message_that_always_fails_does_not_hold_up_the_others(other: Other) -> None:
    other.fails(*[ValueError("a fault")] * module.MOST_ATTEMPTS)
    other.outbox.put("the bad one", 0)
    other.outbox.put("the good one", 1)
    assert other.outbox.flush(5.0)
    assert other.received == [1]
    assert other.outbox.refused == ["the bad one"]
    assert len(other.attempts) == module.MOST_ATTEMPTS + 1


def test_the_end_waits_as_long_as_it_is_patient(other: Other) -> None:
    other.down.set()
    other.outbox.put("message 0", 0)
    other.outbox.put("message 1", 1)
    begin = time.monotonic()
    assert not other.outbox.flush(0.5)
    assert 0.4 < time.monotonic() - begin < 30.0
    assert other.outbox.close() == ["message 0", "message 1"]
    assert other.outbox.why == "no route"
    assert other.received == []


def test_the_end_waits_longer_for_who_answers(other: Other) -> None:
    other.moods = [lambda: time.sleep(0.2)] * 12
    for number in range(12):
        other.outbox.put("a message", number)
    assert other.outbox.flush(2.0), "2.4 s in all, and never 2 s without an answer"
    assert other.received == list(range(12))


def test_one_long_message_is_no_silence(other: Other) -> None:
    def slow() -> None:
        for _ in range(12):
            time.sleep(0.2)
            other.outbox.answered()

    other.moods = [slow]
    other.outbox.put("a long message", 0)
    assert other.outbox.flush(2.0)


def test_a_hung_request_does_not_hold_up_the_end(other: Other) -> None:
    hung = threading.Event()
    other.moods = [lambda: hung.wait(30.0) and None]
    other.outbox.put("a message", 0)
    begin = time.monotonic()
    assert not other.outbox.flush(0.3)
    assert other.outbox.close(wait_seconds=0.1) == ["a message"]
    assert time.monotonic() - begin < 25.0
    other.outbox.put("another", 1)
    hung.set()
    time.sleep(0.1)
    assert len(other.outbox) == 0, "a closed outbox takes nothing"
    assert 1 not in other.received


def test_the_wait_for_the_end_ends_a_pause(other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 60.0)
    monkeypatch.setattr(module, "LAST_PAUSE_SECONDS", 60.0)
    other.fails(Unanswered("down"))
    other.outbox.put("a message", 0)
    until(lambda: len(other.attempts) == 1)
    time.sleep(0.05)
    begin = time.monotonic()
    assert other.outbox.flush(50.0)
    assert time.monotonic() - begin < 50.0


def test_in_a_hurry_only_the_last_message_is_sent(other: Other) -> None:
    other.moods = [lambda: time.sleep(0.2)] * 100
    for number in range(50):
        other.outbox.put(f"message {number}", number)
    assert not other.outbox.flush(5.0, most_seconds=0.3)
    assert other.outbox.answers
    other.outbox.skip_to_last()
    assert other.outbox.flush(5.0)
    assert other.received[-1] == 49
    sent = len(other.received) - 1
    assert other.outbox.skipped == [f"message {number}" for number in range(sent, 49)]


def test_it_says_that_it_lives_while_it_has_nothing_to_send() -> None:
    beats = []

    def beat() -> None:
        beats.append(1)
        raise OSError("down, which the next message will tell")

    outbox = Outbox("other", lambda message, again: None, lambda text: None, idle=beat, idle_seconds=0.05)
    outbox.put("a message", 0)
    until(lambda: len(beats) >= 3)
    outbox.put("another", 0)
    assert outbox.flush(5.0)
    outbox.close()


def test_a_spool_keeps_order_across_memory_and_disk() -> None:
    spool = Spool(memory_bytes=100)
    messages = [bytes([number]) * 30 for number in range(10)]
    for number, data in enumerate(messages[:8]):
        spool.append(str(number), data)
    assert [spool.first(), spool.drop()] == [("0", messages[0]), "0"]
    for number, data in enumerate(messages[8:], 8):
        spool.append(str(number), data)
    assert spool.labels == [str(number) for number in range(1, 10)]
    for number in range(1, 10):
        assert spool.first() == (str(number), messages[number])
        spool.drop()
    assert len(spool) == 0


def test_a_spool_keeps_little_in_memory_and_gives_the_disk_back(monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(memory_bytes=1000)
    for _ in range(50):
        spool.append("big", b"x" * 500)
    file = spool._file
    assert file is not None
    assert spool._used <= 1000
    file.flush()
    assert file.seek(0, 2) == 48 * 500
    while len(spool):
        spool.drop()
    assert file.closed
    spool.append("small", b"y")
    assert spool.first() == ("small", b"y")


def test_without_a_disk_a_spool_takes_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    spool = Spool(memory_bytes=10)
    for number in range(3):
        spool.append(str(number), b"z" * 20)
    assert len(spool) == 3
    assert spool.first() == ("0", b"z" * 20)


def test_whoever_waits_can_be_hurried(other: Other) -> None:
    freed = threading.Event()
    other.moods = [lambda: freed.wait(30.0) and None]
    other.outbox.put("slow", 1)
    other.outbox.put("next", 2)
    begin = time.monotonic()
    assert not other.outbox.flush(60.0, hurried=lambda: time.monotonic() > begin + 0.2)
    assert time.monotonic() - begin < 25.0
    freed.set()


def test_a_message_that_is_taken_in_part_again_and_again_is_waited_for_no_longer_than_silence(other: Other) -> None:
    """A disk that is full: rows of the database are still taken, and the files beside it never."""

    def in_part() -> None:
        other.outbox.answered()
        time.sleep(0.05)
        raise Unanswered("No space left on device")

    other.moods += [in_part] * 200
    other.outbox.put("the trial abc", "abc")
    assert not other.outbox.flush(0.3)
    assert other.outbox.close() == ["the trial abc"]
    assert len(other.attempts) < 200
