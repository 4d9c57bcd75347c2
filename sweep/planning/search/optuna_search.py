"""Trials chosen by what those before them gave: Optuna's tree-structured Parzen estimator.

A suggestion is a value for every swept key. Some suggestions run nothing. One that ``search.where`` or the rules of the
configuration exclude counts as worse than all. One that gives a trial that has ended gets its values at once, and one that
gives a running trial gets them when that trial ends. So ``search.samples`` counts distinct trials.

References:
    Bergstra, Bardenet, Bengio, Kégl, *Algorithms for Hyper-Parameter Optimization*, NeurIPS 2011. For several objectives Ozaki,
    Tanigaki, Watanabe, Onishi, *Multiobjective Tree-Structured Parzen Estimator*, GECCO 2020. As implemented by Akiba, Sano,
    Yanase, Ohta, Koyama, *Optuna*, KDD 2019.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import optuna
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import TrialState

from sweep.config.schema import SpaceSearchSettings
from sweep.config.task_names import task_name
from sweep.errors import ConfigError
from sweep.planning.plan import Plan, TrialSpace
from sweep.planning.search.base import Suggester
from sweep.planning.search.goals import check_search, search_of
from sweep.planning.search.memory import SearchMemory, Suggestion
from sweep.planning.search.outcomes import BAD, NOTHING, Outcome, outcome_of
from sweep.planning.search.parameters import distribution, size, value
from sweep.planning.search.study import KeptStudy
from sweep.planning.search_axes import Axes
from sweep.planning.swept_keys import Dimension
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.records.objectives import objectives

STARTUP = 10
"""At most this many trials, and at most a third of all, are drawn at random before the estimator is asked."""

PATIENCE = 20
"""Suggestions in a row that start no trial, after which further ones are drawn at random to reach other places."""

ATTEMPTS = 500
"""Suggestions in a row that start no trial, after which the search ends."""


class Assignable(Protocol):
    """What the search needs of a :class:`sweep.planning.plan.TrialSpace`."""

    @property
    def dimensions(self) -> Mapping[str, Dimension]: ...

    @property
    def axes(self) -> Axes: ...

    def at(self, values: Suggestion) -> Trial | None: ...


DECIDE_WHAT_IS_LOOKED_FOR = ("task", "task.name", "attack.objective", "instances.properties")
"""The keys whose values decide the usual objective."""


def plan(space: TrialSpace) -> Plan:
    """Return a plan whose suggester chooses the trials while the sweep runs.

    Raises:
        ConfigError: objectives that do not exist, or a space in which no trial was found.
    """
    check_search(space.settings)
    swept = [key for key in space.dimensions if key in DECIDE_WHAT_IS_LOOKED_FOR]
    if swept and not space.settings.search.objectives:
        raise ConfigError(
            f"search.method=optuna over {swept[0]} needs search.objectives, because its trials look for different things; "
            f"name objectives that all of them have, such as search.objectives=[total_seconds]"
        )
    search = search_of(space.settings)
    tasks = (task_name(space.settings),)
    if OptunaSuggester(space, search, tasks).suggest("first") is None:  # found out now, not when the sweep has begun
        raise ConfigError(
            f"the search space is empty: none of {ATTEMPTS} combinations drawn from {' '.join(space.overrides)} satisfies "
            f"search.where ({'; '.join(search.where)})"
        )
    return Plan([], suggester=OptunaSuggester(space, search, tasks), base=space.config, each=space.each(), notes=space.notes())


class OptunaSuggester(Suggester):
    """Suggests up to ``search.samples`` distinct trials.

    The same seed and the same results in the same order give the same suggestions, but trials that run side by side end in any
    order. So a search with a memory (:meth:`remember`) first suggests what it has suggested before, in that order: the store
    has the results of those that ended, and the others go on where they stopped.

    Args:
        space: the dimensions of the sweep, and the trial at each assignment of values.
        search: ``samples``, ``seed`` and ``objectives``, one at least.
        tasks: names of the tasks of the trials.
    """

    def __init__(self, space: Assignable, search: SpaceSearchSettings, tasks: Sequence[str] = ()) -> None:
        self._memory: SearchMemory | None = None
        self._space, self._search, self._tasks = space, search, tasks
        self._objectives = [objectives(*tasks)[name] for name in search.objectives]
        self._axes = space.axes.dimensions
        self._distributions = {name: distribution(dimension) for name, dimension in self._axes.items()}
        self._size = size(self._axes.values())
        self._startup = max(1, min(STARTUP, search.samples // 3))
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(directions=[objective.direction for objective in self._objectives])
        self._seed(search.seed)
        self._key: str | None = None
        self._kept: KeptStudy | None = None
        self._met: dict[str, str | None] = {}
        """Trial keys by the JSON of the values that were met; None where they are excluded."""
        self._suggested: set[str] = set()
        self._running: dict[str, str] = {}
        """Trial keys by token."""
        self._waiting: dict[str, list[optuna.Trial]] = {}
        """Suggestions that a running trial will answer, by its key."""
        self._ended: dict[str, Outcome] = {}
        self._answered = 0
        self._refused: list[ConfigError] = []
        self._exhausted = False

    @property
    def dimensions(self) -> Sequence[Dimension]:
        return list(self._space.dimensions.values())

    def former(self, memory: SearchMemory) -> list[Trial]:
        """Return the trials that were suggested in earlier runs of this search, without a change to this one.

        Raises:
            ConfigError: none of the values that were drawn are allowed.
            StoreError: the memory cannot be read.
        """
        first = OptunaSuggester(self._space, self._search, self._tasks).suggest("first")
        if first is None:
            return []
        found = (self._space.at(values) for values in memory.load(self._key_of(first)))
        return [trial for trial in found if trial is not None][: self._search.samples]

    def remember(self, memory: SearchMemory) -> None:
        self._memory = memory

    @property
    def notice(self) -> str | None:
        said = []
        if self._exhausted:
            why = "the space has no more" if self._is_used_up() else f"{ATTEMPTS} suggestions in a row were excluded or known"
            said.append(f"The search ended after {len(self._suggested)} of {self._search.samples} trials: {why}.")
        if self._refused:
            said.append(
                f"Left out, because not allowed: {len(self._refused)} suggestions, such as one with {self._refused[0]}."
            )
        return " ".join(said) or None

    @property
    def study(self) -> str | None:
        return None if self._kept is None else self._kept.address

    def suggest(self, token: str) -> Trial | None:
        """Return the next trial, or None: there are no more; if they are fewer than asked for, :attr:`notice` says why.

        Raises:
            ConfigError: none of the values that were drawn are allowed.
            StoreError: the memory cannot be read or written.
        """
        for attempt in range(ATTEMPTS):
            if self._exhausted or len(self._suggested) >= self._search.samples:
                return None
            if self._is_used_up():
                break
            self._study.sampler = self._estimator if attempt < PATIENCE else self._dice
            asked = self._study.ask(self._distributions)
            chosen = {name: value(dimension, asked.params[name]) for name, dimension in self._axes.items()}
            values = self._space.axes.by_key(chosen)
            key, trial = self._at(values)
            if key is None:
                # At the start left out, so that as many as planned are drawn at random; later held against its neighbourhood.
                self._answer(asked, BAD if self._answered >= self._startup else NOTHING)
            elif key in self._ended:
                self._answer(asked, self._ended[key])
            elif key in self._suggested:
                self._waiting[key].append(asked)
            else:
                assert trial is not None
                self._keep(trial, values)
                self._suggested.add(key)
                self._running[token] = key
                self._waiting[key] = [asked]
                return trial
        self._exhausted = True
        if self._refused and not self._suggested:
            raise self._refused[0]
        return None

    def tell(self, token: str, record: TrialRecord) -> None:
        """Say how the trial suggested under ``token`` ended; a second time changes nothing."""
        key = self._running.pop(token, None)
        if key is not None:
            self._ended[key] = outcome_of(record, self._objectives)
            for asked in self._waiting.pop(key):
                self._answer(asked, self._ended[key])
            if self._kept is not None:
                self._kept.end(record)

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()

    def _seed(self, seed: int) -> None:
        self._estimator = TPESampler(seed=seed, n_startup_trials=self._startup, constant_liar=True)
        self._dice = RandomSampler(seed=seed)

    def _at(self, values: Suggestion) -> tuple[str | None, Trial | None]:
        """Return the key of the trial with these values, None if they are excluded, and the trial itself if it is new."""
        name = json.dumps(values, sort_keys=True)
        if name in self._met:
            return self._met[name], None
        trial = None
        try:
            trial = self._space.at(values)
        except ConfigError as error:  # allowed one by one, but not together
            self._refused.append(error)
        self._met[name] = None if trial is None else trial.key
        return self._met[name], trial

    def _is_used_up(self) -> bool:
        return len(self._met) == self._size

    def _keep(self, trial: Trial, values: Suggestion) -> None:
        """Keep a suggestion. Before the first one is kept, queue what followed it in a former run."""
        if self._memory is None:
            return
        if self._key is None:
            self._key = self._key_of(trial)
            former = list(self._memory.load(self._key))
            for one in former[1:]:
                self._study.enqueue_trial(self._parameters(one))
            if former:  # other numbers after those, not the same ones again
                self._seed(self._search.seed + len(former))
            self._kept = KeptStudy(self._memory, self._key, self._objectives, self._space.dimensions)
        self._memory.keep(self._key, len(self._suggested), values)
        if self._kept is not None:
            self._kept.begin(trial)

    def _key_of(self, first: Trial) -> str:
        """Return the key of the search. Its first suggestion depends on the seed alone, and the key of that on all that is not
        swept: what is the same search."""
        parts = [first.key, [one.in_keys for one in self._axes.values()], self._search.seed, self._search.objectives]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def _parameters(self, values: Suggestion) -> dict[str, Any]:
        """Return what Optuna calls these values."""
        chosen = self._space.axes.by_axis(values)
        return {name: one.place(chosen[name]) for name, one in self._axes.items()}

    def _answer(self, asked: optuna.Trial, outcome: Outcome) -> None:
        self._answered += outcome.state is not TrialState.FAIL
        if outcome.answered is not None:
            asked.report(outcome.values[0], outcome.answered)
        values = outcome.values if outcome.state is TrialState.COMPLETE else None
        self._study.tell(asked, values, outcome.state)
