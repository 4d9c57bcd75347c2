"""What every tool is given, and the one clock and check that its findings pass through."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from surrogate.attack import Instance
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.witness import check


@dataclass(frozen=True)
class Task:
    """One question and the wall seconds for it, pruning and model building included."""

    dense: ReluNetwork
    instance: Instance
    time_limit_seconds: float
    amount: float = 0.0
    """Share of the weights that are pruned away first."""

    def surrogate(self) -> ReluNetwork:
        """Return the network for the MILP: the dense one, or its one-shot global-magnitude surrogate."""
        return prune(Pruning("magnitude", self.amount), self.dense, None) if self.amount > 0.0 else self.dense


@dataclass(frozen=True)
class Ending:
    """How a tool ended.

    Attributes:
        status: ``optimal``, ``time_limit``, or the tool's own word.
        dual_bound: its bound on the margin of the network in its MILP; None if it has none.
        nodes: branch-and-bound nodes; None if unknown.
    """

    status: str
    dual_bound: float | None
    nodes: int | None = None


Send = Callable[[tuple[str, Any]], None]
"""Takes what the trace has to say at once, so that a tool that is killed later loses nothing."""


class Trace:
    """The clock of one run, started when it is made; each point met is checked on the dense network as it comes.

    Sends ``("margin", (seconds, margin))`` for each best dense margin so far, ``("first", seconds)`` for the first witness and
    ``("built", seconds)``.
    """

    def __init__(self, task: Task, send: Send) -> None:
        self._task, self._send = task, send
        self._best = float("-inf")
        self._found = False
        self._begin_cpu = time.process_time()
        self.begin = time.perf_counter()

    def elapsed(self) -> float:
        return time.perf_counter() - self.begin

    def cpu_seconds(self) -> float:
        return time.process_time() - self._begin_cpu

    @property
    def seconds_left(self) -> float:
        """What the solver may still spend; never below 0.1, because 0 means no limit to some."""
        return max(self._task.time_limit_seconds - self.elapsed(), 0.1)

    def built(self, seconds: float | None = None) -> None:
        """Note that the model is with the solver; by default it took as long as the clock shows."""
        self._send(("built", self.elapsed() if seconds is None else seconds))

    def meet(self, x: ArrayLike) -> None:
        """Check a point ``(d,)`` of a solver, now."""
        seconds = self.elapsed()
        checked = check(self._task.dense, self._task.instance.region, self._task.instance.problem, x)
        if checked is not None:
            self.note(seconds, checked.margin, checked.is_witness)

    def note(self, seconds: float, margin: float, is_witness: bool) -> None:
        """Take in a point that was checked at ``seconds``."""
        if margin > self._best:
            self._best = margin
            self._send(("margin", (seconds, margin)))
        if is_witness and not self._found:
            self._found = True
            self._send(("first", seconds))
