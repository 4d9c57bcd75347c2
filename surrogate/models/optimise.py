"""The one call: optimise a user's Pyomo model that has networks in it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from surrogate.checks import list_of, require_kind, require_positive, shown
from surrogate.errors import InvalidSetting
from surrogate.models.incumbent import Incumbent, OnBetter
from surrogate.models.place import Place
from surrogate.models.reading import UserModel
from surrogate.models.requirements import require_quadratic
from surrogate.models.result import ModelResult, Status
from surrogate.models.search import ModelSearch
from surrogate.models.settings import settings_of
from surrogate.models.state import SearchState


def optimise(
    model: Any,
    places: Place | Sequence[Place],
    time_limit_seconds: float = 60.0,
    on_better: OnBetter | None = None,
    **settings: Any,
) -> ModelResult:
    """Optimise ``model``, in which the dense networks of ``places`` give the outputs' values.

    The model itself says nothing of the networks. Whatever is stated of them is gone afterwards: constraints, bounds and
    objective stay as they are, and the variables hold the best decision that holds on the dense networks. Without one they
    have the values that they had before, which also is where the search may start.

    Args:
        model: a Pyomo model, linear but for its networks, with one objective; quadratic terms where the solver takes them.
        places: where the networks sit; see :class:`Place`.
        time_limit_seconds: wall seconds for the whole call.
        on_better: called with a :class:`Step` for each decision that is better than all before it, while the model's variables
            hold it; a true value ends the search. What it raises comes out of this call, and the variables hold the best
            decision then, as they do after a Ctrl-C.
        settings: fields of :class:`surrogate.models.SearchSettings`.

    Raises:
        InvalidSetting: a model, places or settings that cannot be used; says why.

    Example:
        >>> import pyomo.environ as pyo
        >>> from surrogate.networks import ReluNetwork
        >>> model = pyo.ConcreteModel()
        >>> model.x = pyo.Var([0, 1], bounds=(-1, 1))
        >>> model.y = pyo.Var()  # the network's output, used as any other variable
        >>> model.enough = pyo.Constraint(expr=model.y >= 0.6)
        >>> model.cost = pyo.Objective(expr=model.x[0] + 2 * model.x[1])
        >>> dense = ReluNetwork([[[1.0, 0.2], [0.3, 1.0]], [[1.0, 0.7]]], [[0.0, 0.0], [0.0]])
        >>> result = optimise(model, Place([model.x[0], model.x[1]], [model.y], dense), time_limit_seconds=10)
        >>> str(result.status), round(result.value, 3), round(model.y.value, 3)
        ('optimal', -1.2, 0.6)
    """
    import scipy.sparse  # noqa: F401 -- not on the clock: the first time in a process it takes a second

    begin = time.perf_counter()
    require_positive(time_limit_seconds=time_limit_seconds)
    listed = [places] if isinstance(places, Place) else list_of("places", places, "Place objects")
    for place in listed:
        require_kind("each of places", place, Place, "Place(inputs, outputs, dense)")
    if on_better is not None and not callable(on_better):
        raise InvalidSetting(f"on_better must be a function of a Step, or None, got {shown(on_better)}")
    chosen = settings_of(settings)
    user, deadline = UserModel(model, listed, chosen.tolerance), begin + time_limit_seconds
    if user.products.size:
        require_quadratic(model, chosen)
    incumbent = Incumbent(user, begin, chosen.tolerance, chosen.target, on_better, deadline)
    search = ModelSearch(user, incumbent, chosen, deadline)
    try:
        search.run()
    finally:
        if incumbent.values is None:
            user.restore()
        else:
            user.assign(incumbent.values)
    if incumbent.failure is not None:
        raise incumbent.failure
    return _result(user, incumbent, search.state, begin)


def _result(user: UserModel, incumbent: Incumbent, search: SearchState, begin: float) -> ModelResult:
    best = incumbent.values
    if best is None:
        status = Status.INFEASIBLE if search.excluded else Status.UNRESOLVED
        bound = None if search.excluded or search.bound == float("-inf") else user.sign * search.bound
        inputs, outputs, violation = (), (), None
    else:
        status = Status.OPTIMAL if search.proven else Status.FEASIBLE
        bound = None if search.bound == float("-inf") else user.sign * search.bound
        by_place = sorted(zip(user.order, user.links, strict=True), key=lambda pair: pair[0])
        inputs = tuple(link.inputs_at(best[None])[0] for _, link in by_place)
        outputs = tuple(best[link.outputs] for _, link in by_place)
        violation = float(user.violations(best[None]).max(initial=0.0))
    return ModelResult(
        status=status,
        value=incumbent.steps[-1].value if best is not None else None,
        bound=bound,
        surrogate_value=search.surrogate_value,
        inputs=inputs,
        outputs=outputs,
        violation=violation,
        timeline=tuple(incumbent.steps),
        seconds=time.perf_counter() - begin,
        failures=dict(search.failures),
        work={name: int(count) for name, count in search.work.items() if name != "walk_iterations"},
        sizes=dict(search.sizes),
        dense_bounds=search.place_bounds(search.dense_bounds),
        surrogate_bounds=search.place_bounds(search.surrogate_bounds),
        root_bounds=dict(search.root_bounds),
    )
