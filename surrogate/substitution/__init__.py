"""Optimisation of a user's own Pyomo model through surrogates of the networks in it.

Why the model is given with :class:`Place` and not built by a callback: a Pyomo user has a model already, with variables that
mean something to them. A place only names which of these are a network's inputs and outputs; dense or pruned networks are
stated on them in a block that comes and goes, so one and the same model is solved with the surrogate, evaluated with the
dense network and repaired, nothing is built twice, and values, constraints and solvers stay the user's.

Example:
    >>> import pyomo.environ as pyo
    >>> from surrogate.networks import ReluNetwork
    >>> from surrogate.pruning import Pruning
    >>> model = pyo.ConcreteModel()
    >>> model.x = pyo.Var([0, 1], bounds=(-1, 1))
    >>> model.y = pyo.Var()  # the network's output, used as any other variable
    >>> model.enough = pyo.Constraint(expr=model.y >= 0.6)
    >>> model.cost = pyo.Objective(expr=model.x[0] + 2 * model.x[1])
    >>> dense = ReluNetwork([[[1.0, 0.2], [0.3, 1.0]], [[1.0, 0.7]]], [[0.0, 0.0], [0.0]])
    >>> place = Place([model.x[0], model.x[1]], [model.y], dense, Pruning("magnitude", amount=0.4))
    >>> result = SurrogateOptimiser().solve(model, place)
    >>> str(result.outcome), round(result.objective, 3), round(model.y.value, 3)
    ('repaired', -1.2, 0.6)
"""

from surrogate.substitution.optimiser import REPAIR, SurrogateOptimiser
from surrogate.substitution.place import Place
from surrogate.substitution.result import Attempt, Met, Outcome, SubstitutionResult

__all__ = ["REPAIR", "Attempt", "Met", "Outcome", "Place", "SubstitutionResult", "SurrogateOptimiser"]
