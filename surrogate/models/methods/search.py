"""The whole search: walks, neighbourhoods, pruned networks, and the dense MILP for a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar

from surrogate import bounds as bound_methods
from surrogate import formulation as formulations
from surrogate import rules
from surrogate.bounds import BoundMethod
from surrogate.formulation import Formulation
from surrogate.models.methods.base import ModelMethod, meets
from surrogate.settings import chosen, setting
from surrogate.solvers import HighsSolver, Solver, require_solver


@dataclass(frozen=True)
class WholeSearch(ModelMethod):
    """All members of the search on one clock: what :func:`surrogate.models.optimise` does by itself.

    Attributes:
        sparsities: to which it prunes by itself, one after the other, the networks of places that have no pruned one.
        points: how many points are drawn at a time.
        solver: with its limit, threads, seed and gap; its seed is that of the draws too.
        bounds, formulation: by name or as an object.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    name: ClassVar[str] = "search"
    takes_surrogate: ClassVar[bool] = True

    sparsities: Sequence[float] = setting((0.8, 0.5, 0.9), rules.several("shares, such as (0.5, 0.9)", rules.SHARE))
    points: int = setting(4096, rules.COUNT)
    solver: Solver = chosen("solver", MISSING, require_solver, make=HighsSolver)
    bounds: str | BoundMethod = chosen("bounds", "crown", bound_methods.method)
    formulation: str | Formulation = chosen("formulation", "big_m", formulations.method)

    @property
    def limit_seconds(self) -> float:
        return self.solver.time_limit_seconds

    def settings(self) -> dict[str, Any]:
        return {
            "sparsities": self.sparsities,
            "points": self.points,
            "solver": self.solver,
            "bounds": self.bounds,
            "formulation": self.formulation,
            "relative_gap": meets(self.solver),
            "seed": self.solver.seed,
        }
