"""Real Ray: networks in parallel, trials on actors that are used again, lost workers, and books that are kept once."""

from __future__ import annotations

import dataclasses
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import ray
import synthetic
from composing import QUICK, Composer
from ray import cloudpickle
from rich.console import Console

from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from sweep.config.reading import read
from sweep.config.schema import ClusterSettings
from sweep.errors import StoreError, SweepError
from sweep.execution.assignment import Assignment
from sweep.execution.interruption import Interruption
from sweep.execution.ledger import Ledger
from sweep.execution.ray_tune import RayCluster, TrainingFailure
from sweep.planning.trials import Trial
from sweep.records import InstanceRecord, TrialRecord
from sweep.store import Store
from sweep.store.networks import TrainedNetwork
from sweep.store.stage_results import Entry, Stages, once
from sweep.terminal.progress import Progress
from sweep.trial.trial import new_record

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
    with RayCluster(ClusterSettings("local", None, cpus=2, cpus_per_trial=1), retries=1) as cluster:
        yield cluster


class Job:
    """A trial whose work is a function of it and the stages; a single step."""

    def __init__(self, work: Callable[[Trial, Stages], TrialRecord], trial: Trial, stages: Stages) -> None:
        self.record, self._work, self._trial, self._stages = new_record(trial), work, trial, stages

    def step(self) -> bool:
        self.record = self._work(self._trial, self._stages)
        return False

    def finish(self) -> TrialRecord:
        return self.record


class Bench:
    """A ledger on a store in a folder, with its tracker and its terminal at hand."""

    def __init__(self, trials: list[Trial], folder: Path) -> None:
        self.folder = folder
        self.trials, self.store, self.tracker = trials, Store(folder / "store"), ListedTracker()
        self.terminal = io.StringIO()
        progress = Progress(Console(file=self.terminal, width=200), len(trials), slots=2)
        self.ledger = Ledger(trials, self.store, self.tracker, progress, Interruption())  # type: ignore[arg-type]

    def run(self, cluster: RayCluster, open_job: Callable[[Trial, Stages], Any]) -> dict[str, TrialRecord]:
        works = [Assignment(trial, None, (), cluster.share(TRAINED)) for trial in self.trials]
        cluster.run(
            ListedQueue(works),
            self.ledger,
            store=str(self.folder / "store"),
            open_run=lambda trial, inputs, trained, stages, spent: open_job(trial, stages),
        )
        return self.ledger.records


class ListedQueue:
    adaptive = False

    def __init__(self, works: list[Assignment]) -> None:
        self._works = iter(works)

    def next(self) -> Assignment | None:
        return next(self._works, None)

    def tell(self, record: TrialRecord) -> None:
        pass


def plan_of(composer: Composer, count: int) -> list[Trial]:
    return composer.plan(*QUICK, f"instances.seed=range(0,{count})").trials


def finished(trial: Trial) -> TrialRecord:
    """Return a record that says which process made it and from which trial."""
    record = new_record(trial)
    record.error_detail, record.skipped = str(os.getpid()), trial.config["instances"]["seed"]
    return record


