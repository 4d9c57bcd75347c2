"""What a solver of a Pyomo model is asked and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from surrogate.networks import FloatArray


class SolverStatus(StrEnum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    """The incumbent is optimal within the solver's gap."""
    INFEASIBLE = "infeasible"
    """The model has no solution."""
    TIME_LIMIT = "time_limit"
    """The limit came first: a result with a bound, not a failure."""
    STOPPED = "stopped"
    """The incumbent callback asked for the end."""


@dataclass
class Solution:
    """The answer.

    Attributes:
        status: how the solve ended.
        objective: value of the best incumbent; None if none was found.
        dual_bound: the solver's proven bound on the objective (from above when maximising); None if there is none.
        bound_error: by how much the dual bound may be wrong: the solver accepts reduced costs that are off by its dual
            tolerance, which moves the bound by at most that times the sum of the columns' widths.
        values: values of the watched variables at the best incumbent; None if none was found.
        solve_seconds: wall seconds inside the solver.
        work: ``nodes`` and ``simplex_iterations``.
        size: ``binaries``, ``rows``, ``columns`` and ``nonzeros`` of the model that was handed over.
    """

    status: SolverStatus
    objective: float | None
    dual_bound: float | None
    values: FloatArray | None
    solve_seconds: float
    bound_error: float = 0.0
    work: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)


OnIncumbent = Callable[[FloatArray, float], bool]
"""Called with the watched variables' values and the objective of each improving solution; True asks for the end."""


class Solver(ABC):
    """A MILP solver."""

    name: ClassVar[str]

    @abstractmethod
    def solve(
        self, model: Any, watched: Sequence[Any], *, warm_start: bool, on_incumbent: OnIncumbent, deadline: float
    ) -> Solution:
        """Solve a Pyomo model.

        Args:
            model: a Pyomo model with one linear objective.
            watched: variables whose values the callback and the solution report, in this order.
            warm_start: take the variables' present values as a feasible start.
            on_incumbent: called for each improving solution.
            deadline: ``time.perf_counter()`` value at which to end, whatever the time limit says.
        """
