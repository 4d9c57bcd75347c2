"""The result of optimising a user's model with networks in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from surrogate.bounds import Bounds
from surrogate.networks import FloatArray


class Status(StrEnum):
    """What is known about the model with the dense networks in it."""

    OPTIMAL = "optimal"
    """The best decision holds, and its value and the proven bound meet."""
    FEASIBLE = "feasible"
    """A decision holds; whether a better one exists is open."""
    INFEASIBLE = "infeasible"
    """It is proven, to the solver's tolerances, that no decision holds."""
    UNRESOLVED = "unresolved"
    """No decision that holds was found, and none was excluded."""


@dataclass(frozen=True)
class Step:
    """A decision that was better than all before it.

    Attributes:
        seconds: from the start of the call.
        value: the model's objective.
        source: the member of the search that found it.
    """

    seconds: float
    value: float
    source: str


@dataclass(frozen=True)
class PlaceBounds:
    """How free the bounds leave a network at its place.

    Attributes:
        unstable: hidden neurons that can change their phase where the model lets the inputs go: the binaries of a MILP.
        big_m: the sum of both big-M constants of these, how far each neuron's input can go above and below 0.
    """

    unstable: int
    big_m: float

    @classmethod
    def of(cls, bounds: Bounds) -> PlaceBounds:
        """Return it for the bounds of a network's neurons."""
        return cls(bounds.unstable_count, bounds.big_m)


@dataclass(frozen=True, eq=False)
class ModelResult:
    """The answer; the model's variables hold the best decision.

    Attributes:
        status: see :class:`Status`.
        value: the objective of the best decision, in the model's own sense; None without one. The decision was evaluated in
            float64: outputs by the dense networks, every constraint, bound and domain held to the tolerance.
        bound: proven on the model with the dense networks, from below when minimising; None if there is none.
        surrogate_value: the best objective that a model with pruned networks promised; None if none was solved. It proves
            nothing.
        inputs: per place the network's inputs ``(d,)`` at the best decision; empty without one.
        outputs: per place ``dense(inputs)`` ``(o,)``; empty without one.
        violation: the largest violation of a constraint, bound or domain at the best decision, relative to the larger of 1 and
            the side that is violated; None without a decision.
        timeline: each decision that was better than all before it, in the order of time.
        first_feasible_seconds: seconds from the start of the call to the first decision that holds; None without one.
        seconds: what the call took.
        failures: members of the search that failed, had too little time to begin, or no turn within the limit, with the words
            of that; the result stands without them.
        work: counts of what was done: ``regions``, ``programmes``, ``points``, ``nodes``, ``simplex_iterations``.
        sizes: ``binaries``, ``rows``, ``columns`` and ``nonzeros`` of the last MILP that ``dense`` and ``surrogates`` handed to
            the solver, by the member; without one that did not.
        dense_bounds: per place how free its dense network is; empty where the model itself excludes every decision.
        surrogate_bounds: the same of the last pruned networks that were stated; empty without any.
        root_bounds: by the member, as in ``sizes``, the bound on its MILP's objective that the solver had before it branched,
            cuts included; without a member whose solver told none.
    """

    status: Status
    value: float | None
    bound: float | None
    surrogate_value: float | None
    inputs: tuple[FloatArray, ...]
    outputs: tuple[FloatArray, ...]
    violation: float | None
    timeline: tuple[Step, ...]
    seconds: float
    failures: Mapping[str, str]
    work: Mapping[str, int]
    sizes: Mapping[str, Mapping[str, int]]
    dense_bounds: tuple[PlaceBounds, ...]
    surrogate_bounds: tuple[PlaceBounds, ...]
    root_bounds: Mapping[str, float]

    @property
    def first_feasible_seconds(self) -> float | None:
        """Seconds from the start of the call to the first decision that holds; None without one."""
        return self.timeline[0].seconds if self.timeline else None

    @property
    def gap(self) -> float | None:
        """Distance between value and bound, relative to the larger of 1 and the value; None without one of the two."""
        if self.value is None or self.bound is None:
            return None
        return abs(self.value - self.bound) / max(1.0, abs(self.value))
