"""The values that a Pyomo variable may take: its domain and its bounds together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from surrogate.errors import InvalidSetting
from surrogate.variables.domain_parts import SHOWN, DomainPart, domain_parts


@dataclass(frozen=True)
class Allowed:
    """The values that a variable may take: those of its domain that lie within its bounds.

    Attributes:
        parts: in ascending order; none where nothing is allowed.

    Example:
        >>> import pyomo.environ as pyo
        >>> model = pyo.ConcreteModel()
        >>> model.x = pyo.Var(within=pyo.Set(initialize=[0]) | pyo.RangeSet(2, 5, 0), bounds=(None, 4))
        >>> allowed = Allowed.of(model.x)
        >>> str(allowed), allowed.project(1.25), allowed.project(9.0), allowed.violation(1.25)
        ('0 or 2 to 4', 2.0, 4.0, 0.75)
    """

    parts: tuple[DomainPart, ...]

    @classmethod
    def of(cls, variable: Any, domain: Sequence[DomainPart] | None = None) -> Allowed:
        """Return what a Pyomo variable may be, whether it is fixed or not; ``domain`` are its domain's parts, if known.

        Raises:
            InvalidSetting: the domain has something else than finite numbers in it, or a bound is NaN.
        """
        domain = domain_parts(variable) if domain is None else domain
        low, high = bounds_of(variable)
        inside = (part.within(low, high) for part in domain)
        return cls(tuple(part for part in inside if part is not None))

    @property
    def low(self) -> float:
        """The least value, or the end that values come near to; infinite where nothing is allowed."""
        return min((part.low for part in self.parts), default=math.inf)

    @property
    def high(self) -> float:
        """The largest value, or the end that values come near to."""
        return max((part.high for part in self.parts), default=-math.inf)

    @property
    def interval(self) -> bool:
        """Whether these are all numbers between two ends."""
        return len(self.parts) == 1 and not self.parts[0].step

    @property
    def open(self) -> bool:
        """Whether an end is left out to which values come as near as they like."""
        return any(part.open_low or part.open_high for part in self.parts)

    def nearest(self, value: float) -> int:
        """Return which of the parts is nearest to ``value``."""
        distances = [abs(part.project(value) - value) for part in self.parts]
        return distances.index(min(distances))

    def project(self, value: float) -> float:
        """Return the allowed value that is nearest to ``value``; itself if it is NaN, or if nothing is allowed."""
        if math.isnan(value) or not self.parts:
            return value
        return self.parts[self.nearest(value)].project(value)

    def violation(self, value: float) -> float:
        """Return how far ``value`` is from what is allowed; NaN if it is not finite, infinite where nothing is allowed."""
        return abs(value - self.project(value)) if self.parts or not math.isfinite(value) else math.inf

    def __str__(self) -> str:
        told = [str(part) for part in self.parts]
        if len(told) > SHOWN:
            told = [*told[: SHOWN - 1], f"... {len(told) - SHOWN} more ...", told[-1]]
        return " or ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told) or "nothing"


def bounds_of(variable: Any) -> tuple[float, float]:
    """Return the bounds of a Pyomo variable, infinite where it has none.

    Raises:
        InvalidSetting: a bound is NaN, or an infinity on the wrong side.
    """
    try:
        low, high = variable.bounds
    except ValueError as error:  # Pyomo computes bounds here, and its sentence names the variable
        raise InvalidSetting(f"the model cannot be read: {' '.join(str(error).split())}") from error
    low, high = -math.inf if low is None else float(low), math.inf if high is None else float(high)
    if math.isnan(low) or math.isnan(high):
        raise InvalidSetting(f"variable {variable.name} has the bounds {variable.bounds}: bounds must be numbers")
    return low, high


def peculiar(variables: Iterable[Any]) -> list[tuple[Any, Allowed]]:
    """Return, with what they may be, the variables whose bounds and type, continuous or integer, don't say it all.

    Raises:
        InvalidSetting: a domain with something else than finite numbers in it.
    """
    known: dict[int, tuple[tuple[DomainPart, ...], bool]] = {}
    found = []
    for variable in variables:
        key = id(variable.domain)  # of thousands of variables most share one
        if key not in known:
            parts = domain_parts(variable)
            known[key] = parts, _ordinary(parts, variable)
        parts, ordinary = known[key]
        if not ordinary:
            found.append((variable, Allowed.of(variable, parts)))
    return found


def _ordinary(parts: Sequence[DomainPart], variable: Any) -> bool:
    if len(parts) != 1 or parts[0].open_low or parts[0].open_high:
        return False
    try:  # solvers go by what Pyomo makes of the domain, which fails for some unions with an interval of no width
        return bool(variable.is_continuous() if not parts[0].step else parts[0].whole and variable.is_integer())
    except TypeError:
        return False
