"""What a sweep does with trials that cannot run, that were stopped, and with progress of a search."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import synthetic
import torch
from composing import QUICK, Composer
from rich.console import Console

from surrogate.data import Dataset
from surrogate.errors import DataUnavailable
from sweep.config.reading import read
from sweep.config.schema import Settings
from sweep.errors import StoreError
from sweep.execution import driver, ray_tune, runner, trial_queue
from sweep.execution.interruption import Interruption
from sweep.execution.ledger import Ledger
from sweep.execution.runner import Runner
from sweep.execution.trial_queue import Materials, SearchQueue
from sweep.execution.tune_booking import Booking
from sweep.planning.plan import Plan
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.store.networks import TrainedNetwork
from sweep.tasks.dense_network import train_network
from sweep.terminal.progress import Progress
from sweep.trial.process import limit_threads


class ListedTracker:
    """Stands in for MLflow."""

    def __init__(self) -> None:
        self.reused: list[tuple[str, bool]] = []

    def log_trial(self, record: TrialRecord, reused: bool = False) -> None:
        self.reused.append((record.key, reused))

    def log_network(self, key: str, network: Any) -> None:
        pass


class Desk:
    """A runner with its books."""

    def __init__(self, plan: Plan, store: Store) -> None:
        tracker: Any = ListedTracker()
        self.tracker, interruption = tracker, Interruption()
        self.terminal = io.StringIO()
        self.progress = Progress(Console(file=self.terminal, width=200), len(plan.trials), slots=1)
        self.ledger = Ledger(plan.trials, store, tracker, self.progress, interruption)
        settings = read(plan.config)
        self.runner = Runner(plan, settings, store, tracker, self.ledger, self.progress, interruption)


@pytest.fixture
def no_mnist(monkeypatch: pytest.MonkeyPatch, digits: Dataset) -> list[str]:
    """Let only digits be loaded; returns what was asked for."""
    asked: list[str] = []

    def load(settings: Settings) -> Dataset:
        asked.append(settings.dataset.name)
        if settings.dataset.name != "digits":
            raise DataUnavailable("mnist could not be fetched: put its files there")
        return digits

    monkeypatch.setattr(trial_queue, "load_data", load)
    return asked


def test_a_data_set_that_is_missing_fails_its_own_trials_only(
    composer: Composer, store: Store, no_mnist: list[str], work: Any
) -> None:
    plan = composer.plan(*QUICK[1:], "dataset=mnist,digits", "training=digits", "pruning.amount=0.5,0.8")
    desk = Desk(plan, store)
    desk.runner.run(parallel=False)
    found = {(record.config["dataset"]["name"], record.status, record.error) for record in desk.ledger.ordered}
    assert found == {
        ("mnist", "failed", "mnist could not be fetched: put its files there"),
        ("digits", "finished", None),
    }
    assert len(desk.ledger.ordered) == 4
    assert no_mnist == ["mnist", "digits"], "each is tried once"


def test_a_single_trial_trains_the_network_of_a_sweep(
    composer: Composer, store: Store, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one thread, also where torch has more when the trial begins."""
    lines = ("network.width=64", "network.depth=2", "training.epochs=1", "attack=gradient", "cluster.cpus_per_trial=2")
    plan = composer.plan(*QUICK, *lines)
    threads = []

    def train(settings: Settings, data: Dataset | None, watch: Callable[[int], object]) -> TrainedNetwork:
        threads.append(torch.get_num_threads())
        return train_network(settings, data, watch)

    monkeypatch.setattr(runner, "train_network", train)
    desk = Desk(plan, store)
    torch.set_num_threads(3)
    try:
        desk.runner.run(parallel=False)
        torch.set_num_threads(3)
        *epochs, swept = ray_tune._train(read(plan.config), digits)
    finally:
        limit_threads(1)
    assert epochs == [1]
    assert threads == [2], "what a trial may have, and before its training"
    (record,) = desk.ledger.ordered
    assert isinstance(swept, TrainedNetwork)
    assert record.network_key == swept.network.key == train_network(read(plan.config), digits).network.key


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_ray_ends_waits_until_it_has_ended(
    composer: Composer, store: Store, no_mnist: list[str], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    done: list[str] = []

    class Ending(ray_tune.RayCluster):
        def __enter__(self) -> ray_tune.RayCluster:
            return self

        def share(self, value: Any) -> Any:
            return value

        def __exit__(self, *_: object) -> None:
            os.kill(os.getpid(), number)
            done.append("ended")

    monkeypatch.setattr(ray_tune, "RayCluster", Ending)
    desk = Desk(composer.plan(*QUICK[1:], "dataset=mnist"), store)
    with desk.runner.interruption as interruption:
        with pytest.raises(KeyboardInterrupt, match=number.name):
            desk.runner.run(parallel=True)
        assert done == ["ended"]
        assert interruption.requested == number.name


@pytest.mark.parametrize(
    ("deadlines", "why"),
    [
        ({}, "180 s, twice solver.time_limit_seconds and 60 s more, as deadlines.instance_seconds=null says"),
        ({"instance_seconds": 7.5}, "deadlines.instance_seconds=7.5"),
        (
            {"instance_seconds": 7.5, "trial_seconds": 9.0},
            "deadlines.instance_seconds=7.5, or what was left of deadlines.trial_seconds=9",
        ),
    ],
)
def test_a_trial_that_a_deadline_put_back_names_the_deadline(
    composer: Composer, store: Store, monkeypatch: pytest.MonkeyPatch, deadlines: dict[str, float], why: str
) -> None:
    """The coordinator has ended one worker of the trial."""
    plan = composer.plan(*QUICK, *(f"deadlines.{name}={seconds}" for name, seconds in deadlines.items()))
    desk, coordinator, (trial,) = Desk(plan, store), Mock(), plan.trials
    monkeypatch.setattr(ray_tune.ray, "get", lambda _: (1, 1))
    booking = Booking(desk.ledger, Mock(), coordinator, retries=1)
    booking._lose(Mock(config={"trial_key": trial.key}))
    (said,) = desk.ledger._lost[trial.key]
    assert said.endswith(f"goes back to the queue: an attack was past its deadline ({why}), which ended the worker process")
    booking._lose(Mock(config={"trial_key": trial.key}))
    assert desk.ledger._lost[trial.key][-1].endswith("goes back to the queue: its worker process was lost")


def test_a_sweep_that_a_deadline_ended_is_told_of_it_in_one_sentence() -> None:
    said: list[str] = []
    driver._say_cut_off(said.append, "Interrupted by deadlines.sweep_seconds=9", [])
    assert said[1:] == [
        "Run the same command again to go on, with a larger deadlines.sweep_seconds if it was too short for a training or a "
        "single answer: finished trials and single answers are kept."
    ]
    driver._say_cut_off(said.append, "Interrupted by SIGINT", [])
    assert said[3:] == ["Run the same command again to go on: finished trials and single answers are kept."]


class Suggestions:
    """A search that suggests the trials of a plan in their order."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = iter(trials)
        self.told: list[tuple[str, str]] = []

    def suggest(self, token: str) -> Trial | None:
        return next(self._trials, None)

    def tell(self, token: str, record: TrialRecord) -> None:
        self.told.append((record.key, record.status))


def test_a_search_goes_on_without_the_data_of_one_trial(composer: Composer, store: Store, no_mnist: list[str]) -> None:
    plan = composer.plan(*QUICK[1:], "dataset=mnist,digits", "training=digits")
    desk, search = Desk(plan, store), Suggestions(plan.trials)
    queue = SearchQueue(search, Materials(lambda value: value), desk.ledger, lambda trial: None, lambda *_: None)  # type: ignore[arg-type]
    work = queue.next()
    assert work is not None
    assert work.trial is plan.trials[1]
    assert search.told == [(plan.trials[0].key, "failed")]


ASHA = ("search.scheduler=asha", "search.objectives=[margin]", "search.grace=1", "instances.count=3")


class TestStoppedEarly:
    """That a search stopped a trial is final, in sweeps of that name with these rules."""

    @pytest.fixture
    def stopped(self, composer: Composer, store: Store) -> Plan:
        plan = composer.plan(*QUICK, *ASHA)
        desk = Desk(plan, store)
        found = synthetic.trial(plan.trials[0].key, [synthetic.instance(1)]).to_dict()
        desk.ledger.stop(plan.trials[0].key, {**found, "config": plan.trials[0].config}, "others did better")
        return plan

    def again(self, plan: Plan, store: Store) -> TrialRecord | None:
        return Desk(plan, store).runner._stored(plan.trials[0])

    def test_it_is_not_taken_up_again(self, stopped: Plan, store: Store) -> None:
        desk = Desk(stopped, store)
        desk.runner.run(parallel=True)  # nothing is left to do, so that Ray is not even started
        (record,) = desk.ledger.ordered
        assert (record.status, record.error, len(record.instances)) == ("stopped", "others did better", 1)
        assert desk.tracker.reused == [(record.key, True)]

    @pytest.mark.parametrize(
        "other", ["sweep.name=another", "search.reduction=4", "search.scheduler=none", "sweep.resume=false"]
    )
    def test_elsewhere_it_is_taken_up(self, composer: Composer, stopped: Plan, store: Store, other: str) -> None:
        assert self.again(stopped, store) is not None
        rules = ("search.objectives=[]",) if other == "search.scheduler=none" else ()
        assert self.again(composer.plan(*QUICK, *ASHA, other, *rules), store) is None

    def test_it_is_taken_up_again_where_it_was_starved_of_cpu(self, composer: Composer, store: Store) -> None:
        """It may be weak for want of CPU alone."""
        plan = composer.plan(*QUICK, *ASHA)
        found = synthetic.trial(plan.trials[0].key, [synthetic.instance(1, starved=True)]).to_dict()
        Desk(plan, store).ledger.stop(plan.trials[0].key, {**found, "config": plan.trials[0].config}, "others did better")
        assert self.again(plan, store) is None

    def test_a_trial_that_finished_after_all_counts_as_finished(self, stopped: Plan, store: Store) -> None:
        record = synthetic.trial(stopped.trials[0].key, [synthetic.instance(number) for number in range(3)])
        store.save_trial(record)
        found = self.again(stopped, store)
        assert found is not None
        assert found.status == "finished"


def test_a_sweep_that_fails_as_a_whole_says_so_in_its_parent_run(
    composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    from mlflow import MlflowClient

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of ideas")

    monkeypatch.setattr(Runner, "run", broken)
    uri = f"sqlite:///{empty_store / 'mlflow.db'}"
    plan = composer.plan(*QUICK, f"sweep.store={tmp_path / 'store'}", f"tracking.uri={uri}", "sweep.name=broken")
    with pytest.raises(RuntimeError, match="out of ideas"):
        driver.run(plan, ["pruning.amount=0.5"], parallel=False, console=Console(file=io.StringIO()))
    client = MlflowClient(tracking_uri=uri)
    (parent,) = client.search_runs([client.get_experiment_by_name("broken").experiment_id])
    assert parent.info.status == "FAILED"
    assert parent.data.tags["error"] == "The sweep failed: RuntimeError: out of ideas"
    assert list((tmp_path / "store" / "reports").iterdir()) == [], "a sweep without a report leaves no folder for one"


def test_a_full_store_says_of_each_trial_where_it_is(
    composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    from mlflow import MlflowClient

    kept = Store.save_trial

    def full(store: Store, record: TrialRecord) -> None:
        if "0.8" in record.name:
            raise StoreError("the record cannot be written: No space left on device")
        kept(store, record)

    monkeypatch.setattr(Store, "save_trial", full)
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())
    uri, terminal = f"sqlite:///{empty_store / 'mlflow.db'}", io.StringIO()
    amounts = "pruning.amount=0.5,0.8,0.9"
    plan = composer.plan(*QUICK, amounts, f"sweep.store={tmp_path / 'store'}", f"tracking.uri={uri}", "sweep.name=full")
    with pytest.raises(StoreError, match="No space left"):
        driver.run(plan, [amounts], parallel=False, console=Console(file=terminal, width=200))
    first, second, third = (trial.name for trial in plan.trials)
    printed = terminal.getvalue()
    assert "1 finished (0 reused), 0 failed, 1 interrupted, 1 not started of 3 trials." in printed
    assert f"{second}: interrupted by the error that ended the sweep after" in printed
    assert f"Ended by an error.\nNot started: {third}.\nRun the same command again to go on" in printed
    client = MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("full").experiment_id])
    states = {run.data.tags["mlflow.runName"]: run.info.status for run in runs}
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert states == {parent.info.run_name: "FAILED", first: "FINISHED", second: "KILLED"}
    assert "No space left on device" in parent.data.tags["error"]


def test_an_end_that_fails_leaves_nothing_running(
    composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    from mlflow import MlflowClient

    def broken(*_: Any) -> None:
        raise SystemExit(1)  # as Rich does it when a pipe breaks

    monkeypatch.setattr("sweep.report.print_ranking", broken)
    uri = f"sqlite:///{empty_store / 'mlflow.db'}"
    plan = composer.plan(*QUICK, f"sweep.store={tmp_path / 'store'}", f"tracking.uri={uri}", "sweep.name=no end")
    with pytest.raises(SystemExit):
        driver.run(plan, [], parallel=False, console=Console(file=io.StringIO()))
    client = MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("no end").experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED"]
