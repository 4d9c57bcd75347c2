"""Tells whether a failure of MLflow is temporary, permanent or unknown."""

from __future__ import annotations

import re

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from requests.exceptions import HTTPError

from sweep.tracking.connection import reason
from sweep.tracking.embedded import is_damage
from sweep.tracking.outbox import Refused, Unanswered

_CROSSED = re.compile("duplicate key|unique constraint|duplicate entry", re.IGNORECASE)
"""What databases say when another sweep was just faster to write the same row, such as that of the data set they share. MLflow
calls it a bad request; at the next attempt it finds the row."""

_PASSING = frozenset({408, 429})
"""HTTP statuses below 500 that are not for good."""


def judged(error: Exception, client: MlflowClient, experiment_id: str) -> Exception:
    """Return what the outbox is to be told about a failure, with the reason in one line.

    :class:`~sweep.tracking.outbox.Unanswered`: the server, its database or its disk can take nothing now, so that the failure
    says nothing on what was sent. :class:`~sweep.tracking.outbox.Refused`: an answer that will stay the same.
    """
    why, status = reason(error, client.tracking_uri), _http_status(error)
    if is_damage(error):  # of the embedded database: the next sweep moves it aside
        return Refused(why)
    # The first is also what a locked or full database says, the second comes of a lost connection and of a full disk.
    if isinstance(error, MlflowException) and error.error_code == "TEMPORARILY_UNAVAILABLE":
        return Unanswered(why)
    if isinstance(error, OSError) and not isinstance(error, HTTPError | FileNotFoundError):
        return Unanswered(why)
    if status in _PASSING or not _reachable(client, experiment_id):
        return Unanswered(why)
    return Refused(why) if 400 <= status < 500 and not _CROSSED.search(str(error)) else RuntimeError(why)


def _reachable(client: MlflowClient, experiment_id: str) -> bool:
    try:
        client.get_experiment(experiment_id)
    except RestException:
        return True  # an answer of MLflow itself, and not of a proxy before it
    except Exception:
        return False
    return True


def _http_status(error: Exception) -> int:
    """Return the status of an answer that is a failure; 500 where there is none."""
    if isinstance(error, MlflowException):
        return int(error.get_http_status_code())
    if isinstance(error, HTTPError) and error.response is not None:
        return int(error.response.status_code)
    return 500
