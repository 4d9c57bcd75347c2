"""The whole search: walks, neighbourhoods, pruned networks, and the dense MILP for a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from surrogate.models.methods.base import MilpMethod, meets
from surrogate.models.settings import SearchSettings
from surrogate.settings import as_in


@dataclass(frozen=True)
class WholeSearch(MilpMethod):
    """All members of the search on one clock: what :func:`surrogate.models.optimise` does by itself.

    Attributes:
        sparsities: to which it prunes by itself, one after the other, the networks of places that have no pruned one.
        points: how many points are drawn at a time.
        solver: as in every method with a MILP; its seed is that of the draws too.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    name: ClassVar[str] = "search"
    takes_surrogate: ClassVar[bool] = True
    searches_dense: ClassVar[bool] = True
    limit_only_ends: ClassVar[bool] = False  # a pruned model has a share of what is left of the limit

    sparsities: Sequence[float] = as_in(SearchSettings, "sparsities")
    points: int = as_in(SearchSettings, "points")

    def settings(self) -> dict[str, Any]:
        return {
            **super().settings(),
            "relative_gap": meets(self.solver),
            "seed": self.solver.seed,
        }
