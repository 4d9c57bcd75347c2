"""One run of a tool in a process of its own, and its decisions judged afterwards."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from benchmarks.isolated import GRACE_SECONDS, messages, peak_mib
from benchmarks.models.base import Asked, Ending, Trace
from benchmarks.models.instances import Question
from benchmarks.models.judge import TOLERANCE, Judge
from benchmarks.models.tools import TOOLS
from benchmarks.sections import Row
from surrogate.models.problems import ModelInstance
from surrogate.models.reading import UserModel
from surrogate.networks import FloatArray, ReluNetwork
from sweep.trial.process import limit_threads, warm_up

START_SECONDS = 300.0
"""For a new process to import its libraries, solve a toy and build its model, before the clock of the run starts."""

LOOSE = 1e-4
"""A tolerance at which decisions are judged a second time, to tell those that are nearly right from those that are not."""

Met = tuple[float, FloatArray, str]
"""A decision: seconds, values ``(columns,)``, and what the tool says of its origin."""


@dataclass
class Outcome:
    """What a tool sent from its process.

    Attributes:
        ending: the tool's own; ``killed`` if it ignored its limit, ``failed`` if it raised or died.
        error: why it failed; None otherwise.
        met: its decisions as they came.
        build_seconds: until the model was with the solver; None if the tool does not say.
        total_seconds, cpu_seconds: of the whole run; None if it did not end.
        peak_mib: largest resident memory of its process, imports and toy included.
    """

    ending: Ending = field(default_factory=lambda: Ending("killed"))
    error: str | None = None
    met: list[Met] = field(default_factory=list)
    build_seconds: float | None = None
    total_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_mib: float | None = None


def ask(name: str, question: Question, grace_seconds: float = GRACE_SECONDS) -> Outcome:
    """Run a tool in a new process, which is killed when it ignores its limit."""
    outcome = Outcome()
    for what, value in messages(answer, (name, question), question.limit_seconds, grace_seconds, START_SECONDS):
        if what == "met":
            outcome.met.append(value)
        elif what == "built":
            outcome.build_seconds = value
        elif what == "end":
            outcome.ending, outcome.total_seconds, outcome.cpu_seconds, outcome.peak_mib = value
        elif what == "failed":
            outcome.ending, outcome.error = Ending("failed"), value
        elif what == "died":
            outcome.ending, outcome.error = Ending("failed"), f"the process died with exit code {value}"
        elif what == "killed" and not value:
            outcome.ending, outcome.error = Ending("failed"), f"not ready after {START_SECONDS:.0f} s"
    return outcome


def answer(name: str, question: Question, sender: Any) -> None:
    """The new process: run the tool and send what comes of it."""
    try:
        limit_threads(1)
        tool = TOOLS[name]
        run = import_module(f"benchmarks.models.tools.{tool.module}").run
        warm_up()
        toy = Asked(_toy())  # so that what a process does once is in nobody's times
        run(toy, toy.boxes() if tool.boxes else [], dict(tool.settings), Trace(2.0, lambda _: None))
        asked = Asked(question)
        boxes = asked.boxes() if tool.boxes else []
        sender.send(("begin", None))
        trace = Trace(question.limit_seconds, sender.send)
        ending = run(asked, boxes, dict(tool.settings), trace)
        sender.send(("end", (ending, trace.elapsed(), trace.cpu_seconds(), peak_mib())))
    except Exception as error:
        sender.send(("failed", f"{type(error).__name__}: {error}"))


def judged(outcome: Outcome, instance: ModelInstance, user: UserModel, limit_seconds: float) -> Row:
    """Return the entries of a row that say what the tool's decisions are worth.

    ``timeline`` has ``[seconds, value, source, settled]`` of each decision that holds and is better than all before it, by the
    judge's value and not by the tool's.
    """
    judge, loose = Judge(user, TOLERANCE), Judge(user, LOOSE)
    timeline: list[list[Any]] = []
    best: FloatArray | None = None
    counts = {"met": 0, "held": 0, "settled": 0}
    worst, nearly = 0.0, None
    for seconds, values, source in outcome.met:
        counts["met"] += 1
        verdict = judge(values)
        if verdict.value is None:
            worst = max(worst, verdict.violation)
            about = loose(values).value
            if about is not None and (nearly is None or user.sign * about < user.sign * nearly):
                nearly = about
            continue
        counts["held"] += 1
        counts["settled"] += verdict.settled
        if not timeline or user.sign * verdict.value < user.sign * timeline[-1][1]:
            timeline.append([seconds, verdict.value, source, verdict.settled])
            best = values if seconds <= limit_seconds else best
    truth = None
    if best is not None and instance.true_value is not None:
        judge(best)  # the model's variables hold it now
        truth = instance.true_value()
    return {
        "timeline": timeline,
        **counts,
        "worst_refused": worst if worst < float("inf") else None,
        "value_loose": nearly,
        "true_value": None if truth is None else truth.value,
        "true_violation": None if truth is None else truth.violation,
    }


def measured(name: str, question: Question, instance: ModelInstance, user: UserModel) -> Row:
    """Run a tool; return the entries of its row that are of the run and not of the question."""
    load_start = os.getloadavg()[0]
    outcome = ask(name, question)
    return {
        "status": outcome.ending.status,
        "error": outcome.error,
        "bound": outcome.ending.bound,
        "surrogate_value": outcome.ending.surrogate_value,
        **judged(outcome, instance, user, question.limit_seconds),
        "build_seconds": outcome.build_seconds,
        "total_seconds": outcome.total_seconds,
        "cpu_seconds": outcome.cpu_seconds,
        "peak_mib": outcome.peak_mib,
        "load_start": load_start,
        "load_end": os.getloadavg()[0],
    }


def _toy() -> Question:
    network = ReluNetwork([[[1.0, -1.0], [1.0, 1.0]], [[1.0, -1.0]]], [[0.0, -0.5], [0.1]])
    networks = {"objective": network, "constraint": network}
    return Question("constrained", 0, networks, {"inputs": 2, "above": -0.5}, limit_seconds=2.0)
