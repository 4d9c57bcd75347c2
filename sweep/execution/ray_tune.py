"""Ray: networks are trained as tasks, trials run by Ray Tune on workers that are used again."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, cast

import ray
from ray import tune
from ray.exceptions import RayError
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.config.consistency import available_cpus
from sweep.config.schema import ClusterSettings, Settings, read
from sweep.errors import StoreError, SweepError, sentence
from sweep.execution.assignment import Assignment
from sweep.execution.cluster import attach, preflight, start_local
from sweep.execution.coordinator import THREADS, Coordinator
from sweep.execution.ledger import Ledger
from sweep.execution.worker import OpenRun, Worker, ask
from sweep.records import TrialRecord
from sweep.store.networks import TrainedNetwork
from sweep.terminal.wording import count
from sweep.trial.dense_network import train_network
from sweep.trial.instance_answers import late_in_words
from sweep.trial.trial import TrialRun, limit_threads

if TYPE_CHECKING:
    from surrogate.data import Dataset

KEEP_TRYING = -1
"""Tune restarts a trial as often as it loses its worker: how often that may be is the coordinator's matter."""

LOST = "its worker process was lost"
"""Why a trial goes back to the queue, if it was not ended at a deadline."""

PARTIAL_SECONDS = 5.0
"""How long the driver waits for what was found by trials that are cut off."""


@dataclass(frozen=True)
class TrainingFailure:
    """Why a network could not be trained."""

    error: str
    detail: str


class TrialQueue(Protocol):
    """Gives Tune one trial after the other."""

    adaptive: bool
    """Whether the next trial depends on those before: then it is asked for only when there is a place for it."""

    def next(self) -> Assignment | None:
        """Return the next trial with what it needs; None: there are no more."""
        ...

    def tell(self, record: TrialRecord) -> None:
        """A trial has ended."""
        ...


