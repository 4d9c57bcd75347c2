"""What a solver of a Pyomo model is asked and what it answers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar

from surrogate import rules
from surrogate.networks import FloatArray
from surrogate.settings import Configurable, setting

LARGEST_SEED = 2_000_000_000
"""The largest seed that every solver here takes."""


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


def nothing_spent() -> dict[str, int]:
    """Return the work of a solver that was not started."""
    return {"nodes": 0, "simplex_iterations": 0}


@dataclass
class Solution:
    """The answer.

    Attributes:
        status: how the solve ended.
        objective: value of the best incumbent; None if none was found.
        dual_bound: the bound on the objective (from above when maximising) that the solver states; None if it states none, or
            if ``doubt`` says why it proves nothing.
        bound_error: by how much the dual bound may be wrong: the solver accepts reduced costs that are off by its dual
            tolerance, which moves the bound by at most that times the sum of the columns' widths. At least the tolerance to
            which it keeps constraints; infinite where a column has no bounds.
        values: values of the watched variables at the best incumbent; None if none was found.
        solve_seconds: wall seconds inside the solver.
        work: ``nodes`` and ``simplex_iterations``.
        size: ``binaries``, ``rows``, ``columns`` and ``nonzeros`` of the model that was handed over.
        root_bound: the dual bound that the solver stated before it branched, with its cuts; None if it stated none. It is a
            measure of the model and proves nothing.
        maximised: whether the objective is maximised, and so bounded from above.
        doubt: why the solver's verdict on this model proves nothing (numbers that are too large, or tolerances that hide too
            much); None where it does. Then ``infeasible`` is no proof either.
    """

    status: SolverStatus
    objective: float | None
    dual_bound: float | None
    values: FloatArray | None
    solve_seconds: float
    bound_error: float = 0.0
    work: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)
    maximised: bool = True
    doubt: str | None = None
    root_bound: float | None = None

    @classmethod
    def unsolved(cls, status: SolverStatus, size: dict[str, int] | None = None) -> Solution:
        """Return the answer about a model that no solver was started on."""
        return cls(status, None, None, None, 0.0, work=nothing_spent(), size=size or {})

    @property
    def certain_bound(self) -> float | None:
        """The dual bound moved outward by ``bound_error``; None if nothing is certain then."""
        if self.dual_bound is None or not math.isfinite(self.bound_error):
            return None
        return self.dual_bound + (self.bound_error if self.maximised else -self.bound_error)

    def doubted(self, reason: str | None) -> Solution:
        """Return this solution without its bound if there is a reason to doubt it, else itself."""
        return self if reason is None else replace(self, dual_bound=None, doubt=reason)


OnIncumbent = Callable[[FloatArray, float], bool]
"""Called with the watched variables' values and the objective of each improving solution; True asks for the end."""


CutRow = tuple[FloatArray, float]
"""Coefficients of the watched variables and the least that their sum may be."""


Cut = Callable[[FloatArray], CutRow]
"""Called with the watched variables' values of each solution that a solver is about to take; returns a row that this solution
breaks. From then on the row is one of the model's, and the solve goes on: such a solution is no incumbent."""


Pause = Callable[[], bool]
"""Called now and then while a solver runs. The solver waits until the call returns, however long that takes; True asks for the
end."""


@dataclass(frozen=True)
class Solver(Configurable, ABC):
    """A MILP solver.

    Class attributes: ``name``; ``package``, which it comes in; ``feasibility_tolerance``, to which rows, bounds and integers
    are kept; ``lazy_constraints``: whether it takes a ``cut``; and ``quadratic``: whether it takes quadratic constraints and
    objectives, convex or not.

    Attributes:
        time_limit_seconds: wall seconds for a whole attack, bounds and model building included; the solver gets what is left.
            Building the model is counted but not interrupted (seconds for some hundred neurons a layer): a limit below the
            time that it takes is exceeded by the difference.
        threads: solver threads; keep it at the CPUs that the trial has reserved.
        seed: the solver's random seed.
        relative_gap: the solve is optimal when incumbent and bound are this close, relative to the incumbent.

    Raises:
        InvalidSetting: a limit that is not positive, fewer than one thread, a seed out of range, a gap outside [0, 1).
    """

    called: ClassVar[str] = "solver."
    package: ClassVar[str]
    feasibility_tolerance: ClassVar[float] = 1e-6
    lazy_constraints: ClassVar[bool] = False
    quadratic: ClassVar[bool] = False

    time_limit_seconds: float = setting(60.0, rules.POSITIVE)
    threads: int = setting(1, rules.COUNT)
    seed: int = setting(0, rules.integer(0, LARGEST_SEED))
    relative_gap: float = setting(1e-6, rules.SHARE, may_be_null=True)

    @abstractmethod
    def solve(
        self,
        model: Any,
        watched: Sequence[Any],
        *,
        warm_start: bool,
        on_incumbent: OnIncumbent,
        deadline: float,
        pause: Pause | None = None,
        cut: Cut | None = None,
    ) -> Solution:
        """Solve a Pyomo model; its variables keep the values they have.

        Args:
            model: a Pyomo model with one objective, linear, or quadratic for a solver that is ``quadratic``.
            watched: variables whose values the callback and the solution report, in this order.
            warm_start: take the variables' present values as a feasible start.
            on_incumbent: called for each improving solution while the solver runs; after a solver that cannot, once, with
                its final solution, where asking for the end ends nothing.
            deadline: ``time.perf_counter()`` value at which to end, whatever the time limit says.
            pause: called now and then while the solver runs, if it can; see ``Pause``.
            cut: see ``Cut``; only for a solver with ``lazy_constraints``. What is proven then holds outside what was cut off.

        Raises:
            InvalidSetting: a model with terms that the solver does not take, or not exactly one active objective.
            SolverFailure: the solver ended without a usable status; carries its own words.
        """
