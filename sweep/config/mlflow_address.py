"""The address of MLflow: that of ``tracking.uri``, else that of the environment, else the SQLite file in this folder."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from sweep.config.passwords import hide_password
from sweep.errors import ConfigError

VARIABLE = "MLFLOW_TRACKING_URI"
"""MLflow's own variable; set but empty, it counts as not set."""

TRACKING_FOLDER = Path("mlruns")
DATABASE = "mlflow.db"
"""The embedded store, relative to the working directory, and its database."""

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
SERVERS = ("http", "https")


def named_uri(setting: str | None) -> str | None:
    """Return the MLflow store that ``tracking.uri`` names, or else the environment; None where neither does."""
    return setting if setting is not None else os.environ.get(VARIABLE, "").strip() or None


def existing_uri(setting: str | None) -> str | None:
    """Return the MLflow store to look runs up in: the one that is named, or the embedded one if it is there."""
    uri, file = named_uri(setting), TRACKING_FOLDER / DATABASE
    return sqlite_address(file.absolute()) if uri is None and file.exists() else uri


def who_names(uri: str) -> str:
    """Return who named a store, for sentences about it: the variable or the setting."""
    return VARIABLE if uri and os.environ.get(VARIABLE, "").strip() == uri else "tracking.uri"


def named(uri: str) -> str:
    """Return how a store was named, such as ``tracking.uri=http://tracker:5000``, without its password."""
    return f"{who_names(uri)}={hide_password(uri)}"


def accepted(uri: str) -> str:
    """Return what may stand in the place of an address, for sentences about one that may not."""
    nothing = "an unset variable" if who_names(uri) == VARIABLE else "null"
    return (
        f"{nothing} (SQLite under mlruns/), sqlite:///<absolute path of a file>, http://host:port of an MLflow server, or a "
        f"postgresql, mysql or mssql database"
    )


def kind_of(uri: str) -> str:
    """Return the kind of store that an address names, such as ``sqlite`` or ``http``, whatever driver it asks for."""
    return uri.partition(":")[0].partition("+")[0].lower()


def sqlite_address(file: Path) -> str:
    """Return the address of a SQLite file, with signs of its name encoded only where they would mean something else."""
    from sqlalchemy.engine import URL

    plain = f"sqlite:///{file}"
    is_read_back = database_file(plain) == str(file)  # not so of ?, which ends the path, and of %41, which is a letter
    return plain if is_read_back else URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def database_file(uri: str) -> str:
    """Return the path in ``sqlite:///<path>``, as SQLAlchemy reads it; empty or ``:memory:`` where there is none."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):  # the latter of a port that is none
        return ""
    return "" if url.host else url.database or ""


def check_address(uri: str | None) -> None:
    """Check what can be told of an address without asking anybody; None, the embedded store, is allowed.

    Raises:
        ConfigError: no store of runs can be at this address.
    """
    if uri is None:
        return
    kind = kind_of(uri)
    file = database_file(uri) if kind == "sqlite" else None
    if kind not in DATABASES + SERVERS:
        folders = (
            "" if "://" in uri and kind != "file" else " (MLflow's folders of files are no longer supported by MLflow itself)"
        )
        raise ConfigError(f"{named(uri)} is not an MLflow store that can be used{folders}; accepted are {accepted(uri)}")
    if file in ("", ":memory:"):
        raise ConfigError(f"{named(uri)} names no file, so nothing would be kept; accepted are {accepted(uri)}")
    if file is not None and file.startswith("~"):
        raise ConfigError(f"{named(uri)}: ~ is no home folder in an address; write sqlite:///<absolute path of a file>")
    if kind in SERVERS and not _has_host(uri):
        raise ConfigError(f"{named(uri)} names no server; accepted are {accepted(uri)}")


def _has_host(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, or half an IPv6 address
        return False
