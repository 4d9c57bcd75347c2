r"""Standard test functions of global optimisation, as data to train networks on.

Inputs are scaled from the function's usual domain to :math:`[0, 1]^d`. Values are negated, so that a search for the largest
output looks for the function's known minimum, and standardised over the training points, so that one learning rate serves all.

Source of formulas and domains: Surjanovic and Bingham, *Virtual Library of Simulation Experiments: Test Functions and
Datasets*, Simon Fraser University.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from surrogate.checks import numbers, require_name
from surrogate.data.dataset import Dataset, read_only
from surrogate.data.recipe import Recipe
from surrogate.errors import InvalidSetting
from surrogate.networks import FloatArray
from surrogate.rules import COUNT, one_of
from surrogate.settings import setting

TRAIN_POINTS, TEST_POINTS = 20_000, 4_000
"""Points drawn uniformly, always the same ones for the same number of inputs."""

LARGEST_INPUTS = 1_000


@dataclass(frozen=True)
class TestFunction:
    """A function to be minimised.

    Attributes:
        lower: lower end of the domain of every coordinate; ``upper`` likewise.
        formula: from points ``(n, d)`` of the domain to values ``(n,)``.
        least_inputs: the smallest ``d`` for which the formula says something.
    """

    __test__ = False  # for pytest, which takes the name for a test's

    lower: float
    upper: float
    formula: Callable[[FloatArray], FloatArray]
    least_inputs: int = 1

    @property
    def input_counts(self) -> range:
        """How many inputs it may have."""
        return range(self.least_inputs, LARGEST_INPUTS + 1)


def _ackley(x: FloatArray) -> FloatArray:
    length, waves = np.sqrt((x**2).mean(axis=1)), np.cos(2.0 * np.pi * x).mean(axis=1)
    return -20.0 * np.exp(-0.2 * length) - np.exp(waves) + 20.0 + np.e


def _griewank(x: FloatArray) -> FloatArray:
    return (x**2).sum(axis=1) / 4000.0 - np.cos(x / np.sqrt(np.arange(1, x.shape[1] + 1))).prod(axis=1) + 1.0


def _levy(x: FloatArray) -> FloatArray:
    w = 1.0 + (x - 1.0) / 4.0
    inner = (w[:, :-1] - 1.0) ** 2 * (1.0 + 10.0 * np.sin(np.pi * w[:, :-1] + 1.0) ** 2)
    last = (w[:, -1] - 1.0) ** 2 * (1.0 + np.sin(2.0 * np.pi * w[:, -1]) ** 2)
    return np.sin(np.pi * w[:, 0]) ** 2 + inner.sum(axis=1) + last


def _rastrigin(x: FloatArray) -> FloatArray:
    return (x**2 - 10.0 * np.cos(2.0 * np.pi * x) + 10.0).sum(axis=1)


def _rosenbrock(x: FloatArray) -> FloatArray:
    return (100.0 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1.0 - x[:, :-1]) ** 2).sum(axis=1)


def _styblinski_tang(x: FloatArray) -> FloatArray:
    return 0.5 * (x**4 - 16.0 * x**2 + 5.0 * x).sum(axis=1)


FUNCTIONS: dict[str, TestFunction] = {
    "ackley": TestFunction(-32.768, 32.768, _ackley),
    "griewank": TestFunction(-600.0, 600.0, _griewank),
    "levy": TestFunction(-10.0, 10.0, _levy),
    "rastrigin": TestFunction(-5.12, 5.12, _rastrigin),
    "rosenbrock": TestFunction(-5.0, 10.0, _rosenbrock, least_inputs=2),
    "styblinski_tang": TestFunction(-5.0, 5.0, _styblinski_tang),
}
"""Every function by its name."""


def evaluate(name: str, points: ArrayLike) -> FloatArray:
    r"""Return the function's own values ``(n,)``, neither negated nor standardised, at points ``(n, d)`` of :math:`[0, 1]^d`.

    Raises:
        InvalidSetting: an unknown function, or points that it does not take.
    """
    x = numbers("points", points)
    if x.ndim != 2:
        raise InvalidSetting(f"points must have shape (n, d), got {x.shape}")
    function = _function(name, x.shape[1])
    return function.formula(function.lower + x * (function.upper - function.lower))


@dataclass(frozen=True)
class FunctionPoints(Recipe):
    """Points of a test function of so many inputs; see :func:`sample`.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    name: ClassVar[str] = "function"

    function: str = setting(None, one_of(*FUNCTIONS))
    inputs: int = setting(None, COUNT)

    def load(self) -> Dataset:
        return sample(self.function, self.inputs)


def sample(name: str, inputs: int) -> Dataset:
    """Return TRAIN_POINTS and TEST_POINTS points of a function of ``inputs`` variables, as a data set without a side.

    Its ``images`` are points of the unit box ``(n, d)``, its ``labels`` standardised negated values ``(n,)`` in float64.

    Raises:
        InvalidSetting: an unknown function, or a number of inputs that it does not take.

    Example:
        >>> data = sample("rastrigin", 3)
        >>> data.train_images.shape, data.train_labels.shape
        ((20000, 3), (20000,))
    """
    _function(name, inputs)
    points = np.random.default_rng(0).uniform(size=(TRAIN_POINTS + TEST_POINTS, inputs)).astype(np.float32)
    values = -evaluate(name, points)
    values = (values - values[:TRAIN_POINTS].mean()) / values[:TRAIN_POINTS].std()
    read_only(points, values)
    return Dataset(
        name,
        None,
        points[:TRAIN_POINTS],
        values[:TRAIN_POINTS],
        points[TRAIN_POINTS:],
        values[TRAIN_POINTS:],
        hashlib.sha256(points.tobytes() + values.tobytes()).hexdigest()[:16],
    )


def _function(name: str, inputs: int) -> TestFunction:
    require_name("function", name, FUNCTIONS)
    counts = FUNCTIONS[name].input_counts
    if isinstance(inputs, bool) or not isinstance(inputs, int) or inputs not in counts:
        expected = f"an integer from {counts[0]} to {counts[-1]}"
        raise InvalidSetting(f"{name} takes {expected} as its number of inputs, got {inputs!r}")
    return FUNCTIONS[name]
