"""MLflow, on the driver only: one parent run a sweep, one nested run a trial. The only package that imports mlflow."""

import logging
import os

# Read by mlflow when it is imported, so set before it is; whoever has set them otherwise keeps their choice.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
# Else every run that ends on a server prints two addresses, and is asked for once more.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# Trying again is left to sweep.tracking.outbox: it first asks whether a request whose answer was lost has been heard.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")

from sweep.tracking.tracker import Tracker

# What matters of MLflow's log comes back as an exception, which the terminal shows once and in one sentence.
logging.getLogger("mlflow").setLevel(logging.CRITICAL)
logging.getLogger("alembic").setLevel(logging.CRITICAL)
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

__all__ = ["Tracker"]
