"""Prints the metrics of a trial's run in MLflow, by the key of the trial, as JSON."""

from __future__ import annotations

import json
import sys

import mlflow

client = mlflow.MlflowClient("sqlite:///mlruns/mlflow.db")
experiments = [one.experiment_id for one in client.search_experiments()]
(run, *_) = [one for one in client.search_runs(experiments) if sys.argv[1] in one.data.tags.values()]
print(json.dumps(run.data.metrics))
