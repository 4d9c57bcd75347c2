"""Ray: networks are trained as tasks, trials run by Ray Tune on workers that are used again."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import ray
from ray import tune
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.config.consistency import available_cpus
from sweep.config.schema import ClusterSettings, Settings
from sweep.errors import StoreError, sentence
from sweep.execution.cluster import attach, preflight, start_local
from sweep.execution.coordinator import THREADS, Coordinator
from sweep.execution.ledger import Ledger
from sweep.execution.trial_queue import TrialQueue
from sweep.execution.tune_booking import Booking, TuneSearch
from sweep.execution.worker import OpenRun, Worker, ask
from sweep.store.networks import TrainedNetwork
from sweep.tasks.dense_network import train_network
from sweep.terminal.wording import count
from sweep.trial.process import limit_threads
from sweep.trial.trial import TrialRun

if TYPE_CHECKING:
    from surrogate.data import Dataset

KEEP_TRYING = -1
"""Tune restarts a trial as often as it loses its worker: how often that may be is the coordinator's matter."""


@dataclass(frozen=True)
class TrainingFailure:
    """Why a network could not be trained."""

    error: str
    detail: str


class RayCluster:
    """Ray, from start or connection to the end; a context manager.

    Args:
        settings: which cluster, and how many CPUs a trial reserves there.
        retries: how often work is started again when its worker process or machine is lost.
        modules: files and folders of the user's that a running cluster's nodes need.

    Attributes:
        slots: how many trials run at a time; of a running cluster known only once connected.
    """

    def __init__(self, settings: ClusterSettings, retries: int, modules: Sequence[str] = ()) -> None:
        self._modules = tuple(modules)
        self.settings, self.cpus_per_trial, self.retries = settings, settings.cpus_per_trial, retries
        self.slots = max((settings.cpus or available_cpus()) // self.cpus_per_trial, 1)
        self._exits = contextlib.ExitStack()

    @property
    def activity(self) -> str:
        """What the terminal says while this starts."""
        if self.settings.name == "attach":
            return "connecting to the Ray cluster"
        return f"starting Ray on {count(self.settings.cpus or available_cpus(), 'CPU')}"

    def __enter__(self) -> RayCluster:
        with contextlib.ExitStack() as exits:
            if self.settings.name == "attach":
                exits.enter_context(attach(self.settings, self._modules))
                self.slots = preflight(self.settings).slots
            else:
                exits.enter_context(start_local(self.settings.cpus or available_cpus()))
            self._exits = exits.pop_all()
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # the ledger tells of lost workers, without tracebacks
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._exits.close()

    def share(self, value: Any) -> Any:
        """Put a data set or a network where all workers can read it without a copy; returns the reference."""
        return ray.put(value)

    def train(
        self, jobs: Mapping[str, tuple[Settings, Any]], watch: Callable[[str, int], object] = lambda key, epoch: None
    ) -> Iterator[tuple[str, TrainedNetwork | TrainingFailure]]:
        """Train networks in parallel, each on one CPU (key -> settings and data reference); yields each as it ends.

        ``watch`` is called with the key of a network and the number of its epochs that are done.
        """
        task = ray.remote(num_cpus=1, max_retries=self.retries, num_returns="streaming")(_train)
        pending = {cast(ray.ObjectRefGenerator, task.remote(settings, data)): key for key, (settings, data) in jobs.items()}
        while pending:
            (ready,), _ = ray.wait(list(pending))
            stream = cast(ray.ObjectRefGenerator, ready)
            key = pending[stream]
            said: int | TrainedNetwork | TrainingFailure
            try:
                said = cast(Any, ray.get(next(stream)))
            except RayError as error:  # the worker process was lost, more often than there are retries
                said = TrainingFailure(sentence(error), traceback.format_exc())
            if isinstance(said, int):
                watch(key, said)
            else:
                del pending[stream]
                yield key, said

    def run(
        self,
        queue: TrialQueue,
        ledger: Ledger,
        *,
        store: str,
        resume: bool = True,
        scheduler: Any = None,
        open_run: OpenRun = TrialRun,
    ) -> None:
        """Run trials with Ray Tune; each ends up in the ledger, by its own key, at the moment it ends.

        Args:
            queue: the trials.
            ledger: told about starts, losses and ends.
            store: folder (absolute) or URL of the store, as the driver's node reaches it.
            resume: whether stage results of earlier sweeps count.
            scheduler: a Ray Tune scheduler that stops trials early.
            open_run: what a worker does with a trial.

        Raises:
            StoreError, SweepError: a record could not be written, or no worker can be started.
        """
        coordinator = self._coordinator(store, resume)
        trainable = tune.with_parameters(Worker, coordinator=coordinator, threads=self.cpus_per_trial, open_run=open_run)
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = "1" if queue.adaptive else str(self.slots)
        os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "1000000000"  # the store restores a sweep; Tune's file would only grow
        booking = Booking(ledger, queue, coordinator, self.retries)
        with tempfile.TemporaryDirectory(prefix="sweep-tune-", dir=os.environ.get("RAY_TMPDIR")) as folder:
            tuner = tune.Tuner(
                tune.with_resources(trainable, {"cpu": self.cpus_per_trial}),
                tune_config=tune.TuneConfig(
                    search_alg=TuneSearch(booking),
                    num_samples=-1,
                    max_concurrent_trials=self.slots,
                    scheduler=scheduler,
                    reuse_actors=True,
                    trial_dirname_creator=lambda trial: trial.trial_id,
                ),
                run_config=tune.RunConfig(
                    name="sweep",
                    storage_path=folder,
                    failure_config=tune.FailureConfig(max_failures=KEEP_TRYING),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    callbacks=[booking],
                    verbose=0,
                ),
            )
            try:
                tuner.fit()
                booking.hear()
            except KeyboardInterrupt:
                booking.keep_partial()
                raise
            finally:
                if booking.error is not None:
                    if isinstance(booking.error, StoreError):  # the other trials are cut off as by a signal
                        with contextlib.suppress(RayError):
                            booking.keep_partial()
                    raise booking.error  # rather than the text of it, which is what Tune makes of it

    def _coordinator(self, store: str, resume: bool) -> Any:
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)  # where the store is
        actor = ray.remote(Coordinator).options(
            num_cpus=0, max_restarts=-1, max_task_retries=-1, max_concurrency=THREADS, scheduling_strategy=here
        )
        coordinator = actor.remote(store, resume, self.retries, ray.kill)
        ask(cast(Any, coordinator).beat.remote("driver"))  # a store that can't be used is refused here
        return coordinator


def _train(settings: Settings, data: Dataset | None) -> Iterator[int | TrainedNetwork | TrainingFailure]:
    """Yield the number of each epoch that ends, and then the network, or why there is none."""
    limit_threads(1)
    said: SimpleQueue[int | TrainedNetwork | TrainingFailure] = SimpleQueue()

    def work() -> None:
        try:
            said.put(train_network(settings, data, said.put))
        except Exception as error:  # the boundary of a training: only the trials that need this network may fail
            said.put(TrainingFailure(sentence(error), traceback.format_exc()))

    threading.Thread(target=work, name="training", daemon=True).start()  # Ray sends what the main thread yields
    while isinstance(one := said.get(), int):
        yield one
    yield one
