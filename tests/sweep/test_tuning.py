"""Real Ray: networks in parallel, trials on actors that are used again, lost workers, and books that are kept once."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
from composing import QUICK, Composer
from ray import cloudpickle
from rich.console import Console

from surrogate.datasets import Dataset
from surrogate.networks import ReluNetwork
from sweep.errors import StoreError
from sweep.interruption import Interruption
from sweep.ledger import Ledger
from sweep.plan import Trial
from sweep.progress import Progress
from sweep.records import TrialRecord
from sweep.schema import read
from sweep.store import Store
from sweep.trial import TrainedNetwork, new_record
from sweep.tuning import RayCluster, TrainingFailure

pytestmark = pytest.mark.filterwarnings(
    # Ray's own, none of which its user can avoid
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

TRAINED = TrainedNetwork(ReluNetwork([np.eye(2), np.eye(2)], [np.zeros(2), np.zeros(2)]), 1.0, 1.0, 0.9)


class ListedTracker:
    """Stands in for MLflow: keeps the records it is given."""

    def __init__(self) -> None:
        self.records: list[TrialRecord] = []

    def log_trial(self, record: TrialRecord, reused: bool = False) -> None:
        self.records.append(record)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    # Workers can't import a test module, so what a test hands them travels whole.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with RayCluster(cpus=2, cpus_per_trial=1, retries=1) as cluster:
        yield cluster


class Bench:
    """A ledger on a store in a folder, with its tracker and its terminal at hand."""

    def __init__(self, trials: list[Trial], folder: Path) -> None:
        self.trials, self.store, self.tracker = trials, Store(folder / "store"), ListedTracker()
        self.terminal = io.StringIO()
        progress = Progress(Console(file=self.terminal, width=200), len(trials), slots=2)
        self.ledger = Ledger(trials, self.store, self.tracker, progress, Interruption())  # type: ignore[arg-type]

    def run(self, cluster: RayCluster, work: Callable[..., TrialRecord]) -> dict[str, TrialRecord]:
        nothing = dict.fromkeys((trial.key for trial in self.trials), cluster.share(None))  # type: ignore[arg-type]
        networks = {trial.training_key: TRAINED for trial in self.trials}
        cluster.run(self.trials, nothing, networks, self.ledger, run=work)
        return self.ledger.records


def plan_of(composer: Composer, count: int) -> list[Trial]:
    return composer.plan(*QUICK, f"instances.seed=range(0,{count})").trials


def finished(trial: Trial) -> TrialRecord:
    """Return a record that says which process made it and from which trial."""
    record = new_record(trial)
    record.error_detail, record.skipped = str(os.getpid()), trial.config["instances"]["seed"]
    return record


def test_networks_are_trained_in_parallel_and_fail_alone(cluster: RayCluster, composer: Composer, digits: Dataset) -> None:
    data = cluster.share(digits)
    jobs = {
        "good": (read(composer.plain(*QUICK)), data),
        "bad": (read(composer.plain(*QUICK, "training.learning_rate=1e30")), data),
        "same": (read(composer.plain(*QUICK)), data),
    }
    outcomes = dict(cluster.train(jobs))
    good, bad, same = outcomes["good"], outcomes["bad"], outcomes["same"]
    assert isinstance(good, TrainedNetwork)
    assert isinstance(same, TrainedNetwork)
    assert good.network.key == same.network.key
    assert isinstance(bad, TrainingFailure)
    assert bad.error.startswith("training diverged in epoch 1")
    assert "Traceback" in bad.detail


def test_every_trial_is_booked_under_its_own_key_by_few_processes(
    cluster: RayCluster, composer: Composer, tmp_path: Path
) -> None:
    def work(trial: Trial, data: Any, trained: TrainedNetwork) -> TrialRecord:
        assert trained.network.key == TRAINED.network.key
        return finished(trial)

    bench = Bench(plan_of(composer, 8), tmp_path)
    records = bench.run(cluster, work)
    assert set(records) == {trial.key for trial in bench.trials}
    for trial in bench.trials:
        assert records[trial.key].status == "finished", records[trial.key].error_detail
        assert records[trial.key].skipped == trial.config["instances"]["seed"]
        assert bench.store.trial(trial.key) == records[trial.key]
    assert len(bench.tracker.records) == 8
    assert len({record.error_detail for record in records.values()}) <= 3
    assert bench.ledger.running == {}
    assert bench.ledger.missing == []


def test_a_lost_worker_costs_a_retry_and_then_the_trial_alone(cluster: RayCluster, composer: Composer, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def work(trial: Trial, data: Any, trained: TrainedNetwork) -> TrialRecord:
        seed = trial.config["instances"]["seed"]
        marker = Path(folder) / f"died-{seed}"
        if seed == 0 or (seed == 1 and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return finished(trial)

    bench = Bench(plan_of(composer, 4), tmp_path)
    records = bench.run(cluster, work)
    by_seed = {records[trial.key].config["instances"]["seed"]: records[trial.key] for trial in bench.trials}
    assert {seed: record.status for seed, record in by_seed.items()} == {
        0: "failed",
        1: "finished",
        2: "finished",
        3: "finished",
    }
    assert by_seed[0].error is not None
    assert by_seed[0].error.startswith("its worker process was lost 2 times")
    assert bench.store.trial(by_seed[0].key) is None
    said = bench.terminal.getvalue()
    assert said.count("FAILED") == 1
    assert "retried: " in said
    assert bench.ledger.running == {}


def test_a_record_that_cannot_be_written_stops_the_sweep(
    cluster: RayCluster, composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(plan_of(composer, 6), tmp_path)

    def full(record: TrialRecord) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(bench.store, "save_trial", full)
    with pytest.raises(StoreError, match="the disk is full"):
        bench.run(cluster, lambda trial, data, trained: finished(trial))
    assert len(bench.tracker.records) == 0  # the store comes first
    assert len(bench.ledger.records) < 6


def test_a_second_record_of_a_trial_changes_nothing(composer: Composer, tmp_path: Path) -> None:
    """After a lost connection a trial may run twice."""
    (trial,) = plan_of(composer, 1)
    bench = Bench([trial], tmp_path)
    bench.ledger.start(trial.key)
    bench.ledger.end(synthetic.trial(trial.key, skipped=1))
    bench.ledger.start(trial.key)
    bench.ledger.lose(trial.key)
    bench.ledger.end(synthetic.trial(trial.key, skipped=2))
    bench.ledger.fail(trial.key, "too late")
    assert bench.ledger.ordered[0].skipped == 1
    assert len(bench.tracker.records) == 1
    assert bench.ledger.running == {}


def test_running_trials_are_booked_as_interrupted(composer: Composer, tmp_path: Path) -> None:
    first, second, third = plan_of(composer, 3)
    bench = Bench([first, second, third], tmp_path)
    bench.ledger.start(first.key)
    bench.ledger.end(synthetic.trial(first.key))
    bench.ledger.start(second.key)
    bench.ledger.interrupt("SIGINT")
    assert [record.status for record in bench.ledger.ordered] == ["finished", "interrupted"]
    assert bench.ledger.ordered[1].error == "interrupted by SIGINT after 0 s"
    assert [trial.key for trial in bench.ledger.missing] == [third.key]
    assert bench.store.trial(second.key) is None
