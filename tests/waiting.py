"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(done: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until ``done()``; a test fails where that takes longer than so many seconds."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"waited for {seconds:g} s"
        time.sleep(0.01)
