"""The problems that a configuration can name for task=model."""

from __future__ import annotations

from collections.abc import Iterable

PYTHON = "python"
"""The value of ``model.problem`` with which ``model.function`` names a problem of the user's."""


def problems() -> Iterable[str]:
    from surrogate.models.problems import PROBLEMS

    return (*PROBLEMS, PYTHON)
