r"""A network in the objective and one in a constraint: :math:`\min f(x)` where :math:`g(x) \ge t`, over the unit box.

``f`` and ``g`` are random quadratics of ``inputs`` variables, standardised over the samples; ``t`` is the network's own median
over the samples plus ``above``. Nothing else is in the model: what is hard is the networks.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pyomo.environ as pyo

from surrogate.models.place import Place
from surrogate.models.problems.base import Function, ModelInstance, Samples, TrueValue, standardised
from surrogate.networks import FloatArray, ReluNetwork

SAMPLES = 3_000


def samples(seed: int, inputs: int = 6) -> dict[str, Samples]:
    """Return what the networks ``objective`` and ``constraint`` are fitted to."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(SAMPLES, inputs))
    found = {}
    for name in ("objective", "constraint"):
        raw = _quadratic(rng, inputs)
        y, mean, deviation = standardised(raw(x))
        found[name] = Samples(x, y, functools.partial(_scaled, raw, mean, deviation))
    return found


def build(networks: Mapping[str, ReluNetwork], seed: int, inputs: int = 6, above: float = 1.0) -> ModelInstance:
    """Return the model; ``networks`` are those that were fitted to :func:`samples` of the same seed and inputs."""
    data = samples(seed, inputs)
    model = pyo.ConcreteModel("constrained")
    model.x = pyo.Var(range(inputs), bounds=(0, 1))
    model.f = pyo.Var()
    model.g = pyo.Var()
    threshold = float(np.median(networks["constraint"](data["constraint"].x))) + above
    model.enough = pyo.Constraint(expr=model.g >= threshold)
    model.cost = pyo.Objective(expr=model.f)
    x = list(model.x.values())
    places = [Place(x, [model.f], networks["objective"]), Place(x, [model.g], networks["constraint"])]

    def true_value() -> TrueValue:
        point = np.array([[v.value for v in x]])
        f, g = (float(_truth(data[name])(point)[0]) for name in ("objective", "constraint"))
        return TrueValue(f, max(0.0, threshold - g) / max(1.0, abs(threshold)))

    return ModelInstance(model, places, true_value)


def _quadratic(rng: np.random.Generator, inputs: int) -> Function:
    A, b, c = rng.normal(size=(inputs, inputs)), rng.normal(size=inputs), rng.uniform(size=inputs)

    def value(x: FloatArray) -> FloatArray:
        return np.einsum("ni,ij,nj->n", x - c, A, x - c) + (x - c) @ b

    return value


def _scaled(function: Function, mean: float, deviation: float, x: FloatArray) -> FloatArray:
    return (function(x) - mean) / deviation


def _truth(data: Samples) -> Function:
    assert data.truth is not None  # generators know theirs
    return data.truth
