"""The same sweep again, and one that shares trials with it: no trial gets a second run in an experiment."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
from mlflow import MlflowClient
from mlflow.entities import Run
from tracked import artifacts_of, children_of, parent_of, started

from surrogate.networks import ReluNetwork
from sweep.records import TrialRecord
from sweep.tracking import Tracker
from sweep.tracking.earlier import LAYOUT_TAG, identity
from sweep.tracking.reports import log_report
from sweep.tracking.views import TAG, swept_in


class Study:
    """An experiment of its own, written by one tracker after another as by one command after another."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, f"study {uuid.uuid4().hex}"
        self.notices: list[str] = []

    def start(self, keys: list[str], name: str = "a sweep", **changed: Any) -> Tracker:
        return started(Tracker(None, self.name, self.folder, notice=self.notices.append), name, keys, **changed)

    def run(self, *records: TrialRecord, reused: bool = False, name: str = "a sweep", **changed: Any) -> Tracker:
        """Run a sweep of these trials to its end."""
        tracker = self.start([record.key for record in records], name, **changed)
        for record in records:
            tracker.log_trial(record, reused=reused)
        assert tracker.finish_sweep(records, "FINISHED", []) is None
        return tracker

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=f"sqlite:///{self.folder / 'mlflow.db'}")

    @property
    def runs(self) -> list[Run]:
        experiment = self.client.get_experiment_by_name(self.name)
        assert experiment is not None
        return list(self.client.search_runs([experiment.experiment_id]))

    @property
    def parents(self) -> list[Run]:
        return [run for run in self.runs if "mlflow.parentRunId" not in run.data.tags]

    @property
    def trials(self) -> dict[str, Run]:
        """The runs of trials by key, each of which is there once."""
        found = [run for run in self.runs if "trial_key" in run.data.tags]
        keys = [run.data.tags["trial_key"] for run in found]
        assert sorted(keys) == sorted(set(keys)), "a trial has two runs"
        return dict(zip(keys, found, strict=True))


@pytest.fixture
def study(empty_store: Path) -> Study:
    return Study(empty_store)


def three() -> list[TrialRecord]:
    return [synthetic.trial(f"key {n}", [synthetic.instance(n)], name=f"trial {n}", baseline_key=None) for n in range(3)]


def test_the_same_sweep_again_has_the_runs_that_it_had(study: Study) -> None:
    study.run(*three(), name="first")
    before = study.trials
    (first,) = study.parents
    study.run(*three(), reused=True, name="second")
    (parent,) = study.parents
    assert parent.info.run_id == first.info.run_id
    assert (parent.info.run_name, parent.info.status) == ("second", "FINISHED")
    assert json.loads(parent.data.tags["sweeps"]) == ["first", "second"]
    assert parent.data.metrics["sweep/reused"] == 3.0
    after = study.trials
    assert {key: run.info.run_id for key, run in after.items()} == {key: run.info.run_id for key, run in before.items()}
    assert {key: run.data.metrics for key, run in after.items()} == {key: run.data.metrics for key, run in before.items()}


def test_a_report_is_put_onto_the_run_of_its_sweep_by_each_of_its_names(study: Study, tmp_path: Path) -> None:
    study.run(*three(), name="first")
    tracker = study.run(*three(), reused=True, name="second")
    for name in ("first", "second"):
        (tmp_path / f"{name}.txt").write_text(name)
        assert log_report(tracker.uri, study.name, name, [tmp_path / f"{name}.txt"]) == "second"
    assert artifacts_of(tracker, parent_of(tracker), "report") == {"report/first.txt", "report/second.txt"}


