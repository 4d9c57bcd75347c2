"""Branch and bound over phases of unstable neurons: bounds that are driven down to the optimum, on linear relaxations alone."""

from surrogate.branching.search import BranchAndBound, Outcome, Search

__all__ = ["BranchAndBound", "Outcome", "Search"]
