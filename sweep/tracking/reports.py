"""Puts a report that was made later onto the parent run of its sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from sweep.config.passwords import hide_password
from sweep.errors import SweepError
from sweep.tracking.connection import in_time, quiet, reason
from sweep.tracking.earlier import PARENT_TAG
from sweep.tracking.experiment import Experiment
from sweep.tracking.parent import names_of
from sweep.tracking.reading import require_store


def log_report(uri: str, experiment: str | None, sweep: str, files: Sequence[Path], folder: str = "report") -> str:
    """Add files to the artifacts of a sweep's parent run, in the place of those of the same names, and return the run's name.

    Nothing is created: neither a database nor an experiment.

    Args:
        uri: of the MLflow store.
        experiment: its name; None if it is not known.
        sweep: name of the run; where that is the experiment's, its newest run.
        files: to add.
        folder: where they go among the run's artifacts.

    Raises:
        SweepError: MLflow does not answer in time, refuses, or has no such run.
    """
    quiet()
    try:
        require_store(uri)
        found, parent = in_time(uri, lambda: _parent(uri, experiment or sweep, sweep))
        repository = found.artifacts(parent.info.artifact_uri)
        for path in files:
            repository.log_artifact(str(path.absolute()), folder)
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        raise SweepError(f"MLflow at {hide_password(uri)} did not take the report ({reason(error, uri)})") from error
    return str(parent.info.run_name)


def _parent(uri: str, name: str, sweep: str) -> tuple[Experiment, Run]:
    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(name)
    if found is None:
        raise SweepError(f"MLflow at {hide_password(uri)} has no experiment {name}")
    experiment = Experiment(client, found.experiment_id)
    for run in experiment.runs():
        names = names_of(run.data.tags)
        if PARENT_TAG not in run.data.tags and names and sweep in (name, *names):
            return experiment, run
    raise SweepError(f"MLflow at {hide_password(uri)} has no run of the sweep {sweep}")
