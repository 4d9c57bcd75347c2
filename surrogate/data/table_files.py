"""Reading of CSV and Parquet files: their columns by name, as numbers or texts."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogate.checks import first_line, nearest
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.files import PICKLE_MAGIC, file_path, read_bytes

MAX_BYTES = 2**30
"""Largest table that is read, unpacked."""

PARQUET_MAGIC, ARCHIVE_MAGIC = b"PAR1", PICKLE_MAGIC[0]

DELIMITERS = ",;\t|"
"""What may stand between the values of a CSV file: whichever of these its first line has most of."""

GAPS = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?"))
"""Texts that stand for a value that is not there."""

DIGITS = frozenset("0123456789+-.eE")
"""What a number is written with."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table.

    Attributes:
        name: as in the header.
        values: ``(n,)`` float64 with NaN for gaps, or texts with None for gaps (objects).
        written: the texts as the file has them, of a column of numbers in a CSV file; None of other columns.
    """

    name: str
    values: NDArray[Any]
    written: NDArray[Any] | None = None

    @property
    def is_number(self) -> bool:
        """Whether all its values are numbers, or gaps."""
        return self.values.dtype.kind == "f"

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Which rows are gaps, ``(n,)``."""
        missing: NDArray[np.bool_] = np.isnan(self.values) if self.is_number else self.values == None  # noqa: E711
        return missing

    @property
    def texts(self) -> NDArray[Any]:
        """The values as texts: those of a category. A number is written as the file has it, or with up to 15 digits."""
        if self.written is not None:
            return self.written
        return np.array([f"{value:.15g}" for value in self.values], dtype=object) if self.is_number else self.values

    def part(self, rows: NDArray[np.bool_]) -> Column:
        """Return the column of these rows."""
        return Column(self.name, self.values[rows], None if self.written is None else self.written[rows])


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as it stands in its file: every name of its header, and the columns that were asked for, by name."""

    names: tuple[str, ...]
    columns: dict[str, Column]


def read_raw(file: str | Path, wanted: Sequence[str] | None) -> RawTable:
    """Return the columns ``wanted`` of a CSV or Parquet file, plain or gzipped, told by its content; None: all of them.

    Raises:
        InvalidSetting: a column that is not there, or is there twice; gives near names.
        DataUnavailable: a file that is missing, no table, not UTF-8, or has rows of unequal length.
    """
    path = file_path(file)
    if path.is_dir():
        raise DataUnavailable(f"{path} is a folder: expected a table, a CSV or Parquet file")
    data = read_bytes(path, MAX_BYTES, "text", DataUnavailable)
    if data.startswith(PARQUET_MAGIC):
        return _parquet(path, data, wanted)
    if data.startswith(ARCHIVE_MAGIC):
        raise DataUnavailable(f"{path} is a workbook or an archive: save the table as CSV (UTF-8) or Parquet")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataUnavailable(
            f"{path}, line {line}: is not UTF-8 text ({error.reason}): save the table as CSV in UTF-8"
        ) from error
    return _csv(path, text, wanted)


def require_columns(path: Path | str, names: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise InvalidSetting for a column that is not there exactly once."""
    for name in wanted:
        if name not in names:
            has = f"{', '.join(names):.200}"
            raise InvalidSetting(f"{path} has no column {name!r}{nearest(name, names)}: it has {has}")
        if list(names).count(name) > 1:
            raise InvalidSetting(f"{path} has the column {name!r} more than once: give each a name of its own")


def _csv(path: Path, text: str, wanted: Sequence[str] | None) -> RawTable:
    first = text.lstrip("\r\n").partition("\n")[0]
    if not first.strip():
        raise DataUnavailable(f"{path} is empty: expected a line of names and then rows")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        names = tuple(name.strip() for name in next(row for row in reader if row))
        chosen = names if wanted is None else wanted
        require_columns(path, names, chosen)
        places = [names.index(name) for name in chosen]
        rows: list[list[str]] = []
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                raise DataUnavailable(
                    f"{path}, line {reader.line_num}: has {len(row)} values and the header {len(names)} names; expected as "
                    f"many, with {delimiter!r} between them"
                )
            rows.append([row[place].strip() for place in places])
    except csv.Error as error:
        raise DataUnavailable(f"{path}, line {reader.line_num}: is no CSV: {error}") from error
    if not rows:
        raise DataUnavailable(f"{path} has a line of names and no rows")
    columns = zip(*rows, strict=True) if chosen else ()
    return RawTable(names, {name: _of_texts(name, column) for name, column in zip(chosen, columns, strict=True)})


def _of_texts(name: str, given: Sequence[str]) -> Column:
    there = [text for text in given if text not in GAPS]
    # float() alone would take 1_000, inf and nan too.
    if set("".join(there)) <= DIGITS:
        try:
            numbers = list(map(float, there))
        except ValueError:
            pass
        else:
            values = np.full(len(given), np.nan)
            values[[text not in GAPS for text in given] if len(there) < len(given) else slice(None)] = numbers
            return Column(name, values, np.array(given, dtype=object))
    return Column(name, np.array([None if text in GAPS else text for text in given], dtype=object))


def _parquet(path: Path, data: bytes, wanted: Sequence[str] | None) -> RawTable:
    import pyarrow  # takes half a second to import, and CSV does without
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        names = tuple(file.schema_arrow.names)
        chosen = names if wanted is None else wanted
        require_columns(path, names, chosen)
        table = file.read(columns=list(chosen))
        return RawTable(names, {name: _of_arrow(path, name, table[name]) for name in chosen})
    except (pyarrow.ArrowException, OSError) as error:
        raise DataUnavailable(f"{path} is a Parquet file that is truncated or corrupt: {first_line(error):.200}") from error


def _of_arrow(path: Path, name: str, column: Any) -> Column:
    import pyarrow

    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_decimal(kind):
        return Column(name, column.cast(pyarrow.float64()).to_numpy().astype(np.float64))  # gaps become NaN
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind) or pyarrow.types.is_boolean(kind):
        values = (None if value is None or value in GAPS else str(value) for value in column.to_pylist())
        return Column(name, np.array(list(values), dtype=object))
    raise InvalidSetting(f"{path}: the column {name!r} has the type {kind}: expected numbers, texts or truth values")
