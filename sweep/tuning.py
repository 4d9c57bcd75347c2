"""Ray: networks are trained as tasks, trials run by Ray Tune on actors that are used again. Only this module imports ray."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import ray
from ray import tune
from ray.exceptions import RayError
from ray.tune.experiment import Trial as TuneTrial

from sweep.ledger import Ledger
from sweep.plan import Trial
from sweep.records import TrialRecord
from sweep.schema import Settings
from sweep.trial import Inputs, TrainedNetwork, limit_threads, run_trial, sentence, train_network, warm_up

if TYPE_CHECKING:
    from surrogate.datasets import Dataset
    from sweep.files import Property

_QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # paths in the configuration are relative to where the sweep was started
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours ends the sweep; Tune's would make fit() return as if all were well
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}

RunTrial = Callable[[Trial, Inputs, TrainedNetwork | None], TrialRecord]


@dataclass(frozen=True)
class TrainingFailure:
    """Why a network could not be trained."""

    error: str
    detail: str


class RayCluster:
    """Ray on this machine, from start to shutdown; a context manager.

    Args:
        cpus: CPUs for all trials together.
        cpus_per_trial: CPUs that a trial or a training reserves.
        retries: how often work is started again when its worker process is lost.
    """

    def __init__(self, cpus: int, cpus_per_trial: int, retries: int) -> None:
        self.cpus, self.cpus_per_trial, self.retries = cpus, cpus_per_trial, retries

    def __enter__(self) -> RayCluster:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        ray.init(
            address="local",  # whatever RAY_ADDRESS says: a running cluster is not ours to use or to shut down
            num_cpus=self.cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # the ledger tells of lost workers, without tracebacks
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        ray.shutdown()

    def share(self, data: Dataset | None) -> Any:
        """Put a data set where all workers can read it without a copy; returns the reference."""
        return ray.put(data)

    def train(self, jobs: Mapping[str, tuple[Settings, Any]]) -> Iterator[tuple[str, TrainedNetwork | TrainingFailure]]:
        """Train networks in parallel (key -> settings and data reference); yields each as it ends."""
        task = ray.remote(num_cpus=self.cpus_per_trial, max_retries=self.retries)(_train)
        pending = {task.remote(settings, data, self.cpus_per_trial): key for key, (settings, data) in jobs.items()}
        while pending:
            (reference,), _ = ray.wait(list(pending))
            key = pending.pop(reference)
            try:
                yield key, ray.get(reference)
            except RayError as error:  # the worker process was lost, more often than there are retries
                yield key, TrainingFailure(sentence(error), traceback.format_exc())

    def run(
        self,
        trials: Sequence[Trial],
        data: Mapping[str, Any],
        networks: Mapping[str, TrainedNetwork],
        ledger: Ledger,
        run: RunTrial = run_trial,
        properties: Mapping[str, tuple[Property, ...]] | None = None,
    ) -> None:
        """Run trials with Ray Tune; each ends up in the ledger, by its own key, at the moment it ends.

        Args:
            trials: the trials to run.
            data: references from :meth:`share` by trial key.
            networks: trained networks by training key.
            ledger: told about starts, losses and ends.
            run: what a worker does with a trial.
            properties: properties from files, by trial key.

        Raises:
            StoreError, SweepError: a record could not be written.
        """
        shared = {key: ray.put(trained) for key, trained in networks.items()}
        read = properties or {}
        inputs = {trial.key: (trial, data[trial.key], read.get(trial.key, ()), shared[trial.training_key]) for trial in trials}
        trainable = tune.with_parameters(_Runner, inputs=inputs, threads=self.cpus_per_trial, run=run)
        booking = _Booking(ledger)
        with tempfile.TemporaryDirectory(prefix="sweep-tune-") as folder:
            tuner = tune.Tuner(
                tune.with_resources(trainable, {"cpu": self.cpus_per_trial}),
                param_space={"trial_key": tune.grid_search([trial.key for trial in trials])},
                tune_config=tune.TuneConfig(reuse_actors=True, trial_dirname_creator=lambda trial: trial.trial_id),
                run_config=tune.RunConfig(
                    name="sweep",
                    storage_path=folder,
                    failure_config=tune.FailureConfig(max_failures=self.retries),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # a trial is one step
                    callbacks=[booking],
                    verbose=0,
                ),
            )
            try:
                tuner.fit()
            finally:
                if booking.error is not None:
                    raise booking.error  # rather than the text of it, which is what Tune makes of it
        for trial in ledger.missing:
            if trial.key in inputs:
                ledger.fail(trial.key, "Ray Tune returned no result for this trial")


def _train(settings: Settings, data: Dataset | None, threads: int) -> TrainedNetwork | TrainingFailure:
    limit_threads(threads)
    try:
        return train_network(settings, data)
    except Exception as error:  # the boundary of a training: only the trials that need this network may fail
        return TrainingFailure(sentence(error), traceback.format_exc())


class _Runner(tune.Trainable):
    """A worker: one trial after the other in one process, so that imports and data are paid for once."""

    def setup(  # type: ignore[override]  # Tune's own way to hand over parameters
        self, config: dict[str, Any], inputs: Mapping[str, Any], threads: int, run: RunTrial
    ) -> None:
        limit_threads(threads)
        warm_up()
        self._inputs, self._run = inputs, run
        self._seen: dict[Any, Any] = {}
        self._key = config["trial_key"]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._key = new_config["trial_key"]
        return True

    def step(self) -> dict[str, Any]:
        trial, data, properties, trained = self._inputs[self._key]
        record = self._run(trial, Inputs(self._get(data), properties), self._get(trained))
        # One text: Tune would flatten and copy a nested record again and again.
        return {"record": json.dumps(record.to_dict()), "done": True}

    def _get(self, reference: Any) -> Any:
        if reference not in self._seen:
            self._seen[reference] = ray.get(reference)
        return self._seen[reference]


class _Booking(tune.Callback):
    """Carries what Tune says about its trials to the ledger; an error there stops the sweep."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.error: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks to restore them; the store does that for us, and a ledger cannot be pickled."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        self._ledger.start(trial.config["trial_key"])

    def on_trial_recover(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        self._ledger.lose(trial.config["trial_key"])

    def on_trial_result(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any], **info: Any
    ) -> None:
        # Taken out of the result, so that Tune does not keep it in its own files.
        record = TrialRecord.from_dict(json.loads(result.pop("record")))
        self._book(lambda: self._ledger.end(record))

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        key, times = trial.config["trial_key"], trial.num_failures
        cause = trial.get_pickled_error() or trial.get_error()
        text = sentence(cause) if isinstance(cause, BaseException) else "no reason is known"
        self._book(
            lambda: self._ledger.fail(key, f"its worker process was lost {times} times, the last time: {text}", str(cause))
        )

    def _book(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:
            self.error = error
            raise
