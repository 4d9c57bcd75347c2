"""Pyomo variables that a user hands over: whether they are some, and which values each of them may take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo
from pyomo.core.base.indexed_component_slice import IndexedComponent_slice
from pyomo.core.base.range import NumericRange

from surrogate.checks import list_of, shown
from surrogate.errors import InvalidSetting

STEP_ROUNDING = 1e-9
"""A value that is less than this share of a step short of the next one counts as on it."""

SHOWN = 6
"""Most parts of a domain that a sentence lists."""


def variables_of(role: str, given: Any) -> list[Any]:
    """Return what was given as a list of single Pyomo variables.

    Raises:
        InvalidSetting: it is no list, or something in it is no single variable of a concrete model; says what it is and what
            to write.
    """
    given = list(given) if isinstance(given, IndexedComponent_slice) else given  # model.x[:]
    if getattr(given, "ctype", None) is pyo.Var:
        listed = f"list(model.{given.name}.values())" if given.is_indexed() else f"[model.{given.name}]"
        raise InvalidSetting(f"{role} must be a list of Pyomo variables: pass {listed}")
    for variable in (variables := [given] if _is_expression(given) else list_of(role, given, "Pyomo variables")):
        if _is_expression(variable):
            raise InvalidSetting(
                f"{role} must be single Pyomo variables, got the expression {shown(str(variable))[1:-1]}: add a variable, "
                "model.e = pyo.Var(bounds=(low, high)), and a constraint by which it equals the expression, and pass model.e"
            )
        if getattr(variable, "ctype", None) is not pyo.Var or variable.is_indexed():
            got = variable.name if hasattr(variable, "ctype") else shown(variable)
            raise InvalidSetting(
                f"{role} must be single Pyomo variables, got {got}: of an indexed one pass list(model.x.values())"
            )
        if not variable.parent_component().is_constructed():
            raise InvalidSetting(
                f"{role} must be variables of a ConcreteModel, but {variable.name} belongs to an AbstractModel, which has no "
                "values yet: take those of what model.create_instance() returns"
            )
    return variables


def _is_expression(given: Any) -> bool:
    return hasattr(given, "is_expression_type") and given.is_expression_type()


@dataclass(frozen=True)
class Part:
    """Every number from ``low`` to ``high`` (``step`` 0), or ``anchor`` plus the multiples of ``step`` that lie there.

    Attributes:
        low, high: ends, perhaps infinite; of steps, the least and the largest value.
        open_low, open_high: whether an end itself is left out.
    """

    low: float
    high: float
    step: float = 0
    anchor: float = 0.0
    open_low: bool = False
    open_high: bool = False

    @property
    def single(self) -> bool:
        """Whether there is one value only."""
        return self.low == self.high

    @property
    def whole(self) -> bool:
        """Whether these are all whole numbers from the least to the largest."""
        return self.step == 1 and float(self.anchor).is_integer()

    def steps(self, value: float) -> float:
        """Return how many steps ``value`` lies above the anchor."""
        return (value - self.anchor) / self.step

    def within(self, low: float, high: float) -> Part | None:
        """Return what of it lies between two bounds, None if nothing does."""
        if self.step:
            low, high = max(low, self.low), min(high, self.high)
            low = self.anchor + self.step * math.ceil(self.steps(low) - STEP_ROUNDING) if math.isfinite(low) else low
            high = self.anchor + self.step * math.floor(self.steps(high) + STEP_ROUNDING) if math.isfinite(high) else high
            part = Part(low, high, self.step, self.anchor)
        else:
            open_low, open_high = self.open_low and low <= self.low, self.open_high and high >= self.high
            part = Part(max(low, self.low), min(high, self.high), 0, 0.0, open_low, open_high)
        empty = part.low > part.high or (part.single and (part.open_low or part.open_high))
        return None if empty else part

    def project(self, value: float) -> float:
        """Return the value of this part that is nearest to ``value``; of an open end, the end."""
        inside = min(max(value, self.low), self.high)
        return self.anchor + self.step * round(self.steps(inside)) if self.step and math.isfinite(inside) else inside

    def __str__(self) -> str:
        if self.single:
            return f"{self.low:g}"
        if self.step and (self.high - self.low) / self.step < SHOWN:
            return ", ".join(
                f"{self.low + i * self.step:g}" for i in range(round(self.steps(self.high) - self.steps(self.low)) + 1)
            )
        ends = f"{'above ' if self.open_low else ''}{self.low:g} to {'below ' if self.open_high else ''}{self.high:g}"
        if self.whole:
            return f"whole numbers {ends}"
        return f"{ends} in steps of {self.step:g}" if self.step else ends


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

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, variable: Any, domain: Sequence[Part] | None = None) -> Allowed:
        """Return what a Pyomo variable may be, whether it is fixed or not; ``domain`` are its domain's parts, if known.

        Raises:
            InvalidSetting: the domain has something else than finite numbers in it, or a bound is NaN.
        """
        domain = domain_parts(variable) if domain is None else domain
        low, high = variable.bounds
        low, high = -math.inf if low is None else float(low), math.inf if high is None else float(high)
        if math.isnan(low) or math.isnan(high):
            raise InvalidSetting(f"variable {variable.name} has the bounds {variable.bounds}: bounds must be numbers")
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
    def discrete(self) -> bool:
        """Whether every value stands alone."""
        return bool(self.parts) and all(part.step > 0 or part.single for part in self.parts)

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


def peculiar(variables: Iterable[Any]) -> list[tuple[Any, Allowed]]:
    """Return, with what they may be, the variables whose bounds and type, continuous or integer, don't say it all.

    Raises:
        InvalidSetting: a domain with something else than finite numbers in it.
    """
    known: dict[int, tuple[tuple[Part, ...], bool]] = {}
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


def _ordinary(parts: Sequence[Part], variable: Any) -> bool:
    if len(parts) != 1 or parts[0].open_low or parts[0].open_high:
        return False
    try:  # solvers go by what Pyomo makes of the domain, which fails for some unions with an interval of no width
        return bool(variable.is_continuous() if not parts[0].step else parts[0].whole and variable.is_integer())
    except TypeError:
        return False


def domain_parts(variable: Any) -> tuple[Part, ...]:
    """Return a variable's domain as parts in ascending order; its bounds are not looked at.

    Raises:
        InvalidSetting: the domain has something else than finite numbers in it.
    """
    intervals: list[Part] = []
    steps: list[Part] = []
    for found in variable.domain.ranges():
        if not isinstance(found, NumericRange):
            raise InvalidSetting(
                f"variable {variable.name} has the domain {shown_domain(variable)}, which is not one of numbers: give it a "
                "domain such as Reals, Integers, Binary or Set(initialize=[0, 5, 10])"
            )
        low, high, (closed_low, closed_high) = found.normalize_bounds()
        if math.isnan(low) or math.isnan(high) or (low == high and math.isinf(low)):
            raise InvalidSetting(
                f"variable {variable.name} has the domain {shown_domain(variable)}: every value in it must be finite"
            )
        if found.step:
            steps.append(Part(float(low), float(high), abs(found.step), float(found.start)))
        else:
            ends = not closed_low and math.isfinite(low), not closed_high and math.isfinite(high)
            intervals.append(Part(float(low), float(high), 0, float(low), *ends))
    joined = _join_intervals(intervals)
    steps += _progressions([part for part in joined if part.single])
    parts = [*(part for part in joined if not part.single), *_join_steps(steps)]
    return tuple(sorted(parts, key=lambda part: (part.low, part.high)))


def shown_domain(variable: Any) -> str:
    """Return a variable's domain as a short text."""
    return f"{variable.domain!s:.60}"


