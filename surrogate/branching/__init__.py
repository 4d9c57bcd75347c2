"""Branch and bound over phases of unstable neurons: bounds that are driven down to the optimum, on linear relaxations alone."""

from surrogate.branching.search import BranchingOutcome, BranchingSearch
from surrogate.branching.settings import BranchAndBound

__all__ = ["BranchAndBound", "BranchingOutcome", "BranchingSearch"]
