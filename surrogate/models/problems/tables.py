"""The public tables that some problems can be drawn from: fetched, or read from a folder, and checked.

They are those of the test data of PySCIPOpt-ML, from which the instance library SurrogateLIB is generated.
"""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

from surrogate.data.cache import read_cache
from surrogate.data.fetch import FetchFailed, unpack
from surrogate.data.sources import Source, SourceFile
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.files import file_path

FETCHED = "fetched"
"""Given in place of a folder, it has a table fetched once into the cache that the data sets use."""

COMMIT = "c792522bcaf5ec3e7cfa052e010640b15058918f"
"""The commit of the repository Opt-Mucca/PySCIPOpt-ML from whose test data the tables are taken."""


def _table(name: str, sha256: str, size: int, folder: str = "tests/data") -> Source:
    mirrors = (
        f"https://raw.githubusercontent.com/Opt-Mucca/PySCIPOpt-ML/{COMMIT}/{folder}",
        f"https://cdn.jsdelivr.net/gh/Opt-Mucca/PySCIPOpt-ML@{COMMIT}/{folder}",
    )
    return Source("surrogatelib", (SourceFile(name, sha256, size),), mirrors, ending="")


_DIET = "tests/data/WFP"

TABLES = {
    table.files[0].name: table
    for table in (
        _table("car_sales.csv", "6649d1cc4b4171e36baf010d2a5e19c3711a9ae6b0c57e7c0d32058eb2a344dd", 16_148),
        _table("instance_data.xlsx", "cf1eec97ff2dd66c641712a42fd2d6393ee18c88b10940443a006925011639cc", 23_185, _DIET),
        _table("palatable_data.csv", "5612475f9a25d498adb8a8790857555476046f8c410ffe2d5adf5cc89cedb8c2", 566_830, _DIET),
        _table("red_wine_quality.csv", "c68c9b440a4c154b38141e4dfb6bd8ca664bc48cba5cb27dc5a64f05f75b03d2", 94_286),
        _table("water_quality.csv", "87a486d77e659b015f6736109261b244f42eb5a307bdcaab20358292c0181611", 337_556),
    )
}
"""Every table by its name: each is a source of its own, so that a problem fetches what it reads."""


def read_table(folder: str | Path, name: str) -> Any:
    """Return a table of comma-separated values as a pandas data frame, without the rows that have gaps.

    Args:
        folder: where it lies, or FETCHED.
        name: one of TABLES.

    Raises:
        InvalidSetting: the folder is no path.
        DataUnavailable: the file is missing and cannot be fetched, unreadable, or not the table that it should be.
    """
    import pandas  # takes half a second to import, and generators do without

    return pandas.read_csv(io.BytesIO(_content(folder, name))).dropna()


def read_sheet(folder: str | Path, name: str, sheet: str) -> Any:
    """Return a sheet of a workbook as a pandas data frame.

    Raises:
        InvalidSetting, DataUnavailable: as :func:`read_table` does; also where openpyxl is not installed.
    """
    import pandas

    return pandas.read_excel(io.BytesIO(require_workbook(folder, name)), sheet_name=sheet, engine="openpyxl")


def require_workbook(folder: str | Path, name: str) -> bytes:
    """Return the content of a workbook; what would keep it from being read is told before anything is trained.

    Raises:
        InvalidSetting, DataUnavailable: as :func:`read_table` does; also where openpyxl is not installed.
    """
    content = _content(folder, name)
    if importlib.util.find_spec("openpyxl") is None:
        raise DataUnavailable(f"{name} is a workbook: pip install 'surrogate-sweep[excel]' to have it read")
    return content


def require_size(name: str, given: int, folder: str | Path, size: int) -> None:
    """Raise InvalidSetting unless a parameter of the generator, which a table settles, is what the table has."""
    if given != size:
        raise InvalidSetting(f"{name}={given} is not allowed with the table of folder={folder}, which has {size}: leave it out")


def _content(folder: str | Path, name: str) -> bytes:
    table = TABLES[name]
    (file,) = table.files
    if folder == FETCHED:
        try:
            return read_cache(table)[name]
        except DataUnavailable as error:
            raise DataUnavailable(f"{error}, as in folder=my/tables; the SHA-256 of {name} is {file.sha256}") from error
    path = file_path(folder) / name
    try:
        return unpack(path.read_bytes(), file)
    except OSError as error:
        raise DataUnavailable(
            f"{path} cannot be read: {error.strerror}; put {name} there, name its folder, or have it fetched with "
            f"folder={FETCHED}"
        ) from error
    except FetchFailed as error:
        raise DataUnavailable(f"{path} cannot be used: {error}; replace that file") from error
