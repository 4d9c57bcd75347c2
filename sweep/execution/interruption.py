"""Ends a sweep cleanly at Ctrl-C, SIGTERM, a closed terminal or its own deadline, and never while a result is written."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP is what a terminal that is closed sends; a program that `nohup` started ignores it, and so does its sweep."""

INTERRUPTIONS = tuple(number.name for number in SIGNALS)


class Interruption:
    """Turns the first of :data:`SIGNALS` into KeyboardInterrupt, never inside :meth:`postponed`; later ones are ignored.

    ``requested`` is the name of that signal, or the setting of the deadline; ``hurried`` says that another one came when there
    was nothing left to do but to write. A context manager; it does nothing outside the main thread, where Python allows no
    signal handlers.
    """

    def __init__(self) -> None:
        self.requested: str | None = None
        self.hurried = False
        self._finishing = False
        self._depth = 0
        self._name: str | None = None
        self._pending = False
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        self.install()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former.clear()

    def install(self) -> None:
        """Set the handlers."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            former = signal.signal(number, self._handle)
            self._former.setdefault(number, former)

    def finish(self) -> None:
        """Let signals do no more than set :attr:`hurried`: nothing runs any more, and the last results are being written."""
        self.requested = self.requested or "none"
        self._finishing = True
        self._pending = False

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """Hold a signal back until the block has ended."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self._pending and self._depth == 0:
            self._pending = False
            raise KeyboardInterrupt(self.requested)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold a signal back until the block has ended, and keep libraries in it from handlers of their own for these signals.

        Ray sets one of SIGTERM while it starts, which would end the process without a word. The handlers are set anew after the
        block: without that, a SIGTERM while trials ran aborted the process at its end.
        """
        set_handler = signal.signal

        def set_others(number: int, handler: Any) -> Any:
            return signal.getsignal(number) if number in self._former else set_handler(number, handler)

        with self.postponed():
            signal.signal = set_others  # type: ignore[assignment]
            try:
                yield
            finally:
                signal.signal = set_handler
                self.install()

    @contextmanager
    def deadline(self, seconds: float | None) -> Iterator[None]:
        """Interrupt the block when it has run for so long; None: never."""
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, self._expire, [f"deadlines.sweep_seconds={seconds:g}"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _expire(self, name: str) -> None:
        if self.requested is None:
            self._name = name
            os.kill(os.getpid(), signal.SIGINT)  # a signal reaches the main thread in whatever it waits

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.requested is not None:
            self.hurried = self.hurried or self._finishing
            return
        self.requested = self._name or signal.Signals(number).name
        if self._depth > 0:
            self._pending = True
            return
        raise KeyboardInterrupt(self.requested)
