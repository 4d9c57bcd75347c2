"""What earlier sweeps have left in an experiment, so that a trial gets no second run there.

Runs that an earlier version of the program has written in another layout do not count: their trials are written anew.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow.entities import Run

from sweep.config.canonical import BOOKKEEPING
from sweep.records import TrialRecord
from sweep.tracking import drivers
from sweep.tracking.experiment import Experiment

STATUSES = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED", "stopped": "KILLED"}
"""MLflow's word for the end of a trial."""

LAYOUT_TAG, LAYOUT = "layout", "2"
"""Tag of every run. Raise it when metrics or parameters get other names or meanings."""

TRIALS_TAG = "trials"
"""Tag of a parent run: which trials its sweep has, so that the same sweep finds it again."""

PARENT_TAG = "mlflow.parentRunId"


@dataclass
class MlflowRun:
    """The run of a trial: written, or begun."""

    run_id: str
    parent_id: str
    name: str
    status: str
    ended_at: int = 0
    """Unix time in milliseconds."""
    is_complete: bool = False
    params: set[str] = field(default_factory=set)
    metrics: dict[str, float] = field(default_factory=dict)
    """The metrics that are compared with those to be written, and maybe more."""
    artifact_uri: str = ""

    def shows(self, record: TrialRecord) -> bool:
        """Whether it is this very record that was written, and not what the same trial gave another time."""
        return self.is_complete and self.status == record.status and self.ended_at == ended_at(record)


def ended_at(record: TrialRecord) -> int:
    """Return when the run of a record ends: Unix time in milliseconds."""
    return round(1000 * max(record.started_at, record.ended_at))


def identity(config: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return what two sweeps have in common that are the same: their trials.

    Args:
        config: of the sweep as a whole.
        keys: of its trials; none where a search chooses them, which is the same if it chooses in the same way from the same
            space. How many it chooses does not count: more samples go on with it.
    """
    search = {key: value for key, value in (config.get("search") or {}).items() if key != "samples"}
    space = {name: section for name, section in config.items() if name not in BOOKKEEPING}
    text = json.dumps(sorted(keys) or {**space, "search": search}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Earlier:
    """The runs of an experiment as earlier sweeps have left them; asks MLflow only when something is wanted.

    Raises what MLflow raises.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._known: dict[str, list[MlflowRun]] = defaultdict(list)
        self._read: set[str] = set()
        """Parents whose trials are known."""
        self._parents: set[str] | None = None
        self._is_empty: bool | None = None

    def sweep(self, identity: str) -> Run | None:
        """Return the newest parent run of the same sweep, unless its driver may be at work on it."""
        found = self._experiment.runs(f"tags.{TRIALS_TAG} = '{identity}' and tags.{LAYOUT_TAG} = '{LAYOUT}'")
        free = [run for run in found if run.info.status != "RUNNING" or drivers.why_gone(run.data.tags) is not None]
        return max(free, key=lambda run: int(run.info.start_time), default=None)

    def trials(self, parent_id: str) -> dict[str, MlflowRun]:
        """Return the trials under a parent run, by key; of two runs of one trial the one that ended last."""
        found: dict[str, MlflowRun] = {}
        for key, run in self._children(parent_id):
            if key not in found or (run.is_complete, run.ended_at) > (found[key].is_complete, found[key].ended_at):
                found[key] = run
        return found

    def find(self, record: TrialRecord) -> MlflowRun | None:
        """Return the run that shows a finished record, under whatever parent."""
        if self._is_empty is None:
            condition = f"tags.trial_key LIKE '%' and {_OURS}"
            self._is_empty = not self._experiment.client.search_runs([self._experiment.id], condition, max_results=1)
        if self._is_empty:
            return None
        if record.key not in self._known:
            for run in list(self._experiment.runs(f"tags.trial_key = '{record.key}' and {_OURS}")):
                self._read_all(str(run.data.tags.get(PARENT_TAG)))  # the next ones that are wanted are probably there too
        return next((run for run in self._known[record.key] if run.shows(record)), None)

    def has_parent(self, run: MlflowRun) -> bool:
        """Whether the parent of a run is there, and not deleted."""
        if self._parents is None:
            self._parents = {parent.info.run_id for parent in self._experiment.runs(f"tags.{TRIALS_TAG} LIKE '%'")}
        return run.parent_id in self._parents

    def _read_all(self, parent_id: str) -> None:
        if parent_id not in self._read:
            for key, run in self._children(parent_id):
                self._known[key].append(run)
            self._read.add(parent_id)

    def _children(self, parent_id: str) -> list[tuple[str, MlflowRun]]:
        found = self._experiment.runs(f"tags.{PARENT_TAG} = '{parent_id}' and {_OURS}")
        return [(run.data.tags["trial_key"], _trial_run(run)) for run in found if "trial_key" in run.data.tags]


_OURS = f"tags.{LAYOUT_TAG} = '{LAYOUT}'"


def _trial_run(run: Run) -> MlflowRun:
    status = str(run.data.tags.get("status"))
    return MlflowRun(
        run.info.run_id,
        str(run.data.tags.get(PARENT_TAG)),
        str(run.info.run_name),
        status if run.info.status == STATUSES.get(status) else "interrupted",  # it was cut off while it was written
        run.info.end_time or 0,
        is_complete=run.info.status != "RUNNING",
        params=set(run.data.params),
        metrics=dict(run.data.metrics),
        artifact_uri=str(run.info.artifact_uri),
    )
