"""How long it takes until a model with many copies of a deep network is ready to solve."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.isolated import messages, peak_mib
from benchmarks.models.base import Asked
from benchmarks.models.instances import Question
from benchmarks.sections import Row
from surrogate.models.problems import PROBLEMS, draw_samples, fit_networks
from surrogate.models.programmes.mips import StatedModel
from surrogate.models.programmes.ranges import find_ranges
from surrogate.models.programmes.rows import NetworkRows
from surrogate.models.reading import UserModel
from surrogate.solvers.standard_form import compile_model
from surrogate.training import Training
from sweep.trial.process import limit_threads, warm_up

NAME = "ready"

COPIES, HIDDEN = 30, (16,) * 8

TIMES = 3
"""So many times in one process; the least counts what the work takes, the others what else the machine did."""

LIMIT_SECONDS = 300.0


def measure() -> Row:
    """Return the entries of the row: seconds of each try, for the search's rows and for the dense MILP."""
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
    """Return seconds from a Pyomo model to the search's rows, and to the dense MILP in a solver's form."""
    asked = Asked(question)
    begin = time.perf_counter()
    user = UserModel(asked.model, asked.places)
    ranges = find_ranges(user, "crown", 1e-6, begin + LIMIT_SECONDS)
    read = time.perf_counter()
    networks = [link.network for link in user.links]
    NetworkRows(user, networks, ranges.bounds)
    rows = time.perf_counter()
    stated = StatedModel(user, networks, ranges.bounds, "big_m")
    compile_model(stated._pyomo)
    return rows - begin, read - begin + time.perf_counter() - rows
