r"""Spread a budget of scholarships over applicants so that, by a network, as many as can be are expected to enrol.

Applicant :math:`s \in S` has a test score :math:`t_s` and a grade :math:`g_s`, which are numbers, and is offered
:math:`m_s \in [0, 2.5]`, in tens of thousands:

.. math::
    \max \sum_s y_s \quad\text{where}\quad y_s = f(t_s, g_s, m_s) \quad (s \in S), \qquad
    \sum_s m_s \le \beta\,|S|, \qquad 0 \le m \le 2.5.

There are as many copies of the network as applicants, each of one variable, coupled by the budget only. To offer nothing is
feasible always.

The true probability to enrol is a logistic function: better applicants are harder to win, and a larger offer adds less and
less. The network is fitted to the shares of groups of alike applicants that enrolled, which are noisy.

Source of the model: Bergman, Huang, Brooks, Lodi, Raghunathan, *JANOS: An Integrated Predictive and Prescriptive Modeling
Framework*, INFORMS Journal on Computing 2022.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyomo.environ as pyo

from surrogate.checks import require_counts, require_integer, require_number
from surrogate.models.place import Place
from surrogate.models.problems.base import ModelInstance, Samples, TrueValue, decided, fitting_network, truth_of
from surrogate.networks import FloatArray, ReluNetwork

SAMPLES = 3_000

GROUP = 20
"""Alike applicants of whom the share that enrolled is observed."""

LARGEST_OFFER = 2.5


def samples(seed: int) -> dict[str, Samples]:
    """Return what the network ``enrolment`` is fitted to: scores, grades and offers ``(n, 3)``, and shares that enrolled."""
    require_integer("seed", seed, 0)
    rng = np.random.default_rng(seed)
    base, by_score, by_grade = rng.uniform(-1.5, -0.5), rng.uniform(0.5, 1.5), rng.uniform(0.3, 1.0)
    gain, wear = rng.uniform(2.5, 4.0), rng.uniform(0.5, 1.5)

    def probability(x: FloatArray) -> FloatArray:
        score, grade, offer = (x[:, 0] - 1200.0) / 150.0, (x[:, 1] - 3.0) / 0.4, x[:, 2]
        pull = base - by_score * score - by_grade * grade + gain * (1.0 - np.exp(-wear * offer)) * (1.0 + 0.3 * np.tanh(score))
        return 1.0 / (1.0 + np.exp(-pull))

    x = np.column_stack([_applicants(rng, SAMPLES), rng.uniform(0.0, LARGEST_OFFER, SAMPLES)])
    return {"enrolment": Samples(x, rng.binomial(GROUP, probability(x)) / GROUP, probability)}


def build(networks: Mapping[str, ReluNetwork], seed: int, students: int = 100, budget: float = 0.3) -> ModelInstance:
    r"""Return the model; ``networks`` are those that were fitted to :func:`samples` of the same seed.

    Args:
        students: how many apply, each with a copy of the network.
        budget: :math:`\beta`, the mean offer that can be paid.

    Raises:
        InvalidSetting: a parameter that is not allowed.
    """
    data = samples(seed)["enrolment"]
    require_counts(students=students)
    require_number("budget", budget, "a number of at least 0", lambda value: value >= 0.0)
    network = fitting_network(networks, "enrolment", data)
    applicants = _applicants(np.random.default_rng([seed, 1]), students).tolist()

    model = pyo.ConcreteModel("scholarship")
    model.offer = pyo.Var(range(students), bounds=(0.0, LARGEST_OFFER))
    model.enrols = pyo.Var(range(students))
    model.budget = pyo.Constraint(expr=sum(model.offer.values()) <= budget * students)
    model.enrolment = pyo.Objective(expr=sum(model.enrols.values()), sense=pyo.maximize)
    inputs = [[*applicants[s], model.offer[s]] for s in range(students)]
    places = [Place(inputs[s], [model.enrols[s]], network) for s in range(students)]

    def true_value() -> TrueValue:
        offered = np.concatenate([decided(each) for each in inputs])
        return TrueValue(float(truth_of(data)(offered).sum()), 0.0)

    return ModelInstance(model, places, true_value)


def _applicants(rng: np.random.Generator, count: int) -> FloatArray:
    """Return scores from 600 to 1600 and grades from 1 to 4, ``(n, 2)``, which go together."""
    talent = rng.normal(size=count)
    score = np.clip(1200.0 + 150.0 * (0.7 * talent + 0.7 * rng.normal(size=count)), 600.0, 1600.0)
    grade = np.clip(3.0 + 0.4 * (0.7 * talent + 0.7 * rng.normal(size=count)), 1.0, 4.0)
    return np.column_stack([score, grade])
