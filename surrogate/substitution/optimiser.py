"""The one call: optimise a user's Pyomo model through surrogates of the networks in it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from surrogate import bounds as bound_methods
from surrogate import formulation as formulations
from surrogate.bounds import BoundMethod
from surrogate.checks import is_number, list_of, require_flags, require_kind, require_name, require_number, shown
from surrogate.errors import InvalidSetting
from surrogate.formulation import Formulation
from surrogate.solvers import HighsSolver, Solver
from surrogate.substitution.place import Place
from surrogate.substitution.result import SubstitutionResult
from surrogate.substitution.run import Run
from surrogate.substitution.user_model import UserModel

REPAIR = ("needed", "always", "never")
"""``needed``: where the surrogate's best decision doesn't hold on the dense network, until one near it does; ``always``: also
to improve what holds, up to the whole box, whose optimum is the model's; ``never``: evaluate only."""


@dataclass(frozen=True)
class SurrogateOptimiser:
    """Optimise a Pyomo model that has networks in it, through pruned copies of them.

    Attributes:
        solver: any of ``surrogate.solvers``; its ``time_limit_seconds`` is the limit of the whole call.
        repair: one of ``REPAIR``.
        radii: neighbourhoods that repair tries in turn, as shares of the inputs' ranges, growing; 1.0 is the whole box, which
            alone can prove that no decision holds.
        surrogate_share: share of the time that the solve with the surrogate may take.
        tolerance: constraints and bounds may be violated by this much, relative to their sides where those are above 1.
        warm_start: start from the values that the model's variables have; the networks' own follow by a forward pass.
        bounds: name of the bound method (``surrogate.bounds.METHODS``), or a method.
        formulation: name of the formulation (``surrogate.formulation.METHODS``), or a formulation.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    solver: Solver = field(default_factory=HighsSolver)
    repair: str = "needed"
    radii: Sequence[float] = (0.05, 0.15, 0.4, 1.0)
    surrogate_share: float = 0.5
    tolerance: float = 1e-6
    warm_start: bool = False
    bounds: str | BoundMethod = "crown"
    formulation: str | Formulation = "big_m"

    def __post_init__(self) -> None:
        require_kind("solver", self.solver, Solver, "HighsSolver()")
        for name, value, allowed in (("repair", self.repair, REPAIR),):
            require_name(name, value, allowed)
        bound_methods.method(self.bounds)
        formulations.method(self.formulation)
        radii = list_of("radii", self.radii, "shares, such as (0.05, 0.4, 1.0)")
        for radius in radii:
            require_number("each of radii", radius, "a finite number", lambda _: True)
        object.__setattr__(self, "radii", tuple(float(radius) for radius in radii))
        growing = all(a < b for a, b in zip((0.0, *self.radii), self.radii, strict=False))
        if not self.radii or not growing or self.radii[-1] > 1.0:
            raise InvalidSetting(f"radii must grow from above 0 to at most 1, got {self.radii}")
        for share, number, most in (("surrogate_share", self.surrogate_share, 1.0), ("tolerance", self.tolerance, 1e-2)):
            if not is_number(number) or not 0.0 < number <= most:
                raise InvalidSetting(f"{share} must be above 0 and at most {most:g}, got {shown(number)}")
        require_flags(warm_start=self.warm_start)

    def solve(self, model: Any, places: Place | Sequence[Place]) -> SubstitutionResult:
        """Optimise ``model``, in which the networks of ``places`` give the outputs' values.

        The model itself says nothing of the networks: they are stated in a block that is added for each solve and removed
        after it, so constraints, bounds and objective stay as they are. Afterwards the variables hold the best decision that
        holds on the dense networks; without one, the surrogate's best decision with the dense networks' outputs (so that what
        they violate can be looked at); without that too, or after an error, what they held before.

        Raises:
            InvalidSetting: a model or places that cannot be used; says why.
            SolverFailure: the solver ended without a usable status, and no decision that holds was found before or by repair.
        """
        listed = [places] if isinstance(places, Place) else list_of("places", places, "Place objects")
        for place in listed:
            require_kind("each of places", place, Place, "Place(inputs, outputs, dense, surrogate)")
        begin = time.perf_counter()
        view = UserModel(model, listed, self.tolerance)
        if self.warm_start and (lacking := view.without_value()) is not None:
            raise InvalidSetting(f"warm_start=True needs a value for every variable but the outputs; {lacking.name} has none")
        if self.warm_start and (stray := view.outside()) is not None:
            variable, allowed = stray
            raise InvalidSetting(
                f"warm_start=True needs values within the variables' own bounds and domains; {variable.name} is "
                f"{variable.value}, allowed is {allowed}"
            )
        try:
            result, final = Run(self, view, begin).result()
        except BaseException:
            view.restore()
            raise
        if final is None:
            view.restore()
        else:
            view.assign(final.values)
        return result
