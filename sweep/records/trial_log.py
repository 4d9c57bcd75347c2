"""The log of a trial: what it did and when, a line a step, and the text that the store and MLflow keep of that."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from sweep.records import InstanceRecord, TrialRecord

TIME_CHARACTERS = 24
"""A line begins with a time of this many characters. Lines of several machines are in order if sorted by these."""

NO_STEPS = "No step was recorded."


def line(text: str, at: float | None = None) -> str:
    """Return a line of a log: the time (Unix time in seconds, by default now) in UTC, and the text."""
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}Z {' '.join(text.split())}"


def log_text(record: TrialRecord) -> str:
    """Return the log of a trial that has ended: its lines, and of one that failed the traceback."""
    why = f": {record.error}" if record.error else ""
    head = f"{record.name}, key {record.key}, on {record.host or 'no machine'}"
    lines = [head, *(record.log or [NO_STEPS]), line(f"{record.status}{why}", record.ended_at)]
    detail = [record.error_detail.rstrip("\n")] if record.status != "finished" and record.error_detail else []
    return "\n".join([*lines, *detail]) + "\n"


def answer_text(answer: InstanceRecord) -> str:
    """Return the outcome of one instance in a line."""
    parts = [f"{answer.name}: {answer.status}"]
    if answer.value is not None:
        parts.append(f"{answer.words.value} {answer.value:.4g}")
    if answer.first_found_seconds is not None:
        parts.append(f"first {answer.words.find} after {answer.first_found_seconds:.3g} s")
    if answer.cut_from_seconds is not None:
        parts.append(f"cut at {answer.total_seconds or 0.0:.3g} s from a run with a limit of {answer.cut_from_seconds:.3g} s")
    elif answer.total_seconds is not None:
        parts.append(f"took {answer.total_seconds:.3g} s")
    if answer.deadline_seconds is not None:
        parts.append(f"ended from outside at a deadline of {answer.deadline_seconds:.3g} s")
    elif answer.solver_status is not None:
        parts.append(f"solver {answer.solver_status}")
    if answer.starved:
        parts.append("starved of CPU")
    return ", ".join(parts)


@contextlib.contextmanager
def overheard(say: Callable[[str], None]) -> Iterator[None]:
    """Give ``say`` what is warned of in this thread meanwhile, by Python and by libraries that log it."""
    thread, before = threading.get_ident(), warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
        if threading.get_ident() == thread:
            say(f"warning: {category.__name__}: {message}")
        before(message, category, *place, **more)

    handler = _Warnings(lambda text: say(text) if threading.get_ident() == thread else None)
    logging.getLogger().addHandler(handler)
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before
        logging.getLogger().removeHandler(handler)


class _Warnings(logging.Handler):
    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(f"{record.levelname.lower()} of {record.name}: {record.getMessage()}")
