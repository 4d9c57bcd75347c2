"""What all solvers here share: a model goes to them as arrays, and their answers are read in one way."""

from __future__ import annotations

import importlib.util
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyomo.environ as pyo

from surrogate.errors import InvalidSetting, SolverFailure
from surrogate.networks import BoolArray, FloatArray
from surrogate.solvers.base import Cut, OnIncumbent, Pause, Solution, Solver, SolverStatus
from surrogate.solvers.interrupts import hand_on
from surrogate.solvers.listener import Listener
from surrogate.solvers.scaling import ScaledForm
from surrogate.solvers.selftest import require_believable
from surrogate.solvers.standard_form import StandardForm, Watch, exactly
from surrogate.solvers.unbounded import unbounded

_STATUS = {
    "Optimal": SolverStatus.OPTIMAL,
    "optimal": SolverStatus.OPTIMAL,
    "gaplimit": SolverStatus.OPTIMAL,
    "Infeasible": SolverStatus.INFEASIBLE,
    "infeasible": SolverStatus.INFEASIBLE,
    "Time limit reached": SolverStatus.TIME_LIMIT,
    "time_limit": SolverStatus.TIME_LIMIT,
    "timelimit": SolverStatus.TIME_LIMIT,
    # By the deadline, when neither a callback nor a signal did.
    "Interrupted by user": SolverStatus.TIME_LIMIT,
    "interrupted": SolverStatus.TIME_LIMIT,
    "userinterrupt": SolverStatus.TIME_LIMIT,
}
"""Statuses by the texts with which HiGHS, Gurobi and SCIP report them."""

_UNBOUNDED = ("Unbounded", "Primal infeasible or unbounded", "unbounded", "inf_or_unbd", "inforunbd")
"""Their texts for a model that is unbounded, or infeasible or unbounded."""

NO_BOUND = 1e20
"""A dual bound of this size or larger is a solver's infinity, and so is a side of a column or a row."""


@dataclass(frozen=True)
class Ending:
    """How a run of the solver ended, in the units of the scaled model, which is minimised.

    Attributes:
        verdict: the solver's word.
        columns: the best solution ``(columns,)``; None if there is none.
        bound: the solver's lower bound; None if there is none.
        work: ``nodes`` and ``simplex_iterations``.
        root: the lower bound before it branched; None if there is none.
    """

    verdict: str
    columns: FloatArray | None
    bound: float | None
    work: dict[str, int]
    root: float | None = None


class Over(Exception):
    """The solve has to end before the solver has the whole model."""


Run = Callable[[float, bool], Ending]
"""Runs the solver for at most the given number of seconds, with presolve or without."""


