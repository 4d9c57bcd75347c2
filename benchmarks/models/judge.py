"""The one function that says what a decision of any tool is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surrogate.models.programmes.linear import MixedProgramme
from surrogate.models.reading import UserModel
from surrogate.networks import FloatArray

TOLERANCE = 1e-6
"""Rows and bounds hold to this, relative to their sides where those are above 1."""

SETTLING_SECONDS = 10.0
"""Most seconds for one such programme. Judging is done after the run, so no tool pays for it."""


@dataclass(frozen=True)
class Verdict:
    """What a decision is worth.

    Attributes:
        value: in the model's own sense; None if it does not hold.
        settled: whether it has this value because variables that no network reads or writes were optimised anew.
        violation: of the decision as the tool has it, with the dense networks' outputs.
    """

    value: float | None
    settled: bool
    violation: float


class Judge:
    """Holds decisions against the dense networks in float64 and against every row, bound and domain of the model.

    A decision's inputs are the tool's, each moved to the nearest value that its variable may have; the outputs are what the
    dense networks make of them. Variables that are neither are then optimised anew with the others held, by an LP or a MILP
    without a network. The better of the two counts. Where these variables cost nothing and the tool's hold, there is nothing to
    gain, and no programme is solved.
    """

    def __init__(self, user: UserModel, tolerance: float = TOLERANCE) -> None:
        self._user, self._tolerance = user, tolerance
        self._held, self._others = np.flatnonzero(user.is_held), np.flatnonzero(~user.is_held)
        # With the rows as they are, then a hair wider: an equality on an output holds to the tolerance only.
        hairs = (0.0, 0.5 * tolerance) if self._others.size else ()
        self._programmes = [
            MixedProgramme(user.matrix, *user.rows_within(hair), user.cost, user.lower, user.upper, user.integral)
            for hair in hairs
        ]

    def __call__(self, values: FloatArray) -> Verdict:
        """Judge the values ``(columns,)`` of all of the model's variables; the model holds the decision afterwards."""
        user = self._user
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (user.columns,) or not np.isfinite(values).all():
            return Verdict(None, False, np.inf)
        decision = user.complete(user.nearest(values)[None])[0]
        violation, own = self._violation(decision), self._value(decision)
        if own is not None and not user.cost[self._others].any():
            return Verdict(own, False, violation)
        for programme in self._programmes:
            settled = self._settled(programme, decision)
            value = None if settled is None else self._value(settled)
            if value is None:
                continue
            # What is gained within the tolerance is no gain: the programme may use it, and the tool did not.
            if own is None or user.sign * (own - value) > self._tolerance * max(1.0, abs(own)):
                return Verdict(value, True, violation)
            break
        return Verdict(None if own is None else self._value(decision), False, violation)

    def _violation(self, decision: FloatArray) -> float:
        return float(self._user.violations(decision[None]).max(initial=0.0))

    def _value(self, decision: FloatArray) -> float | None:
        """Return the value of a decision that holds, else None; the model holds it afterwards."""
        return self._user.confirmed(decision, self._tolerance) if self._violation(decision) <= self._tolerance else None

    def _settled(self, programme: MixedProgramme, decision: FloatArray) -> FloatArray | None:
        programme.lower[self._held] = programme.upper[self._held] = decision[self._held]
        _, found = programme.solve(SETTLING_SECONDS)
        if found is None:
            return None
        again = decision.copy()
        again[self._others] = self._user.nearest(found)[self._others]
        return again
