"""What is asked: a region of inputs, and what is maximised over it.

Users find ``Region`` in :mod:`surrogate.region`, and ``Instance``, a region with a problem, in :mod:`surrogate.attack`.
"""

from surrogate.problems.problem import Conditions, Margin, Output, Problem

__all__ = ["Conditions", "Margin", "Output", "Problem"]
