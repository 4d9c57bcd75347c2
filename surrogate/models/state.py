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
from surrogate.models.programmes.ranges import NoDecision, Ranges, find_ranges
from surrogate.models.programmes.rows import NetworkRows
from surrogate.models.reading import UserModel
from surrogate.models.result import PlaceBounds
from surrogate.models.settings import SearchSettings
from surrogate.solvers import Solution

STEP_ROUNDING = 1e-4
"""A bound on an objective of whole steps that is above one by no more than this share of a step stays at that one."""


class SearchState:
    """What is known in one search.

    Attributes:
        bound: proven lower bound on the minimised objective; minus infinity so far.
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
        self.bound = -math.inf
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
        """Find the ranges and take the model's own values for a start; return False if the search ends here.

        It does where the model excludes every decision, or the time was too short to find the ranges.
        """
        try:
            self.ranges = find_ranges(self.model, self.settings.bounds, self.settings.tolerance, self.deadline)
        except NoDecision:
            self.excluded = True
            return False
        except NoTime as error:
            self.failures["ranges"] = str(error)
            return False
        self.dense_bounds = self.ranges.bounds
        self.rows = NetworkRows(self.model, [link.network for link in self.model.links], self.ranges.bounds)
        start = self.model.start()
        if start is not None:
            self.incumbent.offer(start, "start")
        return True

    def raise_bound(self, bound: float, rounded: bool = True) -> None:
        """Take a lower bound on the objective of all decisions that are better than the best one.

        ``rounded`` up to the next value that a decision can have, where objectives go in steps and the bound is known well.
        """
        if rounded and self._step is not None and math.isfinite(bound):
            steps = math.ceil((bound - self.model.offset) / self._step - STEP_ROUNDING)
            bound = self.model.offset + steps * self._step
        self.bound = max(self.bound, min(bound, self.incumbent.value))

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
        gap = self.incumbent.value - self.bound
        return gap <= self.settings.relative_gap * max(1.0, abs(self.incumbent.value))
