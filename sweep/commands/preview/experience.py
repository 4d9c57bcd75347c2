"""Estimates what a trial takes, from finished trials in the store that are like it.

Two trials are alike if they differ in no more than the instances, seeds, the time limit and the amount of pruning. If no trial
is alike, trials that are near it count: the same problem and method with the same goal, on a network of the same shape and data
set.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import fmean

from sweep.config.canonical import part
from sweep.config.own_networks import settings_of
from sweep.config.reading import read
from sweep.config.schema import Settings
from sweep.config.tasks import task_of
from sweep.errors import ConfigError
from sweep.records import TrialRecord
from sweep.records.cpu_share import KILLED
from sweep.store import Store

LOOK_SECONDS = 5.0
"""How long entries of one kind are read, however many there are."""

MOST_RECORDS = 1000
"""Trials that are enough for a mean."""

NEARLY_ALL = 0.9
"""An attack that took this share of its time limit counts as one that was ended by it."""

_SEEDS_AND_LIMITS = ("seed", "time_limit_seconds", "amount", "samples")
"""Keys in which trials that are alike may differ. The samples that the networks of a model learn are drawn by a seed."""


@dataclass
class _AlikeTrials:
    """What trials that count alike have taken."""

    trials: int = 0
    prune_seconds: list[float] = field(default_factory=list)
    answers: list[tuple[float, bool]] = field(default_factory=list)
    """Seconds, and whether the time limit ended it."""

    def answer_seconds(self, limit: float) -> float:
        """Return the mean seconds of an answer under a time limit that may be another one than that of those trials."""
        return fmean(limit if ended else min(seconds, limit) for seconds, ended in self.answers)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a trial will probably take, and from how many finished ones that is known."""

    prune_seconds: float
    answer_seconds: float
    trials: int

    def seconds(self, instances: int) -> float:
        """Return the seconds of so many instances, pruning included where there is one to answer."""
        return self.prune_seconds + instances * self.answer_seconds if instances else 0.0


class Experience:
    """Finished trials, by what they are like."""

    def __init__(self) -> None:
        self.trials = 0
        self._alike: defaultdict[str, _AlikeTrials] = defaultdict(_AlikeTrials)
        self._near: defaultdict[str, _AlikeTrials] = defaultdict(_AlikeTrials)

    def add(self, record: TrialRecord) -> None:
        """Learn from a finished trial; one of a version of the program with other settings teaches nothing."""
        try:
            settings = read(record.config)
            alike, near = _alike(settings), _near(settings)
        except ConfigError:  # of another version, or of a user's module that is not here
            return
        answers = []
        for instance in record.instances:
            if instance.total_seconds is not None:
                seconds = instance.total_seconds + (instance.prune_seconds or 0.0)
                ended = instance.solver_status == KILLED or seconds >= NEARLY_ALL * settings.solver.time_limit_seconds
                answers.append((seconds, ended))
        if not answers:
            return
        self.trials += 1
        for pool in (self._alike[alike], self._near[near]):
            pool.trials += 1
            pool.answers += answers
            pool.prune_seconds.append(record.prune_seconds or 0.0)

    def estimate(self, settings: Settings) -> Estimate | None:
        """Return what a trial will probably take, or None: no finished trial can be compared with it."""
        pool = self._alike.get(_alike(settings)) or self._near.get(_near(settings))
        if pool is None:
            return None
        return Estimate(fmean(pool.prune_seconds), pool.answer_seconds(settings.solver.time_limit_seconds), pool.trials)


class Trainings:
    """Networks in the store, by what their training cost an epoch."""

    def __init__(self, store: Store, keys: Iterable[str]) -> None:
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        for key in for_a_while(sorted(keys)):
            entry = store.get("networks", key, weights=False)
            recipe = None if entry is None else entry.facts.get("recipe")
            seconds = None if entry is None else entry.facts.get("train_seconds")
            if seconds is not None and recipe and recipe.get("training", {}).get("epochs"):
                self._seconds[_text(recipe["dataset"], recipe["network"])].append(seconds / recipe["training"]["epochs"])

    def seconds(self, settings: Settings) -> float | None:
        """Return what the training of a network will probably take; None if none like it was ever trained."""
        known = self._seconds.get(_text(part("dataset", settings), part("network", settings)))
        return None if known is None else fmean(known) * settings.training.epochs


def for_a_while(keys: Iterable[str]) -> Iterator[str]:
    """Yield keys for as long, and as many, as entries may be read for a preview."""
    end = time.monotonic() + LOOK_SECONDS
    for count, key in enumerate(keys):
        if count == MOST_RECORDS or time.monotonic() > end:
            return
        yield key


def _near(settings: Settings) -> str:
    task, model = task_of(settings), settings.model
    asked = task.name, model.problem, model.function, task.method_name(settings), settings.attack.objective
    own = {name: settings_of(settings, name).network.name for name in settings.networks}
    return _text(part("dataset", settings), settings.network.name, own, *asked)


def _alike(settings: Settings) -> str:
    counting = ("task", "model", "method", "pruning", "bounds", "formulation", "solver", "attack")
    sections = [part(name, settings) for name in counting]
    kept = [found and {key: value for key, value in found.items() if key not in _SEEDS_AND_LIMITS} for found in sections]
    return _text(_near(settings), *kept)


def _text(*parts: object) -> str:
    return json.dumps(parts, sort_keys=True)