class RayCluster:
    """Ray, from start or connection to the end; a context manager.

    Args:
        settings: which cluster, and how many CPUs a trial reserves there.
        retries: how often work is started again when its worker process or machine is lost.

    Attributes:
        slots: how many trials run at a time; of a running cluster known only once connected.
    """

    def __init__(self, settings: ClusterSettings, retries: int) -> None:
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
                exits.enter_context(attach(self.settings))
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
        booking = _Booking(ledger, queue, coordinator, self.retries)
        with tempfile.TemporaryDirectory(prefix="sweep-tune-", dir=os.environ.get("RAY_TMPDIR")) as folder:
            tuner = tune.Tuner(
                tune.with_resources(trainable, {"cpu": self.cpus_per_trial}),
                tune_config=tune.TuneConfig(
                    search_alg=_Search(booking),
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


class _Search(Searcher):
    """Hands the queue's trials to Tune by their keys."""

    def __init__(self, booking: _Booking) -> None:
        super().__init__()
        self._booking = booking

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]  # Tune's own way to say: no more
        key = self._booking.next()
        if key is None:
            return None if self._booking.is_waiting else Searcher.FINISHED
        return {"trial_key": key}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """The ledger knows more about it."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to keep: the store is what a sweep goes on from."""

    def restore(self, checkpoint_path: str) -> None:
        """Never called: see :meth:`save`."""


class _Booking(tune.Callback):
    """Carries what Tune says about its trials to the ledger; an error there stops the sweep."""

    def __init__(self, ledger: Ledger, queue: TrialQueue, coordinator: Any, retries: int) -> None:
        self._ledger, self._queue, self._coordinator, self._retries = ledger, queue, coordinator, retries
        self._works: dict[str, Assignment] = {}
        self._again: list[Assignment] = []
        """Trials that Tune has given up: it does so if a worker is lost between two trials, just when it takes up the next."""
        self._is_over = False
        self._begun: dict[str, tuple[int, int, int]] = {}
        """How often a trial was begun, how many of its workers a deadline ended, and how many it lost since without being begun
        once more."""
        self.error: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks to restore them; the store does that for us, and a ledger cannot be pickled."""
        return {}

    def next(self) -> str | None:
        """Return the key of the next trial, which the coordinator knows from now on, or None if there is none, or none yet."""
        work = self._again.pop(0) if self._again else None if self._is_over else self._book(self._queue.next)
        if work is None:
            self._is_over = True
            return None
        self._works[work.trial.key] = work
        self._say(ray.get(self._coordinator.offer.remote(work)))
        return str(work.trial.key)

    @property
    def is_waiting(self) -> bool:
        """Whether a trial is under way, and so may have to be handed out once more."""
        return bool(self._works)

    def keep_partial(self) -> None:
        """Fetch what the trials that are cut off have found, for the ledger to write down."""
        keys = list(self._ledger.running)
        references = {self._coordinator.partial.remote(key): key for key in keys}
        ready, _ = ray.wait(list(references), num_returns=len(keys), timeout=PARTIAL_SECONDS) if keys else ([], [])
        for reference in ready:
            self._ledger.keep_partial(references[reference], ray.get(reference))
        if len(ready) == len(keys):  # else the coordinator is lost, and would be waited for twice
            self.hear()

    def hear(self) -> None:
        """Print what the coordinator's store has said since the last trial was offered."""
        ready, _ = ray.wait([self._coordinator.notices.remote()], timeout=PARTIAL_SECONDS)
        with contextlib.suppress(RayError):  # the results are whole without it
            for reference in ready:
                self._say(ray.get(reference))

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        self._ledger.start(trial.config["trial_key"])

    def on_trial_recover(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        key = trial.config["trial_key"]
        if key in self._works:
            # Waited for: a worker that begins the trial again must not lose its claims to this. Offered again in case it was
            # the coordinator that was lost.
            self._say(ray.get([self._coordinator.lost.remote(key), self._coordinator.offer.remote(self._works[key])])[1])
        self._lose(trial)

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        """A worker was lost in a moment in which Tune does not start it again: the trial is handed out once more."""
        key = trial.config["trial_key"]
        if key in self._works:
            ray.get(self._coordinator.lost.remote(key))
            self._again.append(self._works[key])
        self._lose(trial)

    def _lose(self, trial: TuneTrial) -> None:
        key = trial.config["trial_key"]
        attempts, kills = ray.get(self._coordinator.attempts.remote(key))
        before, known_kills, stuck = self._begun.get(key, (-1, 0, 0))
        if kills > known_kills:
            late = late_in_words(read(self._ledger.trials[key].config))
            self._ledger.lose(key, f"{late}, which ended the worker process")
        else:
            self._ledger.lose(key, LOST)
        stuck = stuck + 1 if attempts == before else 0
        self._begun[key] = attempts, kills, stuck
        if stuck > self._retries:
            self.error = SweepError(f"no worker gets as far as to begin a trial: {_cause(trial)}")
            raise self.error

    def on_trial_result(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any], **info: Any
    ) -> None:
        text = result.pop("record", None)  # taken out, so that Tune does not keep it in its own files
        if "store_error" in result:
            self.error = StoreError(result["store_error"])
            raise self.error
        if text is not None:
            self._end(TrialRecord.from_dict(json.loads(text)))
        else:
            self._ledger.advance(trial.config["trial_key"], int(result["answered"]))

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        key = trial.config["trial_key"]
        if key in self._works:  # the scheduler ended it
            found = ray.get(self._coordinator.partial.remote(key))
            self._book(lambda: self._ledger.stop(key, found, "stopped early by the search: others did better so far"))
            self._close(key)
        _forget(trial)

    def _say(self, notices: list[str]) -> None:
        for text in notices:
            self._ledger.say(text)

    def _end(self, record: TrialRecord) -> None:
        self._book(lambda: self._ledger.end(record))
        self._close(record.key)

    def _close(self, key: str) -> None:
        self._works.pop(key, None)
        self._begun.pop(key, None)
        self._coordinator.close.remote(key)
        record = self._ledger.records[key]
        self._book(lambda: self._queue.tell(record))

    def _book(self, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except Exception as error:
            self.error = error
            raise


def _cause(trial: TuneTrial) -> str:
    """Return in one sentence what Tune knows of the loss of a worker."""
    error = trial.get_pickled_error() or trial.get_error()
    if isinstance(error, BaseException):
        return sentence(error)
    lines = str(error or "no reason is known").strip().splitlines()
    return lines[-1]


def _forget(trial: TuneTrial) -> None:
    """Drop what Tune keeps of a trial that has ended: with ten thousand of them it is most of the driver's memory."""
    kept = trial.run_metadata
    kept.metric_analysis.clear()
    kept.metric_n_steps.clear()
    kept.last_result = {}
