"""Turns the conditions of a property into instances: boxes of inputs, and problems on the outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from surrogate.errors import InvalidProperty
from surrogate.networks import FloatArray
from surrogate.problems.instance import Instance
from surrogate.problems.problem import Conditions
from surrogate.problems.region import LARGEST, Region
from surrogate.problems.vnnlib.property import Condition, Property

MAX_NUMBERS = 20_000_000
"""Most bounds and coefficients of all instances together."""

Bound = tuple[int, bool, float, int]
"""Input, whether it is an upper bound, its value, and the line it stands on."""


def to_instances(found: Property) -> list[Instance]:
    """Return an instance per different input box; the disjuncts that share one are the disjuncts of its problem.

    A disjunct whose own bounds contradict one another cannot hold, and is left out.

    Raises:
        InvalidProperty: variables that leave gaps, an input without a bound or with one too large, boxes that are all empty, a
            condition that joins inputs with one another or with outputs, or a disjunct that asserts nothing on the outputs.
    """
    inputs, outputs = _count(found, "X"), _count(found, "Y")
    shared_bounds, shared_rows = _split(found, found.always)
    if len(shared_rows) * len(found.clauses) * outputs > MAX_NUMBERS:
        raise InvalidProperty(_too_large(found, len(shared_rows) * len(found.clauses) * outputs))
    lower, upper = np.full(inputs, -np.inf), np.full(inputs, np.inf)
    _tighten(lower, upper, shared_bounds)
    boxes: dict[tuple[bytes, bytes], tuple[FloatArray, FloatArray, list[list[Condition]]]] = {}
    empty, numbers = "", 0
    for clause in found.clauses:
        bounds, rows = _split(found, clause)
        if not rows and not shared_rows:
            line = f", line {clause[0].line}" if clause else ""
            raise InvalidProperty(f"{found.where}{line}: nothing is asserted on the outputs")
        low, high = lower.copy(), upper.copy()
        _tighten(low, high, bounds)
        _require_bounded(found, low, high, [*shared_bounds, *bounds])
        if (low > high).any():
            empty = empty or _contradiction(found, low, high, [*shared_bounds, *bounds])
            continue
        _, _, disjuncts = boxes.setdefault((low.tobytes(), high.tobytes()), (low, high, []))
        disjuncts.append([*shared_rows, *rows])
        numbers += len(disjuncts[-1]) * outputs + (2 * inputs if len(disjuncts) == 1 else 0)
        if numbers > MAX_NUMBERS:
            raise InvalidProperty(_too_large(found, numbers))
    if not boxes:
        raise InvalidProperty(empty)
    return [
        Instance(Region(low, high), problem=Conditions([_matrix(found, rows, outputs) for rows in disjuncts]))
        for low, high, disjuncts in boxes.values()
    ]


def _too_large(found: Property, numbers: int) -> str:
    return f"{found.where}: its cases need {numbers} numbers or more, and {MAX_NUMBERS} at most are read"


def _count(found: Property, kind: str) -> int:
    indices = {index for one, index in found.variables.values() if one == kind}
    word = {"X": "input", "Y": "output"}[kind]
    if not indices:
        raise InvalidProperty(f"{found.where}: no {word} {kind}_0, {kind}_1, ... is declared")
    for index in range(len(indices)):
        if index not in indices:
            raise InvalidProperty(f"{found.where}: {kind}_{index} is not declared, but {kind}_{max(indices)} is")
    return len(indices)


def _split(found: Property, clause: Sequence[Condition]) -> tuple[list[Bound], list[Condition]]:
    """Return the bounds on inputs and the conditions on outputs."""
    bounds: list[Bound] = []
    rows: list[Condition] = []
    for condition in clause:
        coefficients = condition.form.coefficients
        kinds = {found.variables[name][0] for name in coefficients}
        if kinds == {"Y"}:
            rows.append(condition)
        elif kinds == {"X"} and len(coefficients) == 1:
            ((name, coefficient),) = coefficients.items()
            value = -condition.form.constant / coefficient + 0.0  # + 0.0: no -0.0
            bounds.append((found.variables[name][1], coefficient < 0.0, value, condition.line))
        else:
            names = ", ".join(list(coefficients)[:4])
            raise found.error(condition, f"a condition joins {names}: it may bound one input, or join outputs only")
    return bounds, rows


def _tighten(lower: FloatArray, upper: FloatArray, bounds: Sequence[Bound]) -> None:
    for index, is_upper, value, _ in bounds:
        if is_upper:
            upper[index] = min(upper[index], value)
        else:
            lower[index] = max(lower[index], value)


def _require_bounded(found: Property, lower: FloatArray, upper: FloatArray, bounds: Sequence[Bound]) -> None:
    for side, values in (("lower", lower), ("upper", upper)):
        if not np.isfinite(values).all():
            index = int(np.argmin(np.isfinite(values)))
            raise InvalidProperty(f"{found.where}: X_{index} has no finite {side} bound; every input needs both")
        if (np.abs(values) > LARGEST).any():
            index = int(np.argmax(np.abs(values) > LARGEST))
            line = max(line for i, _, value, line in bounds if i == index and value == values[index])
            raise InvalidProperty(
                f"{found.where}, line {line}: X_{index} has the {side} bound {values[index]:g}, beyond the {LARGEST:g} allowed"
            )


def _contradiction(found: Property, lower: FloatArray, upper: FloatArray, bounds: Sequence[Bound]) -> str:
    index = int(np.argmax(lower > upper))
    low, high = float(lower[index]), float(upper[index])
    line = max(line for i, is_upper, value, line in bounds if i == index and value == (high if is_upper else low))
    return f"{found.where}, line {line}: no input is left, X_{index} would be at least {low} and at most {high}"


def _matrix(found: Property, rows: Sequence[Condition], outputs: int) -> tuple[FloatArray, FloatArray]:
    matrix = np.zeros((len(rows), outputs))
    for k, row in enumerate(rows):
        for name, coefficient in row.form.coefficients.items():
            matrix[k, found.variables[name][1]] = coefficient
    return matrix, np.array([row.form.constant for row in rows])
