"""SCIP through PySCIPOpt; the extra ``scip`` installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from surrogate.networks import BoolArray, FloatArray
from surrogate.solvers.from_arrays import NO_BOUND, ArraySolver, Ending, Over, Run
from surrogate.solvers.listener import Listener
from surrogate.solvers.scaling import ScaledForm

ROWS = 64
"""Rows that are handed over between two looks at the clock."""

PRODUCT_TOLERANCE = 1e-7
"""The tolerance of rows in models with products of columns. SCIP violates a nonlinear row by the whole tolerance, so
the tolerance must be below that to which a decision is checked."""


@dataclass(frozen=True)
class ScipSolver(ArraySolver):
    """The open-source solver SCIP.

    ``threads`` are those of its linear programmes; the search has one. The attributes are those of :class:`Solver`.
    """

    name: ClassVar[str] = "scip"
    title: ClassVar[str] = "SCIP"
    package: ClassVar[str] = "pyscipopt"
    dual_tolerance: ClassVar[float] = 1e-7  # SCIP's numerics/dualfeastol

    @contextmanager
    def loaded(self, form: ScaledForm, integral: BoolArray, start: FloatArray | None, listener: Listener) -> Iterator[Run]:
        import pyscipopt

        model = pyscipopt.Model()
        try:
            model.hideOutput()
            for name, value in self._options().items():
                model.setParam(name, value)
            if form.products:
                model.setParam("numerics/feastol", PRODUCT_TOLERANCE)
            columns = _load(model, form, integral, listener)
            if start is not None:
                _start(model, columns, start)
            _listen(model, columns, listener)

            def run(seconds: float, presolve: bool) -> Ending:
                if not presolve:
                    model.freeTransform()
                    model.setParam("presolving/maxrounds", 0)
                model.setParam("limits/time", seconds)
                model.optimizeNogil()
                best = model.getBestSol() if model.getNSols() > 0 else None
                return Ending(
                    verdict=model.getStatus(),
                    columns=None if best is None else _values(best, columns),
                    bound=model.getDualbound(),
                    work={"nodes": int(model.getNNodes()), "simplex_iterations": int(model.getNLPIterations())},
                    root=model.getDualboundRoot(),
                )

            yield run
        finally:
            model.free()  # model and event handler hold each other

    def _options(self) -> dict[str, Any]:
        return {
            "lp/threads": self.threads,
            "limits/gap": self.relative_gap,
            "randomization/randomseedshift": self.seed,
            "numerics/dualfeastol": self.dual_tolerance,
            "numerics/feastol": self.feasibility_tolerance,
            "misc/catchctrlc": False,  # Python's handlers stay in place and are asked; see Interrupts
        }


def _load(model: Any, form: ScaledForm, integral: BoolArray, listener: Listener) -> list[Any]:
    """State the columns and rows, which may take seconds; return SCIP's columns. Raises Over where the solve has to end."""
    import pyscipopt

    lower, upper = np.clip(form.lower, -NO_BOUND, NO_BOUND).tolist(), np.clip(form.upper, -NO_BOUND, NO_BOUND).tolist()
    kinds = np.where(integral, "I", "C").tolist()
    columns = [
        model.addVar(f"c{j}", kind, low, high, cost)
        for j, (kind, low, high, cost) in enumerate(zip(kinds, lower, upper, form.cost.tolist(), strict=True))
    ]
    model.addObjoffset(form.offset)
    matrix = form.matrix.tocsr()
    ends, places, weights = matrix.indptr.tolist(), matrix.indices.tolist(), matrix.data.tolist()
    for i, (low, high) in enumerate(zip(form.row_lower.tolist(), form.row_upper.tolist(), strict=True)):
        if i % ROWS == 0 and listener.over:
            raise Over
        part = range(ends[i], ends[i + 1])
        row = pyscipopt.quicksum(weights[k] * columns[places[k]] for k in part)
        if low == high:
            model.addCons(row == low)
        else:
            model.addCons(row <= high if np.isfinite(high) else row >= low)
    for p, i, j, factor in form.products:
        model.addCons(factor * columns[p] == columns[i] * columns[j])
    return columns


def _start(model: Any, columns: list[Any], start: FloatArray) -> None:
    """Give a start: SCIP checks a whole one, and completes one that lacks values by a small search."""
    given = np.flatnonzero(~np.isnan(start)).tolist()
    solution = model.createOrigSol() if len(given) == len(columns) else model.createPartialSol()
    for j in given:
        solution[columns[j]] = float(start[j])
    model.addSol(solution)


def _values(solution: Any, columns: list[Any]) -> FloatArray:
    return np.array([solution[column] for column in columns], dtype=np.float64)


def _listen(model: Any, columns: list[Any], listener: Listener) -> None:
    """Have SCIP report each better solution and ask often whether it has to end."""
    import pyscipopt

    kind = pyscipopt.SCIP_EVENTTYPE
    # With a row added to the LP each round of cuts comes by: a root node has no other event for seconds.
    often = (kind.PRESOLVEROUND, kind.ROWADDEDLP, kind.LPSOLVED, kind.NODEFOCUSED, kind.NODESOLVED)

    class Handler(pyscipopt.Eventhdlr):
        best = np.inf

        def eventinit(self) -> None:
            for one in (kind.BESTSOLFOUND, *often):
                self.model.catchEvent(one, self)

        def eventexec(self, event: Any) -> None:
            # At any event: a start is taken before there are events.
            if (value := self.model.getPrimalbound()) < min(self.best, NO_BOUND):
                self.best = value
                listener.meet(_values(self.model.getBestSol(), columns))
            if listener.pause():
                self.model.interruptSolve()

    model.includeEventhdlr(Handler(), "surrogate", "reports incumbents and ends the solve")
