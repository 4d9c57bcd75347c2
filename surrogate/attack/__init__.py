"""Attacks: search for an input of a region that a network misclassifies, and say honestly what was found."""

from surrogate.attack.closest import ClosestAttack
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.regions import Exclusion
from surrogate.attack.result import AttackResult, Event, Instance, RegionVisit, Status
from surrogate.attack.surrogate_milp import ON_INCUMBENT, STARTS, SurrogateAttack

__all__ = [
    "ON_INCUMBENT",
    "STARTS",
    "AttackResult",
    "ClosestAttack",
    "Event",
    "Exclusion",
    "GradientAttack",
    "Instance",
    "RegionVisit",
    "Status",
    "SurrogateAttack",
]
