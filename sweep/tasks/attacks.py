"""The attacks a trial can run, from its settings: a function an attack, and its line in :data:`ATTACKS`.

A new attack is a function here and a line in the registry; in :mod:`sweep.config.attack_facts` a line in ``UNUSED``, and its
name in ``WITHOUT_SURROGATE`` if it takes no pruned network; and a file in ``conf/attack``. A function here imports what it
needs of :mod:`surrogate` when it is called: a configuration is checked without that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.config import rules
from sweep.config.attack_defaults import bounds_method, relative_gap
from sweep.config.attack_facts import CLOSEST, GOAL_OF
from sweep.config.schema import Settings

if TYPE_CHECKING:
    from surrogate.attack import AttackResult, ClosestAttack, GradientAttack, Instance
    from surrogate.bounds import BoundMethod
    from surrogate.formulation import Formulation
    from surrogate.networks import ReluNetwork
    from surrogate.pruning import Stabilised
    from surrogate.solvers.base import Solver


@dataclass(frozen=True)
class Attack:
    """An attack ready to run: ``run(dense, surrogate, instance)``; without ``needs_surrogate`` the surrogate is None.

    A surrogate made for the instance's region comes with bounds on its error, which the attack may use or not.
    """

    needs_surrogate: bool
    run: Callable[[ReluNetwork, ReluNetwork | Stabilised | None, Instance], AttackResult]


def gradient_attack(settings: Settings) -> Attack:
    gradient = _gradient(settings)
    return Attack(needs_surrogate=False, run=lambda dense, _, instance: gradient.run(dense, instance))


def surrogate_attack(settings: Settings) -> Attack:
    from surrogate.attack import Exclusion, SurrogateAttack

    if settings.attack.objective == CLOSEST:
        closest = _closest(settings, "milp")
        return Attack(
            needs_surrogate=True, run=lambda dense, surrogate, instance: closest.run(dense, _alone(surrogate), instance)
        )
    attack = SurrogateAttack(
        bounds=_bounds(settings),
        formulation=_formulation(settings),
        solver=_solver(settings, relative_gap=relative_gap(settings)),
        on_incumbent=settings.attack.on_incumbent,
        start=settings.attack.start,
        polish=settings.attack.polish,
        polish_steps=settings.attack.polish_steps,
        gradient=_gradient(settings),
        exclusion=Exclusion(**dataclasses.asdict(settings.attack.exclusion), seed=settings.solver.seed),
    )

    def run(dense: ReluNetwork, surrogate: ReluNetwork | Stabilised | None, instance: Instance) -> AttackResult:
        assert surrogate is not None
        return attack.run(dense, surrogate, instance)

    return Attack(needs_surrogate=True, run=run)


def _alone(surrogate: ReluNetwork | Stabilised | None) -> ReluNetwork:
    from surrogate.pruning import Stabilised

    assert surrogate is not None
    return surrogate.network if isinstance(surrogate, Stabilised) else surrogate


def branch_and_bound_attack(settings: Settings) -> Attack:
    from surrogate.attack import BranchAndBoundAttack

    if settings.attack.objective == CLOSEST:
        closest = _closest(settings, "branch_and_bound")
        return Attack(needs_surrogate=False, run=lambda dense, _, instance: closest.run(dense, dense, instance))
    attack = BranchAndBoundAttack(
        bounds=_bounds(settings),
        goal=GOAL_OF[settings.attack.on_incumbent],
        time_limit_seconds=settings.solver.time_limit_seconds,
        relative_gap=relative_gap(settings),
        gradient=_gradient(settings),
    )
    return Attack(needs_surrogate=False, run=lambda dense, _, instance: attack.run(dense, instance))


def restriction_attack(settings: Settings) -> Attack:
    from surrogate.attack import RestrictionAttack

    attack = RestrictionAttack(
        bounds=_bounds(settings),
        free=settings.attack.free,
        time_limit_seconds=settings.solver.time_limit_seconds,
        round_seconds=settings.attack.round_seconds,
        gradient=_gradient(settings),
    )
    return Attack(needs_surrogate=False, run=lambda dense, _, instance: attack.run(dense, instance))


def portfolio_attack(settings: Settings) -> Attack:
    from surrogate.attack import PortfolioAttack

    attack = PortfolioAttack(
        bounds=_bounds(settings),
        goal=GOAL_OF[settings.attack.on_incumbent],
        time_limit_seconds=settings.solver.time_limit_seconds,
        relative_gap=relative_gap(settings),
        gradient=_gradient(settings),
        free=settings.attack.free,
    )
    return Attack(needs_surrogate=True, run=lambda dense, surrogate, instance: attack.run(dense, _alone(surrogate), instance))


def _closest(settings: Settings, prover: str) -> ClosestAttack:
    from surrogate.attack import ClosestAttack

    return ClosestAttack(
        prover=prover,
        bounds=_bounds(settings),
        formulation=_formulation(settings),
        solver=_solver(settings),
        starts=settings.attack.gradient_starts,
        steps=settings.attack.gradient_steps,
        seed=settings.solver.seed,
        relative_gap=relative_gap(settings),
    )


def _gradient(settings: Settings) -> GradientAttack:
    from surrogate.attack import GradientAttack

    return GradientAttack(
        starts=settings.attack.gradient_starts,
        steps=settings.attack.gradient_steps,
        seed=settings.solver.seed,
        time_limit_seconds=settings.solver.time_limit_seconds,
    )


def _bounds(settings: Settings) -> BoundMethod:
    from surrogate.bounds import Lp, method

    name = bounds_method(settings)
    return Lp(settings.bounds.lp_seconds) if name == rules.LP else method(name)


def _formulation(settings: Settings) -> Formulation:
    from surrogate.formulation import Partition, method

    name = settings.formulation.method
    return Partition(settings.formulation.partitions) if name == rules.PARTITION else method(name)


def _solver(settings: Settings, **more: float) -> Solver:
    from surrogate.solvers import SOLVERS

    return SOLVERS[settings.solver.name](
        time_limit_seconds=settings.solver.time_limit_seconds,
        threads=settings.solver.threads,
        seed=settings.solver.seed,
        **more,
    )


ATTACKS: dict[str, Callable[[Settings], Attack]] = {
    "surrogate": surrogate_attack,
    "gradient": gradient_attack,
    "branch_and_bound": branch_and_bound_attack,
    "restriction": restriction_attack,
    "portfolio": portfolio_attack,
}
"""Every attack by the name that ``attack.method`` gives it."""
