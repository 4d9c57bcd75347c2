"""MILP solvers: one a file. To add one, write a ``Solver`` and list it here; its package is imported only when it is used."""

from surrogate.checks import require_kind
from surrogate.solvers.base import OnIncumbent, Pause, Solution, Solver, SolverStatus
from surrogate.solvers.gurobi import GurobiSolver
from surrogate.solvers.highs import HighsSolver
from surrogate.solvers.scip import ScipSolver

SOLVERS: dict[str, type[Solver]] = {solver.name: solver for solver in (HighsSolver, GurobiSolver, ScipSolver)}
"""Every solver by its name."""


def require_solver(value: object) -> None:
    """Raise InvalidSetting unless this is a solver."""
    require_kind("solver", value, Solver, "HighsSolver()")


__all__ = [
    "SOLVERS",
    "GurobiSolver",
    "HighsSolver",
    "OnIncumbent",
    "Pause",
    "ScipSolver",
    "Solution",
    "Solver",
    "SolverStatus",
    "require_solver",
]
