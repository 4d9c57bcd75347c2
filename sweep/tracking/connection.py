"""Reaching an MLflow store: the embedded SQLite file, a database, or a server; refused in one sentence if it cannot be used."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import sqlalchemy
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from sqlalchemy.exc import SQLAlchemyError

from sweep.config.mlflow_address import DATABASES, SERVERS, accepted, check_address, database_file, kind_of, named
from sweep.config.passwords import hide_in_text, hide_password
from sweep.errors import SweepError
from sweep.tracking.embedded import ready, remedy
from sweep.tracking.sqlite import alone

CONNECT_SECONDS = 18.0
"""A sweep is refused after this many seconds without an answer, before anything has been computed."""

UI_ADDRESS = "http://127.0.0.1:5000"
"""Where :func:`ui_command` serves the UI: the loopback interface only."""

DRIVERS = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
}
"""The packages of databases' drivers whose modules have other names."""

LOOKED_AT = 50
"""How many of the newest runs of an experiment are searched for one that no sweep made."""

Result = TypeVar("Result")

_QUIET = ("ignore", None, DeprecationWarning, re.compile("mlflow"), 0)


def connect(uri: str, experiment: str, artifacts: Path, notice: Callable[[str], None]) -> tuple[MlflowClient, str]:
    """Return a client for ``uri`` and the id of ``experiment``; create the database's tables and the experiment if needed.

    With a database the experiment's artifacts go to the folder ``artifacts``, with a server to wherever the server says.
    ``notice`` gets a sentence when a SQLite file that holds no runs, or no longer can, gives way to a new one.

    Raises:
        SweepError: the kind of address is not supported, the store does not answer in time, or it refuses.
    """
    check_address(uri)
    kind = kind_of(uri)
    if kind == "sqlite":
        path = Path(database_file(uri))
        with alone(path):
            return reached(uri, lambda: _in_file(path, uri, lambda: _open(uri, experiment, artifacts.as_uri()), notice))
    if kind in DATABASES:
        reached(uri, lambda: in_time(uri, lambda: _check_database(uri)))
    location = None if kind in SERVERS else artifacts.as_uri()
    # One quick retry while connecting; later requests follow the patient settings of sweep.tracking.
    with quick_retries():
        return reached(uri, lambda: in_time(uri, lambda: _open(uri, experiment, location)))


def ui_command(uri: str) -> str:
    """Return the line that opens the MLflow UI, for a shell in any folder; with a server, its address."""
    if kind_of(uri) in SERVERS:
        return hide_password(uri)
    # This interpreter by its path, because the virtual environment need not be active; one worker starts three times as fast.
    python = sys.executable or "python"
    host, port = urlsplit(UI_ADDRESS).netloc.split(":")
    ui = ["ui", "--backend-store-uri", hide_password(uri), "--host", host, "--port", port, "--workers", "1"]
    return shlex.join([python, "-m", "mlflow", *ui])


def reason(error: BaseException, uri: str | None = None) -> str:
    """Return what went wrong in one line, without the wrapping that libraries put around it, and the password of ``uri``."""
    while (inner := error.__cause__ or (error.__context__ if isinstance(error, MlflowException) else None)) is not None:
        error = inner
    text = hide_in_text(" ".join(str(error).split()) or type(error).__name__, uri)
    found = re.search(r"\[Errno -?\d+\] [\w ]+|Read timed out|timed out", text)
    return found.group() if found else text[:200]


def denied(uri: str, error: BaseException) -> str | None:
    """Return what to do about credentials that a server refuses; None if that is not what went wrong."""
    status = error.get_http_status_code() if isinstance(error, MlflowException) else None
    if status not in (401, 403):
        return None
    server, names = f"the MLflow server {hide_password(uri)}", "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    given = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if status == 403:
        who = "this user" if given is None else f"the user {given}"
        return (
            f"{server} does not let {who} do this (403): set {names} to those of a user who may, or choose another sweep.name"
        )
    wrong = "MLFLOW_TRACKING_TOKEN" if "MLFLOW_TRACKING_TOKEN" in os.environ and given is None else "these"
    what = "asks for credentials" if given is None and wrong == "these" else f"refuses {wrong} as credentials"
    return f"{server} {what} (401): set {names}, or MLFLOW_TRACKING_TOKEN, to what it accepts"


def _foreign_answer(error: BaseException) -> int | None:
    """Return the HTTP status of an answer that is not MLflow's; None if this is none."""
    if not isinstance(error, MlflowException) or isinstance(error, RestException):
        return None
    found = re.search(r"failed with error code (4\d\d)", str(error))
    return int(found[1]) if found else None