def _join_intervals(parts: list[Part]) -> list[Part]:
    """Join intervals, single values among them, that touch or overlap."""
    joined: list[Part] = []
    for part in sorted(parts, key=lambda part: (part.low, part.open_low)):
        last = joined[-1] if joined else None
        if last is None or part.low > last.high or (part.low == last.high and last.open_high and part.open_low):
            joined.append(part)
            continue
        longer = part if (part.high, not part.open_high) > (last.high, not last.open_high) else last
        joined[-1] = Part(last.low, longer.high, 0, last.low, last.open_low, longer.open_high)
    return joined


def _progressions(singles: list[Part]) -> list[Part]:
    """Return single values, ascending, as steps of one width where they are, exactly."""
    values = [part.low for part in singles]
    width = values[1] - values[0] if len(values) > 1 else 0.0
    if width > 0.0 and all(value == values[0] + i * width for i, value in enumerate(values)):
        return [Part(values[0], values[-1], width, values[0])]
    return singles


def _join_steps(parts: list[Part]) -> list[Part]:
    """Join steps of one width that lie on one grid and leave no gap, single values at their ends among them."""
    joined: list[Part] = []
    for part in sorted(parts, key=lambda part: (part.low, part.high)):
        last = joined[-1] if joined else None
        step = max(last.step, part.step) if last is not None else 0
        same = last is not None and step > 0 and {last.step, part.step} <= {step, 0} and not (last.single and part.single)
        if last is None or not same or part.low > last.high + step or (part.anchor - last.anchor) % step:
            joined.append(part)
        else:
            anchor = last.anchor if last.step else part.anchor
            joined[-1] = Part(last.low, max(last.high, part.high), step, anchor)
    return joined
