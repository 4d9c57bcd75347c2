"""The settings of a search over a user's model."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from surrogate import bounds as bound_methods
from surrogate import formulation as formulations
from surrogate.bounds import BoundMethod
from surrogate.checks import is_number, list_of, require_flags, require_integer, require_name, require_number, shown
from surrogate.errors import InvalidSetting
from surrogate.formulation import Formulation
from surrogate.models.shares import MEMBERS
from surrogate.solvers import HighsSolver, Solver, require_solver


@dataclass(frozen=True)
class SearchSettings:
    """How the search goes about it; the defaults are for finding good decisions and proving them.

    Attributes:
        members: those of ``MEMBERS`` that take part.
        sparsities: to which the surrogates member prunes where a place names no surrogate, each tried in turn.
        solver: for the MILPs with dense or pruned networks; its time limit is replaced by what is left of the call's.
        bounds: name of the bound method, or a method.
        formulation: name of the formulation of the MILPs, or a formulation.
        tolerance: constraints and bounds may be violated by this much, relative to their sides where those are above 1.
        relative_gap: value and bound have met when they are this close, relative to the larger of 1 and the value. The range of
            the objective takes the place of 1 where it is smaller.
        target: a value at which the search may end; None goes on to the proof or the time limit.
        points: how many points are drawn at a time.
        first_points: whether points are drawn, and the promising ones held against the model, before the members begin. False
            leaves the members to themselves: so a MILP alone is measured.
        repair: whether walks on the dense networks begin at the decisions that pruned networks lead to. None: where walks take
            part. True: also where they do not; then each such decision is walked from, the newest first, by
            :class:`surrogate.models.members.repairs.Repairs`.
        seed: of all draws.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    members: Sequence[str] = MEMBERS
    sparsities: Sequence[float] = (0.8, 0.5, 0.9)
    solver: Solver = field(default_factory=HighsSolver)
    bounds: str | BoundMethod = "crown"
    formulation: str | Formulation = "big_m"
    tolerance: float = 1e-6
    relative_gap: float = 1e-4
    target: float | None = None
    points: int = 4096
    seed: int = 0
    first_points: bool = True
    repair: bool | None = None

    def __post_init__(self) -> None:
        members = list_of("members", self.members, f"names among {', '.join(MEMBERS)}")
        if not members:
            raise InvalidSetting(f"members is empty: expected at least one of {', '.join(MEMBERS)}")
        for member in members:
            require_name("each of members", member, MEMBERS)
        for sparsity in list_of("sparsities", self.sparsities, "shares, such as (0.5, 0.9)"):
            require_number("each of sparsities", sparsity, "a number in [0, 1)", lambda value: 0.0 <= value < 1.0)
        require_solver(self.solver)
        bound_methods.method(self.bounds)
        formulations.method(self.formulation)
        require_number("tolerance", self.tolerance, "a number above 0 and at most 0.01", lambda v: 0.0 < v <= 1e-2)
        require_number("relative_gap", self.relative_gap, "a number of at least 0", lambda v: v >= 0.0)
        if self.target is not None and (not is_number(self.target) or not math.isfinite(self.target)):
            raise InvalidSetting(f"target={shown(self.target)} is not allowed: expected a finite number or None")
        require_integer("points", self.points, 1)
        require_integer("seed", self.seed, 0)
        require_flags(first_points=self.first_points)
        if self.repair is not None:
            require_flags(repair=self.repair)

    @property
    def repairs_apart(self) -> bool:
        """Whether decisions of pruned networks are walked from although walks take no part of their own."""
        return bool(self.repair) and "walks" not in self.members and "surrogates" in self.members

    @property
    def needs_walks(self) -> bool:
        """Whether anything walks: a MILP alone needs no linear programme over regions."""
        return self.first_points or self.repairs_apart or not set(self.members) <= {"surrogates", "dense"}


def settings_of(given: Mapping[str, Any]) -> SearchSettings:
    """Return the settings that :func:`surrogate.models.optimise` was given by name.

    Raises:
        InvalidSetting: a name that is none, with the near one; a value that is not allowed.
    """
    known = [one.name for one in fields(SearchSettings)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, [*known, "time_limit_seconds", "on_better"], n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise InvalidSetting(f"optimise has no setting {name}: {meant}There are {', '.join(known)}")
    return SearchSettings(**given)
