"""What the members of a search share: the model, what is known of its ranges, the best decision, the bound."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from surrogate.bounds import Bounds
from surrogate.models.incumbent import Incumbent
from surrogate.models.programmes.pace import NoTime, Pace
from surrogate.models.programmes.ranges import NoDecision, Ranges, find_ranges, within_reach
from surrogate.models.programmes.rows import NetworkRows
from surrogate.models.reading import UserModel
from surrogate.models.result import PlaceBounds
from surrogate.models.settings import SearchSettings
from surrogate.solvers import Solution

LIE = 1e-4
"""A solver's bound contradicts a decision that is better than the bound by more than this share of the decision's value."""

STEP_ROUNDING = 1e-4
"""A bound on an objective of whole steps that is above one by no more than this share of a step stays at that one."""


class SearchState:
    """What is known in one search.

    Attributes:
        excluded: whether it is proven that no decision holds.
        surrogate_value: the best that a model with pruned networks promised, in the model's own sense; None so far.
        failures: members that failed or had no turn, with the words of that.
        work: counts of what was done.
        sizes: by member the size of the MILP that it last handed to the solver.
        root_bounds: by member the bound that its solver had before it branched, in the model's own sense.
        dense_bounds, surrogate_bounds: per link the bounds of its network, and of the last pruned one; empty so far.
        pace: how long it takes to state MILPs.
        ranges, rows: where inputs and neurons can go, and the dense networks as rows; set by :meth:`prepare`.
    """

    ranges: Ranges
    rows: NetworkRows

    def __init__(self, model: UserModel, incumbent: Incumbent, settings: SearchSettings, deadline: float) -> None:
        self.model, self.incumbent, self.settings, self.deadline = model, incumbent, settings, deadline
        self._proved = self._told = -math.inf
        self._claim = ""
        self._unit = 1.0
        self.excluded = False
        self.surrogate_value: float | None = None
        self.failures: dict[str, str] = {}
        self.pace = Pace()
        self.work: Counter[str] = Counter()
        self.sizes: dict[str, dict[str, int]] = {}
        self.root_bounds: dict[str, float] = {}
        self.dense_bounds: Sequence[Bounds] = ()
        self.surrogate_bounds: Sequence[Bounds] = ()
        self._step = model.value_step()
        self.rng = np.random.default_rng(settings.seed)

    def prepare(self) -> bool:
        """Take the model's own values for a start and find the ranges; return False if the search ends here.

        It does where the model excludes every decision, or the time was too short to find the ranges.
        """
        start = self.model.start()
        if start is not None:
            known = self.model.complete(start[None])[0]
            if self.incumbent.offer(known, "start"):
                self.incumbent.offer(known, "start", anew=True)  # the user's values of the other variables may cost too much
        try:
            self.ranges = find_ranges(self.model, self.settings.bounds, self.settings.tolerance, self.deadline)
        except NoDecision:
            if self.incumbent.values is None:
                self.excluded = True
            else:
                self.failures["ranges"] = "HiGHS claims that the constraints contradict one another, but a decision holds"
            return False
        except NoTime as error:
            self.failures["ranges"] = str(error)
            return False
        self.dense_bounds = self.ranges.bounds
        self.rows = NetworkRows(self.model, [link.network for link in self.model.links], self.ranges.bounds)
        self._unit = self._objective_unit()
        return True

    @property
    def bound(self) -> float:
        """Lower bound on the minimised objective; minus infinity so far."""
        return min(max(self._proved, self._told), self.incumbent.value)

    def raise_bound(self, bound: float, claim: str = "", rounded: bool = True) -> None:
        """Take a lower bound on the objective of all decisions that are better than the best one.

        Args:
            bound: the bound.
            claim: what a solver claims by it, as the end of a sentence. A later decision may refute it
                (:meth:`hold_bound_against_best`). Empty for a bound that was proven here, in float64.
            rounded: up to the next value that a decision can have, where objectives go in steps and the bound is known well.
        """
        if rounded and self._step is not None and math.isfinite(bound):
            steps = math.ceil((bound - self.model.offset) / self._step - STEP_ROUNDING)
            bound = self.model.offset + steps * self._step
        bound = min(bound, self.incumbent.value)
        if not claim:
            self._proved = max(self._proved, bound)
        elif bound > self._told:
            self._told, self._claim = bound, claim

    def hold_bound_against_best(self) -> None:
        """Drop a bound of a solver that the best decision refutes, whenever that was found, and note it as a failure."""
        value = self.incumbent.value
        if self._told > value + LIE * self.size_of(value):
            self.refuted(self._claim)
            self._told = -math.inf

    def refuted(self, claim: str) -> None:
        """Note that the solver of the dense MILP claims what the best decision refutes."""
        value = self.incumbent.steps[-1].value
        self.failures["dense"] = f"{self.settings.solver.name} claims that {claim}, but one with the value {value:g} holds"

    def size_of(self, value: float) -> float:
        """Return what a gap at a minimised value is relative to: the value, or the unit of small ones."""
        return max(self._unit, abs(value)) if math.isfinite(value) else self._unit

    def _objective_unit(self) -> float:
        """Return 1, or less where the objective has a smaller range: there a gap of 1 would be all of the range."""
        low, high = within_reach(self.model.links, self.ranges.bounds, self.model.lower, self.model.upper)
        costly = np.flatnonzero(self.model.cost)
        reach = float((np.abs(self.model.cost[costly]) * np.maximum(high - low, 0.0)[costly]).sum())
        return min(1.0, reach) if reach > 0.0 else 1.0

    def place_bounds(self, bounds: Sequence[Bounds]) -> tuple[PlaceBounds, ...]:
        """Return how free networks are, in the order of the caller's places; ``bounds`` are per link."""
        by_place = sorted(zip(self.model.order, bounds, strict=False), key=lambda pair: pair[0])
        return tuple(PlaceBounds.of(one) for _, one in by_place)

    def measured(self, member: str, solution: Solution) -> None:
        """Keep the counts of work and the size that a solved MILP reports."""
        self.work.update(solution.work)
        if solution.size:
            self.sizes[member] = dict(solution.size)
        self.root_bounds.pop(member, None)
        if solution.root_bound is not None:
            self.root_bounds[member] = solution.root_bound

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to do, or no time to do it."""
        return self.decided or time.perf_counter() >= self.deadline

    @property
    def decided(self) -> bool:
        """Whether there is nothing left to do."""
        return self.excluded or self.incumbent.wants_end or self.proven

    @property
    def proven(self) -> bool:
        """Whether the best decision and the bound have met."""
        if self.incumbent.values is None:
            return False
        gap, size = self.incumbent.value - max(self._proved, self._told), self.size_of(self.incumbent.value)
        return -LIE * size <= gap <= self.settings.relative_gap * size
