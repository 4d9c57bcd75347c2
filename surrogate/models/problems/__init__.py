"""Built-in problems: a module each, with ``samples(seed, ...)`` to fit networks to and ``build(networks, seed, ...)``.

A module of a user's that has a ``build`` of this form is a problem too. To add one here, write the module and list it.
"""

from __future__ import annotations

from types import ModuleType

from surrogate.models.problems import constrained
from surrogate.models.problems.base import ModelInstance, Samples, TrueValue

PROBLEMS: dict[str, ModuleType] = {module.__name__.rpartition(".")[2]: module for module in (constrained,)}
"""Every built-in problem by its name."""

__all__ = ["PROBLEMS", "ModelInstance", "Samples", "TrueValue"]
