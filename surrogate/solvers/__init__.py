"""MILP solvers: one a file. To add one, write a ``Solver`` and list it here."""

from surrogate.solvers.base import OnIncumbent, Solution, Solver, SolverStatus
from surrogate.solvers.highs import HighsSolver

SOLVERS: dict[str, type[Solver]] = {HighsSolver.name: HighsSolver}
"""Every solver by its name."""

__all__ = ["SOLVERS", "HighsSolver", "OnIncumbent", "Solution", "Solver", "SolverStatus"]
