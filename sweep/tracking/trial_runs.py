"""The run of one trial: made, and filled with what its record says. Both can be called again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from mlflow.entities import LoggedModelInput, Metric, Param, Run

from sweep.errors import StoreError
from sweep.records import TrialRecord
from sweep.records.trial_log import log_text
from sweep.tasks.pictures import write_pictures
from sweep.tracking import content
from sweep.tracking.datasets import dataset_of
from sweep.tracking.earlier import PARENT_TAG, STATUSES, MlflowRun, ended_at
from sweep.tracking.experiment import Experiment
from sweep.tracking.files import write, yaml_text
from sweep.tracking.parent import MAX_TAG_CHARACTERS
from sweep.tracking.views import NOTE

TABLE, LOG = "instances.json", "log.txt"

RUN_TYPE = {"mlflow.runType": "evaluation"}
"""Tag of a trial: MLflow's UI opens the parents of runs that evaluate something, so that their trials are seen at once."""


class StoredPictures:
    """The records of finished trials with their pictures, by their keys, as ``stored`` gives them; None where it gives none.

    A run is written without pictures then, and ``notice`` gets a sentence the first time. What the store raises must not come
    out of here: it would be taken for a failure of MLflow's, which is waited for.
    """

    def __init__(self, stored: Callable[[str], TrialRecord | None], notice: Callable[[str], None]) -> None:
        self._stored, self._notice, self._is_told = stored, notice, False

    def __call__(self, key: str) -> TrialRecord | None:
        found: TrialRecord | None = None
        why = "the store does not have its record any more"
        try:
            found = self._stored(key)
        except StoreError as error:
            why = str(error)
        if found is None and not self._is_told:
            self._is_told = True
            self._notice(f"MLflow gets no pictures of the trial {key} ({why}); the sweep goes on, and says this only once.")
        return found


class TrialWriter:
    """Writes the runs of trials into an experiment; ``stored`` has the pictures of a finished trial, by its key. Raises what
    MLflow raises."""

    def __init__(self, experiment: Experiment, stored: Callable[[str], TrialRecord | None] | None) -> None:
        self._experiment, self._client, self._stored = experiment, experiment.client, stored
        self._datasets: set[tuple[str, str]] = set()

    def create(self, record: TrialRecord, parent_id: str, reused: bool, common: Mapping[str, str]) -> Run:
        """Return a new run for a trial, RUNNING, with its tags; ``common`` are those of all runs of the sweep."""
        tags = {
            **common,
            **RUN_TYPE,
            PARENT_TAG: parent_id,
            "trial_key": record.key,
            "status": record.status,
            "reused": str(reused).lower(),
        }
        if record.host is not None:
            tags["host"] = record.host
        if record.network_key is not None:
            tags["network_key"] = record.network_key
        if record.error is not None:
            tags["error"] = tags[NOTE] = record.error[:MAX_TAG_CHARACTERS]
        if record.instances:  # makes the UI show the file as a table; MlflowClient.log_table would append when called again
            tags["mlflow.loggedArtifacts"] = json.dumps([{"path": TABLE, "type": "table"}])
        return self._client.create_run(
            self._experiment.id, start_time=round(1000 * record.started_at), tags=tags, run_name=record.name
        )

    def fill(self, run: MlflowRun, record: TrialRecord, model_id: str | None) -> None:
        """Write all that a record says, and end the run; ``model_id`` is that of the dense network, if it is there."""
        params = content.params(record)
        self._log_numbers(run.run_id, record, params)
        self._experiment.answered()
        self._log_inputs(run, record, model_id)
        self._log_files(run.artifact_uri, record)
        run.ended_at, run.status, run.params = ended_at(record), record.status, set(params)
        self._client.set_terminated(run.run_id, status=STATUSES[record.status], end_time=run.ended_at)
        run.is_complete = True

    def _log_numbers(self, run_id: str, record: TrialRecord, params: Mapping[str, str]) -> None:
        """Write metrics, incumbent series and parameters in one batch: five times as fast as a call for each."""
        ended = round(1000 * record.ended_at)
        values = [Metric(name, value, ended, 0) for name, value in content.metrics(record).items()]
        series = [
            Metric(point.metric, point.value, round(1000 * (record.started_at + point.seconds)), point.step)
            for point in content.incumbents(record)
        ]
        given = [Param(name, value) for name, value in params.items()]
        self._client.log_batch(run_id, metrics=[*values, *series], params=given, synchronous=True)

    def _log_inputs(self, run: MlflowRun, record: TrialRecord, model_id: str | None) -> None:
        """Name the data set and the dense network of a trial; the data set on the parent too, whose row the UI shows first."""
        data = dataset_of(record.config)
        datasets = [data] if data is not None else []
        models = [LoggedModelInput(model_id)] if model_id is not None else []
        if datasets or models:
            self._client.log_inputs(run.run_id, datasets, models)
            self._experiment.answered()
        if data is not None and (known := (data.dataset.name, data.dataset.digest)) not in self._datasets:
            self._client.log_inputs(run.parent_id, datasets)
            self._datasets.add(known)
            self._experiment.answered()

    def _log_files(self, artifact_uri: str, record: TrialRecord) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write(folder, "config.yaml", yaml_text(record.config))
            write(folder, LOG, log_text(record))
            if record.error is not None:
                write(folder, "error.txt", f"{record.error}\n\n{record.error_detail or ''}")
            if record.instances:
                write(folder, TABLE, json.dumps(content.table(record)))
                pictures = Path(folder) / "pictures"
                pictures.mkdir()
                whole = self._stored(record.key) if self._stored is not None and record.status == "finished" else None
                if not write_pictures((whole or record).instances, pictures):
                    pictures.rmdir()
            self._experiment.artifacts(artifact_uri).log_artifacts(folder)
            self._experiment.answered()
