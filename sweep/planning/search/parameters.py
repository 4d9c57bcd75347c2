"""Swept keys as Optuna's parameters: in one form for the estimator, in another for people who read a study."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweep.planning.swept_keys import DIGITS, Choices, Dimension, SweptInterval


def distribution(dimension: Dimension) -> BaseDistribution:
    """Return a dimension for the estimator: listed values by their places, as integers where near places have like values."""
    if not isinstance(dimension, Choices):
        return _interval(dimension)
    if dimension.ordered:
        return IntDistribution(0, len(dimension.values) - 1)
    return CategoricalDistribution(range(len(dimension.values)))


def value(dimension: Dimension, parameter: Any) -> Any:
    """Return the value of a key for what the estimator says."""
    if isinstance(dimension, Choices):
        return dimension.values[parameter]
    if dimension.integer:
        return parameter
    return min(max(float(f"{parameter:.{DIGITS}g}"), dimension.low), dimension.high)


def readable(dimension: Dimension) -> BaseDistribution:
    """Return a dimension for people: listed values as they are written."""
    if not isinstance(dimension, Choices):
        return _interval(dimension)
    return CategoricalDistribution(tuple(dict.fromkeys(plain(one) for one in dimension.values)))


def plain(value: Any) -> Any:
    """Return a value as Optuna can keep it: a list or a dictionary as its JSON."""
    return value if isinstance(value, str | int | float | bool | None) else json.dumps(value)


def size(dimensions: Iterable[Dimension]) -> float:
    """Return how many assignments of values there are."""
    return math.prod(_length(dimension) for dimension in dimensions)


def _interval(dimension: SweptInterval) -> BaseDistribution:
    if dimension.integer:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _length(dimension: Dimension) -> float:
    if isinstance(dimension, Choices):
        return len({dimension.place(value) for value in dimension.values})
    return math.inf if dimension.options is None else len(dimension.options)