@dataclass(frozen=True)
class ArraySolver(Solver):
    """A solver that is given columns, rows and a start; the attributes are those of :class:`Solver`.

    Class attributes: ``title``, its name in messages; ``dual_tolerance``, by how much it accepts reduced costs to be off, from
    which ``bound_error`` is computed; and ``doubtful``, the verdicts that are asked for a second time, without presolve: by
    default "infeasible or unbounded", which is one or the other then.

    Raises:
        InvalidSetting: a setting out of range, or the solver's package isn't installed; says which extra installs it, which is
            called like the solver.
    """

    quadratic: ClassVar[bool] = True
    title: ClassVar[str]
    dual_tolerance: ClassVar[float]
    doubtful: ClassVar[tuple[str, ...]] = ("inf_or_unbd", "inforunbd")

    def __post_init__(self) -> None:
        super().__post_init__()
        if importlib.util.find_spec(self.package) is None:
            raise InvalidSetting(
                f"solver={self.name} needs the package {self.package}, which is not installed: "
                f"pip install 'surrogate-sweep[{self.name}]'"
            )

    @abstractmethod
    def loaded(
        self, form: ScaledForm, integral: BoolArray, start: FloatArray | None, listener: Listener
    ) -> AbstractContextManager[Run]:
        """Hand a model over; what is given lets the solver run, until the ``with`` block is left.

        Args:
            form: the model, minimised, with the products that columns are.
            integral: which columns are integer; ``(columns,)``.
            start: a solution to start from ``(columns,)``; NaN where the solver has to complete it. None: without a start.
            listener: what to call while the solver runs. A solver that takes its model in pieces asks ``over`` meanwhile, and
                raises :class:`Over` where that is True.
        """

    def explain(self, error: Exception, form: StandardForm) -> str:
        """Return one sentence about an error that the solver raised."""
        return f"{self.title} failed on a model of {form.size['columns']} columns: {' '.join(str(error).split())}"

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
        if cut is not None and not self.lazy_constraints:
            raise InvalidSetting(f"solver={self.name} has no lazy constraints: solve again with the row in the model")
        require_believable(self)
        with exactly(model, self.quadratic) as form:
            if form is None:
                return Solution.unsolved(SolverStatus.INFEASIBLE)
            scaled = ScaledForm.of(form)
            start = None
            if warm_start:
                values = np.array([float(pyo.value(v)) for v in form.compiled.columns])
                start = self.start_from(scaled, form.integral, values / scaled.column_unit)
            watch = Watch(watched, form.compiled.columns, scaled.column_unit)
            listener = Listener(on_incumbent, pause, cut, deadline, watch, lambda x: form.objective(x * scaled.column_unit))
            return self._solve(form, scaled, start, watch, listener, deadline)

    def _solve(
        self,
        form: StandardForm,
        scaled: ScaledForm,
        start: FloatArray | None,
        watch: Watch,
        listener: Listener,
        deadline: float,
    ) -> Solution:
        def left() -> float:
            return min(self.time_limit_seconds, deadline - time.perf_counter())

        if left() <= 0.0:
            return Solution.unsolved(SolverStatus.TIME_LIMIT, form.size)
        with ExitStack() as stack:
            try:
                run = self._call(form, stack.enter_context, self.loaded(scaled, form.integral, start, listener))
            except Over:
                listener.settle()
                return Solution.unsolved(SolverStatus.STOPPED if listener.stopped else SolverStatus.TIME_LIMIT, form.size)
            begin = time.perf_counter()
            with listener.interrupts:
                ending = self._call(form, run, max(left(), 0.1), True)
            if ending.verdict in self.doubtful and not (listener.stopped or listener.broken):
                with listener.interrupts:
                    ending = self._call(form, run, max(left(), 0.1), False)
            seconds = time.perf_counter() - begin
        if ending.verdict == "interrupted" and not listener.over:
            hand_on()  # the solver caught a Ctrl-C by itself
        listener.settle()
        return self._answer(ending, form, scaled, watch, listener.stopped, seconds)

    def start_from(self, form: ScaledForm, integral: BoolArray, values: FloatArray) -> FloatArray:
        """Return the start to hand over, given the columns' values; NaN where the solver has to complete it.

        Here it is the whole start, or its integers alone where it breaks a row by more than the solver lets pass.
        """
        start = np.clip(np.where(integral, np.round(values), values), form.lower, form.upper)
        sums, slack = form.matrix @ start, self.feasibility_tolerance
        whole = bool((sums >= form.row_lower - slack).all() and (sums <= form.row_upper + slack).all())
        return np.where(integral | whole, start, np.nan)

    def _call(self, form: StandardForm, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (Over, SolverFailure):
            raise
        except Exception as error:  # each solver has its own classes, and its package may be missing
            raise SolverFailure(self.explain(error, form)) from error

    def _answer(
        self, ending: Ending, form: StandardForm, scaled: ScaledForm, watch: Watch, stopped: bool, seconds: float
    ) -> Solution:
        if stopped:
            status = SolverStatus.STOPPED
        elif ending.verdict in _STATUS:
            status = _STATUS[ending.verdict]
        elif ending.verdict in _UNBOUNDED:
            raise SolverFailure(unbounded(self.title, ending.verdict, form))
        else:
            raise SolverFailure(f"{self.title} ended with the status {ending.verdict!r}")
        found = None if status is SolverStatus.INFEASIBLE else ending.columns
        # A linear programme has a bound at its optimum only.
        turned = -1.0 if form.maximised else 1.0
        stated = status is not SolverStatus.INFEASIBLE and (form.size["binaries"] > 0 or status is SolverStatus.OPTIMAL)
        bound, root = (
            None if not stated or told is None or not abs(told) < NO_BOUND else scaled.objective_unit * turned * told
            for told in (ending.bound, ending.root)
        )
        return Solution(
            status=status,
            # The objective there, not what the solver's tolerances make of it.
            objective=None if found is None else form.objective(found * scaled.column_unit),
            dual_bound=bound,
            values=None if found is None else watch.values(found),
            solve_seconds=seconds,
            bound_error=0.0 if bound is None else scaled.bound_error(self.dual_tolerance),
            work=ending.work,
            size=form.size,
            maximised=form.maximised,
            root_bound=root,
        ).doubted(scaled.doubt())
