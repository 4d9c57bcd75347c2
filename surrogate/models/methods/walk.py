"""The honest yardstick: the search without pruned networks, and without the MILP of the dense ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from surrogate.bounds import BoundMethod
from surrogate.checks import require_positive
from surrogate.models.methods.base import ModelMethod
from surrogate.models.settings import SearchSettings


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

    time_limit_seconds: float = 60.0
    bounds: str | BoundMethod = "crown"
    points: int = 4096
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(time_limit_seconds=self.time_limit_seconds)
        SearchSettings(**self.settings())

    @property
    def limit_seconds(self) -> float:
        return self.time_limit_seconds

    def settings(self) -> dict[str, Any]:
        return {
            "members": ("walks", "targets", "steps", "neighbourhoods"),
            "bounds": self.bounds,
            "points": self.points,
            "seed": self.seed,
        }
