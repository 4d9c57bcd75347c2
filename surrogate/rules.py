"""Rules for single values. A rule returns None for an allowed value, and otherwise says in words what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import GenericAlias
from typing import Any

import numpy as np

from surrogate.checks import is_integer, is_number, nearest, shown
from surrogate.errors import InvalidSetting


@dataclass(frozen=True)
class Rule:
    """What a value may be.

    Attributes:
        kind: bool, int, float, str, or a list of one of these.
        refusal: returns what is allowed if the value is not, else None.
        optional: whether None is allowed too.
        names: all that is allowed, where that is one of some names.
    """

    kind: type | GenericAlias
    refusal: Callable[[Any], str | None]
    optional: bool = False
    names: tuple[str, ...] = ()

    def __call__(self, value: Any) -> str | None:
        """Return what is allowed if the value is not, else None."""
        if value is None and self.optional:
            return None
        allowed = self.refusal(value)
        return f"{allowed} or None" if allowed is not None and self.optional else allowed

    def require(self, name: str, value: Any) -> None:
        """Raise InvalidSetting unless the value is allowed."""
        allowed = self(value)
        if allowed is not None:
            raise InvalidSetting(f"{name}={shown(value)} is not allowed: expected {allowed}")


def integer(least: int, most: int = 2**63 - 1) -> Rule:
    """An integer, small enough for a seed."""

    def refusal(value: Any) -> str | None:
        if is_integer(value) and value > most:
            return f"an integer of at most {most}"
        return None if is_integer(value) and value >= least else f"an integer of at least {least}"

    return Rule(int, refusal)


def number(words: str, allowed: Callable[[float], bool], *, optional: bool = False) -> Rule:
    """A finite number for which ``allowed(value)`` holds; ``words`` say what that is."""

    def refusal(value: Any) -> str | None:
        if is_number(value) and not math.isfinite(value):
            return "a finite number"
        return None if is_number(value) and allowed(value) else words

    return Rule(float, refusal, optional)


def one_of(*names: str) -> Rule:
    """One of some names."""

    def refusal(value: Any) -> str | None:
        if isinstance(value, str) and value in names:
            return None
        return f"one of {', '.join(names)}{nearest(value, names)}"

    return Rule(str, refusal, names=names)


def several(words: str, each: Rule) -> Rule:
    """A list, tuple or array of at least one value, each of which a rule allows; ``words`` say what that is."""
    among = f", each one of {', '.join(each.names)}" if each.names else ""

    def refusal(value: Any) -> str | None:
        is_list = isinstance(value, Collection) and not isinstance(value, (str, bytes)) and np.iterable(value)
        if not is_list or not len(value):
            return f"a list of {words}{among}"
        wrong = next((each(one) for one in value if each(one) is not None), None)
        return None if wrong is None else f"a list of {words}, each {wrong}"

    return Rule(GenericAlias(list, (each.kind,)), refusal)


COUNT = integer(1)
NOT_NEGATIVE = number("a number of at least 0", lambda value: value >= 0.0)
POSITIVE = number("a number above 0", lambda value: value > 0.0)
SEED = integer(0)
SHARE = number("a number with 0 <= value < 1", lambda value: 0.0 <= value < 1.0)
INNER_SHARE = number("a number with 0 < value < 1", lambda value: 0.0 < value < 1.0)
TEST_SHARE = number("a number between 0 and 1", lambda value: 0.0 < value < 1.0)
FLAG = Rule(bool, lambda value: None if isinstance(value, bool) else "true or false")
