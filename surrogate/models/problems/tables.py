"""The public tables that some problems can be drawn from: read from a folder of the user's, and held to their checksums.

They are those of the test data of PySCIPOpt-ML, from which the instance library SurrogateLIB is generated.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from surrogate.data.fetch import FetchFailed, unpack
from surrogate.data.sources import SourceFile
from surrogate.errors import DataUnavailable, InvalidSetting
from surrogate.files import file_path

TABLES = {
    file.name: file
    for file in (
        SourceFile("car_sales.csv", "6649d1cc4b4171e36baf010d2a5e19c3711a9ae6b0c57e7c0d32058eb2a344dd", 16_148),
        SourceFile("instance_data.xlsx", "cf1eec97ff2dd66c641712a42fd2d6393ee18c88b10940443a006925011639cc", 23_185),
        SourceFile("palatable_data.csv", "5612475f9a25d498adb8a8790857555476046f8c410ffe2d5adf5cc89cedb8c2", 566_830),
        SourceFile("red_wine_quality.csv", "c68c9b440a4c154b38141e4dfb6bd8ca664bc48cba5cb27dc5a64f05f75b03d2", 94_286),
        SourceFile("water_quality.csv", "87a486d77e659b015f6736109261b244f42eb5a307bdcaab20358292c0181611", 337_556),
    )
}
"""Every table by its name."""


def read_table(folder: str | Path, name: str) -> Any:
    """Return a table of comma-separated values as a pandas data frame, without the rows that have gaps.

    Raises:
        InvalidSetting: the folder is no path.
        DataUnavailable: the file is missing, unreadable, or not the table that it should be.
    """
    import pandas  # takes half a second to import, and generators do without

    return pandas.read_csv(io.BytesIO(_content(folder, name))).dropna()


def read_sheet(folder: str | Path, name: str, sheet: str) -> Any:
    """Return a sheet of a workbook as a pandas data frame.

    Raises:
        InvalidSetting, DataUnavailable: as :func:`read_table` does; also where openpyxl is not installed.
    """
    import pandas

    content = _content(folder, name)
    try:
        return pandas.read_excel(io.BytesIO(content), sheet_name=sheet, engine="openpyxl")
    except ImportError as error:
        raise DataUnavailable(f"{name} is a workbook: pip install 'surrogate-sweep[excel]' to have it read") from error


def require_size(name: str, given: int, folder: str | Path, size: int) -> None:
    """Raise InvalidSetting unless a parameter of the generator, which a table settles, is what the table has."""
    if given != size:
        raise InvalidSetting(f"{name}={given} is not allowed with the table in {folder}, which has {size}: leave it out")


def _content(folder: str | Path, name: str) -> bytes:
    path = file_path(folder) / name
    try:
        return unpack(path.read_bytes(), TABLES[name])
    except OSError as error:
        raise DataUnavailable(f"{path} cannot be read: {error.strerror}; put {name} there, or name its folder") from error
    except FetchFailed as error:
        raise DataUnavailable(f"{path} cannot be used: {error}; replace that file") from error
