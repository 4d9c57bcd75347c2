"""From the columns of a table to the inputs of a network: numbers as they are, categories as one column for each value."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surrogate.checks import shown
from surrogate.data.table_files import DIGITS, Column
from surrogate.errors import InvalidSetting
from surrogate.networks import FloatArray

MOST_CATEGORIES = 200
"""Most values of a category: a column with more of them holds names, or the numbers of the rows."""

MOST_NAMED = 12
"""The most columns, or values of a column, that a sentence names."""

LARGEST_NUMBER = 1e100
"""The largest number that a table may hold. Squares of much larger numbers overflow."""


@dataclass(frozen=True)
class Columns:
    """What the inputs and outputs of a network for a table stand for, in their order.

    Attributes:
        inputs: a name for each input: that of a column of numbers, or ``column=value`` for each value of a category.
        outputs: the columns of the outputs; of a category one column, and the outputs are its classes.
        categories: the values of each category, in the order of its inputs, or of its classes, by column.
        rows: rows of the table that are used, to train and to test.
        dropped: rows left out for their gaps.
        lower: the smallest value of each input in these rows, in the table's units; ``upper`` likewise.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    rows: int
    dropped: int
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    @property
    def expansion(self) -> str:
        """One sentence: how many inputs and outputs come of which columns, for a plan."""
        of_categories = {place for places in self.places.values() for place in places}
        numbers = [name for place, name in enumerate(self.inputs) if place not in of_categories]
        parts = [f"{_counted(len(numbers), 'number')} ({_some(numbers)})"] if numbers else []
        parts += [
            f"{column} as {_counted(len(places), 'input')} of 0 or 1 ({_some(self.categories[column])})"
            for column, places in self.places.items()
        ]
        if set(self.outputs) & self.categories.keys():
            (column,) = self.outputs
            classes = self.categories[column]
            outputs = f"{_counted(len(classes), 'class', 'classes')} of {column} ({_some(classes)})"
        else:
            outputs = _counted(len(self.outputs), "value") + f" ({_some(self.outputs)})"
        left_out = f", {_counted(self.dropped, 'row')} with gaps left out" if self.dropped else ""
        return f"{_counted(len(self.inputs), 'input')} from {' and '.join(parts)}; {outputs}; {self.rows} rows{left_out}"

    @property
    def places(self) -> dict[str, tuple[int, ...]]:
        """For each category among the inputs, by its column: the places of its inputs, in the order of its values."""
        found: dict[str, tuple[int, ...]] = {}
        for column, values in self.categories.items():
            names = tuple(f"{column}={value}" for value in values)
            starts = (place for place in range(len(self.inputs)) if self.inputs[place : place + len(names)] == names)
            if column not in self.outputs and (start := next(starts, None)) is not None:
                found[column] = tuple(range(start, start + len(names)))
        return found


def encode_inputs(
    columns: Sequence[Column], categories: Collection[str]
) -> tuple[FloatArray, tuple[str, ...], NDArray[np.bool_]]:
    """Return the inputs ``(n, d)``, their names, and which of them stand for a value of a category.

    Raises:
        InvalidSetting: a column that holds text and is no category, an infinite number, or one value alone.
    """
    parts: list[FloatArray] = []
    names: list[str] = []
    is_category: list[bool] = []
    for column in columns:
        if column.name in categories:
            values = categories_of(column)
            parts.append((column.texts[:, None] == np.array(values, dtype=object)).astype(np.float64))
            names += [f"{column.name}={value}" for value in values]
            is_category += [True] * len(values)
        else:
            parts.append(numbers_of(column)[:, None])
            names.append(column.name)
            is_category.append(False)
    return np.concatenate(parts, axis=1), tuple(names), np.array(is_category)


def numbers_of(column: Column) -> FloatArray:
    """Return a column of numbers ``(n,)``.

    Raises:
        InvalidSetting: it holds text, an infinite number, or one value alone.
    """
    if not column.is_number:
        text = next((text for text in column.texts if not _is_number(text)), column.texts[0])
        comma = _is_number(text.replace(",", "."))
        how = "write numbers with a point, such as 3.5" if comma else f"name it in categories, as {[column.name]}, if it is one"
        raise InvalidSetting(f"the column {column.name!r} holds text, such as {shown(text)}, where numbers are expected: {how}")
    values: FloatArray = column.values
    if not (np.abs(values) <= LARGEST_NUMBER).all():
        raise InvalidSetting(f"the column {column.name!r} holds numbers that are infinite, or larger than {LARGEST_NUMBER:g}")
    if values.min() == values.max():
        raise InvalidSetting(f"the column {column.name!r} is constant, always {values[0]:g}, and says nothing: leave it out")
    return values


def categories_of(column: Column) -> tuple[str, ...]:
    """Return the values of a category in their order: that of numbers where all are, else that of letters.

    Raises:
        InvalidSetting: it has one value alone, or more than MOST_CATEGORIES.
    """
    found = set(column.texts)
    values = sorted(found, key=float) if column.is_number else sorted(found)
    if len(values) < 2:
        raise InvalidSetting(f"the column {column.name!r} is constant, always {values[0]}, and says nothing: leave it out")
    if len(values) > MOST_CATEGORIES:
        raise InvalidSetting(
            f"the column {column.name!r} has {len(values)} values, and a category has at most {MOST_CATEGORIES}: leave it out, "
            f"or join values of it"
        )
    return tuple(values)


def _some(names: Sequence[str]) -> str:
    """Return names in a row; of many the first ones."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED + 1 else ""
    return ", ".join(names[:MOST_NAMED] if more else names) + more


def _is_number(text: str) -> bool:
    try:
        return set(text) <= DIGITS and math.isfinite(float(text))
    except ValueError:
        return False


def _counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
