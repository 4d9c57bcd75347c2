"""The runs of one sweep in MLflow. A call that fails half-way can be repeated: nothing is written twice."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from mlflow.entities import LoggedModel, LoggedModelOutput, Metric, Param, Run

from surrogate.networks import ReluNetwork
from sweep.records import TrialRecord
from sweep.terminal.wording import count
from sweep.tracking import content, drivers, views
from sweep.tracking.earlier import PARENT_TAG, Earlier, MlflowRun
from sweep.tracking.experiment import Experiment
from sweep.tracking.gains import Gain
from sweep.tracking.models import save_model
from sweep.tracking.parent import Parent, SweepEnd, SweepStart, common_tags
from sweep.tracking.trial_runs import TrialWriter


class Runs:
    """Writes into an experiment; ``stored`` has the pictures of a finished trial, by its key.

    For the thread of the outbox alone, but for :meth:`start`, which comes before it. Raises what MLflow raises.
    """

    def __init__(self, experiment: Experiment, stored: Callable[[str], TrialRecord | None] | None = None) -> None:
        self._experiment, self._client = experiment, experiment.client
        self._earlier = Earlier(experiment)
        self.parent = Parent(experiment, self._earlier)
        self._writer = TrialWriter(experiment, stored)
        self._tags: dict[str, str] = {}
        self._trials: dict[str, MlflowRun] | None = None
        """Runs by trial key: those under this parent, and those that are shared with other sweeps."""
        self._fresh: set[str] = set()
        """Keys of the trials that were written since the start."""
        self._begun: set[str] = set()
        """The ids of the runs that this driver has made."""
        self._networks: dict[str, str] = {}
        """The ids of the dense networks as models, by their keys."""
        self.reused = 0

    def start(self, start: SweepStart, again: bool) -> None:
        """Create the parent run, or go on with the one of the same sweep: :meth:`~sweep.tracking.parent.Parent.start`."""
        self._tags = common_tags(start.name)
        self.parent.start(start, again)

    def close_orphans(self) -> list[str]:
        """End what drivers that are gone have left RUNNING; return the names of those sweeps."""
        return drivers.close_orphans(self._experiment)

    def view(self, swept: Sequence[str], shortest: bool) -> None:
        """Have the experiment's table of trials show what was swept."""
        before = self._client.get_experiment(self._experiment.id).tags
        for tag in views.tags_of(self._experiment.id, before, swept, shortest):
            self._client.set_experiment_tag(self._experiment.id, tag.key, tag.value)
        self._experiment.answered()

    def trial(self, record: TrialRecord, reused: bool, again: bool) -> None:
        """See to it that a trial that has ended has a nested run, of this sweep or of an earlier one of the experiment.

        A trial whose record is shown already is not written again, and no other end takes the place of one that is finished.
        Whatever else is there under this parent is deleted and written anew. ``again`` goes on with what an earlier call had
        begun.
        """
        run = self._run_of(record, reused)
        if run is None or not run.is_complete or not self._stays(run, record):
            run = self._written(record, reused, run, again)
        else:
            self._completed(run, record)
        if record.key not in self._fresh:
            self._fresh.add(record.key)
            self.reused += reused

    def gain(self, gain: Gain) -> None:
        """Write how a trial compares with its dense MILP; what is there already is not written again."""
        run = self._known.get(gain.trial_key)
        if run is None or not run.is_complete or gain.metrics.items() <= run.metrics.items():
            return
        values = [Metric(name, value, gain.known_at, 0) for name, value in gain.metrics.items()]
        self._client.log_batch(run.run_id, metrics=values, synchronous=True)
        run.metrics |= gain.metrics

    def network(self, key: str, network: ReluNetwork, again: bool) -> None:
        """Store a dense network as a model that the parent run has made, once per key; trials that attack it have it as input.

        ``again`` goes on with what an earlier call had begun.
        """
        if key in self._networks:
            return
        name, again = f"dense-{key}", again or self.parent.is_old
        model = (self._model(name) if again else None) or self._client.create_logged_model(
            self._experiment.id, name, source_run_id=self.parent.run_id, tags={"network_key": key}, model_type="dense network"
        )
        self._experiment.answered()
        with tempfile.TemporaryDirectory() as folder:
            save_model(network, Path(folder))
            self._experiment.artifacts(model.artifact_location).log_artifacts(folder)
        self._client.finalize_logged_model(model.model_id, "READY")
        self._experiment.answered()
        outputs = self._client.get_run(self.parent.run_id).outputs if again else None
        if outputs is None or model.model_id not in [one.model_id for one in outputs.model_outputs]:  # not a second time
            self._client.log_outputs(self.parent.run_id, [LoggedModelOutput(model.model_id, step=0)])
        self._networks[key] = model.model_id

    def _model(self, name: str) -> LoggedModel | None:
        """Return the model of this sweep, such as one whose creation was not answered."""
        found = self._client.search_logged_models([self._experiment.id], f"name = '{name}'")
        self._experiment.answered()
        return next((model for model in found if model.source_run_id == self.parent.run_id), None)

    def finish(self, end: SweepEnd, doubtful: bool) -> None:
        """End the parent run, with key findings, counts and the report's files.

        ``doubtful`` says that MLflow may have done what it did not answer to: then it is asked for nested runs that are not of
        this account, and those are deleted.
        """
        for run in self._known.values():
            if not run.is_complete:  # given up after its creation, or half-written by a driver that is gone
                self._client.set_terminated(run.run_id, status="KILLED")
        if doubtful:
            known = {run.run_id for run in self._known.values()}
            for found in list(self._experiment.runs(f"tags.{PARENT_TAG} = '{self.parent.run_id}'")):
                if found.info.run_id not in known:
                    self._client.delete_run(found.info.run_id)
        self.parent.finish(end, self.reused, f"{self._elsewhere()}{views.links(self._experiment.id)}")

    def _elsewhere(self) -> str:
        """Say which earlier sweeps have the runs of trials that have none under this parent."""
        shared = Counter(run.parent_id for run in self._known.values() if run.parent_id != self.parent.run_id)
        said = ""
        for parent_id, number in shared.most_common(3):
            name = self._client.get_run(parent_id).info.run_name
            address = f"#/experiments/{self._experiment.id}/runs/{parent_id}?workflowType=machine_learning"
            said += f"{count(number, 'trial')} are not listed here, but under [{name}]({address}), which ran them first. "
        return said

    @property
    def _known(self) -> dict[str, MlflowRun]:
        if self._trials is None:
            self._trials = self._earlier.trials(self.parent.run_id) if self.parent.is_old else {}
        return self._trials

    def _run_of(self, record: TrialRecord, reused: bool) -> MlflowRun | None:
        """Return the run that the trial has under this parent. A trial whose record is reused may have one under another."""
        run = self._known.get(record.key)
        if run is None and reused and (run := self._earlier.find(record)) is not None:
            if not self._earlier.has_parent(run):  # somebody has deleted it
                self._client.set_tag(run.run_id, PARENT_TAG, self.parent.run_id)
                run.parent_id = self.parent.run_id
            self._known[record.key] = run
        return run

    def _stays(self, run: MlflowRun, record: TrialRecord) -> bool:
        """Whether a complete run of a trial stays as it is, now that the trial has ended like this."""
        if run.shows(record) or (run.status == "finished" and record.status != "finished"):
            return True
        return record.key in self._fresh and run.status in ("finished", record.status)

    def _completed(self, run: MlflowRun, record: TrialRecord) -> None:
        """Add what this sweep has swept and the one that wrote the run had not."""
        if not run.shows(record) or record.swept.keys() <= run.params:
            return
        lacking = [Param(key, value) for key, value in content.params(record).items() if key not in run.params]
        if lacking:
            self._client.log_batch(run.run_id, params=lacking, synchronous=True)
            self._client.update_run(run.run_id, name=record.name)  # the longer name, which tells it from the others
            run.params |= {param.key for param in lacking}
        self._experiment.answered()

    def _written(self, record: TrialRecord, reused: bool, run: MlflowRun | None, again: bool) -> MlflowRun:
        if run is not None and not (again and run.run_id in self._begun and not run.is_complete):
            self._client.delete_run(run.run_id)
            run = None
        if run is None:
            created = self._found(record.key) if again else None
            created = created or self._writer.create(record, self.parent.run_id, reused, self._tags)
            info = created.info
            run = MlflowRun(info.run_id, self.parent.run_id, record.name, record.status, artifact_uri=str(info.artifact_uri))
            self._known[record.key] = run
            self._begun.add(run.run_id)
            self._experiment.answered()
        self._writer.fill(run, record, self._networks.get(record.network_key or ""))
        return run

    def _found(self, key: str) -> Run | None:
        """Return the nested run of a trial whose creation was not answered, and delete all but one of them."""
        condition = f"tags.{PARENT_TAG} = '{self.parent.run_id}' and tags.trial_key = '{key}'"
        runs = list(self._experiment.runs(condition))
        for run in runs[1:]:
            self._client.delete_run(run.info.run_id)
        return runs[0] if runs else None
