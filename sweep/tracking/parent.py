"""The parent run of a sweep: made, or found again where the same sweep was run before; and its end."""

from __future__ import annotations

import getpass
import json
import tempfile
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, Run, RunTag

from sweep.tracking import content, drivers
from sweep.tracking.earlier import LAYOUT, LAYOUT_TAG, STATUSES, TRIALS_TAG, Earlier, identity
from sweep.tracking.environment import git_tags, packages_text, version_tags
from sweep.tracking.experiment import Experiment
from sweep.tracking.files import write, yaml_text
from sweep.tracking.views import NOTE

MAX_TAG_CHARACTERS = 7900
"""MLflow refuses tags over 8,000."""

NAMES_TAG = "sweeps"
"""The names under which a sweep was run, as a JSON list: it has one run however often it is run again."""


@dataclass(frozen=True)
class SweepStart:
    """What the parent run says from the start.

    Attributes:
        name: of this run of the sweep.
        config: of the sweep as a whole.
        overrides: what the sweep was made of.
        note: its description until it ends.
        keys: of the trials that are planned.
        idle: keys of ``config`` that can change the result of no trial.
    """

    name: str
    config: Mapping[str, Any]
    overrides: Sequence[str]
    note: str
    keys: Sequence[str] = ()
    idle: Collection[str] = ()

    @property
    def resumes(self) -> bool:
        """Whether results of before count: else the sweep measures anew, and has a run of its own."""
        return bool((self.config.get("sweep") or {}).get("resume", True))


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


