"""What every tool is given, the clock of its run, and what it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.models.instances import Question
from benchmarks.models.judge import TOLERANCE
from surrogate.models.place import Place
from surrogate.models.programmes.ranges import find_ranges
from surrogate.models.reading import Link, UserModel
from surrogate.region import Region

TIGHT = 1e-9
"""To which Gurobi and SCIP keep rows and integrality: decisions are judged to 1e-6 afterwards, with the networks' exact
outputs, and at these solvers' default of 1e-6 many would not hold. HiGHS keeps them to 1e-7 in every tool that uses it: below
1e-8 it has called wrong optima optimal."""

GAP = 1e-4
"""The relative gap at which all tools end."""


class Asked:
    """A question in the process of a tool: the model built, and read into the arrays from which every tool states its own.

    Attributes:
        question: what was asked.
        places: the places, with surrogates where the question has some.
        model: the Pyomo model, which says nothing of the networks.
        user: its arrays: rows, sides, bounds, integrality, cost and links.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        instance = question.build()
        self.model, self.places = instance.model, list(instance.places)
        if question.surrogates:
            pruned = question.build({**question.networks, **question.surrogates}).places
            self.places = [
                Place(place.inputs, place.outputs, place.dense, sparse.dense)
                for place, sparse in zip(self.places, pruned, strict=True)
            ]
        self.user = UserModel(self.model, self.places)

    def boxes(self) -> list[Region]:
        """Return a box a link for its network's inputs, by the linear programmes that this project's search begins with.

        The other tools have no way to such a box, and need one: they get it before their clock starts.
        """
        deadline = time.perf_counter() + self.question.limit_seconds
        return find_ranges(self.user, "crown", TOLERANCE, deadline).regions

    def rows(self) -> Iterator[tuple[list[int], list[float], float, float]]:
        """Yield the columns, coefficients, lower and upper side of each row that has any."""
        matrix = self.user.matrix
        for i in range(matrix.shape[0]):
            part = slice(matrix.indptr[i], matrix.indptr[i + 1])
            if part.start < part.stop:
                sides = float(self.user.row_lower[i]), float(self.user.row_upper[i])
                yield matrix.indices[part].tolist(), matrix.data[part].tolist(), *sides


def reads(link: Link) -> Iterator[tuple[list[int], list[float], float]]:
    """Yield the columns, coefficients and constant of each input of a link."""
    matrix = link.matrix
    for j in range(matrix.shape[0]):
        part = slice(matrix.indptr[j], matrix.indptr[j + 1])
        yield matrix.indices[part].tolist(), matrix.data[part].tolist(), float(link.constant[j])


@dataclass(frozen=True)
class Ending:
    """How a tool ended.

    Attributes:
        status: ``optimal``, ``time_limit``, ``infeasible``, ``too large for the licence``, or the tool's own word;
            ``surrogate`` before it where it is of a model with pruned networks.
        bound: its bound on the objective, in the model's own sense; None if it has none.
        surrogate_value: what a model with pruned networks promised; None without one.
    """

    status: str
    bound: float | None = None
    surrogate_value: float | None = None


Send = Callable[[tuple[str, Any]], None]
"""Takes what the trace has to say at once, so that a tool that is killed later loses nothing."""


class Trace:
    """The clock of one run, started when it is made; decisions are noted with their time and judged after the run.

    Sends ``("met", (seconds, values, source))`` for each decision, and ``("built", seconds)``.
    """

    def __init__(self, limit_seconds: float, send: Send) -> None:
        self._send = send
        self._begin_cpu = time.process_time()
        self.begin = time.perf_counter()
        self.deadline = self.begin + limit_seconds

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.begin

    def cpu_seconds(self) -> float:
        """CPU seconds since the start."""
        return time.process_time() - self._begin_cpu

    @property
    def seconds_left(self) -> float:
        """What a solver may still spend; never below 0.1, because 0 means no limit to some."""
        return max(self.deadline - time.perf_counter(), 0.1)

    def built(self) -> None:
        """Note that the model is with the solver."""
        self._send(("built", self.elapsed()))

    def met(self, values: ArrayLike, source: str = "") -> None:
        """Note a decision: the values ``(columns,)`` of all of the model's variables."""
        self._send(("met", (self.elapsed(), np.array(values, dtype=np.float64), source)))


Run = Callable[[Asked, Sequence[Region], dict[str, Any], Trace], Ending]
"""A tool: takes the question, the boxes of the networks' inputs where it asked for them, its own settings, and the trace."""
