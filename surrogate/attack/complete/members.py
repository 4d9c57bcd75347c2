"""Searches that can be interrupted and continued: branch and bound, restriction and portfolio are made of them."""

from __future__ import annotations

import time

import numpy as np

from surrogate.attack.frank_wolfe import ascend
from surrogate.attack.recorder import Recorder
from surrogate.bounds import Bounds
from surrogate.branching import BranchAndBound, BranchingSearch
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region

GOALS = ("optimum", "verdict")
"""``optimum``: go on until the bound meets the best point; ``verdict``: end as soon as the question is decided."""

GOAL_OF = {"check": "optimum", "stop": "verdict"}
"""The goal that each policy on incumbents (``surrogate.attack.ON_INCUMBENT``) stands for in attacks with a goal."""

CLIMB_SHARE = 0.15
"""Points that a search offers climb by Frank-Wolfe for at most this share of its time; bounds are what takes long."""

SURROGATE_GAP = 1e-3
"""A surrogate is searched until its bound is this close to its best point, relative to its size (at least 1)."""


class Climbs:
    """Has points that a search offers climb on the dense network by Frank-Wolfe, for a share of the search's time.

    Attributes:
        evaluations: gradient evaluations so far.
    """

    def __init__(self, recorder: Recorder, region: Region, steps: int) -> None:
        """Start the search's clock; points climb within ``region``, at most ``steps`` steps each."""
        self.recorder, self.region, self.steps = recorder, region, steps
        self.evaluations = 0
        self._begin, self._climbing = time.perf_counter(), 0.0

    def climb(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return points ``(n, d)`` and their dense margins ``(n,)``: those reached, or the given ones if the share is spent."""
        now = time.perf_counter()
        dense, problem = self.recorder.dense, self.recorder.problem
        if self._climbing > CLIMB_SHARE * (now - self._begin):
            return points, problem.value(dense(points))
        points, margins, spent = ascend(dense, self.region, problem, points, self.steps)
        self.evaluations += spent
        self._climbing += time.perf_counter() - now
        return points, margins


class DenseSearch:
    """Branch and bound on the dense network.

    Attributes:
        bound: proven upper bound on the problem's value over the region.
        complete: nothing is left to search; for the goal ``verdict`` that is a proof or a leaf that no solver closed.
        domains: number of domains that were bounded.
        climbs: counts the gradient evaluations.
    """

    def __init__(
        self,
        recorder: Recorder,
        folded: ReluNetwork,
        bounds: Bounds,
        settings: BranchAndBound,
        goal: str,
        relative_gap: float,
        climb_steps: int,
    ) -> None:
        problem = recorder.problem
        self.recorder, self.goal = recorder, goal
        self.bound = problem.bound(bounds.upper[-1])
        self.complete = False
        self.domains = 0
        self.climbs = Climbs(recorder, recorder.region, climb_steps)

        def threshold() -> float:
            if goal == "verdict" and problem.asks:
                return -1e-12
            return recorder.margin + relative_gap * max(1.0, abs(recorder.margin))

        groups = problem.groups(folded.output_size)
        self._search = BranchingSearch(settings, folded, groups, recorder.region, bounds, threshold, self._offer)

    @property
    def decided(self) -> bool:
        """Whether the goal is reached."""
        return self.complete or (self.goal == "verdict" and self.recorder.witness is not None)

    @property
    def proven(self) -> bool:
        """Whether no point of the region has a value of 0 or more."""
        return self.bound < 0.0

    def round(self, deadline: float) -> None:
        """Go on until ``deadline``."""
        outcome = self._search.run(deadline, lambda: self.decided)
        self.bound, self.complete, self.domains = min(self.bound, outcome.bound), outcome.complete, outcome.domains

    def _offer(self, points: FloatArray) -> None:
        # Also what did not climb: a leaf's point is the optimum there.
        _keep(self.recorder, *self.climbs.climb(points), "relaxation")


class SurrogateSearch:
    """Branch and bound on a surrogate, whose points climb on the dense network. It proves nothing about that.

    Attributes:
        complete: the surrogate's optimum is found.
        evaluations, domains: work so far.
    """

    def __init__(
        self,
        recorder: Recorder,
        folded: ReluNetwork,
        bounds: Bounds,
        settings: BranchAndBound,
        climb_steps: int,
        source: str,
        start: FloatArray,
    ) -> None:
        """``folded`` is the problem on the surrogate, ``bounds`` are its own, ``start`` ``(d,)`` is a point of the region."""
        self.recorder, self.folded, self.climb_steps, self.source = recorder, folded, climb_steps, source
        self.complete = False
        self.evaluations = self.domains = 0
        self._best = self._value(start[None])
        groups = recorder.problem.groups(folded.output_size)
        self._search = BranchingSearch(settings, folded, groups, recorder.region, bounds, self._threshold, self._offer)

    def round(self, deadline: float) -> None:
        """Go on until ``deadline``."""
        outcome = self._search.run(deadline)
        self.complete, self.domains = outcome.complete, outcome.domains

    def _value(self, points: FloatArray) -> float:
        return float(self.recorder.problem.combine(self.folded(points)).max())

    def _threshold(self) -> float:
        return self._best + SURROGATE_GAP * max(1.0, abs(self._best))

    def _offer(self, points: FloatArray) -> None:
        recorder = self.recorder
        reached, margins, spent = ascend(recorder.dense, recorder.region, recorder.problem, points, self.climb_steps)
        self.evaluations += spent
        self._best = max(self._best, self._value(points), self._value(reached))
        top = int(np.argmax(margins))
        _keep(recorder, reached, margins, self.source, self._value(reached[top : top + 1]))


def _keep(
    recorder: Recorder, points: FloatArray, margins: FloatArray, source: str, surrogate_margin: float | None = None
) -> None:
    """Record the best of the points if it is better than what is known."""
    top = int(np.argmax(margins))
    if margins[top] > recorder.margin:
        recorder.meet(points[top], source, surrogate_margin)
