"""Data sets from the user's tables: columns of numbers and categories, for values or classes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from surrogate import rules
from surrogate.checks import nearest
from surrogate.data.columns import Columns, categories_of, encode_inputs, numbers_of
from surrogate.data.dataset import Dataset, content_checksum, read_only
from surrogate.data.recipe import UsersRecipe
from surrogate.data.splitting import split_rows
from surrogate.data.table_files import Column, RawTable, read_raw, require_columns
from surrogate.errors import InvalidSetting
from surrogate.networks.scales import Scales
from surrogate.settings import setting

GAP_CHOICES = ("refuse", "drop")
"""What is done with rows that lack a value of a column that is used."""

LEAST_ROWS = 10
"""Fewest rows of a table that a network is fitted to."""


def _names(words: str = "names of columns", *, least: int = 1, optional: bool = False) -> rules.Rule:
    """At least so many names of columns, each once, or None where that is allowed; ``words`` say what they are."""

    def refusal(value: Any) -> str | None:
        if value is None and optional:
            return None
        if not isinstance(value, Collection) or isinstance(value, (str, bytes)):
            return "a list of names of columns, such as ['age', 'size']"
        names = list(value)
        if not all(isinstance(name, str) for name in names):
            return "names of columns, such as ['age', 'size']"
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            return f"each column once, and {twice[0]!r} is named more than once"
        return None if len(names) >= least else words

    return rules.Rule(GenericAlias(list, (str,)), refusal)


@dataclass(frozen=True, kw_only=True)
class Table(UsersRecipe):
    """A table: the arguments of :func:`load_table`, by their names.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    name: ClassVar[str] = "table"

    inputs: Sequence[str] | None = setting(None, _names(optional=True))
    outputs: Sequence[str] = setting((), _names("the names of the columns that a network is to give"))
    categories: Sequence[str] = setting((), _names(least=0))
    gaps: str = setting("refuse", rules.one_of(*GAP_CHOICES))

    def load(self) -> Dataset:
        file, outputs, declared = self.file, list(self.outputs), list(self.categories)
        table = read_raw(file, None if self.inputs is None else [*self.inputs, *outputs])
        if self.inputs is None:
            require_columns(file, table.names, outputs)
        inputs = [name for name in table.names if name not in outputs] if self.inputs is None else list(self.inputs)
        _require_apart(inputs, outputs, declared)
        columns, dropped = _without_gaps(table, [*inputs, *outputs], self.gaps, file)
        x, expanded, is_category = encode_inputs([columns[name] for name in inputs], declared)
        y, classes = _labels([columns[name] for name in outputs], declared)
        train, test = split_rows(y, self.test_share, self.seed)
        lower, upper = tuple(x.min(axis=0).tolist()), tuple(x.max(axis=0).tolist())
        scales = Scales.of(x[train], y[train]).leaving(is_category)
        x, y = scales.standardised(x, y)
        arrays = x[train].astype(np.float32), y[train], x[test].astype(np.float32), y[test]
        read_only(*arrays)
        of_each = {name: categories_of(columns[name]) for name in (*inputs, *outputs) if name in declared}
        return Dataset(
            self.name,
            None,
            *arrays,
            content_checksum([*scales, *arrays], [*expanded, *outputs, *(classes or ())]),
            classes,
            scales,
            Columns(expanded, tuple(outputs), of_each, len(x), dropped, lower, upper),
        )


def load_table(
    file: str | Path,
    inputs: Sequence[str] | None = Table.inputs,
    outputs: Sequence[str] = Table.outputs,
    *,
    categories: Sequence[str] = Table.categories,
    gaps: str = Table.gaps,
    test_share: float = Table.test_share,
    seed: int = Table.seed,
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
    return Table(
        file=file, inputs=inputs, outputs=outputs, categories=categories, gaps=gaps, test_share=test_share, seed=seed
    ).load()


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
