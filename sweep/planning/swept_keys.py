"""The swept keys of a space: listed values, or intervals, read from overrides in Hydra's grammar."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, QuotedString

from sweep.config import reading
from sweep.config.overrides import as_written
from sweep.errors import ConfigError

DIGITS = 6
"""Significant digits of a number drawn from an interval: as many as names of trials show, so that no two look the same."""


OF_THE_SWEEP = ("sweep", "tracking", "cluster", "search", "deadlines")
"""Sections that concern the sweep as a whole and cannot differ between its trials."""


def concerns_the_sweep(key: str) -> bool:
    """Whether a key is one of the sweep as a whole, so that trials cannot differ in it."""
    return key.partition(".")[0] in (*OF_THE_SWEEP, "hydra")


@dataclass(frozen=True)
class Choices:
    """A key with listed values: ``0.5,0.8``, ``choice(a,b)``, ``range(1,5)``, ``glob(4x*)``, or the options of a group.

    What a point has for the key is an *option*, here the place of a value.

    Attributes:
        key: the swept key.
        values: the values in the order written.
    """

    key: str
    values: tuple[Any, ...]

    @property
    def in_keys(self) -> str:
        """What the key of a search has of it: the form of the first version, so that searches in stores go on."""
        return f"Choices(key={self.key!r}, values={self.values!r}, lines=())"

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers that rise or fall, so that near places have like values."""
        if not all(type(value) in (int, float) for value in self.values):
            return False
        return list(self.values) in (sorted(self.values), sorted(self.values, reverse=True))

    @property
    def options(self) -> range:
        """All options in their order."""
        return range(len(self.values))

    @property
    def ends(self) -> Sequence[Any]:
        """The options with which all values are looked at."""
        return self.options

    def at(self, option: Any) -> Any:
        """Return the value of an option."""
        return self.values[option]

    def drawn(self, share: float) -> Any:
        """Return the option at a share of all, ``0 <= share < 1``: equally likely shares give equally likely options."""
        return int(share * len(self.values))

    def place(self, value: Any) -> int:
        """Return the option of a value.

        Raises:
            ValueError: it is not among the values.
        """
        try:
            return self._places[_identity(value)]
        except KeyError:
            raise ValueError(f"{self.key}={value!r} is not among the values {', '.join(map(str, self.values))}") from None

    @functools.cached_property
    def _places(self) -> dict[Any, int]:
        return {_identity(value): place for place, value in reversed(list(enumerate(self.values)))}


