"""Writes a sweep into MLflow: the parent run while it goes, a nested run whenever a trial has ended."""

from __future__ import annotations

import getpass
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from surrogate.networks import ReluNetwork
from sweep.environment import git_tags, packages_text, version_tags
from sweep.errors import SweepError
from sweep.pictures import write_pictures
from sweep.records import TrialRecord
from sweep.report import markdown_ranking, rank
from sweep.tracking import content
from sweep.tracking.connection import UI_ADDRESS, connect, hide_password, quiet, reason, ui_command

STATUSES = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED", "stopped": "KILLED"}
"""MLflow's word for the end of a trial."""

MAX_TAG_CHARACTERS = 7900
"""MLflow refuses tags over 8,000."""


@dataclass
class _Run:
    run_id: str
    status: str
    complete: bool = False


class Tracker:
    """One sweep in MLflow.

    ``uri`` None is the embedded store: ``mlflow.db`` (SQLite) and ``artifacts/`` in ``folder``. The artifacts of any database
    go to ``folder``, those of a server to where the server keeps them.

    Trials are written when they have ended and with their final state, so nothing of a trial can be left RUNNING; the parent
    is RUNNING until :meth:`finish_sweep`, which must be called however the sweep ends.

    Raises:
        SweepError: from the constructor if the store cannot be used (within 20 s), from every other method if it refuses or no
            longer answers. The trials themselves are in the sweep's own store then.
    """

    uri: str
    """Where the runs are."""
    ui_command: str
    """The line that opens the MLflow UI, on the loopback interface."""

    def __init__(self, uri: str | None, experiment: str, folder: Path) -> None:
        home = Path(folder).absolute()
        self.uri = uri if uri is not None else f"sqlite:///{home / 'mlflow.db'}"
        self.ui_command = ui_command(self.uri)
        self._client, self._experiment_id = connect(self.uri, experiment, home / "artifacts")
        self._parent_id: str | None = None
        self._tags: dict[str, str] = {}
        self._runs: dict[str, _Run] = {}
        self._networks: set[str] = set()
        self._reused = 0

    @property
    def page(self) -> str:
        """The address of this sweep's page, once :attr:`ui_command` runs: MLflow's front page shows language models."""
        base = hide_password(self.uri).rstrip("/") if self.uri.startswith("http") else UI_ADDRESS
        return f"{base}/#/experiments/{self._experiment_id}/runs/{self._parent()}?workflowType=machine_learning"

    def start_sweep(self, name: str, config: Mapping[str, Any], overrides: Sequence[str]) -> None:
        """Create the parent run, with git state, package versions, ``config.yaml``, ``overrides.txt`` and ``packages.txt``.

        The overrides are its parameters.
        """
        self._tags = {"sweep": name, "mlflow.user": _user(), "mlflow.source.name": "sweep", **git_tags()}
        tags = {**self._tags, **version_tags(), "status": "running", "overrides": " ".join(overrides)[:MAX_TAG_CHARACTERS]}
        with self._writing(f"the sweep {name}"):
            run = self._client.create_run(self._experiment_id, tags=tags, run_name=name)
            self._parent_id = run.info.run_id
            self._runs, self._networks, self._reused = {}, set(), 0
            files = {
                "config.yaml": _yaml(config),
                "overrides.txt": "".join(f"{override}\n" for override in overrides),
                "packages.txt": packages_text(),
            }
            params = [Param(key, value) for key, value in content.override_params(overrides).items()]
            try:
                self._client.log_batch(self._parent_id, params=params, synchronous=True)
                with tempfile.TemporaryDirectory() as folder:
                    for file, text in files.items():
                        (Path(folder) / file).write_text(text, encoding="utf-8")
                    self._client.log_artifacts(self._parent_id, folder)
            except BaseException:  # also an interrupt: the caller has no sweep to finish yet
                self._client.set_terminated(self._parent_id, status="FAILED")
                raise

    def log_trial(self, record: TrialRecord, reused: bool = False) -> None:
        """Write a trial that has ended as a nested run.

        Calling it again for the same trial key does nothing, unless the first run was left incomplete or had not finished and
        now has another state: then that one is deleted and written anew.
        """
        parent_id = self._parent()
        with self._writing(f"the trial {record.name}"):
            before = self._runs.get(record.key)
            if before is not None:
                if before.complete and record.status in (before.status, *(() if before.status != "finished" else STATUSES)):
                    return
                self._client.delete_run(before.run_id)
            start = round(1000 * record.started_at)
            created = self._client.create_run(
                self._experiment_id, start_time=start, tags=self._trial_tags(record, parent_id, reused), run_name=record.name
            )
            run = self._runs[record.key] = _Run(created.info.run_id, record.status)
            self._log_numbers(run.run_id, record)
            self._log_files(run.run_id, record)
            end = max(start, round(1000 * record.ended_at))
            self._client.set_terminated(run.run_id, status=STATUSES[record.status], end_time=end)
            run.complete = True
            self._reused += reused

    def log_network(self, key: str, network: ReluNetwork) -> None:
        """Store a dense network on the parent run as ``networks/<key>.safetensors``, once per key."""
        parent_id = self._parent()
        if key in self._networks:
            return
        with self._writing(f"the network {key}"), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{key}.safetensors"
            network.save(path)
            self._client.log_artifact(parent_id, str(path), "networks")
        self._networks.add(key)

    def finish_sweep(self, records: Sequence[TrialRecord], status: str, files: Sequence[Path]) -> None:
        """End the parent run as ``status`` (FINISHED, FAILED or KILLED), with key findings, counts and the report's files."""
        parent_id = self._parent()
        with self._writing("the end of the sweep"):
            for run in self._runs.values():
                if not run.complete:  # an interrupt came between its creation and its end
                    self._client.set_terminated(run.run_id, status="KILLED")
            try:
                self._log_findings(parent_id, records, status, files)
            finally:
                self._client.set_terminated(parent_id, status=status)

    def _log_findings(self, parent_id: str, records: Sequence[TrialRecord], status: str, files: Sequence[Path]) -> None:
        now = round(1000 * time.time())
        word = next(word for word, mlflow in STATUSES.items() if mlflow == status)
        numbers = content.summary(list(records), self._reused)
        tags = {"status": word, "mlflow.note.content": _note(records)}
        self._client.log_batch(
            parent_id,
            metrics=[Metric(name, value, now, 0) for name, value in numbers.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
            synchronous=True,
        )
        for path in files:
            self._client.log_artifact(parent_id, str(path), "report")

    def _parent(self) -> str:
        if self._parent_id is None:
            raise RuntimeError("start_sweep must come first")
        return self._parent_id

    def _trial_tags(self, record: TrialRecord, parent_id: str, reused: bool) -> dict[str, str]:
        tags = {
            **self._tags,
            "mlflow.parentRunId": parent_id,
            "trial_key": record.key,
            "status": record.status,
            "reused": str(reused).lower(),
        }
        if record.network_key is not None:
            tags["network_key"] = record.network_key
        if record.error is not None:
            tags["error"] = tags["mlflow.note.content"] = record.error[:MAX_TAG_CHARACTERS]
        return tags

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

    def _log_files(self, run_id: str, record: TrialRecord) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "config.yaml").write_text(_yaml(record.config), encoding="utf-8")
            if record.error is not None:
                (folder / "error.txt").write_text(f"{record.error}\n\n{record.error_detail or ''}", encoding="utf-8")
            pictures = folder / "pictures"
            pictures.mkdir()
            if not write_pictures(record.instances, pictures):
                pictures.rmdir()
            self._client.log_artifacts(run_id, name)
        if record.instances:
            self._client.log_table(run_id, content.table(record), "instances.json")

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        try:
            with quiet():
                yield
        except (MlflowException, OSError) as error:
            raise SweepError(
                f"MLflow at {hide_password(self.uri)} did not take {what} ({reason(error)}); finished trials are in the "
                f"sweep's own store, and the same command records them again"
            ) from error


def _note(records: Sequence[TrialRecord]) -> str:
    """Return the key findings in Markdown, cut at the end of a line to what a tag may hold."""
    frame = rank(records)
    finished = sum(record.status == "finished" for record in records)
    text = f"{finished} of {len(records)} trials finished. Best setting first; all columns and figures are in `report/`.\n\n"
    text += markdown_ranking(frame)
    for name, status, error in frame.attrs["unfinished"]:
        text += f"\n- {name}: {status}, {error}"
    return text if len(text) <= MAX_TAG_CHARACTERS else text[:MAX_TAG_CHARACTERS].rpartition("\n")[0]


def _yaml(config: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return "unknown"
