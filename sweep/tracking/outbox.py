"""A queue of messages to MLflow, which a thread sends. The sweep goes on while MLflow takes nothing."""

from __future__ import annotations

import contextlib
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

from sweep.tracking.spool import Spool

FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.5, 30.0
"""The first and the longest pause between two attempts to send a message; each pause is twice the one before."""

HURRIED_PAUSE_SECONDS = 1.0
"""The longest pause while somebody waits for the end."""

MOST_ATTEMPTS = 6
"""How often a message is sent to a server that answers, but does not take the message."""

LOOK_SECONDS = 0.25
"""Seconds between two checks of whether to go on waiting for the end."""

LEAST_PATIENCE_SECONDS = 2.0
"""The least time to wait for the end: a server that answers must not be taken for one that does not."""


class Unanswered(Exception):
    """The other side cannot take anything now, so that sending the same again later makes sense; the text says why."""


class Refused(Exception):
    """The other side does not take this one message, and would not later; the text says why."""


class Outbox:
    """A queue of messages and the thread that sends them, one by one and in order.

    ``send(message, again)`` sends one; ``again`` says that an earlier attempt failed, and may have been received all the same.
    It raises :class:`Unanswered` to be called again after a pause, and :class:`Refused` for a message that is to be given up;
    after whatever else it raises the message is sent some times more before it is given up. A message is anything that pickle
    takes, and is sent as it was when it was put in.

    ``notice`` gets a sentence when nothing can be written any more, when it can again, and at the first message given up.
    ``idle`` is called every ``idle_seconds`` between messages; what it raises is ignored.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[Any, bool], None],
        notice: Callable[[str], None],
        idle: Callable[[], None] = lambda: None,
        idle_seconds: float = 60.0,
    ) -> None:
        self.name = name
        """The other side, in sentences."""
        self.refused: list[str] = []
        """Labels of the messages given up."""
        self.skipped: list[str] = []
        """Labels of the messages passed over."""
        self.why = ""
        """Why a message was given up, or what the last attempt met; empty if nothing went wrong yet."""
        self.doubtful = False
        """Whether a message may have been received although its sending failed."""
        self._send, self._notice, self._idle, self._idle_seconds = send, notice, idle, idle_seconds
        self._spool = Spool()
        self._condition = threading.Condition()
        self._closed = self._hurried = self._skipping = self._noticed = False
        self._failures = 0
        """Attempts in a row that failed."""
        self._answered_at = self._idle_at = time.monotonic()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        with self._condition:
            return len(self._spool)

    def put(self, label: str, message: Any) -> None:
        """Add a message and return at once; ``label`` says what it is, in sentences."""
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        with self._condition:
            if self._closed:
                return
            if self._thread is None:
                # A daemon: a request that hangs must not hold up the end of the program.
                self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
                self._thread.start()
            self._spool.append(label, data)
            self._condition.notify_all()

    def answered(self) -> None:
        """Say from inside ``send`` that the other side has just answered: one long message is no silence.

        One that has failed ``MOST_ATTEMPTS`` times is: a disk that is full takes a part of it each time, for ever.
        """
        if self._failures < MOST_ATTEMPTS:
            self._answered_at = time.monotonic()

    @property
    def answers(self) -> bool:
        """Whether the last attempt was answered."""
        return self._failures == 0

    def flush(
        self, patience_seconds: float, most_seconds: float | None = None, hurried: Callable[[], bool] = lambda: False
    ) -> bool:
        """Wait until all is sent. False: there was no answer for ``patience_seconds``, or ``most_seconds`` have passed, or
        ``hurried()`` became true, which is asked now and then.

        A pause between two attempts ends at once, and later ones are short.
        """
        begin = time.monotonic()
        patience = max(patience_seconds, LEAST_PATIENCE_SECONDS)
        with self._condition:
            self._hurried = True
            self._condition.notify_all()
            while len(self._spool) > 0:
                now = time.monotonic()
                left = max(begin, self._answered_at) + patience - now
                if most_seconds is not None:
                    left = min(left, begin + most_seconds - now)
                if left <= 0 or hurried():
                    return False
                self._condition.wait(min(left, LOOK_SECONDS))
        return True

    def skip_to_last(self) -> None:
        """Pass over all messages but the one put in last."""
        with self._condition:
            self._skipping = True
            self._condition.notify_all()

    def close(self, wait_seconds: float = 1.0) -> list[str]:
        """Send no more; return the labels of what was not sent, the one being sent among them."""
        with self._condition:
            self._closed = True
            left = self._spool.labels
            self._spool.clear()
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(wait_seconds)
        return left

    def _run(self) -> None:
        while True:
            with self._condition:
                while self._skipping and len(self._spool) > 1:
                    self.skipped.append(self._spool.drop())
                    self._failures = 0
                if self._closed:
                    return
                due = self._idle_at + self._idle_seconds - time.monotonic()
                if due > 0 and len(self._spool) == 0:
                    self._condition.wait(due)
                    continue
                waiting = len(self._spool) > 0
            if due <= 0:
                self._beat()
            elif waiting:
                self._attempt()

    def _beat(self) -> None:
        with contextlib.suppress(Exception):  # the next message or the next beat will tell
            self._idle()
        self._idle_at = time.monotonic()

    def _attempt(self) -> None:
        """Send the first message once; then it is gone, or there was a pause."""
        label = "a message"
        try:
            with self._condition:
                if self._closed:
                    return
                label, data = self._spool.first()
            self._send(pickle.loads(data), self._failures > 0)
        except Exception as error:
            self._failures += 1
            self.doubtful = True
            self.why = str(error) or type(error).__name__
            if isinstance(error, Refused) or (not isinstance(error, Unanswered) and self._failures >= MOST_ATTEMPTS):
                self._give_up(label)
            else:
                self._pause(isinstance(error, Unanswered))
            return
        self._failures = 0
        self.answered()
        self._drop()
        if self._noticed:
            self._noticed = False
            waiting = len(self)
            self._notice(f"{self.name} answers again{f'; {waiting} entries are being caught up' if waiting else ''}.")

    def _give_up(self, label: str) -> None:
        self.refused.append(label)
        self._failures = 0
        self._drop()
        if len(self.refused) == 1:
            self._notice(f"{self.name} did not take {label} ({self.why}); the sweep goes on.")

    def _drop(self) -> None:
        with self._condition:
            if not self._closed:
                self._spool.drop()
            self._condition.notify_all()

    def _pause(self, unanswered: bool) -> None:
        if unanswered and self._failures >= 2 and not self._noticed:  # the first failure may be a connection grown old
            self._noticed = True
            self._notice(
                f"{self.name} does not answer ({self.why}); the sweep goes on, and what it finds is written there later."
            )
        seconds = min(FIRST_PAUSE_SECONDS * 2 ** (self._failures - 1), LAST_PAUSE_SECONDS)
        begin = time.monotonic()
        with self._condition:
            hurried = self._hurried
            if hurried:
                seconds = min(seconds, HURRIED_PAUSE_SECONDS)
            while not self._closed and not self._skipping and self._hurried == hurried:
                left = begin + seconds - time.monotonic()
                if left <= 0:
                    return
                self._condition.wait(left)