def test_ray_listens_on_loopback_alone_and_is_not_hung_up(cluster: RayCluster) -> None:
    """Of all that Ray starts: its servers, its agents, workers of tasks and actors, and what listens in this process."""
    actor = ray.remote(num_cpus=0)(threading.Event).remote()  # the processes of an actor and of a task
    assert ray.get([actor.is_set.remote(), ray.remote(num_cpus=0)(lambda: None).remote()]) == [False, None]
    processes = psutil.Process().children(recursive=True)
    names = {process.name() for process in processes}
    assert {"gcs_server", "raylet", "ray::Event", "ray::RuntimeEnvAgent"} <= {name.partition("(")[0] for name in names}, names
    listening = [
        (process.name(), connection.laddr.ip)
        for process in (psutil.Process(), *processes)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 5
    assert [one for one in listening if one[1] not in ("127.0.0.1", "::ffff:127.0.0.1", "::1")] == []
    rays = [one for one in processes if "ray" in one.name() or "/ray/" in " ".join(one.cmdline())]  # other tests leave some too
    blocked = {one.name(): int(Path(f"/proc/{one.pid}/status").read_text().split("SigBlk:")[1].split()[0], 16) for one in rays}
    assert [name for name, mask in blocked.items() if not mask & 1 << (signal.SIGHUP - 1)] == []


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


def test_every_trial_is_booked_under_its_own_key_by_few_processes_and_what_all_need_is_made_once(
    cluster: RayCluster, composer: Composer, tmp_path: Path
) -> None:
    folder = str(tmp_path)

    def work(trial: Trial, stages: Stages) -> TrialRecord:
        def make() -> Entry:
            with (Path(folder) / "made").open("a") as file:
                file.write("x")
            time.sleep(1.0)
            return Entry({"made by": os.getpid()})

        record = finished(trial)
        record.swept["made by"] = once(stages, "surrogates", "shared", make)[0].facts["made by"]
        return record

    bench = Bench(plan_of(composer, 8), tmp_path)
    records = bench.run(cluster, lambda trial, stages: Job(work, trial, stages))
    assert set(records) == {trial.key for trial in bench.trials}
    for trial in bench.trials:
        assert records[trial.key].status == "finished", records[trial.key].error_detail
        assert records[trial.key].skipped == trial.config["instances"]["seed"]
        assert bench.store.trial(trial.key) == records[trial.key]
    assert len(bench.tracker.records) == 8
    assert len({record.error_detail for record in records.values()}) <= 3
    assert (tmp_path / "made").read_text() == "x"
    assert len({record.swept["made by"] for record in records.values()}) == 1
    assert bench.ledger.running == {}
    assert bench.ledger.missing == []


@pytest.mark.slow
def test_a_damaged_entry_that_a_worker_asks_for_is_told_once_on_the_terminal(
    cluster: RayCluster, composer: Composer, tmp_path: Path
) -> None:
    def work(trial: Trial, stages: Stages) -> TrialRecord:
        once(stages, "surrogates", "damaged", lambda: Entry({"made": "anew"}))
        return finished(trial)

    bench = Bench(plan_of(composer, 4), tmp_path)
    bench.store.put("surrogates", "damaged", Entry({"made": "before"}))
    entry = tmp_path / "store" / "surrogates" / "da" / "damaged.json"
    entry.write_text(entry.read_text().replace("before", "by fire"))
    bench.run(cluster, lambda trial, stages: Job(work, trial, stages))
    assert bench.terminal.getvalue().count(f"{entry} is damaged: ") == 1
    assert bench.store.get("surrogates", "damaged") == Entry({"made": "anew"})


def test_a_lost_worker_costs_a_retry_and_then_the_trial_alone_which_keeps_its_answers(
    cluster: RayCluster, composer: Composer, tmp_path: Path
) -> None:
    folder, answer = str(tmp_path), dataclasses.asdict(synthetic.instance())  # in a worker there is no module of that name

    class Dying:
        def __init__(self, trial: Trial, stages: Stages) -> None:
            self.record, self._stages = new_record(trial), stages

        def step(self) -> bool:
            if self.record.instances or self._stages.get("instances", "0123456789abcdef") is not None:
                os.kill(os.getpid(), signal.SIGKILL)
            self._stages.put("instances", "0123456789abcdef", Entry(answer))
            self.record.instances.append(InstanceRecord(**answer))
            return True

        def finish(self) -> TrialRecord:
            return self.record

    def work(trial: Trial, stages: Stages) -> TrialRecord:
        marker = Path(folder) / "died"
        if trial.config["instances"]["seed"] == 1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return finished(trial)

    bench = Bench(plan_of(composer, 4), tmp_path)
    first = bench.trials[0].key
    records = bench.run(cluster, lambda trial, stages: Dying(trial, stages) if trial.key == first else Job(work, trial, stages))
    by_seed = {records[trial.key].config["instances"]["seed"]: records[trial.key] for trial in bench.trials}
    assert {seed: record.status for seed, record in by_seed.items()} == {
        0: "failed",
        1: "finished",
        2: "finished",
        3: "finished",
    }
    assert by_seed[0].error == "its worker process was lost 2 times, more often than sweep.retries=1 allows"
    assert len(by_seed[0].instances) == 1
    assert bench.store.trial(by_seed[0].key) is None
    said = bench.terminal.getvalue()
    assert said.count("FAILED") == 1
    assert "retried: " in said
    assert bench.ledger.running == {}


def test_an_attack_that_outlives_its_deadline_is_killed_and_keeps_what_it_found(
    cluster: RayCluster, composer: Composer, tmp_path: Path
) -> None:
    def work(trial: Trial, stages: Stages) -> TrialRecord:
        record = finished(trial)
        seed = trial.config["instances"]["seed"]
        for question in ("first", "second", "third"):
            key = f"{question}-{seed}"
            entry = stages.get("instances", key, 0.5)
            if entry is None:
                stages.begin(key, {"found": "nothing", "deadline_seconds": 0.5}, 0.5)
                stages.improve(key, {"found": "a witness", "deadline_seconds": 0.5})
                while seed == 0 and question != "third":  # a solver that never returns: more often than there are retries
                    pass
                entry = Entry({"found": "the optimum"})
                stages.put("instances", key, entry)
            record.swept[question] = entry.facts["found"]
        return record

    bench = Bench(plan_of(composer, 2), tmp_path)
    records = bench.run(cluster, lambda trial, stages: Job(work, trial, stages))
    by_seed = {trial.config["instances"]["seed"]: records[trial.key] for trial in bench.trials}
    assert [record.status for record in by_seed.values()] == ["finished", "finished"]
    answers = {seed: [record.swept[q] for q in ("first", "second", "third")] for seed, record in by_seed.items()}
    assert answers == {0: ["a witness", "a witness", "the optimum"], 1: ["the optimum"] * 3}


@pytest.mark.slow
def test_a_worker_that_is_lost_between_two_trials_costs_neither(
    cluster: RayCluster, composer: Composer, tmp_path: Path
) -> None:
    """Tune gives a trial up whose worker is lost while it takes it up; it is handed out once more."""

    class Dying(Job):
        def finish(self) -> TrialRecord:
            seed = self._trial.config["instances"]["seed"]
            if seed % 5 == 4 and not (mark := tmp_path / str(seed)).exists():
                mark.touch()
                threading.Timer(0.01 + 0.005 * (seed // 5), os._exit, (1,)).start()
            return self.record

    bench = Bench(plan_of(composer, 30), tmp_path)
    records = bench.run(cluster, lambda trial, stages: Dying(lambda trial, stages: finished(trial), trial, stages))
    assert {record.status for record in records.values()} == {"finished"}
    assert len(records) == 30
    assert "retried: " in bench.terminal.getvalue()


@pytest.mark.slow
def test_workers_that_cannot_begin_stop_the_sweep(cluster: RayCluster, composer: Composer, tmp_path: Path) -> None:
    class Broken:
        def __reduce__(self) -> tuple[object, ...]:
            return (int, ("not a number",))

    bench = Bench(plan_of(composer, 1), tmp_path)
    broken = Broken()
    with pytest.raises(SweepError, match="no worker could begin a trial: "):
        cluster.run(
            ListedQueue([Assignment(trial, None, (), None) for trial in bench.trials]),
            bench.ledger,
            store=str(tmp_path / "store"),
            open_run=lambda trial, inputs, trained, stages, spent: broken,  # type: ignore[arg-type, return-value]
        )


@pytest.mark.slow
def test_a_record_that_cannot_be_written_stops_the_sweep(
    cluster: RayCluster, composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(plan_of(composer, 6), tmp_path)

    def full(record: TrialRecord) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(bench.store, "save_trial", full)
    with pytest.raises(StoreError, match="the disk is full"):
        bench.run(cluster, lambda trial, stages: Job(lambda trial, stages: finished(trial), trial, stages))
    assert len(bench.tracker.records) == 0  # the store comes first
    assert len(bench.ledger.records) < 6


def test_a_second_record_of_a_trial_changes_nothing(composer: Composer, tmp_path: Path) -> None:
    """After a lost connection a trial may run twice."""
    (trial,) = plan_of(composer, 1)
    bench = Bench([trial], tmp_path)
    bench.ledger.start(trial.key)
    bench.ledger.end(synthetic.trial(trial.key, skipped=1))
    bench.ledger.start(trial.key)
    bench.ledger.lose(trial.key, "its worker process was lost")
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
