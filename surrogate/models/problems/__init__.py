"""Built-in problems: each is a module with ``samples(seed, ...)``, to fit networks to, and ``build(networks, seed, ...)``.

A user's module that has a ``build`` of this form is a problem too (:func:`find_problem`). To add one here, write the module and
list it in ``registry.py``.

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

from surrogate.models.problems.base import ModelInstance, Samples, TrueValue
from surrogate.models.problems.fitting import (
    Scales,
    draw_samples,
    fit_in_units,
    fit_networks,
    in_units,
    prune_in_units,
    samples_digest,
    standard_dataset,
)
from surrogate.models.problems.given_networks import MissingNetwork
from surrogate.models.problems.measures import fit_measure, fit_quality, split
from surrogate.models.problems.problem import ModelProblem, NetworkSizes
from surrogate.models.problems.registry import PROBLEMS, find_problem
from surrogate.models.problems.rehearsal import rehearse
from surrogate.models.problems.sources import importable_paths, source_digest, source_files

__all__ = [
    "PROBLEMS",
    "MissingNetwork",
    "ModelInstance",
    "ModelProblem",
    "NetworkSizes",
    "Samples",
    "Scales",
    "TrueValue",
    "draw_samples",
    "find_problem",
    "fit_in_units",
    "fit_measure",
    "fit_networks",
    "fit_quality",
    "importable_paths",
    "in_units",
    "prune_in_units",
    "rehearse",
    "samples_digest",
    "source_digest",
    "source_files",
    "split",
    "standard_dataset",
]
