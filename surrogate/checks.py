"""Settings that must be numbers: one sentence for each way in which they are not."""

from __future__ import annotations

import math
import operator
from typing import Any

from surrogate.errors import InvalidSetting


def require_positive(**settings: Any) -> None:
    """Raise InvalidSetting unless every setting is a positive finite number."""
    for name, value in settings.items():
        if not is_number(value) or not 0.0 < value < math.inf:
            raise InvalidSetting(f"{name} must be positive and finite, got {value!r}")


def require_counts(**settings: Any) -> None:
    """Raise InvalidSetting unless every setting is an integer of at least 1."""
    if not all(is_integer(value) and value >= 1 for value in settings.values()):
        told = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        raise InvalidSetting(f"{' and '.join(settings)} must be at least 1 and whole, got {told}")


def require_kind(name: str, value: Any, kind: type, example: str) -> None:
    """Raise InvalidSetting unless ``value`` is of a class; ``example`` shows how one is made."""
    if not isinstance(value, kind):
        raise InvalidSetting(f"{name} must be a {kind.__name__}, such as {example}, got {type(value).__name__} {value!r:.60}")


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
