"""A user's model seen as what can be decided in it: values to set, constraints to evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr.visitor import identify_variables

from surrogate.domain_parts import shown_domain
from surrogate.errors import InvalidSetting
from surrogate.networks import FloatArray
from surrogate.solvers.domains import require_statable
from surrogate.solvers.standard_form import compile_model
from surrogate.substitution.place import Place
from surrogate.variables import Allowed


@dataclass(frozen=True, eq=False)
class Decision:
    """Values of all the model's variables, with the dense networks' outputs, evaluated in float64.

    Attributes:
        values: ``(variables,)`` in the order of ``UserModel.variables``.
        objective: the model's objective there.
        violations: of every constraint, and of every variable's bounds and domain, by its name, where above the tolerance.
    """

    values: FloatArray
    objective: float
    violations: dict[str, float]


class UserModel:
    """The model and its places, checked once.

    Attributes:
        variables: every variable that the model's active constraints and objective use, and those of the places; none fixed.
        allowed: what each of them may be: the values of its domain within its bounds.
        others: positions of those that are neither input nor output of a place.

    Raises:
        InvalidSetting: not a Pyomo model, not linear without the networks, not one objective, variables of another model, an
            output of two places or one that nothing depends on, a domain that cannot be stated, a variable that is fixed to a
            value that its bounds or domain exclude.
    """

    def __init__(self, model: Any, places: Sequence[Place], tolerance: float) -> None:
        if not hasattr(model, "component_data_objects") or model.is_indexed() or not model.is_constructed():
            raise InvalidSetting(f"expected a constructed Pyomo model (ConcreteModel), got {type(model).__name__}")
        self.model, self.places, self.tolerance = model, list(places), tolerance
        if not self.places:
            raise InvalidSetting("at least one Place must say where a network sits in the model, got none")
        self._require_own_variables()
        form = compile_model(model)
        if form is None:
            raise InvalidSetting(
                "a constraint whose variables are all fixed is violated: the model has no solution with any network"
            )
        columns = list(form.compiled.columns)
        known = {id(variable) for variable in columns}
        self._require_used(known)
        placed = [v for place in self.places for v in (*place.inputs, *place.outputs)]
        for variable in placed:
            if id(variable) not in known and not variable.fixed:
                columns.append(variable)
                known.add(id(variable))
        self.variables = columns
        self._position = {id(variable): i for i, variable in enumerate(columns)}
        mine = {id(variable) for variable in placed}
        self.others = [i for i, variable in enumerate(columns) if id(variable) not in mine]
        self.allowed = [Allowed.of(variable) for variable in columns]
        for variable, allowed in zip(columns, self.allowed, strict=True):
            require_statable(variable, allowed)
        self.discrete = [allowed.discrete for allowed in self.allowed]
        self._objective = form.compiled.objectives[0]
        self.sign = -1.0 if self._objective.sense == pyo.maximize else 1.0
        self._rows = list(model.component_data_objects(pyo.Constraint, active=True))
        self._before = [variable.value for variable in columns]
        self._require_fixed_well()

    def inputs_of(self, values: FloatArray) -> tuple[FloatArray, ...]:
        """Return per place the networks' inputs ``(d,)``."""
        return tuple(np.array([self._value(v, values) for v in place.inputs]) for place in self.places)

    def outputs_of(self, values: FloatArray) -> tuple[FloatArray, ...]:
        """Return per place the networks' outputs ``(o,)``."""
        return tuple(np.array([self._value(v, values) for v in place.outputs]) for place in self.places)

    def decide(self, values: FloatArray) -> Decision:
        """Return the decision that a solver's values stand for: each the nearest allowed one, outputs by the dense networks.

        The model's variables are set to it.
        """
        settled = np.array(values, dtype=np.float64)
        outputs = {id(v) for place in self.places for v in place.outputs}
        for i, variable in enumerate(self.variables):
            if id(variable) not in outputs:
                settled[i] = self.allowed[i].project(float(settled[i]))
        # A place's inputs may be another's outputs: places are evaluated in turn, as they are listed.
        for place in self.places:
            x = np.array([self._value(v, settled) for v in place.inputs])
            for variable, y in zip(place.outputs, place.dense(x[None])[0], strict=True):
                settled[self._position[id(variable)]] = y
        self.assign(settled)
        return Decision(settled, float(pyo.value(self._objective)), self._violations())

    def assign(self, values: FloatArray) -> None:
        """Set the model's variables."""
        for variable, value, discrete in zip(self.variables, values.tolist(), self.discrete, strict=True):
            variable.set_value(int(value) if discrete and value.is_integer() else value, skip_validation=True)

    def restore(self) -> None:
        """Set the model's variables to the values that they had at first, some of them perhaps none."""
        for variable, value in zip(self.variables, self._before, strict=True):
            variable.set_value(value, skip_validation=True)

    def start(self) -> FloatArray | None:
        """Return the values that the variables had at first, 0 for the outputs; None if another one has no value."""
        if self.without_value() is not None:
            return None
        return np.array([0.0 if value is None else value for value in self._before], dtype=np.float64)

    def without_value(self) -> Any | None:
        """Return the first variable, outputs left out, that had no value at first; None if all had one."""
        outputs = {id(v) for place in self.places for v in place.outputs}
        pairs = zip(self.variables, self._before, strict=True)
        return next((v for v, value in pairs if value is None and id(v) not in outputs), None)

    def outside(self) -> tuple[Any, Allowed] | None:
        """Return the first variable, outputs left out, whose value at first is not allowed to the tolerance, with what is."""
        outputs = {id(v) for place in self.places for v in place.outputs}
        for variable, allowed, value in zip(self.variables, self.allowed, self._before, strict=True):
            if value is not None and id(variable) not in outputs and self._beyond(allowed, float(value)) is not None:
                return variable, allowed
        return None

    def pinned(self, decision: Decision, integers: bool) -> tuple[list[Any], FloatArray]:
        """Return the variables, with values, that a re-optimisation of the others holds: placed ones, perhaps all integers."""
        free = {i for i in self.others if not (integers and self.discrete[i])}
        held = [i for i in range(len(self.variables)) if i not in free]
        return [self.variables[i] for i in held], decision.values[held]

    def better(self, one: float, than: float | None) -> bool:
        """Whether the objective ``one`` beats ``than``."""
        return than is None or self.sign * one < self.sign * than

    def _value(self, variable: Any, values: FloatArray) -> float:
        position = self._position.get(id(variable))
        return float(variable.value) if position is None else float(values[position])

    def _violations(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for row in self._rows:
            excess = -min(float(row.lslack()), float(row.uslack()))
            scale = max([1.0, *(abs(pyo.value(side)) for side in (row.lower, row.upper) if side is not None)])
            if not excess <= self.tolerance * scale:
                found[row.name] = excess
        for variable, allowed in zip(self.variables, self.allowed, strict=True):
            beyond = self._beyond(allowed, variable.value)
            if beyond is not None:
                found[variable.name] = beyond
        return found

    def _beyond(self, allowed: Allowed, value: float) -> float | None:
        """Return by how much a value is beyond what is allowed, NaN if it is NaN; None up to the tolerance."""
        excess = allowed.violation(value)
        # Steps and gaps are kept to the tolerance itself: beside a bound of 1e6 a share of it would be a whole step.
        sides = [abs(end) for end in (allowed.low, allowed.high) if allowed.interval and np.isfinite(end)]
        within = np.isfinite(value) and excess <= self.tolerance * max([1.0, *sides])
        return None if within else float(excess)

    def _require_fixed_well(self) -> None:
        """Refuse a fixed variable that the model uses and whose value its domain or bounds exclude."""
        placed = [v for place in self.places for v in (*place.inputs, *place.outputs)]
        fixed = [v for v in self.model.component_data_objects(pyo.Var, descend_into=True) if v.fixed and v.value is not None]
        if not fixed:
            return
        bodies = [*(row.body for row in self._rows), self._objective.expr]
        used = {id(v) for body in bodies for v in identify_variables(body, include_fixed=True)} | {id(v) for v in placed}
        for variable in fixed:
            if id(variable) in used and self._beyond(allowed := Allowed.of(variable), float(variable.value)) is not None:
                raise InvalidSetting(
                    f"variable {variable.name} is fixed to {variable.value}, but its domain {shown_domain(variable)} and its "
                    f"bounds allow {allowed}: fix it to such a value, or change them"
                )

    def _require_own_variables(self) -> None:
        own = {id(v) for v in self.model.component_data_objects(pyo.Var, descend_into=True)}
        taken: set[int] = set()
        for place in reversed(self.places):
            for variable in (*place.inputs, *place.outputs):
                if id(variable) not in own:
                    raise InvalidSetting(f"variable {variable.name} of a Place is not in the model {self.model.name}")
            for variable in place.outputs:
                if id(variable) in taken:
                    raise InvalidSetting(f"variable {variable.name} is the output of two places: it can have one network only")
                taken.add(id(variable))
            for variable in place.inputs:
                if id(variable) in taken:
                    raise InvalidSetting(
                        f"input {variable.name} is the output of a later place: list the places in their order"
                    )

    def _require_used(self, columns: set[int]) -> None:
        for place in self.places:
            later = {id(v) for other in self.places for v in other.inputs}
            if not any(id(v) in columns or id(v) in later or v.bounds != (None, None) for v in place.outputs):
                names = ", ".join(v.name for v in place.outputs)
                raise InvalidSetting(
                    f"no constraint, objective or bound of the model uses the outputs {names}: the network would decide nothing"
                )
