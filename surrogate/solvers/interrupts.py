"""Ctrl-C while a solver runs: no exception crosses the solver's own code, the solve ends soon, and no Ctrl-C is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Around a solver's run: keeps what a signal's handler raises, and raises it when the run has ended.

    Python calls a handler when the main thread next comes to Python code. During a solve that is a callback, and mostly its
    very beginning in the solver's wrapper, which drops an exception, so that the solve goes on. Therefore, while this is
    entered, each handler in place (Python's own for SIGINT, or any other Python function) is called by a handler of this class,
    which keeps what it raises. Callbacks ask :attr:`arrived` and end the solve. A handler that raises nothing ends nothing.

    It does nothing outside the main thread, where no handler is ever called.
    """

    def __init__(self) -> None:
        self._raised: BaseException | None = None
        self._former: dict[signal.Signals, Callable[[int, FrameType | None], Any]] = {}

    @property
    def arrived(self) -> bool:
        """Whether a signal's handler raised something: the solve has to end."""
        return self._raised is not None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                former = signal.getsignal(number)
                if callable(former):  # else the system's: the signal ends the process, or is ignored
                    self._former[number] = former
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former.clear()
        if self._raised is not None:
            raise self._raised

    def _handle(self, number: int, frame: FrameType | None) -> None:
        try:
            self._former[signal.Signals(number)](number, frame)
        except BaseException as error:  # raised by __exit__
            self._raised = self._raised or error


def hand_on() -> None:
    """Handle a Ctrl-C that a solver caught by itself, and on which it ended, as if the Ctrl-C came now.

    Outside the main thread the Ctrl-C is sent on to the main thread, and this thread raises KeyboardInterrupt, so that what the
    solver had so far isn't taken for its result.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        return
    if threading.current_thread() is threading.main_thread():
        handler(signal.SIGINT, None)
        return
    ident = threading.main_thread().ident
    if ident is not None:
        signal.pthread_kill(ident, signal.SIGINT)
    raise KeyboardInterrupt
