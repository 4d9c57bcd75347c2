"""ReLU networks as Pyomo blocks: one formulation a file. To add one, write a ``Formulation`` and list it here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo

from surrogate.bounds import Bounds, Crown
from surrogate.checks import require_kind, require_name
from surrogate.errors import InvalidSetting
from surrogate.formulation.base import Embedding, Formulation
from surrogate.formulation.big_m import BigM
from surrogate.formulation.partition import Partition
from surrogate.formulation.region import constrain
from surrogate.formulation.scaling import normalise
from surrogate.networks import ReluNetwork
from surrogate.problems.region import Region
from surrogate.variables import variables_of
from surrogate.variables.domain_parts import domain_parts

METHODS: dict[str, type[Formulation]] = {method.name: method for method in (BigM, Partition)}
"""Every formulation by its name."""


def method(chosen: str | Formulation) -> Formulation:
    """Return the formulation of this name with its default settings; one itself, such as ``Partition(4)``, comes back.

    Raises:
        InvalidSetting: no formulation has this name; lists those that there are.
    """
    if isinstance(chosen, Formulation):
        return chosen
    require_name("formulation", chosen, METHODS)
    return METHODS[chosen]()


def embed(
    block: Any,
    network: ReluNetwork,
    inputs: Sequence[Any],
    bounds: Bounds | None = None,
    formulation: str | Formulation = "big_m",
) -> Embedding:
    """Put a network, dense or pruned, on variables of a user's Pyomo model, for any Pyomo MILP solver.

    Args:
        block: a Pyomo ``Block`` that receives the variables and constraints and holds nothing yet but, where it is a whole
            model, the inputs themselves, under names that the formulation doesn't use, and what is neither a variable, a
            constraint, an objective nor a block.
        network: the network to embed.
        inputs: ``d`` Pyomo variables in the order of the network's inputs.
        bounds: pre-activation bounds valid wherever the inputs can go; None computes CROWN bounds over the box of the
            inputs' own bounds, and of the values of those that are fixed.
        formulation: a name from ``METHODS``, or a formulation, such as ``Partition(4)``.

    An input that is fixed while bounds are computed here leaves fewer binaries, and is held: rows ``held[j]`` of the block say
    that it has the value that it is fixed to. Unfixed later, it stays there, and fixed to another value it makes the model
    infeasible, so that nothing is decided by constants that are wrong; to move it, embed the network again. With ``bounds=``
    of your own nothing is held: they must be valid wherever you will let the inputs go.

    What is checked: that the bounds are those of a network of these sizes; a point outside them is refused by
    :meth:`Embedding.set_values`. What is not: whether your solver's tolerances (1e-6, mostly) carry the numbers. The attacks
    and ``surrogate.models.optimise`` take no bound from a model in which they don't; in a model of your own ask
    ``surrogate.formulation.scaling.doubt(embedding.network, embedding.bounds)``, which is None or a sentence, and keep the
    model's own numbers below 1e9.

    Returns:
        the embedding, whose ``outputs`` are the variables that carry ``f(x)``.

    Raises:
        InvalidSetting: a block that holds something already, such as another network, or has something under a name that the
            network's components get (for big-M ``y``, ``n``, ``s``, ``affine``, ``on``, ``off``, ``output``, ``output_row``,
            and ``held``), or that belongs to an AbstractModel;
            inputs that are not variables, a wrong number of them, or neither fixed nor with finite bounds while ``bounds`` is
            None; bounds of another network; an unknown formulation.

    Example:
        >>> import pyomo.environ as pyo
        >>> from surrogate.networks import ReluNetwork
        >>> model = pyo.ConcreteModel()
        >>> model.x = pyo.Var([0, 1], bounds=(-1, 1))
        >>> model.f = pyo.Block()
        >>> f = embed(model.f, ReluNetwork([[[1.0, -1.0]], [[2.0]]], [[0.0], [1.0]]), list(model.x.values()))
        >>> model.goal = pyo.Objective(expr=f.outputs[0], sense=pyo.maximize)
        >>> len(model.f.s)  # one neuron that can be on or off
        1
    """
    chosen = method(formulation)
    require_kind("the network", network, ReluNetwork, "ReluNetwork.load(path)")
    if bounds is not None:
        require_kind("bounds", bounds, Bounds, "Crown().compute(network, region)")
    variables = variables_of("inputs", inputs)
    if len(variables) != network.input_size:
        raise InvalidSetting(f"the network takes {network.input_size} inputs but {len(variables)} variables were given")
    _require_empty(block, variables, (*chosen.components, "held"))
    held: dict[int, float] = {}
    if bounds is None:
        bounds = Crown().compute(network, _box_of(variables))
        held = {j: float(pyo.value(variable)) for j, variable in enumerate(variables) if variable.fixed}
    bounds.require_sizes_of(network)
    scaled, scaled_bounds = normalise(network, bounds)
    embedding = chosen.embed(block, scaled, variables, scaled_bounds)
    if held:
        block.held = pyo.Constraint(list(held), rule=lambda _, j: variables[j] == held[j])
    return embedding


def _require_empty(block: Any, inputs: Sequence[Any], names: Sequence[str]) -> None:
    """Refuse a block whose components the network's would replace or join."""
    if not hasattr(block, "component_objects") or block.is_indexed():
        name = getattr(block, "name", block)
        raise InvalidSetting(f"a network goes into one Pyomo Block, got {name}: declare model.f = pyo.Block() and pass model.f")
    if not block.is_constructed():
        raise InvalidSetting(
            "the block belongs to an AbstractModel, which has no values yet: use a ConcreteModel, or embed into what "
            "model.create_instance() returns"
        )
    own = {id(variable.parent_component()) for variable in inputs}
    for component in block.component_objects((pyo.Var, pyo.Constraint, pyo.Objective, pyo.Block), descend_into=False):
        if id(component) not in own:
            raise InvalidSetting(
                f"the block {block.name} already holds {component.local_name}: every network, and every second try, needs an "
                "empty Block of its own (model.f = pyo.Block(); to replace a network, model.del_component(model.f) first)"
            )
    for name in names:
        # Pyomo would put the network's component in its place with no more than a warning.
        if hasattr(block, name):
            raise InvalidSetting(
                f"the block {block.name} already has {name} ({type(getattr(block, name)).__name__}), a name that the "
                "network's own components need: give it another one, or embed into an empty Block (model.f = pyo.Block())"
            )


def _box_of(variables: Sequence[Any]) -> Region:
    """Return where the variables can go: within their bounds, or nowhere but to the values that they are fixed to."""
    for variable in variables:
        domain_parts(variable)
    sides = [side for v in variables for side in ((v.value, v.value) if v.fixed else v.bounds)]
    limits = [pyo.value(side) if side is not None else np.inf for side in sides]
    if not np.isfinite(limits).all():
        open_one = variables[int(np.argmin(np.isfinite(limits))) // 2]
        if open_one.fixed:
            raise InvalidSetting(
                f"variable {open_one.name} is fixed to {open_one.value}: fix it to a finite number, or unfix it"
            )
        raise InvalidSetting(
            f"variable {open_one.name} has bounds {open_one.bounds}: without finite bounds on every input there are no valid "
            "big-M constants; set them, or pass bounds= computed over a region"
        )
    return Region(lower=limits[0::2], upper=limits[1::2])


__all__ = ["METHODS", "BigM", "Embedding", "Formulation", "Partition", "constrain", "embed", "method"]
