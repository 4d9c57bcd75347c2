"""The portfolio: searches that take turns on one clock and one thread, and share the best point and the dense bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from surrogate import bounds as bound_methods
from surrogate import rules
from surrogate.attack.base import Attack, network_of
from surrogate.attack.complete.branch_and_bound import SEARCHES, conclude
from surrogate.attack.complete.members import GOAL_OF, GOALS, DenseSearch, SurrogateSearch
from surrogate.attack.complete.restriction import RestrictionAttack, RestrictionSearch
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.recorder import Recorder, end_of_bounds, require_surrogate
from surrogate.attack.result import AttackResult
from surrogate.bounds import BoundMethod, Bounds, Crown
from surrogate.networks import ReluNetwork
from surrogate.problems.instance import Instance
from surrogate.pruning import Stabilised
from surrogate.settings import chosen, internal, part, setting

HEAD_START = 0.2
"""Share of the time that the dense search has for itself first: what closes soon should not wait for the others."""

ROUND_SECONDS, ROUND_GROWTH = 0.5, 1.5
"""Length of the first round of every member, and how much longer the next ones are."""

GRADIENT_SHARE = 0.2
"""The gradient attack's part of a round: it finds what it finds early."""

MANY = 10**9
"""Starts of a gradient round: so many that its time limit always ends the round."""


@dataclass(frozen=True)
class PortfolioAttack(Attack):
    """Multi-start gradient, branch and bound on the dense network, restrictions of it, and a pruned surrogate, in turns.

    The gradient attack comes first, then the dense search alone for a fifth of the time, then rounds of all members, each
    longer than the one before. Every member starts from the best point that any has found; the dense search closes what lies
    below it. It ends when the dense search has reached its goal.

    Attributes:
        bounds: name of the method for the dense network's pre-activation bounds (``surrogate.bounds.METHODS``), or a method.
        goal: ``optimum``: go on until the bound meets the best point; ``verdict``: end as soon as the question is decided.
        time_limit_seconds: wall seconds for all of it.
        relative_gap: the bound meets the best margin when it is this close, relative to its size (at least 1).
        gradient: the gradient attack that comes first; its time counts.
        free: free neurons of the first restriction.
        climb_steps: most Frank-Wolfe steps of a point that a search offers.

    Raises:
        InvalidSetting: an unknown name, a limit or a gap that is not positive, fewer than one free neuron.
    """

    name: ClassVar[str] = "portfolio"
    takes_surrogate: ClassVar[bool] = True
    searches_dense: ClassVar[bool] = True
    limit_only_ends: ClassVar[bool] = False  # the dense search has a share of the limit first

    bounds: str | BoundMethod = chosen("bounds", "alpha_crown", bound_methods.method)
    goal: str = setting("optimum", rules.one_of(*GOALS), key="on_incumbent", words=GOAL_OF)
    time_limit_seconds: float = setting(60.0, rules.POSITIVE, key="solver.time_limit_seconds")
    relative_gap: float = setting(1e-4, rules.POSITIVE, key="solver.relative_gap", may_be_null=True)
    gradient: GradientAttack = part(GradientAttack, make=lambda: GradientAttack(starts=100))
    free: int = setting(40, rules.COUNT)
    climb_steps: int = internal(10, rules.COUNT)

    def answer(self, dense: ReluNetwork, surrogate: ReluNetwork | Stabilised | None, instance: Instance) -> AttackResult:
        return self.run(dense, network_of(surrogate), instance)

    def run(self, dense: ReluNetwork, surrogate: ReluNetwork | None, instance: Instance) -> AttackResult:
        """Attack or verify one instance.

        Args:
            dense: the network in question.
            surrogate: a pruned copy that is searched too; None or the dense network itself: none is.
            instance: the region and the question.

        Raises:
            InvalidSetting: networks and instance that do not fit together.
            UnsoundBounds: a point met contradicts a bound; nothing of this attack can be trusted then.
        """
        recorder = Recorder(dense, instance)
        if surrogate is not None:
            require_surrogate(dense, surrogate)
        deadline = recorder.begin + self.time_limit_seconds
        recorder.meet(instance.region.center, "start")
        evaluations = self.gradient.climb(recorder, deadline)
        before = recorder.elapsed()
        if self.goal == "verdict" and recorder.witness is not None:
            work = {"gradient_evaluations": evaluations, "nodes": 0}
            return conclude(recorder, None, self.relative_gap, {"bounds_seconds": 0.0, "solve_seconds": 0.0}, work)
        folded = instance.problem.fold(dense, instance.region)
        bounds = bound_methods.method(self.bounds).compute(folded, instance.region, end_of_bounds(deadline))
        timings = {"bounds_seconds": recorder.elapsed() - before}
        settings = SEARCHES[self.goal]
        search = DenseSearch(recorder, folded, bounds, settings, self.goal, self.relative_gap, self.climb_steps)
        search.round(min(deadline, recorder.begin + HEAD_START * self.time_limit_seconds))
        others = _Others(self, recorder, folded, bounds, surrogate, deadline) if not search.decided else None
        length = ROUND_SECONDS
        while others is not None and not search.decided and time.perf_counter() < deadline:
            others.round(length, deadline, lambda: search.decided)
            search.round(min(deadline, time.perf_counter() + length))
            length *= ROUND_GROWTH
        timings["solve_seconds"] = recorder.elapsed() - before - timings["bounds_seconds"]
        work = {"gradient_evaluations": evaluations + search.climbs.evaluations, "nodes": search.domains}
        if others is not None:
            for name, count in others.work.items():
                work[name] = work.get(name, 0) + count
        return conclude(recorder, search, self.relative_gap, timings, work)


class _Others:
    """The members that only look for points and prove nothing."""

    def __init__(
        self,
        settings: PortfolioAttack,
        recorder: Recorder,
        folded: ReluNetwork,
        bounds: Bounds,
        surrogate: ReluNetwork | None,
        deadline: float,
    ) -> None:
        region = recorder.region
        self.recorder, self.settings = recorder, settings.gradient
        self.rounds = self.evaluations = 0
        restriction = RestrictionAttack(free=settings.free, climb_steps=settings.climb_steps)
        self.restriction = RestrictionSearch(restriction, recorder, folded, bounds)
        self.pruned: SurrogateSearch | None = None
        if surrogate is not None and surrogate.key != recorder.dense.key:
            pruned = recorder.problem.fold(surrogate, region)
            self.pruned = SurrogateSearch(
                recorder,
                pruned,
                Crown().compute(pruned, region, deadline),
                SEARCHES["optimum"],
                settings.climb_steps,
                "surrogate",
                recorder.point,
            )

    def round(self, length: float, deadline: float, decided: Callable[[], bool]) -> None:
        self.rounds += 1
        fresh = replace(self.settings, starts=MANY, seed=self.settings.seed + self.rounds, time_limit_seconds=None)
        self.evaluations += fresh.climb(self.recorder, min(deadline, time.perf_counter() + GRADIENT_SHARE * length))
        if not decided() and not self.restriction.exhausted:
            self.restriction.round(min(deadline, time.perf_counter() + length))
        if not decided() and self.pruned is not None and not self.pruned.complete:
            self.pruned.round(min(deadline, time.perf_counter() + length))

    @property
    def work(self) -> dict[str, int]:
        """Work of all of them."""
        work = dict(self.restriction.work)
        work["gradient_evaluations"] += self.evaluations
        if self.pruned is not None:
            work["gradient_evaluations"] += self.pruned.evaluations
            work["nodes"] += self.pruned.domains
        return work
