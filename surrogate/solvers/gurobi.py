"""Gurobi through Pyomo; the extra ``gurobi`` installs it, with a licence for small models only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from surrogate.solvers.standard_form import StandardForm
from surrogate.solvers.through_pyomo import OnColumns, PyomoSolver


@dataclass(frozen=True)
class GurobiSolver(PyomoSolver):
    """The commercial solver Gurobi, by Pyomo's ``gurobi_persistent``, whose callbacks report incumbents while it runs.

    The wheel's own licence is for models of up to 2000 columns and 2000 rows; a larger one raises SolverFailure. A warm start
    gives the integer variables' values; Gurobi completes them. The attributes are those of :class:`Solver`.
    """

    name: ClassVar[str] = "gurobi"
    incumbent_callbacks: ClassVar[bool] = True
    package: ClassVar[str] = "gurobipy"
    feasibility_tolerance: ClassVar[float] = 1e-7
    dual_tolerance: ClassVar[float] = 1e-7  # Gurobi's OptimalityTol, as HiGHS has it; its default is 1e-6
    without_presolve: ClassVar[dict[str, Any]] = {"DualReductions": 0}

    def interface(self, form: StandardForm, on_columns: OnColumns, expired: Callable[[], bool]) -> Any:
        import gurobipy
        from pyomo.contrib.solver.solvers.gurobi import GurobiPersistent

        columns = form.compiled.columns

        def callback(_model: Any, interface: Any, where: int) -> None:
            ended = expired()
            if where == gurobipy.GRB.Callback.MIPSOL and not ended:
                ended = on_columns(_incumbent(interface, columns))
            if ended:
                interface._solver_model.terminate()  # Pyomo has no word for it

        interface = GurobiPersistent()
        interface.set_callback(callback)
        return interface

    def options(self) -> dict[str, Any]:
        # By default a binary may be off by 1e-5, which big-M constants multiply.
        tight = self.feasibility_tolerance
        return {"Seed": self.seed, "OptimalityTol": self.dual_tolerance, "IntFeasTol": tight, "FeasibilityTol": tight}

    def work(self, interface: Any, results: Any) -> dict[str, int]:
        return {"nodes": int(results.extra_info.NodeCount), "simplex_iterations": int(results.extra_info.IterCount)}

    def explain(self, error: Exception, form: StandardForm) -> str:
        import gurobipy

        if isinstance(error, gurobipy.GurobiError) and error.errno == gurobipy.GRB.Error.SIZE_LIMIT_EXCEEDED:
            return (
                f"the model has {form.size['rows']} rows and {form.size['columns']} columns, more than Gurobi's size-limited "
                "licence allows: install a full licence, or use solver=highs"
            )
        return super().explain(error, form)


def _incumbent(interface: Any, columns: Sequence[Any]) -> Any:
    # Pyomo hands an incumbent over by setting the variables, which are the user's: put back what they held.
    held = [v.value for v in columns]
    interface.cbGetSolution(columns)
    found = np.array([v.value for v in columns], dtype=np.float64)
    for variable, value in zip(columns, held, strict=True):
        variable.set_value(value, skip_validation=True)
    return found
