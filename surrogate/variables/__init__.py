"""Pyomo variables that a user hands over: whether they are variables, and which values each of them may take."""

from surrogate.variables.allowed import Allowed, bounds_of, peculiar
from surrogate.variables.given import variables_of

__all__ = ["Allowed", "bounds_of", "peculiar", "variables_of"]
