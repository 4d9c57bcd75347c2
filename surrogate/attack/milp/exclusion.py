"""How activation regions are excluded: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from surrogate import rules
from surrogate.settings import Configurable, setting


@dataclass(frozen=True)
class Exclusion(Configurable):
    """Settings of an attack that excludes the regions it has searched: how long each solve and each search may take.

    HiGHS can't add a constraint while it runs. So a solve is ended, what it met is excluded by no-good cuts, and the model is
    solved afresh with all cuts so far. With ``interrupt`` a solver that has lazy constraints (Gurobi) goes on instead: each
    solution that it meets has its region visited and excluded while it waits. A dense surrogate's incumbents are let stand,
    for they prune the search.

    Attributes:
        interrupt: end each solve at its first incumbent that is not its own start; False lets it run for ``solve_seconds`` and
            excludes everything that it met, which pays where a solve's root takes seconds, since each solve begins with one.
        solve_seconds: most wall seconds between two exclusions.
        subproblem_seconds: most wall seconds for the dense network inside one region (``dense_subproblem``).
        seeds: regions of points climbed on the surrogate that are visited before the first solve, unless it starts from
            nothing; 0 leaves the finding of regions to the solver.
        seed: seed of the points that are climbed.

    Raises:
        InvalidSetting: seconds that are not positive, a number of seeds or a seed that is negative or not whole.
    """

    interrupt: bool = setting(False, rules.FLAG)
    solve_seconds: float = setting(15.0, rules.POSITIVE)
    subproblem_seconds: float = setting(2.0, rules.POSITIVE)
    seeds: int = setting(8, rules.integer(0))
    seed: int = setting(0, rules.SEED, key="solver.seed")
