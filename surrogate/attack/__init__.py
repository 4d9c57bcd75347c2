"""Attacks: search for an input of a region that a network misclassifies, and say honestly what was found.

To add one, write an :class:`Attack` and list it here.
"""

from surrogate.attack.base import Attack
from surrogate.attack.closest.closest import ClosestAttack, ClosestByBranching, ClosestByMilp
from surrogate.attack.complete.branch_and_bound import BranchAndBoundAttack
from surrogate.attack.complete.members import GOALS
from surrogate.attack.complete.portfolio import PortfolioAttack
from surrogate.attack.complete.restriction import RestrictionAttack
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.milp.exclusion import Exclusion
from surrogate.attack.milp.surrogate_milp import ON_INCUMBENT, STARTS, SurrogateAttack
from surrogate.attack.result import AttackResult, Event, RegionVisit, Status
from surrogate.checks import require_name
from surrogate.errors import InvalidSetting
from surrogate.problems.instance import Instance
from surrogate.problems.objectives import CLOSEST, MARGIN, OBJECTIVES

METHODS: dict[str, type[Attack]] = {
    attack.name: attack
    for attack in (SurrogateAttack, GradientAttack, BranchAndBoundAttack, RestrictionAttack, PortfolioAttack)
}
"""Every attack by its name."""

CLOSEST_METHODS: dict[str, type[Attack]] = {attack.name: attack for attack in (ClosestByMilp, ClosestByBranching)}
"""The attacks that look for the closest adversarial input. Each has the name of the attack in METHODS that works by the same
means."""


def method(name: str, objective: str = MARGIN) -> type[Attack]:
    """Return the attack of this name that optimises an objective.

    Raises:
        InvalidSetting: there is no such attack, or it cannot optimise that; lists those that there are.
    """
    require_name("attack", name, METHODS)
    require_name("objective", objective, OBJECTIVES)
    found = CLOSEST_METHODS.get(name, METHODS[name]) if objective == CLOSEST else METHODS[name]
    if objective not in found.objectives:
        able = CLOSEST_METHODS if objective == CLOSEST else [one for one in METHODS if objective in METHODS[one].objectives]
        raise InvalidSetting(f"objective={objective} with attack={name}: only {' and '.join(able)} can optimise that")
    return found


__all__ = [
    "CLOSEST_METHODS",
    "GOALS",
    "METHODS",
    "ON_INCUMBENT",
    "STARTS",
    "Attack",
    "AttackResult",
    "BranchAndBoundAttack",
    "ClosestAttack",
    "Event",
    "Exclusion",
    "GradientAttack",
    "Instance",
    "PortfolioAttack",
    "RegionVisit",
    "RestrictionAttack",
    "Status",
    "SurrogateAttack",
    "method",
]
