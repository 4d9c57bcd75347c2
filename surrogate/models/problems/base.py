"""What a problem is: networks to be fitted, and a Pyomo model with places for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyomo.environ import value

from surrogate.checks import require_kind
from surrogate.errors import InvalidSetting
from surrogate.models.place import Place
from surrogate.networks import FloatArray, ReluNetwork

Function = Callable[[FloatArray], FloatArray]
"""From points ``(n, d)`` to values ``(n,)``."""


@dataclass(frozen=True, eq=False)
class Samples:
    """What one network of a problem is fitted to.

    Attributes:
        x: points ``(n, d)``.
        y: values ``(n,)`` (floats) of a function, or classes ``(n,)`` (integers).
        truth: the function that ``y`` comes from, without noise; for classes a score that is positive for class 1. None where
            only the samples are known.
    """

    x: FloatArray
    y: NDArray[Any]
    truth: Function | None = None

    @property
    def is_regression(self) -> bool:
        """Whether ``y`` are values and no classes."""
        return self.y.dtype.kind == "f"

    @property
    def outputs(self) -> int:
        """Number of outputs of a network for these samples."""
        return 1 if self.is_regression else int(self.y.max()) + 1

    @property
    def sizes(self) -> tuple[int, int]:
        """Inputs and outputs of a network for these samples."""
        return self.x.shape[1], self.outputs

    def part(self, rows: NDArray[np.intp]) -> Samples:
        """Return the samples of these rows."""
        return Samples(self.x[rows], self.y[rows], self.truth)


@dataclass(frozen=True)
class TrueValue:
    """A decision under the functions that the networks were fitted to.

    Attributes:
        value: the model's objective, with the functions' values for the networks' outputs.
        violation: the largest violation of a constraint on those values, relative to the larger of 1 and its side; 0.0 without
            one.
    """

    value: float
    violation: float


@dataclass(frozen=True, eq=False)
class ModelInstance:
    """One question.

    Attributes:
        model: a Pyomo model, which says nothing of the networks.
        places: where the networks sit in it.
        true_value: reads the decision that the model's variables hold and says what it is worth in truth; None where the truth
            is not known.
    """

    model: Any
    places: Sequence[Place]
    true_value: Callable[[], TrueValue] | None = None


class Units(NamedTuple):
    """The units of a generator's features: ``low + u * width`` for ``u`` in the unit box, all of shape ``(d,)``.

    Features of a table differ in size by orders of magnitude, and so do these.
    """

    low: FloatArray
    width: FloatArray

    @classmethod
    def draw(cls, rng: np.random.Generator, features: int) -> Units:
        """Return units whose widths go from 0.1 to 100."""
        width = 10.0 ** rng.uniform(-1.0, 2.0, features)
        return cls(width * rng.uniform(size=features), width)

    def from_box(self, u: FloatArray) -> FloatArray:
        """Return points in the units, from points of the unit box."""
        return self.low + u * self.width

    def to_box(self, x: FloatArray) -> FloatArray:
        """Return points of the unit box, from points in the units."""
        return (x - self.low) / self.width


def random_quadratic(rng: np.random.Generator, inputs: int) -> Function:
    """Return a random quadratic, neither convex nor concave, with its saddle near the unit box."""
    A, b, c = rng.normal(size=(inputs, inputs)), rng.normal(size=inputs), rng.uniform(size=inputs)

    def quadratic(x: FloatArray) -> FloatArray:
        return np.einsum("ni,ij,nj->n", x - c, A, x - c) + (x - c) @ b

    return quadratic


def standardised(function: Function, x: FloatArray) -> Function:
    """Return the function shifted and scaled to mean 0 and deviation 1 over ``x``: one learning rate then serves all."""
    values = function(x)
    mean, deviation = float(np.mean(values)), float(np.std(values))

    def scaled(points: FloatArray) -> FloatArray:
        return (function(points) - mean) / deviation

    return scaled


def fitting_network(networks: Mapping[str, ReluNetwork], name: str, data: Samples) -> ReluNetwork:
    """Return the network of that name.

    Raises:
        InvalidSetting: there is none, or it has not the sizes that the samples ask for.
    """
    if name not in networks:
        raise InvalidSetting(f"the problem needs a network named {name}, got {', '.join(map(str, networks)) or 'none'}")
    network = networks[name]
    require_kind(f"the network {name}", network, ReluNetwork, "ReluNetwork.load(path)")
    sizes, expected = (network.input_size, network.output_size), data.sizes
    if sizes != expected:
        raise InvalidSetting(
            f"the network {name} must have {expected[0]} inputs and {expected[1]} outputs for these parameters, got {network!r}"
        )
    return network


def truth_of(data: Samples) -> Function:
    """Return the function that a generator's samples come from."""
    assert data.truth is not None, "only asked where the samples come from a generator"
    return data.truth


def decided(inputs: Sequence[Any]) -> FloatArray:
    """Return the values ``(1, d)`` of a place's inputs, at the decision that the model's variables hold.

    Raises:
        InvalidSetting: a variable has no value yet.
    """
    for item in inputs:
        if value(item, exception=False) is None:
            raise InvalidSetting(f"the model holds no decision yet: {item} has no value")
    return np.array([[float(value(item)) for item in inputs]])


def shortfall(reached: float, threshold: float) -> float:
    """Return by how much a value is below its threshold, relative to the larger of 1 and the threshold's size."""
    return max(0.0, threshold - reached) / max(1.0, abs(threshold))
