"""Where the runs are in MLflow: ``tracking.uri`` says so, else the environment, else it is the SQLite file of this folder."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "MLFLOW_TRACKING_URI"
"""MLflow's own variable; set but empty, it counts as not set."""

TRACKING_FOLDER = Path("mlruns")
DATABASE = "mlflow.db"
"""The embedded store, relative to the working directory, and its database."""


def named_uri(setting: str | None) -> str | None:
    """Return the MLflow store that ``tracking.uri`` names, or else the environment; None where neither does."""
    return setting if setting is not None else os.environ.get(VARIABLE, "").strip() or None


def existing_uri(setting: str | None) -> str | None:
    """Return the MLflow store to look runs up in: the one that is named, or the embedded one if it is there."""
    uri, file = named_uri(setting), TRACKING_FOLDER / DATABASE
    return f"sqlite:///{file.absolute()}" if uri is None and file.exists() else uri


def who_names(uri: str) -> str:
    """Return who named a store, for sentences about it: the variable or the setting."""
    return VARIABLE if os.environ.get(VARIABLE, "").strip() == uri else "tracking.uri"
