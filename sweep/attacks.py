"""The attacks a trial can run, from its settings: a function an attack, and its line in :data:`ATTACKS`.

A new attack is a function here, a line in the registry, its name in :data:`WITHOUT_SURROGATE` if it takes no pruned network,
and a file in ``conf/attack``. What it imports of :mod:`surrogate` it imports when it is called: the names alone are needed to
check a configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.schema import Settings

if TYPE_CHECKING:
    from surrogate.attack import AttackResult, GradientAttack, Instance
    from surrogate.networks import ReluNetwork
    from surrogate.solvers.base import Solver


@dataclass(frozen=True)
class Attack:
    """An attack ready to run: ``run(dense, surrogate, instance)``; without ``needs_surrogate`` the surrogate is None."""

    needs_surrogate: bool
    run: Callable[[ReluNetwork, ReluNetwork | None, Instance], AttackResult]


def _gradient(settings: Settings) -> GradientAttack:
    from surrogate.attack import GradientAttack

    return GradientAttack(
        starts=settings.attack.gradient_starts,
        steps=settings.attack.gradient_steps,
        seed=settings.solver.seed,
        time_limit_seconds=settings.solver.time_limit_seconds,
    )


def _solver(settings: Settings) -> Solver:
    from surrogate.solvers import SOLVERS

    return SOLVERS[settings.solver.name](
        time_limit_seconds=settings.solver.time_limit_seconds,
        threads=settings.solver.threads,
        seed=settings.solver.seed,
    )


def gradient_attack(settings: Settings) -> Attack:
    gradient = _gradient(settings)
    return Attack(needs_surrogate=False, run=lambda dense, _, instance: gradient.run(dense, instance))


def surrogate_attack(settings: Settings) -> Attack:
    from surrogate.attack import SurrogateAttack

    attack = SurrogateAttack(
        bounds=settings.bounds.method,
        formulation=settings.formulation.method,
        solver=_solver(settings),
        on_incumbent=settings.attack.on_incumbent,
        start=settings.attack.start,
        polish=settings.attack.polish,
        gradient=_gradient(settings),
    )

    def run(dense: ReluNetwork, surrogate: ReluNetwork | None, instance: Instance) -> AttackResult:
        assert surrogate is not None
        return attack.run(dense, surrogate, instance)

    return Attack(needs_surrogate=True, run=run)


ATTACKS: dict[str, Callable[[Settings], Attack]] = {"surrogate": surrogate_attack, "gradient": gradient_attack}
"""Every attack by the name that ``attack.method`` gives it."""

WITHOUT_SURROGATE = ("gradient",)
"""The attacks on the dense network alone: how it would be pruned can't change their results, nor is it part of their names."""
