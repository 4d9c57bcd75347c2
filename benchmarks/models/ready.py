"""How long it takes until a model with many copies of a deep network is ready to solve."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.isolated import messages, peak_mib
from benchmarks.models.base import Asked
from benchmarks.models.instances import Question
from benchmarks.models.judge import TOLERANCE
from benchmarks.sections import Row
from surrogate.models.problems import PROBLEMS, draw_samples, fit_networks
from surrogate.models.programmes.mips import ROOM, StatedModel
from surrogate.models.programmes.phases import PhaseProgramme
from surrogate.models.programmes.ranges import find_ranges
from surrogate.models.programmes.rows import NetworkRows
from surrogate.models.reading import UserModel
from surrogate.solvers import HighsSolver
from surrogate.training import Training
from sweep.trial.process import limit_threads, warm_up

NAME = "ready"

COPIES, HIDDEN = 30, (16,) * 8

TIMES = 5
"""So many times in one process. The median counts, and the least and the most are shown beside it."""

LIMIT_SECONDS = 300.0

SOLVING_SECONDS = 0.1
"""Given to HiGHS once it has the MILP; what it takes of them does not count."""


def measure() -> Row:
    """Return the entries of the row: seconds of each try, for the search and for the dense MILP."""
    data = draw_samples(PROBLEMS["treatment"], 0)
    networks = fit_networks(data, HIDDEN, Training(epochs=5))
    question = Question("treatment", 0, networks, {"waters": COPIES}, LIMIT_SECONDS)
    row: Row = {"size": question.size, "status": "failed", "error": None}
    for what, value in messages(child, (question,), LIMIT_SECONDS):
        if what == "end":
            row |= {"status": "measured", **value}
        elif what != "begin":
            row["error"] = f"{what}: {value}"
    return row


def child(question: Question, sender: Any) -> None:
    """The new process."""
    try:
        limit_threads(1)
        warm_up()
        sender.send(("begin", None))
        search, milp = zip(*(_once(question) for _ in range(TIMES)), strict=True)
        sender.send(("end", {"search_seconds": list(search), "milp_seconds": list(milp), "peak_mib": peak_mib()}))
    except Exception as error:
        sender.send(("failed", f"{type(error).__name__}: {error}"))


def _once(question: Question) -> tuple[float, float]:
    """Return seconds from a Pyomo model until the search can solve its first region, and until HiGHS has the dense MILP."""
    asked = Asked(question)
    begin = time.perf_counter()
    deadline = begin + LIMIT_SECONDS
    user = UserModel(asked.model, asked.places)
    ranges = find_ranges(user, "crown", TOLERANCE, deadline)
    read = time.perf_counter()
    networks = [link.network for link in user.links]
    PhaseProgramme(user, NetworkRows(user, networks, ranges.bounds))
    searching = time.perf_counter()
    stated = StatedModel(user, networks, ranges.bounds, "big_m", ROOM * TOLERANCE)
    solution = stated.solve(HighsSolver(time_limit_seconds=SOLVING_SECONDS), deadline, None, lambda _: True)
    solving = time.perf_counter()
    return searching - begin, read - begin + solving - searching - solution.solve_seconds
