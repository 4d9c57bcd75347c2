r"""A network in the objective and one in a constraint: :math:`\min f(x)` where :math:`g(x) \ge t`, over the unit box.

``f`` and ``g`` are random quadratics of ``inputs`` variables, standardised over the samples; ``t`` is the network's own median
over the samples plus ``above``. Nothing else is in the model: what is hard is the networks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyomo.environ as pyo

from surrogate.checks import require_counts, require_integer, require_number
from surrogate.errors import InvalidSetting
from surrogate.models.place import Place
from surrogate.models.problems.base import (
    ModelInstance,
    Samples,
    TrueValue,
    decided,
    fitting_network,
    random_quadratic,
    shortfall,
    standardised,
    truth_of,
)
from surrogate.networks import ReluNetwork

SAMPLES = 3_000


def samples(seed: int, inputs: int = 6) -> dict[str, Samples]:
    """Return what the networks ``objective`` and ``constraint`` are fitted to."""
    require_integer("seed", seed, 0)
    require_counts(inputs=inputs)
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(SAMPLES, inputs))
    found = {}
    for name in ("objective", "constraint"):
        truth = standardised(random_quadratic(rng, inputs), x)
        found[name] = Samples(x, truth(x), truth)
    return found


def build(networks: Mapping[str, ReluNetwork], seed: int, inputs: int = 6, above: float = 1.0) -> ModelInstance:
    """Return the model; ``networks`` are those that were fitted to :func:`samples` of the same seed and inputs.

    Raises:
        InvalidSetting: a parameter that is not allowed, or ``above`` beyond all values that the network has over the samples.
    """
    data = samples(seed, inputs)
    require_number("above", above, "a finite number", lambda value: True)
    objective, constraint = (fitting_network(networks, name, data[name]) for name in ("objective", "constraint"))
    values = constraint(data["constraint"].x)
    threshold = float(np.median(values)) + above
    if threshold > values.max():
        most = float(values.max() - np.median(values))
        raise InvalidSetting(f"above={above} is not allowed: no sample is that far above the median, the largest is {most:.3g}")
    model = pyo.ConcreteModel("constrained")
    model.x = pyo.Var(range(inputs), bounds=(0, 1))
    model.f = pyo.Var()
    model.g = pyo.Var()
    model.enough = pyo.Constraint(expr=model.g >= threshold)
    model.cost = pyo.Objective(expr=model.f)
    x = list(model.x.values())
    places = [Place(x, [model.f], objective), Place(x, [model.g], constraint)]

    def true_value() -> TrueValue:
        f, g = (float(truth_of(data[name])(decided(x))[0]) for name in ("objective", "constraint"))
        return TrueValue(f, shortfall(g, threshold))

    return ModelInstance(model, places, true_value)
