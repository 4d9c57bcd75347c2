"""What a problem is: networks to be fitted, and a Pyomo model with places for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyomo.environ import Objective, maximize, value

from surrogate.checks import numbers, require_kind, shown
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

    Lists are taken as arrays, integer points as floats, and truth values as the classes 0 and 1.

    Raises:
        InvalidSetting: another form of ``x`` or ``y``, not as many of one as of the other, or none; numbers that are not
            finite.

    Example:
        >>> Samples([[1, 2], [3, 4]], [0.5, 1.5]).sizes
        (2, 1)
    """

    x: FloatArray
    y: NDArray[Any]
    truth: Function | None = None

    def __post_init__(self) -> None:
        x, y = _points(self.x), _values(self.y)
        if len(x) != len(y) or not len(x):
            raise InvalidSetting(
                f"Samples(x, y) needs a value for each point, at least one, got {len(x)} points and {len(y)} values"
            )
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

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

    A single place may stand for a list of it.

    Raises:
        InvalidSetting: places that are none, or a ``true_value`` that cannot be called.
    """

    model: Any
    places: Sequence[Place]
    true_value: Callable[[], TrueValue] | None = None

    def __post_init__(self) -> None:
        form = "ModelInstance(model, [Place(inputs, outputs, network)])"
        places = [self.places] if isinstance(self.places, Place) else self.places
        listed = list(places) if isinstance(places, Iterable) else [places]
        if not all(isinstance(place, Place) for place in listed):
            raise InvalidSetting(f"places must be Place objects, as in {form}, got {type(places).__name__} {shown(places)}")
        if self.true_value is not None and not callable(self.true_value):
            raise InvalidSetting(
                f"true_value must be a function that returns TrueValue(value, violation), or None, got {shown(self.true_value)}"
            )
        object.__setattr__(self, "places", listed)

    @property
    def maximises(self) -> bool:
        """Whether larger values of the model's objective are better."""
        return bool(next(self.model.component_data_objects(Objective, active=True)).sense == maximize)


def _points(given: Any) -> FloatArray:
    x = numbers("x of Samples(x, y)", given)
    if x.ndim != 2 or not x.shape[1]:
        one = ": write x[:, None] for points of one feature" if x.ndim == 1 else ""
        raise InvalidSetting(f"x of Samples(x, y) must be points of shape (n, d), got the shape {x.shape}{one}")
    if not np.isfinite(x).all():
        raise InvalidSetting(f"x of Samples(x, y) must be finite, got {_unusable(x)}: leave out the points without a number")
    array = np.asarray(given)
    return array if array.dtype.kind == "f" else x


def _values(given: Any) -> NDArray[Any]:
    y = np.asarray(numbers("y of Samples(x, y)", given))
    if y.ndim != 1:
        one = ": write y[:, 0]" if y.ndim == 2 and y.shape[1] == 1 else ", and a network has samples of one output"
        raise InvalidSetting(f"y of Samples(x, y) must be values of shape (n,), got the shape {y.shape}{one}")
    if not np.isfinite(y).all():
        raise InvalidSetting(f"y of Samples(x, y) must be finite, got {_unusable(y)}: leave out the points without a value")
    array = np.asarray(given)
    if array.dtype.kind == "f":
        return array
    if array.dtype.kind not in "iub":
        return y
    if (y < 0).any():
        raise InvalidSetting(
            f"y of Samples(x, y) are integers, which are classes and counted from 0, got {y.min():g}: values are floats, as in "
            "y.astype(float)"
        )
    return array.astype(np.int64) if array.dtype.kind == "b" else array


def _unusable(array: FloatArray) -> str:
    bad = array[~np.isfinite(array)]
    return f"{bad[0]} {len(bad)} times" if len(bad) > 1 else f"{bad[0]}"


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
