"""Overrides as people write them, and as Hydra takes them: without ``++`` it adds no key that the configuration lacks."""

from __future__ import annotations

from collections.abc import Sequence

from sweep.config.reading import may_be_absent

_ADDS = "++"


def forced(overrides: Sequence[str]) -> list[str]:
    """Return overrides in which those of keys that may be absent add the key where the composed configuration lacks it."""
    return [f"{_ADDS}{one}" if "=" in one and may_be_absent(one.partition("=")[0]) else one for one in overrides]


def as_written(override: str | None) -> str:
    """Return an override without what :func:`forced` put before it: so it is shown and kept, and it can be written again."""
    bare = str(override).removeprefix(_ADDS)
    return bare if may_be_absent(bare.partition("=")[0]) else str(override)
