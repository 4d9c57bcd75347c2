"""SCIP through Pyomo; the extra ``scip`` installs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from surrogate.solvers.standard_form import FEASIBILITY_TOLERANCE, StandardForm
from surrogate.solvers.through_pyomo import OnColumns, PyomoSolver


@dataclass(frozen=True)
class ScipSolver(PyomoSolver):
    """The open-source solver SCIP, by Pyomo's ``scip_direct``.

    It has no incumbent callbacks there: ``on_incumbent`` is called once, with the final solution. A warm start gives the
    integer variables' values; SCIP completes them. ``threads`` are those of its linear programmes; the search has one.
    The attributes are those of :class:`Solver`.
    """

    name: ClassVar[str] = "scip"
    incumbent_callbacks: ClassVar[bool] = False
    package: ClassVar[str] = "pyscipopt"
    dual_tolerance: ClassVar[float] = 1e-7  # SCIP's numerics/dualfeastol
    without_presolve: ClassVar[dict[str, Any]] = {"presolving/maxrounds": 0}

    def interface(self, form: StandardForm, on_columns: OnColumns, expired: Callable[[], bool]) -> Any:
        from pyomo.contrib.solver.solvers.scip.scip_direct import ScipDirect

        return ScipDirect()

    def options(self) -> dict[str, Any]:
        return {
            "randomization/randomseedshift": self.seed,
            "numerics/dualfeastol": self.dual_tolerance,
            "numerics/feastol": self.feasibility_tolerance,
        }

    def work(self, interface: Any, results: Any) -> dict[str, int]:
        # Pyomo reports the nodes; the iterations only SCIP's own model knows, and Pyomo keeps that to itself.
        iterations = interface._solver_model.getNLPIterations()
        return {"nodes": int(results.extra_info.NNodes), "simplex_iterations": int(iterations)}

    def bound_error(self, form: StandardForm, bound: float) -> float:
        # Pyomo states the objective as a row for SCIP, which that may violate by the feasibility tolerance, relatively.
        return super().bound_error(form, bound) + FEASIBILITY_TOLERANCE * max(1.0, abs(bound))
