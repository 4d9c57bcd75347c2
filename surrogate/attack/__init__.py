"""Attacks: search for an input of a region that a network misclassifies, and say honestly what was found."""

from surrogate.attack.closest.closest import ClosestAttack
from surrogate.attack.complete.branch_and_bound import BranchAndBoundAttack
from surrogate.attack.complete.members import GOALS
from surrogate.attack.complete.portfolio import PortfolioAttack
from surrogate.attack.complete.restriction import RestrictionAttack
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.milp.regions import Exclusion
from surrogate.attack.milp.surrogate_milp import ON_INCUMBENT, STARTS, SurrogateAttack
from surrogate.attack.result import AttackResult, Event, RegionVisit, Status
from surrogate.problems.instance import Instance

__all__ = [
    "GOALS",
    "ON_INCUMBENT",
    "STARTS",
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
]
