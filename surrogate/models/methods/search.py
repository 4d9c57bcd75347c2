"""The whole search: walks, neighbourhoods, pruned networks, and the dense MILP for a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from surrogate.bounds import BoundMethod
from surrogate.formulation import Formulation
from surrogate.models.methods.base import ModelMethod, meets
from surrogate.models.settings import SearchSettings
from surrogate.solvers import HighsSolver, Solver


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

    sparsities: Sequence[float] = (0.8, 0.5, 0.9)
    points: int = 4096
    solver: Solver = field(default_factory=HighsSolver)
    bounds: str | BoundMethod = "crown"
    formulation: str | Formulation = "big_m"

    def __post_init__(self) -> None:
        SearchSettings(**self.settings())
        object.__setattr__(self, "sparsities", tuple(self.sparsities))

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