class Parent:
    """Writes the parent run of a sweep into an experiment. Raises what MLflow raises."""

    def __init__(self, experiment: Experiment, earlier: Earlier) -> None:
        self._experiment, self._client, self._earlier = experiment, experiment.client, earlier
        self._run: Run | None = None
        self._before: Run | None = None
        """The run as it was, where one is gone on with."""
        self._sweep_id = uuid.uuid4().hex
        """Finds the parent run again whose creation was not answered."""

    @property
    def run_id(self) -> str:
        assert self._run is not None  # the tracker sees to that
        return str(self._run.info.run_id)

    @property
    def is_old(self) -> bool:
        """Whether an earlier run of the same sweep is gone on with."""
        return self._before is not None

    def start(self, start: SweepStart, again: bool) -> None:
        """Create the parent run or go on with the one of the same sweep, with git state, package versions, ``config.yaml``,
        ``overrides.txt`` and ``packages.txt``; what the trials have in common is its parameters.

        ``again`` goes on with what an earlier call had begun.
        """
        if self._run is None:
            found = list(self._experiment.runs(f"tags.sweep_id = '{self._sweep_id}'")) if again else []
            trials = identity(start.config, start.keys)
            self._run = found[0] if found else self._reopened(start, trials) or self._created(start, trials)
        given = content.constants(start.config, start.idle)
        params = [Param(key, value) for key, value in given.items() if key not in self._run.data.params]  # they cannot change
        self._client.log_batch(self.run_id, params=params, synchronous=True)
        with tempfile.TemporaryDirectory() as folder:
            write(folder, "config.yaml", yaml_text(start.config))
            write(folder, "overrides.txt", "".join(f"{override}\n" for override in start.overrides))
            write(folder, "packages.txt", packages_text())
            self._artifacts.log_artifacts(folder)

    def _created(self, start: SweepStart, trials: str) -> Run:
        tags = {**self._tags(start, []), TRIALS_TAG: trials}
        return self._client.create_run(self._experiment.id, tags=tags, run_name=start.name)

    def _reopened(self, start: SweepStart, trials: str) -> Run | None:
        """Return the run of the same sweep, RUNNING again and this driver's; None if there is none that is free."""
        before = self._earlier.sweep(trials) if start.resumes else None
        if before is None:
            return None
        tags = self._tags(start, names_of(before.data.tags))
        self._client.log_batch(before.info.run_id, tags=[RunTag(key, value) for key, value in tags.items()], synchronous=True)
        run = self._client.get_run(before.info.run_id)
        if run.data.tags["sweep_id"] != self._sweep_id:  # another driver took it at the same moment
            return None
        self._before = before
        if "error" in run.data.tags:
            self._client.delete_tag(run.info.run_id, "error")
        self._client.update_run(run.info.run_id, status="RUNNING", name=start.name)
        return run

    def _tags(self, start: SweepStart, names: Sequence[str]) -> dict[str, str]:
        kept = [*names, start.name]
        while len(json.dumps(kept)) > MAX_TAG_CHARACTERS:
            kept.pop(0)
        return {
            **common_tags(start.name),
            **version_tags(),
            **drivers.tags(),
            "sweep_id": self._sweep_id,
            "status": "running",
            "overrides": " ".join(start.overrides)[:MAX_TAG_CHARACTERS],
            NAMES_TAG: json.dumps(kept),
            NOTE: start.note,
        }

    def fail(self) -> None:
        """End a parent run that could not be started properly; one that is gone on with is as it was."""
        if self._run is None:
            return
        status, note = "FAILED", "The sweep could not be started."
        if self._before is not None:
            status, note = self._before.info.status, self._before.data.tags.get(NOTE, note)
        self._client.set_terminated(self.run_id, status="KILLED" if status == "RUNNING" else status)
        self._client.set_tag(self.run_id, NOTE, note)

    def beat(self) -> None:
        """Say that this driver lives."""
        self._client.set_tag(self.run_id, drivers.HEARTBEAT, drivers.heartbeat())
        self._experiment.answered()

    def finish(self, end: SweepEnd, reused: int, more: str) -> None:
        """Write key findings, counts and the report's files, and end the run; ``more`` goes before the end of the note."""
        try:
            self._log_findings(end, reused, more)
        finally:
            self._client.set_terminated(self.run_id, status=end.status, end_time=round(1000 * end.ended_at))

    def _log_findings(self, end: SweepEnd, reused: int, more: str) -> None:
        numbers = {**end.metrics, "sweep/reused": float(reused)}
        word = next(word for word, mlflow in STATUSES.items() if mlflow == end.status)
        why = [end.error] if end.error is not None else []
        first, _, rest = end.note.partition("\n\n")  # the UI shows five lines at first, which is who won and what follows
        tags = {"status": word, NOTE: cut("\n\n".join([*why, first, more, *([rest] if rest else [])]))}
        if end.error is not None:
            tags["error"] = end.error[:MAX_TAG_CHARACTERS]
        self._client.log_batch(
            self.run_id,
            metrics=[Metric(name, value, round(1000 * end.ended_at), 0) for name, value in numbers.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
            synchronous=True,
        )
        self._experiment.answered()
        for path in end.files:
            self._artifacts.log_artifact(str(path), "report")
            self._experiment.answered()

    @property
    def _artifacts(self) -> Any:
        assert self._run is not None
        return self._experiment.artifacts(self._run.info.artifact_uri)


def names_of(tags: Mapping[str, str]) -> list[str]:
    """Return the names under which the sweep of a parent run was run, the last one last."""
    try:
        return [str(name) for name in json.loads(tags[NAMES_TAG])]
    except (KeyError, ValueError, TypeError):
        return [tags["sweep"]] if "sweep" in tags else []


def common_tags(name: str) -> dict[str, str]:
    """Return the tags that every run of the sweep ``name`` has."""
    return {"sweep": name, LAYOUT_TAG: LAYOUT, "mlflow.user": _user(), "mlflow.source.name": "sweep", **git_tags()}


def cut(text: str) -> str:
    """Return a text, cut at the end of a line to what a tag may hold."""
    return text if len(text) <= MAX_TAG_CHARACTERS else text[:MAX_TAG_CHARACTERS].rpartition("\n")[0]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return "unknown"
