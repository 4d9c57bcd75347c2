"""Solvers that Pyomo drives: what they share, so that each one's file holds only what is its own."""

from __future__ import annotations

import importlib.util
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from surrogate.errors import InvalidSetting, SolverFailure
from surrogate.networks import FloatArray
from surrogate.solvers.base import OnIncumbent, Pause, Solution, Solver, SolverStatus
from surrogate.solvers.interrupts import Interrupts, hand_on
from surrogate.solvers.selftest import require_believable
from surrogate.solvers.standard_form import StandardForm, Watch, exactly, infeasible, nothing_spent, unbounded

OnColumns = Callable[[FloatArray], bool]

_STATUS = {
    "convergenceCriteriaSatisfied": SolverStatus.OPTIMAL,
    "provenInfeasible": SolverStatus.INFEASIBLE,
    "maxTimeLimit": SolverStatus.TIME_LIMIT,
    "interrupted": SolverStatus.TIME_LIMIT,  # by the deadline, when neither the callback nor a signal did
}
"""By the names of Pyomo's ``TerminationCondition``, which older versions of Pyomo keep elsewhere."""

NO_BOUND = 1e20
"""A dual bound of this size or larger is a solver's infinity."""


@dataclass(frozen=True)
class PyomoSolver(Solver):
    """A solver behind Pyomo's own interface; the attributes are those of :class:`Solver`.

    Raises:
        InvalidSetting: a setting out of range, or the solver's package isn't installed; says which extra installs it, which is
            called like the solver.
    """

    dual_tolerance: ClassVar[float]
    """By how much the solver accepts reduced costs to be off, which is what ``bound_error`` is computed from."""

    without_presolve: ClassVar[dict[str, Any]]
    """Options that make an "infeasible or unbounded" one or the other."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if importlib.util.find_spec(self.package) is None:
            raise InvalidSetting(
                f"solver={self.name} needs the package {self.package}, which is not installed: "
                f"pip install 'surrogate-sweep[{self.name}]'"
            )

    @abstractmethod
    def interface(self, form: StandardForm, on_columns: OnColumns, expired: Callable[[], bool]) -> Any:
        """Return Pyomo's interface to the solver.

        Args:
            form: the model that will be solved, compiled.
            on_columns: where the solver can, to be called with the values of the form's columns ``(columns,)`` at each
                improving solution; True asks for the end.
            expired: where the solver can, to be asked while it runs; True means that it has to end now.
        """

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Return the settings that Pyomo has no name of its own for, under the solver's names."""

    @abstractmethod
    def work(self, interface: Any, results: Any) -> dict[str, int]:
        """Return ``nodes`` and ``simplex_iterations`` of a finished solve."""

    def explain(self, error: Exception, form: StandardForm) -> str:
        """Return one sentence about an error that the solver raised."""
        return f"{self.name} failed on a model of {form.size['columns']} columns: {' '.join(str(error).split())}"

    def bound_error(self, form: StandardForm, bound: float) -> float:
        """Return by how much the dual bound may be wrong; see :class:`Solution`."""
        return form.bound_error(self.dual_tolerance)

    def solve(
        self,
        model: Any,
        watched: Sequence[Any],
        *,
        warm_start: bool,
        on_incumbent: OnIncumbent,
        deadline: float,
        pause: Pause | None = None,
    ) -> Solution:
        require_believable(self)
        with exactly(model) as form:
            if form is None:
                return infeasible()
            return self._solve(model, form, watched, warm_start, on_incumbent, deadline, pause)

    def _solve(
        self,
        model: Any,
        form: StandardForm,
        watched: Sequence[Any],
        warm_start: bool,
        on_incumbent: OnIncumbent,
        deadline: float,
        pause: Pause | None,
    ) -> Solution:
        watch = Watch(watched, form.compiled.columns)
        stopped = False
        failure: BaseException | None = None
        interrupts = Interrupts()

        def on_columns(columns: FloatArray) -> bool:
            nonlocal stopped, failure
            # An exception must not cross the solver's own code: keep it, end the solve, raise it afterwards.
            try:
                stopped = on_incumbent(watch.values(columns), form.objective(columns)) or stopped
            except BaseException as error:
                failure = error
            return stopped or failure is not None or interrupts.arrived

        def asked() -> bool:
            nonlocal stopped, failure
            try:
                stopped = stopped or (pause is not None and pause())
            except BaseException as error:
                failure = error
            return expired()

        def expired() -> bool:
            return stopped or failure is not None or interrupts.arrived or time.perf_counter() >= deadline

        begin = time.perf_counter()
        if min(self.time_limit_seconds, deadline - begin) <= 0.0:
            return Solution(SolverStatus.TIME_LIMIT, None, None, None, 0.0, work=nothing_spent(), size=form.size)
        interface = self.interface(form, on_columns, asked)
        options = self.options()
        with interrupts:
            results = self._run(interface, model, form, options, warm_start, begin, deadline)
        if results.termination_condition.name == "infeasibleOrUnbounded" and not expired():
            with interrupts:
                results = self._run(interface, model, form, options | self.without_presolve, warm_start, begin, deadline)
        if results.termination_condition.name == "interrupted" and not expired():
            hand_on()  # the solver caught a Ctrl-C by itself
        seconds = time.perf_counter() - begin
        if failure is not None:
            raise failure
        solution = self._answer(results, form, watch, stopped, seconds, self.work(interface, results))
        if not self.incumbent_callbacks and solution.values is not None and solution.objective is not None:
            on_incumbent(solution.values, solution.objective)
        return solution

    def _run(
        self, interface: Any, model: Any, form: StandardForm, options: dict[str, Any], warm: bool, begin: float, deadline: float
    ) -> Any:
        left = min(begin + self.time_limit_seconds, deadline) - time.perf_counter()
        try:
            return interface.solve(
                model,
                load_solutions=False,
                raise_exception_on_nonoptimal_result=False,
                time_limit=max(left, 0.1),
                threads=self.threads,
                rel_gap=self.relative_gap,
                warmstart_discrete_vars=warm,
                solver_options=options,
            )
        except Exception as error:  # each solver has its own classes, and its package may be missing
            raise SolverFailure(self.explain(error, form)) from error

    def _answer(
        self, results: Any, form: StandardForm, watch: Watch, stopped: bool, seconds: float, work: dict[str, int]
    ) -> Solution:
        verdict = results.termination_condition.name
        if stopped:
            status = SolverStatus.STOPPED
        elif verdict in _STATUS:
            status = _STATUS[verdict]
        elif verdict in ("unbounded", "infeasibleOrUnbounded"):
            raise SolverFailure(unbounded(self.name, verdict, form))
        else:
            raise SolverFailure(f"{self.name} ended with the status {verdict!r}")
        values, objective = None, None
        if status is not SolverStatus.INFEASIBLE and results.solution_loader.get_number_of_solutions() > 0:
            columns = form.compiled.columns
            found = results.solution_loader.get_vars(columns)
            at = np.array([found[v] for v in columns], dtype=np.float64)
            # The objective there, not what the solver's tolerances make of it.
            values, objective = watch.values(at), form.objective(at)
        # As with HiGHS, a linear programme has a bound at its optimum only.
        stated = status is not SolverStatus.INFEASIBLE and (form.size["binaries"] > 0 or status is SolverStatus.OPTIMAL)
        bound = results.objective_bound if stated else None
        if bound is not None and not abs(bound) < NO_BOUND:
            bound = None
        return Solution(
            status=status,
            objective=objective,
            dual_bound=None if bound is None else float(bound),
            values=values,
            solve_seconds=seconds,
            bound_error=0.0 if bound is None else self.bound_error(form, float(bound)),
            work=work,
            size=form.size,
            maximised=form.maximised,
        ).doubted(form.doubt())
