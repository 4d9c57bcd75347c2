"""Passes what Ray Tune asks and says about its trials to the trial queue and to the ledger."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayError
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.search import Searcher

from sweep.errors import StoreError, SweepError, sentence
from sweep.execution.assignment import Assignment
from sweep.execution.ledger import Ledger
from sweep.execution.trial_queue import TrialQueue
from sweep.records import TrialRecord
from sweep.trial.answers import late_in_words

LOST = "its worker process was lost"
"""Why a trial goes back to the queue, if it was not ended at a deadline."""

PARTIAL_SECONDS = 5.0
"""How long the driver waits for what was found by trials that are cut off."""


class TuneSearch(Searcher):
    """Hands the queue's trials to Tune by their keys."""

    def __init__(self, booking: Booking) -> None:
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


class Booking(tune.Callback):
    """Carries what Tune says about its trials to the ledger; an error there stops the sweep."""

    def __init__(self, ledger: Ledger, queue: TrialQueue, coordinator: Any, retries: int) -> None:
        self._ledger, self._queue, self._coordinator, self._retries = ledger, queue, coordinator, retries
        self._works: dict[str, Assignment] = {}
        self._again: list[Assignment] = []
        """Trials that Tune has given up: it does so if a worker is lost just when it takes up the next trial."""
        self._is_over = False
        self._begun: dict[str, tuple[int, int, int]] = {}
        """By trial: how often it was begun, how many of its workers a deadline ended, and how many workers it lost since it was
        last begun."""
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
            late = late_in_words(self._ledger.trials[key].settings)
            self._ledger.lose(key, f"{late}, which ended the worker process")
        else:
            self._ledger.lose(key, LOST)
        stuck = stuck + 1 if attempts == before else 0
        self._begun[key] = attempts, kills, stuck
        if stuck > self._retries:
            self.error = SweepError(f"no worker could begin a trial: {_cause(trial)}")
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