def test_a_sweep_that_was_cut_off_goes_on_in_its_run(study: Study) -> None:
    records = three()
    keys = [record.key for record in records]
    tracker = study.start(keys, "first")
    tracker.log_trial(records[0])
    cut = dataclasses.replace(records[1], status="interrupted", error="interrupted by SIGINT", instances=[])
    tracker.log_trial(cut)
    assert tracker.finish_sweep([records[0], cut], "KILLED", []) is None
    before = study.trials
    assert before["key 1"].info.status == "KILLED"
    tracker = study.start(keys, "second")
    tracker.log_trial(records[0], reused=True)
    for record in records[1:]:
        tracker.log_trial(record)
    assert tracker.finish_sweep(records, "FINISHED", []) is None
    (parent,) = study.parents
    assert (parent.info.status, parent.data.tags["status"]) == ("FINISHED", "finished")
    after = study.trials
    assert {run.info.status for run in after.values()} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in after.values()} == {parent.info.run_id}
    assert after["key 0"].info.run_id == before["key 0"].info.run_id
    assert after["key 1"].info.run_id != before["key 1"].info.run_id
    assert parent.data.metrics["sweep/reused"] == 1.0


KILLED_IN_THE_MIDDLE = """
import os, signal, sys
from pathlib import Path
import synthetic
from sweep.tracking import Tracker
from sweep.tracking.trial_runs import TrialWriter
from tracked import started

whole = TrialWriter._log_files

def cut(self, uri, record):
    if record.key == "key 1":
        os.kill(os.getpid(), signal.SIGKILL)
    whole(self, uri, record)

TrialWriter._log_files = cut
tracker = started(Tracker(None, sys.argv[1], Path(sys.argv[2])), "first", ["key 0", "key 1", "key 2"])
for number in range(2):
    record = synthetic.trial(f"key {number}", [synthetic.instance(number)], name=f"trial {number}", baseline_key=None)
    tracker.log_trial(record)
tracker.finish_sweep([], "FINISHED", [])
"""


