"""A run in a process of its own that is killed when it ignores its limit; what it had reported until then is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from benchmarks.isolated import GRACE_SECONDS, START_SECONDS, messages, peak_mib
from benchmarks.peers import TOOLS
from benchmarks.peers.base import Ending, Task, Trace
from surrogate.attack import Instance
from surrogate.networks import ReluNetwork
from surrogate.region import Region
from sweep.trial.process import limit_threads, warm_up

Run = Callable[[Task, Trace], Ending]


@dataclass
class Outcome:
    """What became of one run.

    Attributes:
        status: the tool's own; ``killed`` if it ignored its limit, ``failed`` if it raised or died.
        error: why it failed; None otherwise.
        margins: ``(seconds, margin)`` of each best dense margin so far.
        first_adversarial_seconds: to the first witness; None without one.
        build_seconds: until the model was with the solver, pruning and bounds included; None if it never was.
        dual_bound: of the network in the MILP.
        nodes: branch-and-bound nodes.
        total_seconds: wall seconds of the whole run.
        cpu_seconds: CPU seconds of the same: far fewer if something else kept the machine busy.
        peak_mib: largest resident memory of its process, imports and toy included.
    """

    status: str = "killed"
    error: str | None = None
    margins: list[tuple[float, float]] = field(default_factory=list)
    first_adversarial_seconds: float | None = None
    build_seconds: float | None = None
    dual_bound: float | None = None
    nodes: int | None = None
    total_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_mib: float | None = None

    def margin_at(self, seconds: float) -> float | None:
        """Return the best dense margin that was known by then."""
        return max((margin for when, margin in self.margins if when <= seconds), default=None)


def tool_run(name: str) -> Run:
    """Return a tool's run; imports its libraries.

    Raises:
        ImportError: the ``bench`` extra is not installed.
    """
    run: Run = import_module(f"benchmarks.peers.{TOOLS[name].module}").run
    return run


def measure(name: str, task: Task) -> Outcome:
    """Run a tool in a new process."""
    return guard(tool_run_in_child, name, replace(task, amount=TOOLS[name].amount))


def tool_run_in_child(name: str, task: Task, trace_from: Callable[[], Trace]) -> Ending:
    """Import the tool and let it solve a toy, so that what a process does once is in nobody's times; then run it."""
    run = tool_run(name)
    warm_up()
    toy = _toy()
    run(toy, Trace(toy, lambda _: None))
    return run(task, trace_from())


def guard(
    target: Callable[[str, Task, Callable[[], Trace]], Ending], name: str, task: Task, grace_seconds: float = GRACE_SECONDS
) -> Outcome:
    """Call ``target(name, task, trace_from)`` in a new process, whose clock starts when it calls ``trace_from()``.

    ``target`` must be a function of a module: the process imports it by name.
    """
    outcome = Outcome(error=f"not ready after {START_SECONDS:.0f} s")
    for what, value in messages(child, (target, name, task), task.time_limit_seconds, grace_seconds):
        if what == "begin":
            outcome.error = None
        elif what == "end":
            ending, outcome.total_seconds, outcome.cpu_seconds, outcome.peak_mib = value
            outcome.status, outcome.dual_bound, outcome.nodes = ending.status, ending.dual_bound, ending.nodes
        elif what == "failed":
            outcome.status, outcome.error = "failed", value
        elif what == "died":
            outcome.status, outcome.error = "failed", f"the process died with exit code {value}"
        elif what == "margin":
            outcome.margins.append(value)
        elif what == "first":
            outcome.first_adversarial_seconds = value
        elif what == "built":
            outcome.build_seconds = value
    if outcome.first_adversarial_seconds is not None and outcome.first_adversarial_seconds > task.time_limit_seconds:
        outcome.first_adversarial_seconds = None
    return outcome


def child(target: Callable[[str, Task, Callable[[], Trace]], Ending], name: str, task: Task, sender: Any) -> None:
    """The new process: run ``target`` and send what comes of it."""
    traces: list[Trace] = []

    def trace_from() -> Trace:
        sender.send(("begin", None))
        traces.append(Trace(task, sender.send))
        return traces[0]

    try:
        limit_threads(1)  # as each trial of a sweep has
        ending = target(name, task, trace_from)
        sender.send(("end", (ending, traces[0].elapsed(), traces[0].cpu_seconds(), peak_mib())))
    except Exception as error:
        sender.send(("failed", f"{type(error).__name__}: {error}"))


def _toy() -> Task:
    weights = [[[1.0, -1.0], [1.0, 1.0]], [[1.0, -1.0], [-1.0, 1.0]]]
    network = ReluNetwork(weights, [[0.0, -0.5], [0.1, 0.0]])
    return Task(network, Instance(Region(0.0, 1.0, [0.5, 0.5], 0.5, "l1"), label=0, target=1), time_limit_seconds=10.0)
