"""A process of its own for one measurement: its clock, its peak memory, and its end when it ignores its limit."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
"""For a new process to import its libraries and solve a toy, before the clock of the run starts."""

GRACE_SECONDS = 10.0
"""Over the limit, before it is killed. What is found after the limit does not count anyway."""


def messages(
    target: Callable[..., None],
    arguments: tuple[Any, ...],
    limit_seconds: float,
    grace_seconds: float = GRACE_SECONDS,
    start_seconds: float = START_SECONDS,
) -> Iterator[tuple[str, Any]]:
    """Call ``target(*arguments, connection)`` in a new process; yield the pairs ``(what, value)`` that it sends.

    Its limit runs from the message ``("begin", ...)``. The last pair is ``("end", ...)`` or ``("failed", ...)`` as the process
    sent it, or ``("died", exit code)``, or ``("killed", whether it had begun)`` where it took too long.

    ``target`` must be a function of a module: the process imports it by name.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(*arguments, sender), daemon=True)
    process.start()
    sender.close()
    deadline, begun = time.perf_counter() + start_seconds, False
    try:
        while (left := deadline - time.perf_counter()) > 0.0 and receiver.poll(left):
            what, value = receiver.recv()
            if what == "begin":
                deadline, begun = time.perf_counter() + limit_seconds + grace_seconds, True
            yield what, value
            if what in ("end", "failed"):
                return
        yield "killed", begun
    except EOFError:
        process.join(grace_seconds)
        yield "died", process.exitcode
    finally:
        process.kill()
        process.join()
        receiver.close()


def peak_mib() -> float:
    """Return the largest resident memory that this process has had, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux getrusage also counts what the parent had when it started this process
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
