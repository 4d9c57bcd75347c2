"""This project in its best setting."""

from __future__ import annotations

from benchmarks import settings
from benchmarks.peers.base import Ending, Task, Trace
from surrogate.attack import AttackResult
from surrogate.witness import WITNESS_MARGIN


def run(task: Task, trace: Trace) -> Ending:
    result = settings.best(task.time_limit_seconds)(task.dense, task.instance)
    return replay(result, trace, 0.0)


def replay(result: AttackResult, trace: Trace, spent_before: float) -> Ending:
    """Put a result's own timeline on the trace; its clock began ``spent_before`` seconds after the trace's."""
    for event in result.timeline:
        trace.note(spent_before + event.seconds, event.margin, event.margin > WITNESS_MARGIN)
    bounds, build = result.timings.get("bounds_seconds"), result.timings.get("build_seconds")
    if bounds is not None and build is not None:
        trace.built(bounds + build)
    return Ending(result.solver_status or str(result.status), result.dual_bound, result.work.get("nodes"))
