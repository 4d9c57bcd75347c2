"""The types that a value of the configuration may have, what people call them, and values of them."""

from __future__ import annotations

import math
import typing
from collections.abc import Collection, Mapping
from typing import Any

from sweep.config.own_networks import NETWORKS
from sweep.errors import ConfigError

OPEN_KINDS: tuple[type, ...] = (bool, int, float, str, list, type(None))
"""The types that a value in an open section may have; sections in it have such values."""

_IN_THE_SHELL: dict[Any, str] = {
    list[str]: '["..."]',
    list[int]: "[12,16]",
    list[float]: "[0.5,0.8]",
    list[list[str]]: "[[training.seed,instances.seed]]",
}
"""How lists are written there, where they need quotes around them."""


WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a finite number",
    str: "a text",
    list[str]: "a list of texts",
    list[int]: "a list of integers",
    list[float]: "a list of finite numbers",
    list[list[str]]: "a list of lists of keys",
    type(None): "null",
}
"""What values of a type are called."""


_AS_THEY_ARE = (bool, str, type(None))
"""The types whose values mean the same whatever else is allowed; an integer may stand for a float."""


def typed(options: tuple[Any, ...], value: Any, key: str) -> Any:
    """Return a value as one of the types that its key may have. An integer becomes a float where that is the first
    of these types that it can have.

    Raises:
        ConfigError: it is of none.
    """
    kind = type(value)
    if kind in options and (kind in _AS_THEY_ARE or (kind is int and float not in options)):
        return value
    if any(typing.get_origin(option) is dict for option in options):
        if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
            return dict(value)
        example = f"{key}.cost.width=16" if key == NETWORKS else f"{key}.name=3"
        raise ConfigError(f"{key}={value!r} must be a section, of which keys are set as in {example}")
    for option in options:
        if option is float and type(value) in (int, float) and math.isfinite(value):
            return float(value)
        if option == list[int] and isinstance(value, list) and all(type(one) is int for one in value):
            return value
        if option == list[float] and isinstance(value, list) and all(type(one) in (int, float) for one in value):
            return [float(one) for one in value]
        if option == list[str] and _is_list_of_texts(value):
            return value
        if option == list[list[str]] and isinstance(value, list) and all(map(_is_list_of_texts, value)):
            return value
        if option in (bool, int, str, type(None)) and type(value) is option:
            return value
    fits = kind is float and float in options  # but is infinite or not a number, as the value itself shows
    found = "" if fits or value is None or isinstance(value, list) else f", not {kind.__name__}"
    raise ConfigError(f"{key}={shown(value)} is not allowed: it must be {expected(options, key)}{found}")


def expected(options: Collection[Any], key: str) -> str:
    """Return what the values of some types are called, and how a list is written for a key."""
    allowed = " or ".join(words for option, words in WORDS.items() if option in options)
    example = "".join(f", in the shell as in '{key}={text}'" for option, text in _IN_THE_SHELL.items() if option in options)
    return f"{allowed}{example}"


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def shown(value: Any) -> str:
    """Return a value as sentences show it."""
    if value is None:
        return "null"
    return value if isinstance(value, str) and value else repr(value)
