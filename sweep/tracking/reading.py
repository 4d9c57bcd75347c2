"""Reads what a run in MLflow says about itself."""

from __future__ import annotations

from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from sweep.config.mlflow_address import database_file
from sweep.config.passwords import hide_password
from sweep.errors import ConfigError, SweepError
from sweep.tracking.connection import in_time, quick_retries, reached


def require_store(uri: str) -> None:
    """Raise SweepError for a SQLite file that is not there: MLflow would make one."""
    if uri.startswith("sqlite:") and not Path(database_file(uri)).exists():
        raise SweepError(f"there is no MLflow store {hide_password(uri)}")


def tags_of(uri: str, run_id: str) -> dict[str, str]:
    """Return the tags of a run.

    Raises:
        ConfigError: there is no such run.
        SweepError: MLflow does not answer in time, or refuses.
    """
    require_store(uri)

    def tags() -> dict[str, str] | None:
        try:
            return dict(MlflowClient(tracking_uri=uri).get_run(run_id).data.tags)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    with quick_retries():
        found = reached(uri, lambda: in_time(uri, tags))
    if found is None:
        raise ConfigError(f"MLflow at {hide_password(uri)} has no run {run_id}")
    return found
