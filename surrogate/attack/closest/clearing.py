"""Is a ball free of adversarial inputs? Branch and bound on the dense network decides, without a MILP solver."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from surrogate.attack.closest.approach import shrink
from surrogate.attack.complete.members import Climbs
from surrogate.attack.recorder import NearestRecorder
from surrogate.bounds import Bounds
from surrogate.bounds.steps import Polyak
from surrogate.branching import BranchAndBound, BranchingSearch
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region

PROVEN = -1e-12
"""A domain is closed when its bound is at most this: strictly below the margin 0 at which nothing is decided."""

SEARCH = BranchAndBound(refine_share=0.25, steps=20, rates=Polyak())
"""Chosen by trial on two 18x18 4x32 networks, by CPU seconds until the ball is clear: between the settings for an optimum and
those for a verdict, since many domains end far below 0 and a few need precise multipliers."""

CLIMB_STEPS = 10


@dataclass
class Clearing:
    """The search of one ball, which ends with a proof, with a shorter perturbation, or with its time.

    Attributes:
        bound: proven upper bound on the problem's value over the ball.
        complete: no domain was left open.
        shorter: points ``(d,)`` that reach the recorder's threshold and are shorter than what was known, drawn to the center.
        domains: number of domains that were bounded.
        climbs: counts the gradient evaluations.
    """

    recorder: NearestRecorder
    inside: Region
    bound: float = float("inf")
    complete: bool = False
    shorter: list[FloatArray] = field(default_factory=list)
    domains: int = 0
    climbs: Climbs = field(init=False)

    def __post_init__(self) -> None:
        self.climbs = Climbs(self.recorder, self.inside, CLIMB_STEPS)

    def search(self, folded: ReluNetwork, bounds: Bounds, deadline: float) -> None:
        """Search until ``deadline``; ``folded`` is the problem on the dense network, ``bounds`` are its own over the ball."""
        groups = self.recorder.problem.groups(folded.output_size)
        search = BranchingSearch(SEARCH, folded, groups, self.inside, bounds, lambda: PROVEN, self._offer)
        outcome = search.run(deadline, lambda: bool(self.shorter))
        self.bound, self.complete, self.domains = outcome.bound, outcome.complete, outcome.domains

    def _offer(self, points: FloatArray) -> None:
        recorder = self.recorder
        points, margins = self.climbs.climb(points)
        good = points[margins >= recorder.threshold]
        if not len(good):
            return
        before = recorder.norm
        short = shrink(recorder.dense, recorder.problem, recorder.region.center, good, recorder.threshold)
        nearest = short[int(np.argmin(self.inside.distance(short)))]
        recorder.meet(nearest, "relaxation")
        if recorder.norm is not None and (before is None or recorder.norm < before):
            self.shorter.append(nearest)
