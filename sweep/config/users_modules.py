"""The user's modules that trials import: the nodes of a running cluster have no copy, so the sweep sends them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sweep.config.task_names import task_name_in
from sweep.config.tasks import BUILT_IN, task_named


def users_modules(configs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the files and folders of the user's that some configurations import: their tasks, and what these name.

    Raises:
        ConfigError: one of them cannot be imported.
    """
    seen: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for config in configs:
        seen.setdefault((task_name_in(config), (config.get("model") or {}).get("function")), config)
    found: dict[str, None] = {}
    for (name, *_), config in seen.items():
        found |= dict.fromkeys((*task_named(name).modules(config), *_paths_of(name)))
    return list(found)


def _paths_of(task: str) -> list[str]:
    """Return the files and folders that a user's task is made of; none of a built-in one."""
    if task in BUILT_IN:
        return []
    from surrogate.models.problems import importable_paths

    return [str(path) for path in importable_paths(task)]
