"""Settings that are left to the attack, and the attack's own values of them."""

from __future__ import annotations

from sweep.config import rules
from sweep.config.attack_facts import CLOSEST
from sweep.config.schema import Settings


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
    milp = ClosestAttack.bounds if settings.attack.objective == CLOSEST else SurrogateAttack.bounds
    return str(defaults.get(settings.attack.method, milp))


def relative_gap(settings: Settings) -> float:
    """Return the gap at which the attack calls an optimum proven; null is the attack's own default."""
    if settings.solver.relative_gap is not None:
        return settings.solver.relative_gap
    from surrogate.attack import BranchAndBoundAttack, ClosestAttack, PortfolioAttack
    from surrogate.solvers import Solver

    if settings.attack.objective == CLOSEST:
        return ClosestAttack.relative_gap
    defaults = {"branch_and_bound": BranchAndBoundAttack.relative_gap, "portfolio": PortfolioAttack.relative_gap}
    return defaults.get(settings.attack.method, Solver.relative_gap)
