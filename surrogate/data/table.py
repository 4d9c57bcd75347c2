"""Data sets from the user's tables: columns of numbers and categories, for values or classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.checks import list_of, nearest, require_integer, require_name
from surrogate.data.columns import Columns, categories_of, encode_inputs, numbers_of
from surrogate.data.dataset import Dataset, content_checksum, read_only
from surrogate.data.splitting import split_rows
from surrogate.data.table_files import Column, RawTable, read_raw, require_columns
from surrogate.errors import InvalidSetting
from surrogate.networks.scales import Scales
from surrogate.rules import TEST_SHARE

GAP_CHOICES = ("refuse", "drop")
"""What is done with rows that lack a value of a column that is used."""

LEAST_ROWS = 10
"""Fewest rows of a table that a network is fitted to."""


def load_table(
    file: str | Path,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] = (),
    *,
    categories: Sequence[str] = (),
    gaps: str = "refuse",
    test_share: float = 0.2,
    seed: int = 0,
) -> Dataset:
    """Return a data set from a CSV or Parquet file, in units of its deviations; ``scales`` of it lead to the user's units.

    A column of numbers is one input. A category is one input of 0 or 1 for each of its values. One category as the only output
    makes a data set of classes, and columns of numbers one of values. A network that is fitted to the data set takes and gives
    the user's units once it went through :meth:`Dataset.in_units`; ``columns`` says what its inputs and outputs stand for.

    Args:
        file: UTF-8 text with a line of names, values between ``,``, ``;``, ``|`` or tabs; or Parquet; plain or gzipped.
        inputs: names of columns; None for all that are no outputs.
        outputs: names of columns, at least one.
        categories: those of these columns that hold categories; every column of text has to be named.
        gaps: what is done with rows that lack a value of a column that is used: one of GAP_CHOICES.
        test_share: share of the rows that is held out to test, drawn by ``seed``; every class is trained on.
        seed: of the split.

    Raises:
        InvalidSetting: a column that is not there, holds text and is no category, is constant, or has gaps that are refused;
            fewer than LEAST_ROWS rows; an argument that is not allowed.
        DataUnavailable: a file that is missing, no table, not UTF-8, or has rows of unequal length.
    """
    names_in = None if inputs is None else _names("inputs", inputs)
    names_out, declared = _names("outputs", outputs), _names("categories", categories)
    require_name("gaps", gaps, GAP_CHOICES)
    TEST_SHARE.require("test_share", test_share)
    require_integer("seed", seed, 0)
    if not names_out:
        raise InvalidSetting("outputs=[] is not allowed: expected the names of the columns that a network is to give")
    table = read_raw(file, None if names_in is None else [*names_in, *names_out])
    if names_in is None:
        require_columns(file, table.names, names_out)
        names_in = [name for name in table.names if name not in names_out]
    _require_apart(names_in, names_out, declared)
    columns, dropped = _without_gaps(table, [*names_in, *names_out], gaps, file)
    x, expanded, is_category = encode_inputs([columns[name] for name in names_in], declared)
    y, classes = _labels([columns[name] for name in names_out], declared)
    train, test = split_rows(y, test_share, seed)
    lower, upper = tuple(x.min(axis=0).tolist()), tuple(x.max(axis=0).tolist())
    scales = Scales.of(x[train], y[train]).leaving(is_category)
    x, y = scales.standardised(x, y)
    arrays = x[train].astype(np.float32), y[train], x[test].astype(np.float32), y[test]
    read_only(*arrays)
    of_each = {name: categories_of(columns[name]) for name in (*names_in, *names_out) if name in declared}
    return Dataset(
        "table",
        None,
        *arrays,
        content_checksum([*scales, *arrays], [*expanded, *names_out, *(classes or ())]),
        classes,
        scales,
        Columns(expanded, tuple(names_out), of_each, len(x), dropped, lower, upper),
    )


def _names(what: str, given: Any) -> list[str]:
    names = list_of(what, given, "names of columns, such as ['age', 'size']")
    for name in names:
        if not isinstance(name, str):
            raise InvalidSetting(f"{what} must be names of columns, got {type(name).__name__} {name!r:.60}")
        if names.count(name) > 1:
            raise InvalidSetting(f"{what} names the column {name!r} more than once")
    return names


def _require_apart(inputs: Sequence[str], outputs: Sequence[str], categories: Sequence[str]) -> None:
    both = [name for name in inputs if name in outputs]
    if both:
        raise InvalidSetting(f"the column {both[0]!r} is among inputs and outputs: leave it out of one of them")
    if not inputs:
        raise InvalidSetting("inputs=[] is not allowed: expected the names of the columns that a network is to take")
    for name in categories:
        if name not in inputs and name not in outputs:
            known = [*inputs, *outputs]
            raise InvalidSetting(f"categories names {name!r}, which is not among inputs and outputs{nearest(name, known)}")
    if len(outputs) > 1 and set(outputs) & set(categories):
        raise InvalidSetting(
            f"outputs={list(outputs)} is not allowed: several outputs must be numbers, and a category must be the only output"
        )


def _without_gaps(table: RawTable, names: Sequence[str], gaps: str, file: str | Path) -> tuple[dict[str, Column], int]:
    missing = {name: table.columns[name].is_missing for name in names}
    has_gap = np.logical_or.reduce(list(missing.values()))
    if has_gap.any() and gaps == "refuse":
        where = ", ".join(f"{name} in {int(rows.sum())}" for name, rows in missing.items() if rows.any())
        raise InvalidSetting(
            f"{file} has gaps in {int(has_gap.sum())} of {len(has_gap)} rows ({where:.200}), the first in row "
            f"{int(has_gap.argmax()) + 1}: fill them, or leave those rows out with gaps='drop'"
        )
    rest = int((~has_gap).sum())
    if rest < LEAST_ROWS:
        without = " without gaps" if has_gap.any() else ""
        raise InvalidSetting(f"{file} has {rest} rows{without}: expected at least {LEAST_ROWS} to fit a network to")
    return {name: table.columns[name].part(~has_gap) for name in names}, len(has_gap) - rest


def _labels(columns: Sequence[Column], categories: Sequence[str]) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Return classes ``(n,)`` and their names, or values ``(n,)`` of one column or ``(n, o)`` of several."""
    if columns[0].name in categories:
        classes = categories_of(columns[0])
        place = {value: index for index, value in enumerate(classes)}
        return np.array([place[text] for text in columns[0].texts], dtype=np.int64), classes
    values = [numbers_of(column) for column in columns]
    return (values[0] if len(values) == 1 else np.stack(values, axis=1)), None
