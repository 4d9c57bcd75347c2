"""Attacks: search for an input of a region that a network misclassifies, and say honestly what was found."""

from surrogate.attack.branch_and_bound import BranchAndBoundAttack
from surrogate.attack.closest import ClosestAttack
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.members import GOALS
from surrogate.attack.portfolio import PortfolioAttack
from surrogate.attack.regions import Exclusion
from surrogate.attack.restriction import RestrictionAttack
from surrogate.attack.result import AttackResult, Event, RegionVisit, Status
from surrogate.attack.surrogate_milp import ON_INCUMBENT, STARTS, SurrogateAttack
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
