"""Configurations as dotted keys: ``pruning.amount`` is the key ``amount`` in the section ``pruning``."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested configuration as ``{"pruning.amount": 0.8, ...}``."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def is_in(key: str, sections: Iterable[str]) -> bool:
    """Say whether a dotted key is one of these sections or keys, or inside one of them."""
    return _is_in(key, tuple(sections))


@functools.lru_cache(maxsize=65536)
def _is_in(key: str, sections: tuple[str, ...]) -> bool:
    return key in sections or key.startswith(tuple(f"{section}." for section in sections))
