"""The settings of a search over a user's model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

from surrogate import bounds as bound_methods
from surrogate import formulation as formulations
from surrogate import rules
from surrogate.bounds import BoundMethod
from surrogate.errors import InvalidSetting
from surrogate.formulation import Formulation
from surrogate.models.shares import MEMBERS
from surrogate.settings import Configurable, chosen, internal, setting
from surrogate.solvers import HighsSolver, Solver, require_solver


@dataclass(frozen=True)
class SearchSettings(Configurable):
    """How the search goes about it; the defaults are for finding good decisions and proving them.

    The methods of :mod:`surrogate.models.methods` have some of these settings, with the defaults and the rules of this class.

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

    members: Sequence[str] = internal(MEMBERS, rules.several("names", rules.one_of(*MEMBERS)))
    sparsities: Sequence[float] = setting((0.8, 0.5, 0.9), rules.several("shares, such as (0.5, 0.9)", rules.SHARE))
    solver: Solver = chosen("solver", MISSING, require_solver, make=HighsSolver)
    bounds: str | BoundMethod = chosen("bounds", "crown", bound_methods.method)
    formulation: str | Formulation = chosen("formulation", "big_m", formulations.method)
    tolerance: float = internal(1e-6, rules.number("a number above 0 and at most 0.01", lambda value: 0.0 < value <= 1e-2))
    relative_gap: float = internal(1e-4, rules.NOT_NEGATIVE)
    target: float | None = internal(None, rules.number("a finite number", lambda _: True, optional=True))
    points: int = setting(4096, rules.COUNT)
    seed: int = setting(0, rules.SEED)
    first_points: bool = internal(True, rules.FLAG)
    repair: bool | None = internal(None, replace(rules.FLAG, optional=True))

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
            meant = f": did you mean {near[0]}? There" if near else "; there"
            raise InvalidSetting(f"optimise has no setting {name}{meant} are {', '.join(known)}")
    return SearchSettings(**given)
