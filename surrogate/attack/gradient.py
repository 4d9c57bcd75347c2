"""The gradient attack on the dense network: the honest yardstick beside every MILP."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from surrogate import rules
from surrogate.attack.base import DenseAttack
from surrogate.attack.frank_wolfe import ascend, random_starts
from surrogate.attack.recorder import Recorder
from surrogate.attack.result import AttackResult, Status
from surrogate.networks import ReluNetwork
from surrogate.problems.instance import Instance
from surrogate.settings import setting

BATCH = 32
"""Starts that climb together: large enough for the matrix products, small enough that the limit is kept."""


@dataclass(frozen=True)
class GradientAttack(DenseAttack):
    """Frank-Wolfe from the center and from random points of the region.

    It can find witnesses and prove nothing: its status is ``adversarial`` or ``unresolved``.

    Attributes:
        starts: 1 is the center alone; more adds ``starts - 1`` random points (multi-start).
        steps: most Frank-Wolfe steps per start.
        seed: seed of the random starts.
        time_limit_seconds: no step begins after this many wall seconds; None is no limit.

    Raises:
        InvalidSetting: fewer than one start or step, a negative seed, or a limit that is not positive.

    Example:
        >>> from surrogate.region import Region
        >>> network = ReluNetwork([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0], [0.0, 0.0]])
        >>> region = Region(0.0, 1.0, [0.6, 0.5], radius=0.3, norm="l1")
        >>> result = GradientAttack(starts=100).run(network, Instance(region, label=0))
        >>> str(result.status), round(result.margin, 4)
        ('adversarial', 0.2)
    """

    name: ClassVar[str] = "gradient"

    starts: int = setting(1, rules.COUNT, key="gradient_starts")
    steps: int = setting(50, rules.COUNT, key="gradient_steps")
    seed: int = setting(0, rules.SEED, key="solver.seed")
    time_limit_seconds: float | None = setting(
        None, dataclasses.replace(rules.POSITIVE, optional=True), key="solver.time_limit_seconds"
    )

    def run(self, dense: ReluNetwork, instance: Instance) -> AttackResult:
        """Attack one instance; every point met is checked on the dense network."""
        recorder = Recorder(dense, instance)
        evaluations = self.climb(recorder)
        status = Status.UNRESOLVED if recorder.witness is None else Status.ADVERSARIAL
        return recorder.result(status, {"solve_seconds": recorder.elapsed()}, {"gradient_evaluations": evaluations})

    def climb(self, recorder: Recorder, deadline: float = float("inf")) -> int:
        """Run the ascents on a recorder's clock and return the number of gradient evaluations; improvements are recorded.

        Args:
            recorder: whose best point is improved on.
            deadline: ``time.perf_counter()`` value after which no step begins, whatever the attack's own limit is.
        """
        if self.time_limit_seconds is not None:
            deadline = min(deadline, recorder.begin + self.time_limit_seconds)
        rng = np.random.default_rng(self.seed)
        region, problem = recorder.region, recorder.problem
        evaluations = 0

        def improved(point: np.ndarray) -> None:
            if problem.value_at(recorder.dense, point) > recorder.margin:
                recorder.meet(point, "gradient")

        points = region.center[None]
        done = 0
        while done < self.starts and (done == 0 or recorder.begin + recorder.elapsed() < deadline):
            _, _, spent = ascend(recorder.dense, region, problem, points, self.steps, deadline, improved)
            evaluations += spent
            done += len(points)
            points = random_starts(region, max(min(BATCH, self.starts - done), 1), rng)
        return evaluations
