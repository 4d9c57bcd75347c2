"""Ctrl-C and SIGTERM: one clean end at a moment when no result is being written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Turns the first SIGINT or SIGTERM into KeyboardInterrupt, never inside :meth:`postponed`; later ones are ignored.

    ``requested`` is the name of that signal. A context manager; it does nothing outside the main thread, where Python allows
    no signal handlers.
    """

    def __init__(self) -> None:
        self.requested: str | None = None
        self._depth = 0
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
        """Set the handlers; also to be called after a library has set its own."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            former = signal.signal(number, self._handle)
            self._former.setdefault(number, former)

    def finish(self) -> None:
        """Ignore signals from now on: nothing runs any more, and the last results are being written."""
        self.requested = self.requested or "none"

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

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.requested is not None:
            return
        self.requested = signal.Signals(number).name
        if self._depth > 0:
            self._pending = True
            return
        raise KeyboardInterrupt(self.requested)