def test_a_driver_that_was_killed_is_gone_on_with_and_what_it_left_half_written_is_written_anew(study: Study) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", KILLED_IN_THE_MIDDLE, study.name, str(study.folder)]
    paths = {"PYTHONPATH": f"{root}:{root / 'tests'}:{root / 'tests' / 'sweep'}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=paths, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr
    (parent,) = study.parents
    assert parent.info.status == "RUNNING"
    assert sorted(run.info.status for run in study.trials.values()) == ["FINISHED", "RUNNING"]
    tracker = study.start(["key 0", "key 1", "key 2"], "second")
    for record in three():
        tracker.log_trial(record, reused=record.key != "key 2")
    assert tracker.finish_sweep(three(), "FINISHED", []) is None
    (parent,) = study.parents
    assert parent.info.status == "FINISHED"
    assert {run.info.status for run in study.trials.values()} == {"FINISHED"}
    assert len(study.trials) == 3
    assert artifacts_of(tracker, study.trials["key 1"]) == {"config.yaml", "instances.json", "log.txt", "pictures"}
    assert study.notices == [], "nothing was closed: the sweep goes on"


def test_a_sweep_that_another_driver_is_at_work_on_is_left_to_it(study: Study) -> None:
    first = study.start([record.key for record in three()], "first")
    study.run(*three(), name="second")
    assert first.finish_sweep([], "FINISHED", []) is None
    assert sorted(str(run.info.run_name) for run in study.parents) == ["first", "second"]


def test_a_sweep_that_measures_anew_has_a_run_of_its_own(study: Study) -> None:
    study.run(*three(), name="first")
    newer = [dataclasses.replace(record, ended_at=record.ended_at + 60.0) for record in three()]
    study.run(*newer, name="second", sweep={"resume": False})
    assert len(study.parents) == 2
    keys = [run.data.tags["trial_key"] for run in study.runs if "trial_key" in run.data.tags]
    assert len(keys) == 6
    # From now on the newer results are those that are used again, and it is their runs that stay.
    study.run(*newer, reused=True, name="third")
    assert sorted(str(run.info.run_name) for run in study.parents) == ["first", "third"]
    assert len(study.runs) == 8


def test_a_sweep_with_more_trials_adds_theirs_alone(study: Study) -> None:
    study.run(*three(), name="first")
    before = study.trials
    more = synthetic.trial("key 3", [synthetic.instance(3)], name="trial 3", baseline_key=None)
    tracker = study.start([record.key for record in (*three(), more)], "second")
    for record in three():
        tracker.log_trial(record, reused=True)
    tracker.log_trial(more)
    assert tracker.finish_sweep([*three(), more], "FINISHED", []) is None
    assert len(study.parents) == 2, "what a run says it has swept cannot change: the larger sweep has its own"
    assert [run.info.run_name for run in children_of(tracker)] == ["trial 3"]
    assert {key: study.trials[key].info.run_id for key in before} == {key: run.info.run_id for key, run in before.items()}
    assert len(study.trials) == 4
    note = parent_of(tracker).data.tags["mlflow.note.content"]
    first = before["key 0"].data.tags["mlflow.parentRunId"]
    assert "3 trials are not listed here, but under [first](#/experiments/" in note
    assert f"/runs/{first}?workflowType=machine_learning), which ran them first." in note


def test_trials_that_are_shared_get_what_the_second_sweep_has_swept_as_parameters(study: Study) -> None:
    record = synthetic.trial("key 0", name="4x64 dense", swept={"network": "4x64"}, baseline_key=None)
    study.run(record)
    wider = dataclasses.replace(record, name="4x64 dense training.seed=0", swept={"network": "4x64", "training.seed": 0})
    another = dataclasses.replace(wider, key="key 1", swept={"network": "4x64", "training.seed": 1})
    tracker = study.start(["key 0", "key 1"])
    tracker.log_trial(wider, reused=True)
    tracker.log_trial(another)
    assert tracker.finish_sweep([wider, another], "FINISHED", []) is None
    assert study.trials["key 0"].data.params == {"network": "4x64", "training.seed": "0"}
    assert study.trials["key 0"].info.run_name == "4x64 dense training.seed=0"


def delete_a_trial(study: Study) -> None:
    study.client.delete_run(study.trials["key 1"].info.run_id)


def delete_all(study: Study) -> None:
    for run in study.runs:
        study.client.delete_run(run.info.run_id)


def delete_the_parent(study: Study) -> None:
    study.client.delete_run(study.parents[0].info.run_id)


def of_an_earlier_version(study: Study) -> None:
    for run in study.runs:
        study.client.delete_tag(run.info.run_id, LAYOUT_TAG)


@pytest.mark.parametrize("lose", [delete_a_trial, delete_all, delete_the_parent])
def test_what_was_deleted_comes_back_with_the_same_sweep(study: Study, lose: Callable[[Study], None]) -> None:
    study.run(*three())
    lose(study)
    tracker = study.run(*three(), reused=True)
    assert len(study.parents) == 1
    assert sorted(study.trials) == ["key 0", "key 1", "key 2"]
    assert [run.info.run_name for run in children_of(tracker)] == ["trial 0", "trial 1", "trial 2"]
    assert {run.info.status for run in children_of(tracker)} == {"FINISHED"}


def test_runs_in_the_layout_of_an_earlier_version_are_left_alone(study: Study) -> None:
    study.run(*three())
    of_an_earlier_version(study)
    tracker = study.run(*three(), reused=True)
    assert len(study.parents) == 2
    assert len(children_of(tracker)) == 3


def test_an_answer_that_was_asked_again_takes_the_place_of_the_one_before(study: Study) -> None:
    study.run(*three())
    newer = dataclasses.replace(three()[1], ended_at=three()[1].ended_at + 60.0, accuracy_dense=0.5)
    tracker = study.start([record.key for record in three()])
    tracker.log_trial(three()[0], reused=True)
    tracker.log_trial(newer)
    tracker.log_trial(three()[2], reused=True)
    assert tracker.finish_sweep(three(), "FINISHED", []) is None
    assert len(study.trials) == 3
    assert study.trials["key 1"].data.metrics["accuracy/dense"] == 0.5


def test_a_network_is_stored_once_however_often_the_sweep_is_run(study: Study) -> None:
    network = ReluNetwork([np.eye(3), np.ones((2, 3))], [np.zeros(3), np.arange(2.0)])
    for name in ("first", "second"):
        tracker = study.start([record.key for record in three()], name)
        tracker.log_network("0123", network)
        assert tracker.finish_sweep([], "FINISHED", []) is None
    (parent,) = study.parents
    models = study.client.search_logged_models([parent.info.experiment_id], "name = 'dense-0123'")
    assert len(models) == 1
    assert [one.model_id for one in study.client.get_run(parent.info.run_id).outputs.model_outputs] == [models[0].model_id]


def test_a_sweep_that_cannot_be_started_again_leaves_its_run_as_it_was(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.run(*three())
    (before,) = study.parents

    def broken(*_: Any) -> None:
        raise ValueError("no files")

    monkeypatch.setattr("sweep.tracking.parent.packages_text", broken)
    with pytest.raises(ValueError, match="no files"):
        study.start([record.key for record in three()])
    (after,) = study.parents
    assert after.info.status == "FINISHED"
    assert after.data.tags["mlflow.note.content"] == before.data.tags["mlflow.note.content"]


def dense_and_pruned() -> tuple[TrialRecord, TrialRecord]:
    dense, pruned = (
        synthetic.trial(key, [synthetic.instance(n, dense_value=margin) for n in range(2)], name=key, baseline_key="dense")
        for key, margin in (("dense", 1.0), ("pruned", 2.5))
    )
    return dense, pruned


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_gain_is_written_when_both_are_known(study: Study, order: tuple[int, int]) -> None:
    both = dense_and_pruned()
    study.run(*(both[place] for place in order))
    metrics = study.trials["pruned"].data.metrics
    assert (metrics["gain_over_dense"], metrics["wins_over_dense"]) == (1.5, 1.0)
    assert metrics["total/compared_with_dense"] == 2.0
    assert "gain_over_dense" not in study.trials["dense"].data.metrics


def test_the_gain_is_written_when_a_later_run_of_the_sweep_has_the_dense_milp(study: Study) -> None:
    dense, pruned = dense_and_pruned()
    tracker = study.start(["dense", "pruned"])
    tracker.log_trial(pruned)
    assert tracker.finish_sweep([pruned], "KILLED", []) is None
    assert "gain_over_dense" not in study.trials["pruned"].data.metrics
    tracker = study.start(["dense", "pruned"])
    tracker.log_trial(pruned, reused=True)
    tracker.log_trial(dense)
    assert tracker.finish_sweep([dense, pruned], "FINISHED", []) is None
    for _ in range(2):
        run = study.trials["pruned"]
        assert len(study.client.get_metric_history(run.info.run_id, "gain_over_dense")) == 1
        study.run(dense, pruned, reused=True)


def test_the_table_of_an_experiment_shows_what_all_its_sweeps_have_swept(study: Study) -> None:
    study.run(synthetic.trial("key 0", swept={"network": "2x16"}, baseline_key=None))
    study.run(synthetic.trial("key 1", swept={"training.seed": 1}, baseline_key=None))
    experiment = study.client.get_experiment_by_name(study.name)
    assert experiment is not None
    assert swept_in(experiment.tags) == ["network", "training.seed"]
    view = json.loads(experiment.tags[TAG])
    assert view["name"] == "Trials"
    state = json.loads(view["state"])
    found = study.client.search_runs([experiment.experiment_id], state["searchFilter"])
    assert {run.data.tags["trial_key"] for run in found} == {"key 0", "key 1"}


def test_searches_that_differ_in_how_many_trials_they_choose_are_the_same_sweep() -> None:
    config = {
        "swept": {"pruning.amount": "interval(0,1)"},
        "search": {"method": "optuna", "samples": 10},
        "cluster": {"cpus": 2},
    }
    more = {**config, "search": {"method": "optuna", "samples": 20}, "cluster": {"cpus": 1}}
    other = {**config, "search": {"method": "random", "samples": 10}}
    assert identity(config, []) == identity(more, [])
    assert identity(config, []) != identity(other, [])
    assert identity(config, ["a", "b"]) == identity(other, ["b", "a"])
