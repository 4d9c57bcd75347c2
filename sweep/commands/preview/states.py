"""How far each trial of a plan is, read from the store without writing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from sweep.commands.preview.experience import LOOK_SECONDS
from sweep.planning.search.early_stopping import stop_key
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.trial.answers import still_stands
from sweep.trial.limit_reuse import trial_of_another_limit

StateName = Literal["new", "partly", "stopped", "done"]


@dataclass(frozen=True, slots=True)
class State:
    """How far a trial is, and how many of its instances have answers in the store, as far as that is known.

    ``stopped`` means: early, by the search, for good. ``starved`` answers are there too, but are asked for again.
    """

    name: StateName
    answered: int = 0
    starved: int = 0


NEW, DONE = State("new"), State("done")


class States:
    """The states of trials.

    Args:
        store: read only.
        resume: whether results of before count; if not, every trial is new.

    Attributes:
        finished: keys of the finished trials in the store, whether they count or not.
        networks: keys of the dense networks in the store that count.
        unseen: trials that were run with another time limit and count as new without a look at their answers, because they are
            so many.
    """

    def __init__(self, store: Store, resume: bool) -> None:
        self._store, self._resume = store, resume
        self.finished = store.keys("trials")
        self.networks = store.keys("networks") if resume else set()
        self._begun = store.keys("progress") if resume else set()
        self._stopped = store.keys("stopped") if resume else set()
        self._other_limits = store.keys("limits") if resume else set()
        self._look_until: float | None = None
        self.unseen = 0
        self._instances: set[str] | None = None

    def of(self, trial: Trial) -> State:
        """Return the state of a trial by what is there under its key."""
        if self._resume and trial.key in self.finished:
            return DONE
        unfinished = self._unfinished(trial)
        if self._stopped and stop_key(trial.key, trial.settings) in self._stopped:
            return State("stopped", unfinished.answered)
        return unfinished

    def checked(self, trial: Trial, record: TrialRecord | None) -> State:
        """Return the state of a trial that has an entry, by the record in it (None: it is damaged, and the trial is run).

        Answers that a deadline ended are looked for again where they may take longer now, and those that were starved of CPU.
        """
        if record is None:
            return self._unfinished(trial)
        standing = sum(still_stands(instance, trial.settings) for instance in record.instances)
        starved = sum(instance.starved for instance in record.instances)
        return DONE if standing == len(record.instances) else State("partly", standing, starved)

    def _unfinished(self, trial: Trial) -> State:
        answered = self._answered(trial.key) if trial.key in self._begun else 0
        if trial.any_limit_key in self._other_limits:
            if not self._may_look():
                self.unseen += not answered
            else:
                record, taken = trial_of_another_limit(self._store, trial, pictures=False)
                if record is not None:
                    return DONE
                answered = max(answered, taken)
        return State("partly", answered) if answered else NEW

    def _may_look(self) -> bool:
        """Whether there is time for one more look at a record."""
        if self._look_until is None:
            self._look_until = time.monotonic() + LOOK_SECONDS
        return time.monotonic() < self._look_until

    def _answered(self, key: str) -> int:
        """Return how many instances of a trial are answered. All answers are listed once, which beats asking for each."""
        if self._instances is None:
            self._instances = self._store.keys("instances")
        return sum(instance in self._instances for instance in self._store.instances(key))
