"""The runs of one sweep in MLflow. Whatever fails half-way can be called again: nothing is written twice."""

from __future__ import annotations

import getpass
import json
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelInput, LoggedModelOutput, Metric, Param, Run, RunTag
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from surrogate.networks import ReluNetwork
from sweep.environment import git_tags, packages_text, version_tags
from sweep.logbook import log_text
from sweep.records import TrialRecord
from sweep.report.pictures import write_pictures
from sweep.tracking import content, drivers
from sweep.tracking.datasets import dataset_of
from sweep.tracking.models import save_model

STATUSES = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED", "stopped": "KILLED"}
"""MLflow's word for the end of a trial."""

MAX_TAG_CHARACTERS = 7900
"""MLflow refuses tags over 8,000."""

NOTE = "mlflow.note.content"
"""The tag that the UI shows as the run's description."""

TABLE, LOG = "instances.json", "log.txt"

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The one in C takes a tenth of the time."""


@dataclass(frozen=True)
class SweepEnd:
    """What the parent run gets when the sweep has ended, at ``ended_at`` (Unix time in seconds)."""

    status: str
    """MLflow's word."""
    metrics: dict[str, float]
    note: str
    error: str | None
    """Why the sweep as a whole failed, if it did."""
    files: tuple[Path, ...]
    ended_at: float


@dataclass
class _Child:
    run_id: str
    status: str
    complete: bool = False
    artifact_uri: str | None = None
    """Only while it is not complete."""


