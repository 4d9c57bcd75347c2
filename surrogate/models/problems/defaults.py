"""The parameters that the two functions of a problem take, and their defaults."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from surrogate.checks import is_integer, shown
from surrogate.errors import InvalidSetting

REQUIRED = inspect.Parameter.empty
"""Stands for the default of a parameter that has none."""

NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
"""The kinds of arguments that are given by name."""


def signature(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return _of_function(function) if isinstance(function, FunctionType) else inspect.signature(function).parameters


@functools.lru_cache(maxsize=256)
def _of_function(function: FunctionType) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function, found once: a plan of many trials asks for them again and again."""
    return inspect.signature(function).parameters


def require_same_defaults(problem: str, build: Callable[..., Any], samples: Callable[..., Any]) -> None:
    """Raise InvalidSetting where a parameter of both functions has two defaults: nobody could tell which one counts."""
    first, second = signature(build), signature(samples)
    for name in (one for one in first if one in second and one != "seed"):
        mine, other = first[name].default, second[name].default
        if mine is not REQUIRED and other is not REQUIRED and not _same(mine, other):
            raise InvalidSetting(
                f"{problem}: the parameter {name} has the default {shown(mine)} in build and {shown(other)} in samples: "
                "give both the same, since one value goes to both"
            )


def as_default(given: Any, default: Any) -> Any:
    """Return a parameter as its default is written: a whole number as a float where that is one."""
    return float(given) if is_integer(given) and isinstance(default, float) else given


def _same(one: Any, other: Any) -> bool:
    """Whether two defaults are the same; of arrays, the numbers in them."""
    return one is other or bool(np.array_equal(one, other))
