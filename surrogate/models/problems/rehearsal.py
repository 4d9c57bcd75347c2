"""A problem is built once before anything is trained, so that a user's mistakes are reported at once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from surrogate.errors import InvalidSetting
from surrogate.models.problems.given_networks import GivenNetworks
from surrogate.models.problems.problem import ModelProblem, NetworkSizes, files
from surrogate.models.problems.registry import PROBLEMS
from surrogate.models.reading import UserModel
from surrogate.models.requirements import first_quadratic
from surrogate.networks import ReluNetwork
from surrogate.rules import nearest

MISTAKES = (TypeError, AttributeError, NameError, ImportError, SystemExit)
"""Errors that come from a mistake in a function, hardly from the decision that it is asked about."""

REHEARSED = 4
"""Hidden neurons of the networks with which a problem is built before any is trained."""


NO_NETWORKS: Mapping[str, ReluNetwork] = MappingProxyType({})


def rehearse(
    problem: ModelProblem,
    seed: int,
    given: Mapping[str, Any],
    elsewhere: Mapping[str, ReluNetwork] = NO_NETWORKS,
    quadratic: bool = True,
) -> None:
    """Draw samples and build a model with networks of random weights, so that mistakes are seen before anything is trained.

    Networks that are there already (``elsewhere``, by name) are used as they are, and ``build`` must ask for each of them.

    Without ``quadratic``, a model with quadratic terms is refused: not every solver and method takes them.

    A built-in problem looks at its parameters before it asks for a network. Nothing else can be wrong with it, and it is built
    no further: a plan may have thousands of sets of parameters.

    The model is read as :func:`surrogate.models.optimise` reads it, and ``true_value`` is asked about a decision within the
    variables' bounds, which constraints may exclude. A ValueError or ArithmeticError that ``build`` itself raises once it has
    asked for a network may be about what the network says, and is let pass; so is what ``true_value`` may have against this
    decision.

    Raises:
        InvalidSetting: as ``draw``, ``instance`` and ``true_value`` of the problem do, or a model that cannot be optimised; a
            network of ``elsewhere`` that ``build`` does not ask for.
    """
    if problem.name in PROBLEMS:
        _look_at_parameters(problem, seed, given)
        return
    rng = np.random.default_rng(0)
    random = {name: _random(rng, sizes) for name, sizes in problem.networks(seed, given, elsewhere).items()}
    networks = GivenNetworks(problem.name, {**random, **elsewhere})
    try:
        instance = problem.instance(networks, seed, given)
    except InvalidSetting as error:
        cause = error.__cause__
        own = getattr(getattr(inspect.unwrap(problem.build), "__code__", None), "co_filename", None)
        if not networks.asked or not isinstance(cause, ValueError | ArithmeticError) or files(cause)[-1][0] != own:
            raise
        return
    for name in elsewhere:
        if name not in networks.asked:
            asked = sorted(networks.asked)
            raise InvalidSetting(
                f"{problem.name} does not ask for a network named {name}{nearest(name, asked)}: it asks for "
                f"{' and '.join(asked) or 'none'}"
            )
    model = problem.called("the model", UserModel, instance.model, instance.places)
    if model.products.size and not quadratic:
        raise InvalidSetting(
            f"{problem.name}: {first_quadratic(instance.model)}, which the solver or the method does not take: choose "
            "solver=gurobi or solver=scip, with method=dense, method=search, or method=surrogate without repair"
        )
    start = np.zeros((1, model.columns))
    start[0] = model.nearest(start[0])
    model.assign(model.complete(start)[0])
    try:
        problem.true_value(instance)
    except InvalidSetting as error:
        if error.__cause__ is None or isinstance(error.__cause__, MISTAKES):
            raise


def _look_at_parameters(problem: ModelProblem, seed: int, given: Mapping[str, Any]) -> None:
    none = GivenNetworks(problem.name, NO_NETWORKS)
    try:
        problem.instance(none, seed, given)
    except InvalidSetting:
        if not none.asked:
            raise


def _random(rng: np.random.Generator, sizes: NetworkSizes) -> ReluNetwork:
    shapes = ((REHEARSED, sizes.inputs), (sizes.outputs, REHEARSED))
    return ReluNetwork([rng.normal(size=shape) for shape in shapes], [rng.normal(size=shape[0]) for shape in shapes])
