"""Wall and CPU seconds of a trial, including those of work that was done before."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class TrialClock:
    """Seconds of this process from now on, and those of work that was done before."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._before = self._cpu_before = 0.0

    def add(self, seconds: float, cpu_seconds: float) -> None:
        self._before, self._cpu_before = self._before + seconds, self._cpu_before + cpu_seconds

    @contextlib.contextmanager
    def left_out(self) -> Iterator[None]:
        """Do not count what is done meanwhile."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self._wall, self._cpu = self._wall + time.perf_counter() - wall, self._cpu + time.process_time() - cpu

    def running(self) -> float:
        return time.perf_counter() - self._wall

    def seconds(self) -> float:
        return self.running() + self._before

    def cpu_seconds(self) -> float:
        return time.process_time() - self._cpu + self._cpu_before
