"""The domain of a Pyomo variable as intervals and steps, whatever sets and unions it is written in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pyomo.core.base.range import NumericRange

from surrogate.errors import InvalidSetting

STEP_ROUNDING = 1e-9
"""A value that is less than this share of a step short of the next one counts as on it."""

SHOWN = 6
"""Most parts or steps of a domain that a sentence lists."""


@dataclass(frozen=True)
class DomainPart:
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

    def within(self, low: float, high: float) -> DomainPart | None:
        """Return what of it lies between two bounds, None if nothing does."""
        if self.step:
            low, high = max(low, self.low), min(high, self.high)
            low = self.anchor + self.step * math.ceil(self.steps(low) - STEP_ROUNDING) if math.isfinite(low) else low
            high = self.anchor + self.step * math.floor(self.steps(high) + STEP_ROUNDING) if math.isfinite(high) else high
            part = DomainPart(low, high, self.step, self.anchor)
        else:
            open_low, open_high = self.open_low and low <= self.low, self.open_high and high >= self.high
            part = DomainPart(max(low, self.low), min(high, self.high), 0, 0.0, open_low, open_high)
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
            count = round((self.high - self.low) / self.step) + 1
            return ", ".join(f"{self.low + i * self.step:g}" for i in range(count))
        ends = f"{'above ' if self.open_low else ''}{self.low:g} to {'below ' if self.open_high else ''}{self.high:g}"
        if self.whole:
            return f"whole numbers {ends}"
        return f"{ends} in steps of {self.step:g}" if self.step else ends


def domain_parts(variable: Any) -> tuple[DomainPart, ...]:
    """Return a variable's domain as parts in ascending order; its bounds are not looked at.

    Raises:
        InvalidSetting: the domain has something else than finite numbers in it.
    """
    intervals: list[DomainPart] = []
    steps: list[DomainPart] = []
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
            steps.append(DomainPart(float(low), float(high), abs(found.step), float(found.start)))
        else:
            ends = not closed_low and math.isfinite(low), not closed_high and math.isfinite(high)
            intervals.append(DomainPart(float(low), float(high), 0, float(low), *ends))
    joined = _join_intervals(intervals)
    steps += _progressions([part for part in joined if part.single])
    parts = [*(part for part in joined if not part.single), *_join_steps(steps)]
    return tuple(sorted(parts, key=lambda part: (part.low, part.high)))


def shown_domain(variable: Any) -> str:
    """Return a variable's domain as a short text."""
    return f"{variable.domain!s:.60}"


def _join_intervals(parts: list[DomainPart]) -> list[DomainPart]:
    """Join intervals, single values among them, that touch or overlap."""
    joined: list[DomainPart] = []
    for part in sorted(parts, key=lambda part: (part.low, part.open_low)):
        last = joined[-1] if joined else None
        if last is None or part.low > last.high or (part.low == last.high and last.open_high and part.open_low):
            joined.append(part)
            continue
        longer = part if (part.high, not part.open_high) > (last.high, not last.open_high) else last
        joined[-1] = DomainPart(last.low, longer.high, 0, last.low, last.open_low, longer.open_high)
    return joined


def _progressions(singles: list[DomainPart]) -> list[DomainPart]:
    """Return single values, in ascending order, as one part with steps if their distances are exactly equal."""
    values = [part.low for part in singles]
    width = values[1] - values[0] if len(values) > 1 else 0.0
    if width > 0.0 and all(value == values[0] + i * width for i, value in enumerate(values)):
        return [DomainPart(values[0], values[-1], width, values[0])]
    return singles


def _join_steps(parts: list[DomainPart]) -> list[DomainPart]:
    """Join steps of one width that lie on one grid and leave no gap, single values at their ends among them."""
    joined: list[DomainPart] = []
    for part in sorted(parts, key=lambda part: (part.low, part.high)):
        last = joined[-1] if joined else None
        step = max(last.step, part.step) if last is not None else 0
        same = last is not None and step > 0 and {last.step, part.step} <= {step, 0} and not (last.single and part.single)
        if last is None or not same or part.low > last.high + step or (part.anchor - last.anchor) % step:
            joined.append(part)
        else:
            anchor = last.anchor if last.step else part.anchor
            joined[-1] = DomainPart(last.low, max(last.high, part.high), step, anchor)
    return joined
