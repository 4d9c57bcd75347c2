"""This project's code in the authors' setting: what is left when its bounds and starts are taken away."""

from __future__ import annotations

from benchmarks import settings
from benchmarks.peers.base import Ending, Task, Trace
from benchmarks.peers.this_project import replay


def run(task: Task, trace: Trace) -> Ending:
    surrogate = task.surrogate()
    spent = trace.elapsed()
    return replay(settings.authors(trace.seconds_left).run(task.dense, surrogate, task.instance), trace, spent)
