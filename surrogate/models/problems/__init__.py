"""Built-in problems: a module each, with ``samples(seed, ...)`` to fit networks to and ``build(networks, seed, ...)``.

A module of a user's that has a ``build`` of this form is a problem too. To add one here, write the module and list it.

Example:
    >>> from surrogate.models import optimise
    >>> from surrogate.training import Training
    >>> problem = PROBLEMS["blending"]
    >>> networks = fit_networks(draw_samples(problem, seed=1, wines=2), [8], Training(epochs=1))
    >>> instance = problem.build(networks, seed=1, wines=2)
    >>> result = optimise(instance.model, instance.places, time_limit_seconds=0.5, members=["walks"])
    >>> result.value is not None and instance.true_value().violation == 0.0
    True
"""

from __future__ import annotations

from types import ModuleType

from surrogate.models.problems import blending, constrained, design, diet, scholarship, treatment
from surrogate.models.problems.base import ModelInstance, Samples, TrueValue
from surrogate.models.problems.fitting import draw_samples, fit_in_units, fit_networks, in_units

PROBLEMS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module for module in (constrained, blending, treatment, design, diet, scholarship)
}
"""Every built-in problem by its name."""

__all__ = [
    "PROBLEMS",
    "ModelInstance",
    "Samples",
    "TrueValue",
    "draw_samples",
    "fit_in_units",
    "fit_networks",
    "in_units",
]
