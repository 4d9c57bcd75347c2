"""What a problem is: networks to be fitted, and a Pyomo model with places for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.models.place import Place
from surrogate.networks import FloatArray

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
    def outputs(self) -> int:
        """Number of outputs of a network for these samples."""
        return 1 if self.y.dtype.kind == "f" else int(self.y.max()) + 1


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


def standardised(values: FloatArray) -> tuple[FloatArray, float, float]:
    """Return ``(values - mean) / deviation``, the mean and the deviation: one learning rate then serves all functions."""
    mean, deviation = float(np.mean(values)), float(np.std(values))
    return (values - mean) / deviation, mean, deviation
