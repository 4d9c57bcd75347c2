"""Overrides as people write them, and as Hydra takes them. Hydra adds a key that the configuration lacks only after ``++``."""

from __future__ import annotations

from collections.abc import Sequence

from sweep.config.reading import may_be_absent

_ADDS = "++"


def forced(overrides: Sequence[str]) -> list[str]:
    """Return overrides with ``++`` before each whose key the composed configuration may lack, so that Hydra adds the key."""
    return [f"{_ADDS}{one}" if "=" in one and may_be_absent(one.partition("=")[0]) else one for one in overrides]


def as_written(override: str | None) -> str:
    """Return an override without the ``++`` of :func:`forced`. In this form it is shown, kept and written again."""
    bare = str(override).removeprefix(_ADDS)
    return bare if may_be_absent(bare.partition("=")[0]) else str(override)
