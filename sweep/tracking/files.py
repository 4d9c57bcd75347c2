"""The texts that become artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The one in C takes a tenth of the time."""


def write(folder: str, name: str, text: str) -> None:
    """Write a text into a folder."""
    (Path(folder) / name).write_text(text, encoding="utf-8")


def yaml_text(config: Mapping[str, Any]) -> str:
    """Return a configuration as YAML, its keys in their order."""
    return str(yaml.dump(dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True))
