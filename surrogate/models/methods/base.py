"""What every method offers: settings as fields, and one call that answers a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from surrogate.bounds import BoundMethod
from surrogate.checks import list_of, require_kind
from surrogate.errors import InvalidSetting
from surrogate.formulation import Formulation
from surrogate.models.incumbent import OnBetter
from surrogate.models.optimise import optimise
from surrogate.models.place import Place
from surrogate.models.result import ModelResult
from surrogate.models.settings import SearchSettings
from surrogate.settings import Configurable, as_in
from surrogate.solvers import Solver

PROVABLE_GAP = 1e-4
"""The relative gap at which value and bound have met, where the solver's own is smaller. What a solver's tolerances may have
wrong moves its bound outward, so that a smaller gap is rarely reached."""


@dataclass(frozen=True)
class ModelMethod(Configurable, ABC):
    """A way to answer a model; its fields are its settings, and everything that can change an answer.

    All methods are anytime: each better decision that holds on the dense networks is in the timeline when it is found, whatever
    a pruned network said of it. All are :func:`surrogate.models.optimise` with parts of the search.

    Class attributes:
        name: by which settings choose it.
        needs_surrogate: whether every place needs a pruned network.
        takes_surrogate: whether it makes use of pruned networks that are given.
        searches_dense: whether it searches the dense networks too where it has pruned ones, so that what it finds says little
            of these.
        limit_only_ends: whether a longer time limit lets it go on and changes nothing before, so that one run answers shorter
            limits. It does not where a method gives its parts shares of the limit.
    """

    needs_surrogate: ClassVar[bool] = False
    takes_surrogate: ClassVar[bool] = False
    searches_dense: ClassVar[bool] = False
    limit_only_ends: ClassVar[bool] = True

    @property
    @abstractmethod
    def limit_seconds(self) -> float:
        """Wall seconds for one model."""

    def settings(self) -> dict[str, Any]:
        """Return the settings of :func:`surrogate.models.optimise`.

        They are the fields that the method shares with :class:`surrogate.models.SearchSettings`; a method adds those that it
        decides by itself.
        """
        names = [one.name for one in fields(SearchSettings)]
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name in names}

    def answer(self, model: Any, places: Place | Sequence[Place], on_better: OnBetter | None = None) -> ModelResult:
        """Answer a model; see :func:`surrogate.models.optimise` for the arguments.

        Raises:
            InvalidSetting: a model or places that cannot be used, or a place without a pruned network that this method needs.
        """
        listed = [places] if isinstance(places, Place) else list_of("places", places, "Place objects")
        for at, place in enumerate(listed):
            require_kind("each of places", place, Place, "Place(inputs, outputs, dense)")
            if self.needs_surrogate and place.surrogate is None:
                raise InvalidSetting(
                    f"method {self.name} needs a pruned network in every place, and place {at} has none: give it as "
                    "Place(inputs, outputs, dense, surrogate), or choose another method"
                )
        return optimise(model, listed, self.limit_seconds, on_better, **self.settings())


@dataclass(frozen=True)
class MilpMethod(ModelMethod):
    """A method that has a solver solve MILPs.

    Attributes:
        solver: with its limit, threads, seed and gap.
        bounds, formulation: by name or as an object; see :class:`surrogate.models.SearchSettings`.
    """

    solver: Solver = as_in(SearchSettings, "solver")
    bounds: str | BoundMethod = as_in(SearchSettings, "bounds")
    formulation: str | Formulation = as_in(SearchSettings, "formulation")

    @property
    def limit_seconds(self) -> float:
        return self.solver.time_limit_seconds


def meets(solver: Solver) -> float:
    """Return the relative gap at which value and bound have met, for a solver that ends at its own.

    Raises:
        InvalidSetting: no solver.
    """
    require_kind("solver", solver, Solver, "HighsSolver()")
    return max(solver.relative_gap, PROVABLE_GAP)
