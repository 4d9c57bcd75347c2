"""Optimisation models with networks in them: a user's Pyomo model, the places of its networks, and the search that solves it.

Why the model is given with :class:`Place` and not built by a callback: a Pyomo user has a model already, with variables that
mean something to them. A place only names what a network reads and what it writes. Dense or pruned networks are stated in a
temporary block, so values, constraints and solvers stay the user's.
"""

from surrogate.models.incumbent import OnBetter
from surrogate.models.optimise import optimise
from surrogate.models.place import Place
from surrogate.models.result import ModelResult, PlaceBounds, Status, Step
from surrogate.models.settings import SearchSettings
from surrogate.models.shares import MEMBERS

__all__ = ["MEMBERS", "ModelResult", "OnBetter", "Place", "PlaceBounds", "SearchSettings", "Status", "Step", "optimise"]
