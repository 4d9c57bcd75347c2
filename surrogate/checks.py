"""Checks of arguments and settings; each kind of mistake has one sentence."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.errors import InvalidSetting, SurrogateError


def require_positive(**settings: Any) -> None:
    """Raise InvalidSetting unless every setting is a positive finite number."""
    for name, value in settings.items():
        if not is_number(value) or not 0.0 < value < math.inf:
            raise InvalidSetting(f"{name} must be positive and finite, got {shown(value)}")


def require_counts(**settings: Any) -> None:
    """Raise InvalidSetting unless every setting is an integer of at least 1."""
    if not all(is_integer(value) and value >= 1 for value in settings.values()):
        told = ", ".join(f"{name}={shown(value)}" for name, value in settings.items())
        raise InvalidSetting(f"{' and '.join(settings)} must be at least 1 and whole, got {told}")


def require_integer(name: str, value: Any, least: int) -> None:
    """Raise InvalidSetting unless ``value`` is an integer of at least ``least``, and small enough for a seed."""
    if not is_integer(value) or not least <= value < 2**63:
        raise InvalidSetting(f"{name}={shown(value)} is not allowed: expected an integer of at least {least}")


def require_number(name: str, value: Any, expected: str, allowed: Callable[[float], bool]) -> None:
    """Raise InvalidSetting unless ``value`` is a finite number for which ``allowed(value)`` holds."""
    if not is_number(value) or not math.isfinite(value) or not allowed(value):
        raise InvalidSetting(f"{name}={shown(value)} is not allowed: expected {expected}")


def require_name(name: str, value: Any, allowed: Iterable[str], error: type[SurrogateError] = InvalidSetting) -> None:
    """Raise ``error`` unless ``value`` is one of the names ``allowed``, which it lists."""
    names = list(allowed)
    if not isinstance(value, str) or value not in names:
        raise error(f"{name}={shown(value)} is not one of {', '.join(names)}")


def require_kind(name: str, value: Any, kind: type, example: str) -> None:
    """Raise InvalidSetting unless ``value`` is of a class; ``example`` shows how one is made."""
    if not isinstance(value, kind):
        got = f"the class {value.__name__} itself" if isinstance(value, type) else f"{type(value).__name__} {shown(value)}"
        raise InvalidSetting(f"{name} must be a {kind.__name__}, such as {example}, got {got}")


def list_of(name: str, values: Any, what: str) -> list[Any]:
    """Return ``values`` as a list; ``what`` says what it should be.

    Raises:
        InvalidSetting: it is a text, or nothing that can be listed.
    """
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise InvalidSetting(f"{name} must be a list of {what}, got {type(values).__name__} {shown(values)}")
    return list(values)


def numbers(name: str, values: Any, error: type[SurrogateError] = InvalidSetting) -> NDArray[np.float64]:
    """Return ``values`` as an array of float64, of whatever shape.

    Raises:
        error: they are no real numbers, or rows of unequal length.
    """
    try:
        if np.iscomplexobj(values):
            raise TypeError("complex numbers have no order")
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as wrong:
        raise error(f"{name} must be numbers, in rows of equal length, got {shown(values)}") from wrong


def nearest(name: Any, known: Iterable[str]) -> str:
    """Return `` (did you mean NAME?)`` for the nearest of the known names; empty where none is near, or for what is no text."""
    if not isinstance(name, str):
        return ""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    if not near:
        folded = {other.casefold(): other for other in known}
        near = [folded[name.casefold()]] if name.casefold() in folded else []
    return f" (did you mean {near[0]}?)" if near else ""


def shown(value: Any) -> str:
    """Return a value as one short line."""
    return f"{' '.join(repr(value).split()):.60}"


def first_line(error: BaseException) -> str:
    """Return the first line of what another package's error says; the name of its class if it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def is_number(value: Any) -> bool:
    """Whether a value is a real number: Python's or numpy's, and no truth value."""
    try:
        return not isinstance(value, (bool, str)) and math.isfinite(float(value)) | math.isinf(float(value))
    except (TypeError, ValueError):
        return False


def is_integer(value: Any) -> bool:
    """Whether a value is an integer, Python's or numpy's, and no truth value."""
    try:
        return not isinstance(value, bool) and operator.index(value) == value
    except TypeError:
        return False
