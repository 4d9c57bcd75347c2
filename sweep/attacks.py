"""The attacks a trial can run, from its settings: a function an attack, and its line in :data:`ATTACKS`.

A new attack is a function here, a line in the registry and in :data:`UNUSED`, its name in :data:`WITHOUT_SURROGATE` if it takes
no pruned network, and a file in ``conf/attack``. What it imports of :mod:`surrogate` it imports when it is called: the names
alone are needed to check a configuration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep import rules
from sweep.schema import Settings

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

    if settings.attack.objective == rules.CLOSEST:
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

    if settings.attack.objective == rules.CLOSEST:
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

WITHOUT_SURROGATE = ("gradient", "branch_and_bound", "restriction")
"""The attacks on the dense network alone: how it would be pruned can't change their results, nor is it part of their names."""

PLANNING_BY_LIMIT = ("portfolio",)
"""The attacks that plan by their time limit: the portfolio gives its dense search a fifth of it first. What they have met by a
moment is then not what they would have met with a limit that ends there."""

CLOSEST_ATTACKS = ("surrogate", "branch_and_bound")
"""The attacks that can minimise the length of the perturbation (``attack.objective=closest``)."""

GOALS_BY_POLICY = ("branch_and_bound", "portfolio")
"""The attacks without a MILP of their own for which ``attack.on_incumbent`` says when they may end."""

GOAL_OF = {"check": "optimum", "stop": "verdict"}
"""What ``attack.on_incumbent`` means to :data:`GOALS_BY_POLICY`: go on to the optimum, or end when the question is decided."""

EXCLUDING = ("exclude_region", "dense_subproblem")
"""The values of ``attack.on_incumbent`` that exclude activation regions."""

_POLISHING = ("attack.polish", "attack.polish_steps")
_MILP = ("formulation", "solver.name", "solver.threads", "attack.start", *_POLISHING, "attack.exclusion")
_GRADIENT = ("attack.gradient_starts", "attack.gradient_steps")
_RESTRICTION = ("attack.free", "attack.round_seconds")

UNUSED: dict[str, tuple[str, ...]] = {
    "surrogate": _RESTRICTION,
    "gradient": ("pruning", "bounds", *_MILP, "solver.relative_gap", "attack.on_incumbent", *_RESTRICTION),
    "branch_and_bound": ("pruning", *_MILP, *_RESTRICTION),
    "restriction": ("pruning", *_MILP, "solver.relative_gap", "attack.on_incumbent"),
    "portfolio": (*_MILP, "attack.round_seconds"),
}
"""The configuration keys that can't change an attack's results, whatever the others are."""


def limit_only_ends(method: str, objective: str) -> bool:
    """Whether a longer time limit lets an attack go on and changes nothing before.

    The closest perturbation plans too: the ball that would prove it the shortest has nine tenths of what time is left.
    """
    return method not in PLANNING_BY_LIMIT and objective != rules.CLOSEST


def unused_keys(method: str, objective: str, start: str, on_incumbent: str, polish: bool) -> tuple[str, ...]:
    """Return the configuration keys that can't change the results of an attack, by ``attack.method`` and others of attack."""
    unused = UNUSED.get(method, ())
    if method == "branch_and_bound" and objective == rules.CLOSEST:
        return (*unused, "attack.on_incumbent")
    if method != "surrogate":
        return unused
    if objective == rules.CLOSEST:
        return (*unused, "attack.on_incumbent", "attack.start", *_POLISHING, "attack.exclusion")
    excluding = on_incumbent in EXCLUDING
    return (
        *unused,
        *(() if start == "gradient" else _GRADIENT),
        *(() if polish else ("attack.polish_steps",)),
        *(() if excluding else ("attack.exclusion",)),
        *(("attack.exclusion.seeds",) if excluding and start == "none" else ()),
    )


def bounds_method(settings: Settings) -> str:
    """Return the bound method of a trial; ``auto`` is the attack's own default."""
    if settings.bounds.method != rules.AUTO:
        return settings.bounds.method
    from surrogate.attack import BranchAndBoundAttack, ClosestAttack, PortfolioAttack, RestrictionAttack, SurrogateAttack

    defaults = {
        "branch_and_bound": BranchAndBoundAttack.bounds,
        "restriction": RestrictionAttack.bounds,
        "portfolio": PortfolioAttack.bounds,
    }
    milp = ClosestAttack.bounds if settings.attack.objective == rules.CLOSEST else SurrogateAttack.bounds
    return str(defaults.get(settings.attack.method, milp))


def relative_gap(settings: Settings) -> float:
    """Return the gap at which the attack calls an optimum proven; null is the attack's own default."""
    if settings.solver.relative_gap is not None:
        return settings.solver.relative_gap
    from surrogate.attack import BranchAndBoundAttack, ClosestAttack, PortfolioAttack
    from surrogate.solvers import Solver

    if settings.attack.objective == rules.CLOSEST:
        return ClosestAttack.relative_gap
    defaults = {"branch_and_bound": BranchAndBoundAttack.relative_gap, "portfolio": PortfolioAttack.relative_gap}
    return defaults.get(settings.attack.method, Solver.relative_gap)
