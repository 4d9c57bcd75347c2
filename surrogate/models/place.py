"""Where a network sits in a user's model: which of the model's expressions it reads and which variables it writes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyomo.core.base.indexed_component_slice import IndexedComponent_slice
from pyomo.core.expr.visitor import identify_variables

from surrogate.checks import is_number, list_of, require_kind, shown
from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.pruning import Pruning
from surrogate.variables import variables_of
from surrogate.variables.domain_parts import domain_parts, shown_domain


@dataclass(frozen=True, eq=False)
class Place:
    """One use of a network in a Pyomo model: ``outputs = dense(inputs)``, which the model itself does not state.

    Attributes:
        inputs: ``d`` variables of the model, or expressions that are affine in them, or numbers. The same variable may be read
            by many places, and an output of one place may be an input of another.
        outputs: ``o`` variables of the model, real and not fixed. Constraints and the objective use them as they like.
        dense: the network that counts.
        surrogate: a pruned network of the same input and output sizes, or how to prune one from ``dense``. None leaves the
            choice to the search, which prunes to several sparsities.

    Raises:
        InvalidSetting: inputs that are no variables, expressions or numbers; outputs that are no variables, are fixed or have
            an integer domain; a number of them that is not the network's; a surrogate of other sizes.

    Example:
        >>> import pyomo.environ as pyo
        >>> from surrogate.networks import ReluNetwork
        >>> model = pyo.ConcreteModel()
        >>> model.x, model.y = pyo.Var(bounds=(0, 1)), pyo.Var()
        >>> place = Place([2 * model.x - 1], [model.y], ReluNetwork([[[1.0]], [[3.0]]], [[0.0], [0.0]]))
        >>> len(place.inputs)
        1
    """

    inputs: Sequence[Any]
    outputs: Sequence[Any]
    dense: ReluNetwork
    surrogate: ReluNetwork | Pruning | None = None

    def __post_init__(self) -> None:
        require_kind("dense", self.dense, ReluNetwork, "ReluNetwork.load(path)")
        if self.surrogate is not None and not isinstance(self.surrogate, (ReluNetwork, Pruning)):
            raise InvalidSetting(
                f"surrogate must be a ReluNetwork, a Pruning('magnitude', amount=0.5) or None, got {shown(self.surrogate)}"
            )
        object.__setattr__(self, "inputs", _listed("inputs", self.inputs, self.dense.input_size, _require_input))
        object.__setattr__(self, "outputs", _listed("outputs", self.outputs, self.dense.output_size, require_output))
        seen: set[int] = set()
        for variable in self.outputs:
            if id(variable) in seen:
                raise InvalidSetting(
                    f"variable {variable.name} is given as two outputs: each output needs a variable of its own"
                )
            seen.add(id(variable))
        if isinstance(self.surrogate, Pruning) and self.surrogate.needs_data:
            raise InvalidSetting(
                f"surrogate={self.surrogate.way.name} needs training data, of which a Place has none: prune the network with "
                "them first (surrogate.pruning.prune), and give the pruned network as surrogate"
            )
        if isinstance(self.surrogate, ReluNetwork) and (self.surrogate.input_size, self.surrogate.output_size) != (
            self.dense.input_size,
            self.dense.output_size,
        ):
            raise InvalidSetting(
                f"surrogate and dense network must have equal input and output sizes: {self.surrogate!r}, {self.dense!r}"
            )


def _listed(role: str, given: Any, expected: int, require: Any) -> list[Any]:
    given = list(given) if isinstance(given, IndexedComponent_slice) else given  # model.x[:]
    if getattr(given, "is_indexed", lambda: False)():
        raise InvalidSetting(f"{role} must be a list: pass list(model.{given.name}.values())")
    if hasattr(given, "is_expression_type"):
        raise InvalidSetting(f"{role} must be a list, got the single {given}: write [{given}]")
    items = list_of(role, given, "Pyomo variables")
    for item in items:
        require(item)
    if len(items) != expected:
        raise InvalidSetting(f"the dense network has {expected} {role}, got {len(items)}")
    return items


def _require_single(role: str, item: Any) -> None:
    if getattr(item, "is_indexed", lambda: False)():
        raise InvalidSetting(f"{role} must be single Pyomo variables, got {item.name}: pass list(model.{item.name}.values())")


def _require_input(item: Any) -> None:
    _require_single("inputs", item)
    if not hasattr(item, "is_expression_type"):
        if not is_number(item) or not math.isfinite(item):
            raise InvalidSetting(f"inputs must be Pyomo variables, affine expressions of them or numbers, got {shown(item)}")
        return
    for variable in identify_variables(item, include_fixed=True):
        if not variable.parent_component().is_constructed():
            raise InvalidSetting(
                f"inputs must be variables of a ConcreteModel, but {variable.name} belongs to an AbstractModel, which has no "
                "values yet: take those of what model.create_instance() returns"
            )


def require_output(item: Any) -> None:
    """Raise InvalidSetting unless a network can write this: a variable that is real and not fixed."""
    (variable,) = variables_of("outputs", [item])
    parts = domain_parts(variable)
    if len(parts) != 1 or parts[0].step:
        raise InvalidSetting(f"output {item.name} has the domain {shown_domain(item)}: a network's outputs are real numbers")
    if item.fixed:
        raise InvalidSetting(f"output {item.name} is fixed: give it bounds or a constraint, its value is the network's")
