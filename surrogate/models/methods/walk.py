"""The honest yardstick: the search without pruned networks, and without the MILP of the dense ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from surrogate import rules
from surrogate.bounds import BoundMethod
from surrogate.models.methods.base import ModelMethod
from surrogate.models.settings import SearchSettings
from surrogate.settings import as_in, setting


@dataclass(frozen=True)
class WalkAlone(ModelMethod):
    """Draws points, and walks over the dense networks' linear regions: ``walks``, ``targets``, ``steps``, ``neighbourhoods``.

    What a pruned network has to beat, as the gradient method is for images. It needs no MILP solver of the caller's and no
    formulation. Its small MILPs around the best decision are solved by HiGHS on one thread. It proves no bound.

    Attributes:
        time_limit_seconds: wall seconds for one model; it always takes them all.
        bounds: by name or as an object: they say which neurons can change their phase.
        points: how many points are drawn at a time.
        seed: of all draws.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    name: ClassVar[str] = "walk"

    time_limit_seconds: float = setting(60.0, rules.POSITIVE, key="solver.time_limit_seconds")
    bounds: str | BoundMethod = as_in(SearchSettings, "bounds")
    points: int = as_in(SearchSettings, "points")
    seed: int = as_in(SearchSettings, "seed", key="solver.seed")

    @property
    def limit_seconds(self) -> float:
        return self.time_limit_seconds

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "members": ("walks", "targets", "steps", "neighbourhoods")}