class Runs:
    """Writes through ``client`` into an experiment; ``answered`` is called whenever MLflow has answered.

    For the thread of the outbox alone, but for :meth:`start`, which comes before it. Raises what MLflow raises.
    """

    def __init__(self, client: MlflowClient, experiment_id: str, answered: Callable[[], None] = lambda: None) -> None:
        self._client, self._experiment_id, self._answered = client, experiment_id, answered
        self.parent_id: str | None = None
        self._parent_artifacts = ""
        self._id = uuid.uuid4().hex
        """Finds the parent run again whose creation was not answered."""
        self._tags: dict[str, str] = {}
        self._children: dict[str, _Child] = {}
        self._networks: dict[str, str] = {}
        """The ids of the dense networks as models, by their keys."""
        self._datasets: set[tuple[str, str]] = set()
        self.reused = 0

    def start(self, name: str, config: Mapping[str, Any], overrides: Sequence[str], note: str, again: bool) -> None:
        """Create the parent run, with git state, package versions, ``config.yaml``, ``overrides.txt`` and ``packages.txt``.

        The overrides are its parameters, and ``note`` is its description until it ends.
        """
        self._tags = {"sweep": name, "mlflow.user": _user(), "mlflow.source.name": "sweep", **git_tags()}
        if self.parent_id is None:
            found = self._search(f"tags.sweep_id = '{self._id}'") if again else []
            run = found[0] if found else self._create_parent(name, overrides, note)
            self.parent_id, self._parent_artifacts = run.info.run_id, run.info.artifact_uri
        params = [Param(key, value) for key, value in content.override_params(overrides).items()]
        self._client.log_batch(self.parent_id, params=params, synchronous=True)
        with tempfile.TemporaryDirectory() as folder:
            _write(folder, "config.yaml", _yaml(config))
            _write(folder, "overrides.txt", "".join(f"{override}\n" for override in overrides))
            _write(folder, "packages.txt", packages_text())
            self._upload(self._parent_artifacts, Path(folder))

    def _create_parent(self, name: str, overrides: Sequence[str], note: str) -> Run:
        tags = {**self._tags, **version_tags(), **drivers.tags(), "sweep_id": self._id, "status": "running"}
        tags |= {"overrides": " ".join(overrides)[:MAX_TAG_CHARACTERS], NOTE: note}
        return self._client.create_run(self._experiment_id, tags=tags, run_name=name)

    def fail(self) -> None:
        """End a parent run that could not be started properly."""
        if self.parent_id is not None:
            self._client.set_terminated(self.parent_id, status="FAILED")
            self._client.set_tag(self.parent_id, NOTE, "The sweep could not be started.")

    def beat(self) -> None:
        """Say that this driver lives."""
        self._client.set_tag(self._parent, drivers.HEARTBEAT, drivers.heartbeat())
        self._answered()

    def close_orphans(self) -> list[str]:
        """End what drivers that are gone have left RUNNING; return the names of those sweeps."""
        return drivers.close_orphans(self._client, self._experiment_id)

    def trial(self, record: TrialRecord, reused: bool, again: bool) -> None:
        """Write a trial that has ended as a nested run.

        For a trial key that is there already this does nothing, unless that one had not finished and now has another state:
        then it is deleted and written anew. ``again`` goes on with what an earlier call had begun.
        """
        child = self._children.get(record.key)
        if child is not None and child.complete and child.status in ("finished", record.status):
            return
        if child is not None and (child.complete or not again):
            self._client.delete_run(child.run_id)
            child = None
        if child is None:
            run = (self._found(record.key) if again else None) or self._create_child(record, reused)
            child = self._children[record.key] = _Child(run.info.run_id, record.status, artifact_uri=run.info.artifact_uri)
            self._answered()
        self._log_numbers(child.run_id, record)
        self._answered()
        self._log_inputs(child.run_id, record)
        self._log_files(str(child.artifact_uri), record)
        end = max(record.started_at, record.ended_at)
        self._client.set_terminated(child.run_id, status=STATUSES[record.status], end_time=round(1000 * end))
        self._children[record.key] = _Child(child.run_id, record.status, complete=True)
        self.reused += reused

    def network(self, key: str, network: ReluNetwork, again: bool) -> None:
        """Store a dense network as a model that the parent run has made, once per key; trials that attack it have it as input.

        ``again`` goes on with what an earlier call had begun.
        """
        if key in self._networks:
            return
        name = f"dense-{key}"
        model = (self._model(name) if again else None) or self._client.create_logged_model(
            self._experiment_id, name, source_run_id=self._parent, tags={"network_key": key}, model_type="dense network"
        )
        self._answered()
        with tempfile.TemporaryDirectory() as folder:
            save_model(network, Path(folder))
            self._upload(str(model.artifact_location), Path(folder))
        self._client.finalize_logged_model(model.model_id, "READY")
        self._answered()
        outputs = self._client.get_run(self._parent).outputs if again else None
        if outputs is None or model.model_id not in [one.model_id for one in outputs.model_outputs]:  # not a second time
            self._client.log_outputs(self._parent, [LoggedModelOutput(model.model_id, step=0)])
        self._networks[key] = model.model_id

    def _model(self, name: str) -> LoggedModel | None:
        """Return the model of this sweep whose creation was not answered."""
        found = self._client.search_logged_models([self._experiment_id], f"name = '{name}'")
        self._answered()
        return next((model for model in found if model.source_run_id == self._parent), None)

    def finish(self, end: SweepEnd, doubtful: bool) -> None:
        """End the parent run, with key findings, counts and the report's files.

        ``doubtful`` says that MLflow may have done what it did not answer to: then it is asked for nested runs that are not of
        this account, and those are deleted.
        """
        for child in self._children.values():
            if not child.complete:  # given up after its creation
                self._client.set_terminated(child.run_id, status="KILLED")
        if doubtful:
            known = {child.run_id for child in self._children.values()}
            for run in self._search(f"tags.mlflow.parentRunId = '{self._parent}'"):
                if run.info.run_id not in known:
                    self._client.delete_run(run.info.run_id)
        try:
            self._log_findings(end)
        finally:
            self._client.set_terminated(self._parent, status=end.status, end_time=round(1000 * end.ended_at))

    def _log_findings(self, end: SweepEnd) -> None:
        numbers = {**end.metrics, "sweep/reused": float(self.reused)}
        word = next(word for word, mlflow in STATUSES.items() if mlflow == end.status)
        tags = {"status": word, NOTE: end.note}
        if end.error is not None:
            tags["error"] = end.error[:MAX_TAG_CHARACTERS]
            tags[NOTE] = f"{end.error}\n\n{end.note}"[:MAX_TAG_CHARACTERS]
        self._client.log_batch(
            self._parent,
            metrics=[Metric(name, value, round(1000 * end.ended_at), 0) for name, value in numbers.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
            synchronous=True,
        )
        self._answered()
        repository = get_artifact_repository(self._parent_artifacts, tracking_uri=self._client.tracking_uri)
        for path in end.files:
            repository.log_artifact(str(path), "report")
            self._answered()

    @property
    def _parent(self) -> str:
        assert self.parent_id is not None  # the tracker sees to that
        return self.parent_id

    def _found(self, key: str) -> Run | None:
        """Return the nested run of a trial whose creation was not answered, and delete all but one of them."""
        runs = self._search(f"tags.mlflow.parentRunId = '{self._parent}' and tags.trial_key = '{key}'")
        for run in runs[1:]:
            self._client.delete_run(run.info.run_id)
        return runs[0] if runs else None

    def _create_child(self, record: TrialRecord, reused: bool) -> Run:
        tags = {
            **self._tags,
            "mlflow.parentRunId": self._parent,
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
            self._experiment_id, start_time=round(1000 * record.started_at), tags=tags, run_name=record.name
        )

    def _log_numbers(self, run_id: str, record: TrialRecord) -> None:
        """Write metrics, incumbent series and parameters in one batch: five times as fast as a call for each."""
        ended = round(1000 * record.ended_at)
        values = [Metric(name, value, ended, 0) for name, value in content.metrics(record).items()]
        series = [
            Metric(point.metric, point.value, round(1000 * (record.started_at + point.seconds)), point.step)
            for point in content.incumbents(record)
        ]
        params = [Param(name, value) for name, value in content.params(record).items()]
        self._client.log_batch(run_id, metrics=[*values, *series], params=params, synchronous=True)

    def _log_inputs(self, run_id: str, record: TrialRecord) -> None:
        """Name the data set and the dense network of a trial; the data set on the parent too, whose row the UI shows first."""
        data, model = dataset_of(record.config), self._networks.get(record.network_key or "")
        datasets = [data] if data is not None else []
        models = [LoggedModelInput(model)] if model is not None else []
        if datasets or models:
            self._client.log_inputs(run_id, datasets, models)
            self._answered()
        if data is not None and (known := (data.dataset.name, data.dataset.digest)) not in self._datasets:
            self._client.log_inputs(self._parent, datasets)
            self._datasets.add(known)
            self._answered()

    def _log_files(self, artifact_uri: str, record: TrialRecord) -> None:
        with tempfile.TemporaryDirectory() as folder:
            _write(folder, "config.yaml", _yaml(record.config))
            _write(folder, LOG, log_text(record))
            if record.error is not None:
                _write(folder, "error.txt", f"{record.error}\n\n{record.error_detail or ''}")
            if record.instances:
                _write(folder, TABLE, json.dumps(content.table(record)))
                pictures = Path(folder) / "pictures"
                pictures.mkdir()
                if not write_pictures(record.instances, pictures):
                    pictures.rmdir()
            self._upload(artifact_uri, Path(folder))

    def _upload(self, artifact_uri: str, folder: Path) -> None:
        """Copy a folder to where the artifacts of a run are, without asking again where that is."""
        get_artifact_repository(artifact_uri, tracking_uri=self._client.tracking_uri).log_artifacts(str(folder))
        self._answered()

    def _search(self, condition: str) -> list[Run]:
        found: list[Run] = []
        token = None
        while True:
            page = self._client.search_runs([self._experiment_id], condition, max_results=500, page_token=token)
            self._answered()
            found += page
            token = page.token
            if not token:
                return found


def _write(folder: str, name: str, text: str) -> None:
    (Path(folder) / name).write_text(text, encoding="utf-8")


def _yaml(config: Mapping[str, Any]) -> str:
    return str(yaml.dump(dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return "unknown"