@dataclass(frozen=True)
class SweptInterval:
    """A key with all numbers between two: ``interval(0.3,0.95)``, ``tag(log,interval(1e-4,1e-1))``.

    The options of a point are the numbers themselves.

    Attributes:
        key: the swept key.
        low: the smallest value.
        high: the largest value.
        integer: whether the values are integers, because the key's are.
        log: whether equal factors count alike, not equal distances.
    """

    key: str
    low: float
    high: float
    integer: bool
    log: bool

    @property
    def in_keys(self) -> str:
        """What the key of a search has of it, as :attr:`Choices.in_keys`."""
        ends = f"low={self.low!r}, high={self.high!r}"
        return f"Interval(key={self.key!r}, {ends}, integer={self.integer!r}, log={self.log!r})"

    @property
    def written(self) -> str:
        """The interval in Hydra's grammar."""
        interval = f"interval({self.low:g},{self.high:g})"
        return f"tag(log,{interval})" if self.log else interval

    @property
    def options(self) -> range | None:
        """All options in their order; None: there is no end of them."""
        return range(int(self.low), int(self.high) + 1) if self.integer else None

    @property
    def ends(self) -> Sequence[Any]:
        """The options with which its ends are looked at."""
        return self.low, self.high

    def at(self, option: Any) -> Any:
        """Return the value of an option, which it is itself."""
        return option

    def place(self, value: Any) -> Any:
        """Return the option of a value, which it is itself."""
        return value

    def drawn(self, share: float) -> Any:
        """Return the number at a share of the interval, ``0 <= share < 1``: equally likely shares, equally likely numbers."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.integer else (self.low, self.high)
        number = low * (high / low) ** share if self.log else low + share * (high - low)
        number = round(number) if self.integer else float(f"{number:.{DIGITS}g}")
        return min(max(number, self.low), self.high)


Dimension = Choices | SweptInterval


def dimension_of(override: Override, elements: Sequence[Any], default: Callable[[str], Any] = lambda key: None) -> Dimension:
    """Return the dimension of a swept override.

    Args:
        override: the override.
        elements: its listed values as Hydra parsed them; of an interval, empty.
        default: returns the value of a key that is not swept, None where there is none. It says whether the numbers of a key
            that may have those of both types are integers.

    Raises:
        ConfigError: an interval without length, of a key that has no numbers, or from 0 or less with the tag ``log``.
    """
    swept = override.value()
    if isinstance(swept, IntervalSweep):
        return _interval(override, swept, default)
    return Choices(override.key_or_group, tuple(_plain(element) for element in elements))


def listed(override: Override) -> tuple[Any, ...]:
    """Return the values of an override: one where it is not swept, none of an interval."""
    if not override.is_sweep_override():
        return (override.value(),)
    return () if override.is_interval_sweep() else tuple(_plain(element) for element in override.sweep_iterator())


def _plain(element: Any) -> Any:
    """Return a value as the configuration has it: texts without the quotes in which they were written."""
    if isinstance(element, QuotedString):
        return element.text
    if isinstance(element, list):
        return [_plain(item) for item in element]
    if isinstance(element, dict):
        return {_plain(key): _plain(value) for key, value in element.items()}
    return element


def _interval(override: Override, swept: IntervalSweep, default: Callable[[str], Any]) -> SweptInterval:
    assert swept.start is not None
    assert swept.end is not None
    key, written = override.key_or_group, as_written(override.input_line)
    kinds, rule = reading.kinds_of(key)
    if not kinds & {int, float}:
        if not reading.is_key(key):
            raise reading.unknown_key(key)
        raise ConfigError(f"{written}: the values of {key} are no numbers, so it has no interval; list them, as in choice(a,b)")
    integer = int in kinds and (float not in kinds or _means_integers(key, swept, str(written), default))
    log = "log" in swept.tags
    if not (math.isfinite(swept.start) and math.isfinite(swept.end) and swept.start < swept.end):
        raise ConfigError(f"{written}: an interval goes from a number to a larger one, as in interval(0.3,0.95)")
    if integer and not (float(swept.start).is_integer() and float(swept.end).is_integer()):
        raise ConfigError(
            f"{written}: the values of {key} are integers, so the ends of the interval must be integers, as in interval(1,8)"
        )
    if log and swept.start <= 0:
        raise ConfigError(f"{written}: an interval with the tag log begins above 0, as in tag(log,interval(1e-4,1e-1))")
    if integer:
        return SweptInterval(key, int(swept.start), int(swept.end), integer, log)
    high = float(swept.end)
    if rule is not None and rule(high) is not None and rule(below := math.nextafter(high, -math.inf)) is None:
        high = below  # a number that all values are below, as in interval(0,1) of a share that 1 is none of
    return SweptInterval(key, float(swept.start), high, integer, log)


def _means_integers(key: str, swept: IntervalSweep, written: str, default: Callable[[str], Any]) -> bool:
    """Whether an interval of a key that may have numbers of both types is one of integers."""
    if type(swept.start) is int:  # written as int(interval(1,8)): Hydra keeps the numbers of others as floats
        return True
    return _OF_REALS.search(written.partition("=")[2]) is None and type(default(key)) is int


_OF_REALS = re.compile(r"\d\.|\.\d|\d[eE]|\bfloat\(")
"""Text that occurs only in an interval of real numbers: a decimal point, an exponent, or ``float(...)``."""


def _identity(value: Any) -> Any:
    """Return what tells values apart; to Python, 1, 1.0 and True are equal."""
    return (type(value), value) if isinstance(value, (str, int, float, bool, type(None))) else repr(value)
