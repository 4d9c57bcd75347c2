"""What every formulation of a ReLU network as constraints must offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike
from pyomo.core.expr import LinearExpression

from surrogate.bounds import Bounds
from surrogate.networks import ReluNetwork
from surrogate.settings import Configurable


@dataclass(frozen=True, eq=False)
class Embedding(ABC):
    """A network written onto variables of a Pyomo model.

    Attributes:
        network: the network that the constraints describe: equal to the one given, extreme hidden neurons rescaled
            (:func:`surrogate.formulation.scaling.normalise`).
        bounds: the pre-activation bounds that the constraints rely on.
        inputs: the Pyomo variables that carry ``x`` (``d`` of them).
        outputs: the Pyomo variables that carry ``f(x)`` (``o`` of them).
    """

    network: ReluNetwork
    bounds: Bounds
    inputs: Sequence[Any]
    outputs: Sequence[Any]

    @abstractmethod
    def set_values(self, x: ArrayLike) -> None:
        """Set every variable of the embedding, inputs included, to its value at the point ``x`` ``(d,)`` by a forward pass.

        Raises:
            InvalidSetting: not ``d`` finite numbers.
            UnsoundBounds: the forward pass leaves the bounds, so the constraints would cut this point off.
        """


@dataclass(frozen=True)
class Formulation(Configurable, ABC):
    """A way to write :math:`y = f(x)` as mixed-integer linear constraints, given pre-activation bounds."""

    components: ClassVar[tuple[str, ...]]
    """Names of all that :meth:`embed` adds to a block; a block that has one of them already is refused."""

    @abstractmethod
    def embed(self, block: Any, network: ReluNetwork, inputs: Sequence[Any], bounds: Bounds) -> Embedding:
        """Add the variables and constraints to the Pyomo ``block``."""


def linear(coefficients: list[float], variables: list[Any]) -> LinearExpression:
    """Return ``sum(coefficients[i] * variables[i])``, many times faster to build and compile than Python's ``+``."""
    return LinearExpression(linear_coefs=coefficients, linear_vars=variables)
