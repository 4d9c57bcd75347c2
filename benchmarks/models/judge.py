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


@dataclass(frozen=True)
class Verdict:
    """What a decision is worth.

    Attributes:
        value: in the model's own sense; None if it does not hold.
        settled: whether variables that no network reads or writes were optimised anew: those of the tool broke a row.
        violation: of the decision as the tool has it, with the dense networks' outputs.
    """

    value: float | None
    settled: bool
    violation: float


class Judge:
    """Holds decisions against the dense networks in float64 and against every row, bound and domain of the model.

    A decision's inputs are the tool's, each moved to the nearest value that its variable may have; the outputs are what the
    dense networks make of them. If that breaks a row, variables that are neither input nor output are optimised anew, by an LP
    or a MILP, with the others held.
    """

    def __init__(self, user: UserModel, tolerance: float = TOLERANCE) -> None:
        self._user, self._tolerance = user, tolerance
        self._held = np.flatnonzero(user.is_input | user.is_output)
        self._others = np.flatnonzero(~(user.is_input | user.is_output))

    def __call__(self, values: FloatArray) -> Verdict:
        """Judge the values ``(columns,)`` of all of the model's variables; the model holds the decision afterwards."""
        user = self._user
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (user.columns,) or not np.isfinite(values).all():
            return Verdict(None, False, np.inf)
        decision = user.complete(user.nearest(values)[None])[0]
        violation = self._violation(decision)
        value = user.confirmed(decision, self._tolerance) if violation <= self._tolerance else None
        if value is not None:
            return Verdict(value, False, violation)
        # With the rows as they are, then a hair wider: an equality on an output holds to the tolerance only.
        for hair in (0.0, 0.5 * self._tolerance):
            found = self._settled(decision, hair)
            if found is not None and self._violation(found) <= self._tolerance:
                value = user.confirmed(found, self._tolerance)
                if value is not None:
                    return Verdict(value, True, violation)
        return Verdict(None, False, violation)

    def _violation(self, decision: FloatArray) -> float:
        return float(self._user.violations(decision[None]).max(initial=0.0))

    def _settled(self, decision: FloatArray, hair: float) -> FloatArray | None:
        user, held = self._user, self._held
        if not self._others.size:
            return None
        programme = MixedProgramme(
            user.matrix,
            *user.rows_within(hair),
            user.cost,
            user.lower,
            user.upper,
            user.integral,
        )
        programme.lower[held] = programme.upper[held] = decision[held]
        _, found = programme.solve(SETTLING_SECONDS)
        if found is None:
            return None
        again = decision.copy()
        again[self._others] = user.nearest(found)[self._others]
        return again