def _missing_driver(uri: str, error: BaseException | None) -> str | None:
    """Return the module that is not installed and that a database is reached by; None if that is not what went wrong."""
    while error is not None and kind_of(uri) in DATABASES:
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            return error.name.partition(".")[0]
        error = error.__cause__ or error.__context__
    return None


def quiet() -> None:
    """Drop the deprecation warnings that MLflow's own use of SQLAlchemy and pandas gives: nobody here can act on them.

    A filter that stays, and not a block: a block would put back the filters of other threads as they were at its start.
    """
    if _QUIET not in warnings.filters:
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="mlflow")


def _open(uri: str, experiment: str, artifact_location: str | None) -> tuple[MlflowClient, str]:
    client = MlflowClient(tracking_uri=uri)  # a new database gets its tables here
    found = client.get_experiment_by_name(experiment)
    if found is None:
        # Tells the UI that these are training runs; untold, it opens a page about language models.
        tags = {"mlflow.experimentKind": "custom_model_development"}
        try:
            return client, client.create_experiment(experiment, artifact_location=artifact_location, tags=tags)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(experiment)  # another sweep was faster
    if found is None or found.lifecycle_stage != "active":
        raise SweepError(
            f"the MLflow experiment sweep.name={experiment} was deleted in {hide_password(uri)}: choose another sweep.name, "
            f"or bring it back with `mlflow experiments restore`"
        )
    experiment_id = str(found.experiment_id)
    _refuse_foreign(client, uri, experiment, experiment_id)
    return client, experiment_id


def _refuse_foreign(client: MlflowClient, uri: str, experiment: str, experiment_id: str) -> None:
    newest = client.search_runs([experiment_id], max_results=LOOKED_AT, order_by=["attributes.start_time DESC"])
    foreign = [run.info.run_name for run in newest if "sweep" not in run.data.tags]
    if foreign:
        raise SweepError(
            f"the MLflow experiment sweep.name={experiment} in {hide_password(uri)} holds runs that no sweep has made, such as "
            f"{foreign[0]}: choose another sweep.name, such as sweep.name={experiment}-sweep"
        )


def reached(uri: str, action: Callable[[], Result]) -> Result:
    """Return what ``action`` gives; raise SweepError, in one sentence, if MLflow does not answer or refuses."""
    quiet()
    try:
        return action()
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        if (refusal := denied(uri, error)) is not None:
            raise SweepError(refusal) from error
        if (status := _foreign_answer(error)) is not None:
            raise SweepError(
                f"{named(uri)} answers with HTTP {status}, which an MLflow server does not: correct the address; "
                f"accepted are {accepted(uri)}"
            ) from error
        if (module := _missing_driver(uri, error)) is not None:
            package = shlex.quote(DRIVERS.get(module, module))
            raise SweepError(
                f"{named(uri)} needs the Python package of the database's driver: pip install {package}"
            ) from error
        raise SweepError(
            f"{named(uri)} cannot be used as an MLflow store ({reason(error, uri)}); accepted are {accepted(uri)}"
        ) from error


def in_time(uri: str, action: Callable[[], Result]) -> Result:
    """Run ``action`` on a thread and give up on it after CONNECT_SECONDS: a name look-up, for one, has no limit of its own."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(action())
        except BaseException as error:  # handed over to the waiting thread, which raises it
            errors.append(error)

    thread = threading.Thread(target=run, name="mlflow-connect", daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if errors:
        raise errors[0]
    if not results:
        raise SweepError(f"{named(uri)} did not answer within {CONNECT_SECONDS:.0f} s; accepted are {accepted(uri)}")
    return results[0]


def _check_database(uri: str) -> None:
    """Connect once: of a wrong password or a database that is not there MLflow says nothing, but tries again for minutes."""
    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def _in_file(path: Path, uri: str, action: Callable[[], Result], notice: Callable[[str], None]) -> Result:
    try:
        ready(path, CONNECT_SECONDS, notice)
        return action()
    except (MlflowException, SQLAlchemyError, OSError, sqlite3.Error) as error:
        raise SweepError(
            f"{path.absolute()} cannot be used as MLflow's database ({reason(error)}): {remedy(error, uri)}; or set "
            f"tracking.uri to another one"
        ) from error


@contextlib.contextmanager
def quick_retries() -> Iterator[None]:
    """Let MLflow's requests to a server be repeated once, after seconds, and not for minutes."""
    values = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "7"}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
