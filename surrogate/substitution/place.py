"""Where a network sits in a user's model, and how one network is put there, or taken out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from surrogate import bounds as bound_methods
from surrogate.checks import require_kind
from surrogate.domain_parts import domain_parts
from surrogate.errors import InvalidSetting
from surrogate.formulation import Embedding, Formulation, embed
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.region import Region
from surrogate.variables import variables_of


@dataclass(frozen=True, eq=False)
class Place:
    """One use of a network in a Pyomo model: ``outputs = f(inputs)``, which the model itself does not state.

    Attributes:
        inputs: ``d`` variables of the model, each with finite bounds or fixed.
        outputs: ``o`` other variables of the model, not fixed; constraints and the objective use them as they like.
        dense: the network that counts.
        surrogate: the network to solve with, of the same input and output sizes, or how to prune one from ``dense``; a method
            that is for one region gets the box of the inputs, one that needs data is for you to call (``pruning.prune``).

    Raises:
        InvalidSetting: variables that are none, too few or too many, given twice, without finite bounds, with a domain that is
            not of numbers, or outputs that are fixed or not continuous; a surrogate of other sizes.
    """

    inputs: Sequence[Any]
    outputs: Sequence[Any]
    dense: ReluNetwork
    surrogate: ReluNetwork | Pruning

    def __post_init__(self) -> None:
        require_kind("dense", self.dense, ReluNetwork, "ReluNetwork.load(path)")
        if not isinstance(self.surrogate, (ReluNetwork, Pruning)):
            raise InvalidSetting(
                f"surrogate must be a ReluNetwork or a Pruning('magnitude', amount=0.5), got {self.surrogate!r}"
            )
        for role, size in (("inputs", self.dense.input_size), ("outputs", self.dense.output_size)):
            variables = variables_of(role, getattr(self, role))
            if len(variables) != size:
                raise InvalidSetting(f"the dense network has {size} {role}, got {len(variables)} variables")
            object.__setattr__(self, role, variables)
        every = [*self.inputs, *self.outputs]
        seen: set[int] = set()
        for variable in every:
            if id(variable) in seen:
                raise InvalidSetting(f"variable {variable.name} is given twice: inputs and outputs must be different variables")
            seen.add(id(variable))
        for variable in self.outputs:
            parts = domain_parts(variable)
            if len(parts) != 1 or parts[0].step:
                raise InvalidSetting(
                    f"output {variable.name} has the domain {variable.domain}: a network's outputs are real numbers"
                )
            if variable.fixed:
                raise InvalidSetting(
                    f"output {variable.name} is fixed: give it bounds or a constraint, its value is the network's"
                )
        if isinstance(self.surrogate, ReluNetwork) and (self.surrogate.input_size, self.surrogate.output_size) != (
            self.dense.input_size,
            self.dense.output_size,
        ):
            raise InvalidSetting(
                f"surrogate and dense network must have equal input and output sizes: {self.surrogate!r}, {self.dense!r}"
            )
        for variable in self.inputs:
            domain_parts(variable)
        self.box()

    def box(self) -> Region:
        """Return where the inputs' own bounds, or fixed values, let them go.

        Raises:
            InvalidSetting: an input has no finite bounds, or bounds that cross.
        """
        limits = [(v.value, v.value) if v.fixed else v.bounds for v in self.inputs]
        for variable, (low, high) in zip(self.inputs, limits, strict=True):
            if low is None or high is None or not (np.isfinite([low, high]).all() and low <= high):
                raise InvalidSetting(
                    f"input {variable.name} has the bounds {low} to {high}: every input needs finite ones, "
                    "lower first, or a fixed value"
                )
        return Region([low for low, _ in limits], [high for _, high in limits])

    def sparse(self) -> ReluNetwork:
        """Return the surrogate, pruned from the dense network where it was given as a :class:`Pruning`."""
        return (
            self.surrogate if isinstance(self.surrogate, ReluNetwork) else prune(self.surrogate, self.dense, region=self.box())
        )

    def near(self, x: ArrayLike, radius: float) -> Region:
        """Return the part of the box in which every input is at most ``radius`` of its range away from ``x`` ``(d,)``."""
        whole = self.box()
        center = np.clip(np.asarray(x, dtype=np.float64), whole.lower, whole.upper)
        reach = radius * (whole.upper - whole.lower)
        return Region(np.maximum(whole.lower, center - reach), np.minimum(whole.upper, center + reach), center)


def write_networks(
    block: Any,
    places: Sequence[Place],
    networks: Sequence[ReluNetwork],
    regions: Sequence[Region],
    bounds: str | bound_methods.BoundMethod,
    formulation: str | Formulation,
) -> list[Embedding]:
    """State in ``block`` that each place's outputs are its network's and that its inputs stay in its region (a box).

    Adds ``place[i].network`` (what the formulation adds), ``place[i].link[o]`` and ``place[i].near[j]``.
    """
    block.place = pyo.Block(range(len(places)))
    embeddings = []
    for i, (place, network, region) in enumerate(zip(places, networks, regions, strict=True)):
        here = block.place[i]
        here.network = pyo.Block()
        embedding = embed(
            here.network, network, place.inputs, bound_methods.method(bounds).compute(network, region), formulation
        )
        pairs = list(zip(place.outputs, embedding.outputs, strict=True))
        here.link = pyo.Constraint(range(len(pairs)), rule=lambda _, o, pairs=pairs: pairs[o][0] - pairs[o][1] == 0.0)
        low, high, whole = region.lower.tolist(), region.upper.tolist(), place.box()
        narrowed = (region.lower > whole.lower) | (region.upper < whole.upper)
        here.near = pyo.Constraint(
            [j for j in np.flatnonzero(narrowed).tolist() if not place.inputs[j].fixed],
            rule=lambda _, j, place=place, low=low, high=high: (low[j], place.inputs[j], high[j]),
        )
        embeddings.append(embedding)
    return embeddings


def pin(block: Any, variables: Sequence[Any], values: FloatArray) -> None:
    """State in ``block``, as rows with the solver's tolerance, that each of the variables (none fixed) has its value."""
    held = values.tolist()
    block.pinned = pyo.Constraint(range(len(held)), rule=lambda _, j: variables[j] == held[j])
