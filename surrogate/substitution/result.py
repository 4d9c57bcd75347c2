"""What an optimisation of a user's model through a surrogate answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from surrogate.networks import FloatArray
from surrogate.solvers import SolverStatus


class Outcome(StrEnum):
    """What is known about the user's model with the dense network in it."""

    FEASIBLE = "feasible"
    """The best decision found is one that the surrogate led to; it holds on the dense network too."""
    REPAIRED = "repaired"
    """The best decision found comes from a solve with the dense network in a neighbourhood of what the surrogate led to."""
    INFEASIBLE = "infeasible"
    """The solver has proven, to its tolerances, that no decision holds on the dense network."""
    UNRESOLVED = "unresolved"
    """No decision was found and none was excluded: the time was up, or repair was not wanted."""


@dataclass(frozen=True, eq=False)
class Met:
    """A solution of the model with the surrogate, and what the dense network makes of it.

    Attributes:
        inputs: per place the networks' input ``(d,)``, each value the nearest one that its variable may have.
        surrogate_objective: the model's objective with the surrogate's outputs, as the solver met it.
        dense_objective: with the dense network's outputs at these inputs, the other variables optimised anew; None if no
            values of theirs satisfy the model, or the time was up.
        violations: by how much each constraint, or a variable's bounds or domain, is violated with the dense network's
            outputs and the other variables as the surrogate's solution had them; only what exceeds the tolerance.
        feasible: whether ``dense_objective`` could be reached; None if the time was up before it was known.
        seconds: when it was met, counted from the start of the call.
    """

    inputs: tuple[FloatArray, ...]
    surrogate_objective: float
    dense_objective: float | None
    violations: Mapping[str, float]
    feasible: bool | None
    seconds: float


@dataclass(frozen=True)
class Attempt:
    """One solve with the dense network in a neighbourhood.

    Attributes:
        radius: how far each input could move from the centre, as a share of its variable's range; 1 is the whole box.
        status: how the solver ended; None if it failed.
        failure: the solver's words if it failed (a model beyond its licence, say), else None; what was known before stands.
        objective: of the decision found, checked in float64 on the dense network; None if there is none.
        dual_bound: the solver's bound, moved outward by its tolerances, valid inside this neighbourhood; None if it states
            none, or if the model's numbers leave it in doubt (``Solution.doubt``).
        excludes: whether no decision in this neighbourhood holds, to the solver's tolerances.
        binaries: integer columns of the model.
        seconds: bounds, building and solving.
    """

    radius: float
    status: SolverStatus | None
    failure: str | None
    objective: float | None
    dual_bound: float | None
    excludes: bool
    binaries: int
    seconds: float


@dataclass(frozen=True, eq=False)
class SubstitutionResult:
    """The answer; the model's variables hold the same decision.

    Attributes:
        outcome: one of :class:`Outcome`.
        objective: of the best decision that holds on the dense network; None if none was found. Where it is not None, every
            constraint, bound and domain of the model was evaluated in float64 with ``outputs`` and holds to the tolerance.
        inputs: per place the network's input ``(d,)`` of that decision; empty without one.
        outputs: per place ``dense(inputs)`` ``(o,)``; empty without one.
        dual_bound: bound on the objective of the model with the dense network (from above when maximising), where a solve
            covered all of it; None otherwise, where nothing is feasible, and where weights or bounds are so extreme that the
            solver's tolerances hide too much (``Solution.doubt``). It has the solver's own error added, as far as every
            variable has bounds or an equation that gives it some; else it is exact to the solver's tolerances only. A
            surrogate's bound is none.
        surrogate_status: how the solve with the surrogate ended; ``infeasible`` says nothing about the dense network; None if
            the solver failed.
        surrogate_failure: the solver's words if it failed there, else None; what it had met stands, and was repaired.
        surrogate_bound: the solver's bound on the model with the surrogate in it.
        met: the solutions of that solve, in the order in which they were met; the last is its best.
        repairs: the attempts to repair or to improve, in their order.
        sparsity: per place the share of the dense network's weights that the surrogate lacks.
        timings: ``prune_seconds``, ``surrogate_seconds`` (bounds, building and solving), ``check_seconds``,
            ``repair_seconds`` and ``total_seconds``.
        work: ``nodes`` and ``simplex_iterations`` of all solves.
        size: of the model with the surrogate: ``binaries``, ``rows``, ``columns``, ``nonzeros``; empty if the solver failed.
    """

    outcome: Outcome
    objective: float | None
    inputs: tuple[FloatArray, ...]
    outputs: tuple[FloatArray, ...]
    dual_bound: float | None
    surrogate_status: SolverStatus | None
    surrogate_failure: str | None
    surrogate_bound: float | None
    met: tuple[Met, ...]
    repairs: tuple[Attempt, ...]
    sparsity: tuple[float, ...]
    timings: Mapping[str, float]
    work: Mapping[str, int]
    size: Mapping[str, int]

    @property
    def surrogate_objective(self) -> float | None:
        """The surrogate's own optimum, or the best it met; None if it met nothing."""
        return self.met[-1].surrogate_objective if self.met else None

    @property
    def dense_objective(self) -> float | None:
        """The objective with the dense network at that same decision; None if it doesn't hold there."""
        return self.met[-1].dense_objective if self.met else None
