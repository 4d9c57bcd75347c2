"""Branch and bound over phases of unstable neurons: linear relaxations alone bring the bound down to the optimum."""

from surrogate.branching.search import BranchingOutcome, BranchingSearch
from surrogate.branching.settings import BranchAndBound

__all__ = ["BranchAndBound", "BranchingOutcome", "BranchingSearch"]
