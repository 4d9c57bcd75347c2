"""Gurobi through gurobipy; the extra ``gurobi`` installs it, with a licence for small models only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from surrogate.networks import BoolArray, FloatArray
from surrogate.solvers.from_arrays import ArraySolver, Ending, Run
from surrogate.solvers.listener import Listener
from surrogate.solvers.scaling import ScaledForm
from surrogate.solvers.standard_form import StandardForm


@dataclass(frozen=True)
class GurobiSolver(ArraySolver):
    """The commercial solver Gurobi.

    The wheel's own licence is for models of up to 2000 columns and 2000 rows; a larger one raises SolverFailure. The attributes
    are those of :class:`Solver`.
    """

    name: ClassVar[str] = "gurobi"
    title: ClassVar[str] = "Gurobi"
    package: ClassVar[str] = "gurobipy"
    feasibility_tolerance: ClassVar[float] = 1e-7
    lazy_constraints: ClassVar[bool] = True
    dual_tolerance: ClassVar[float] = 1e-7  # Gurobi's OptimalityTol, as HiGHS has it; its default is 1e-6

    @contextmanager
    def loaded(self, form: ScaledForm, integral: BoolArray, start: FloatArray | None, listener: Listener) -> Iterator[Run]:
        import gurobipy

        grb = gurobipy.GRB
        words = {getattr(grb.Status, word): word.lower() for word in dir(grb.Status) if word.isupper()}

        with gurobipy.Model(env=_environment()) as model:
            for name, value in self._options().items():
                model.setParam(name, value)
            kinds = np.where(integral, grb.INTEGER, grb.CONTINUOUS)
            columns = model.addMVar(len(form.cost), lb=form.lower, ub=form.upper, obj=form.cost, vtype=kinds)
            model.setAttr(grb.Attr.ObjCon, form.offset)
            if form.matrix.shape[0]:
                low, high = form.row_lower, form.row_upper
                senses = np.where(low == high, grb.EQUAL, np.where(np.isfinite(high), grb.LESS_EQUAL, grb.GREATER_EQUAL))
                model.addMConstr(form.matrix, columns, senses, np.where(np.isfinite(high), high, low))
            if start is not None:
                columns.setAttr(grb.Attr.Start, np.where(np.isnan(start), grb.UNDEFINED, start))

            every = columns.tolist()
            for p, i, j, factor in form.products:
                model.addConstr(factor * every[p] == every[i] * every[j])
            if listener.cuts:
                model.setParam("LazyConstraints", 1)
            root: list[float] = []

            def callback(_model: Any, where: int) -> None:
                if where == grb.Callback.MIP and model.cbGet(grb.Callback.MIP_NODCNT) == 0.0:
                    root[:] = [float(model.cbGet(grb.Callback.MIP_OBJBND))]
                if where == grb.Callback.MIPSOL:
                    found = np.array(model.cbGetSolution(columns), dtype=np.float64)
                    if not listener.cuts:
                        listener.meet(found)
                    elif (row := listener.cut(found)) is not None:
                        weights, low = row
                        at = np.flatnonzero(weights).tolist()
                        model.cbLazy(gurobipy.LinExpr(weights[at].tolist(), [every[j] for j in at]), grb.GREATER_EQUAL, low)
                if listener.pause():
                    model.terminate()

            def run(seconds: float, presolve: bool) -> Ending:
                if not presolve:
                    model.reset()
                    model.setParam("DualReductions", 0)  # what makes an "infeasible or unbounded" one or the other
                model.setParam("TimeLimit", seconds)
                model.optimize(callback)
                return Ending(
                    verdict=words[model.Status],
                    columns=np.array(columns.X, dtype=np.float64) if model.SolCount > 0 else None,
                    bound=_bound(model),
                    work={"nodes": int(model.NodeCount), "simplex_iterations": int(model.IterCount)},
                    root=_bound(model) if model.NodeCount <= 1.0 else next(iter(root), None),
                )

            yield run

    def _options(self) -> dict[str, Any]:
        # By default a binary may be off by 1e-5, which big-M constants multiply.
        tight = self.feasibility_tolerance
        return {
            "Threads": self.threads,
            "MIPGap": self.relative_gap,
            "Seed": self.seed,
            "OptimalityTol": self.dual_tolerance,
            "IntFeasTol": tight,
            "FeasibilityTol": tight,
        }

    def explain(self, error: Exception, form: StandardForm) -> str:
        import gurobipy

        if isinstance(error, gurobipy.GurobiError) and error.errno == gurobipy.GRB.Error.SIZE_LIMIT_EXCEEDED:
            return (
                f"the model has {form.size['rows']} rows and {form.size['columns']} columns, more than Gurobi's size-limited "
                "licence allows: install a full licence, or use solver=highs"
            )
        return super().explain(error, form)


def _bound(model: Any) -> float | None:
    try:
        return float(model.ObjBound)
    except AttributeError:  # Gurobi has none for what it did not solve
        return None


_threads = threading.local()


def _environment() -> Any:
    """Return this thread's environment, which holds the licence: one may not be used by two threads at a time."""
    import gurobipy

    if not hasattr(_threads, "environment"):
        environment = gurobipy.Env(empty=True)
        environment.setParam("OutputFlag", 0)
        environment.start()
        _threads.environment = environment
    return _threads.environment
