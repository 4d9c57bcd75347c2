"""A plan beside what the store has: state, limits and estimate of every trial, and their sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.commands.preview.capacity import Room
from sweep.commands.preview.experience import MOST_RECORDS, Estimate, Experience, Trainings, for_a_while
from sweep.commands.preview.limits import Limits, limits_of
from sweep.commands.preview.states import State, States
from sweep.config.schema import SECTIONS, Settings
from sweep.config.tasks import task_of
from sweep.config.words import Words
from sweep.planning.plan import Plan
from sweep.planning.search.memory import SearchMemory
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store import Store

_COUNTS = (*(name for name in SECTIONS if name != "training"), "deadlines")
"""The sections on which limits and estimates depend."""


@dataclass(frozen=True, slots=True)
class TrialKind:
    """What trials have in common that differ in seeds only.

    Attributes:
        group: network and data set, in words.
        act: what a method does to an instance, in the words of the task.
        limits: what their attacks may take.
        estimate: what they will probably take; None: nothing like them is in the store.
    """

    group: str
    act: str
    limits: Limits
    estimate: Estimate | None


@dataclass(frozen=True, slots=True)
class PreviewedTrial:
    """One trial of the preview."""

    trial: Trial
    state: State
    kind: TrialKind

    @property
    def instances(self) -> int:
        """How many it is asked."""
        return self.kind.limits.instances

    @property
    def answered(self) -> int:
        """How many of them have answers in the store."""
        return self.instances if self.state.name == "done" else self.state.answered

    @property
    def left(self) -> int:
        """How many instances are still to be answered."""
        return 0 if self.state.name == "stopped" else self.instances - self.answered

    @property
    def seconds(self) -> float | None:
        """What it will probably take from now on."""
        return self.kind.estimate.seconds(self.left) if self.kind.estimate is not None else None


@dataclass(frozen=True)
class PlannedTraining:
    """A dense network that is to be trained.

    Attributes:
        name: network and data set, in words.
        seconds: what its training will probably take; None: none like it is in the store.
    """

    name: str
    seconds: float | None


@dataclass(frozen=True)
class Preview:
    """What a sweep would do.

    Attributes:
        plan: of the sweep.
        settings: what concerns the sweep as a whole.
        rows: the trials that are known, in their order; of an adaptive search those that it has suggested before.
        trainings: the dense networks to train.
        reused: how many of the dense networks that are needed are in the store.
        read: how many are read from files.
        room: where trials would run.
        learned: from how many finished trials estimates come.
        unseen: trials that count as done without a look into their records, because they are so many.
        other_limits: trials that count as new without a look into their records with another time limit, for the same reason.
        store: its address.
    """

    plan: Plan
    settings: Settings
    rows: Sequence[PreviewedTrial]
    trainings: Sequence[PlannedTraining]
    reused: int
    read: int
    room: Room
    learned: int
    unseen: int
    other_limits: int
    store: str

    @property
    def act(self) -> str:
        """What the methods do to instances, such as ``attack``; ``answer`` where the tasks have several words for it."""
        acts = {row.kind.act for row in self.rows}
        return acts.pop() if len(acts) == 1 else Words().act

    @property
    def open(self) -> list[PreviewedTrial]:
        """The trials that are to be run."""
        return [row for row in self.rows if row.left]

    def worst(self, by: Callable[[Limits, int], float]) -> float:
        """Return the seconds of all attacks to be run, by a method of :class:`~sweep.commands.preview.limits.Limits`."""
        return sum(by(row.kind.limits, row.left) for row in self.rows if row.left)


def look_ahead(plan: Plan, settings: Settings, store: Store, room: Room) -> Preview:
    """Return what a sweep would do.

    Raises:
        StoreError: the store cannot be read.
    """
    states = States(store, settings.sweep.resume)
    trials: Sequence[Trial] = plan.trials
    if plan.suggester is not None:  # what it suggested in earlier runs, it suggests again first
        trials = plan.suggester.former(SearchMemory(store, settings.sweep.resume))
    experience, own = _learn(store, states.finished, trials)
    kinds = _Kinds(experience)
    rows = []
    for trial in trials:
        state = states.of(trial)
        if state.name == "done" and trial.key in own:
            state = states.checked(trial, own[trial.key])
        rows.append(PreviewedTrial(trial, state, kinds.of(trial)))
    trainings, reused, read = _networks(store, states, rows)
    looked_for = states.finished.difference(own)
    unseen = sum(row.state.name == "done" and row.trial.key in looked_for for row in rows)
    return Preview(
        *(plan, settings, rows, trainings, reused, read, room, experience.trials, unseen, states.unseen, store.address)
    )


class _Kinds:
    """The kinds of trials, each made once however many trials are of it."""

    def __init__(self, experience: Experience) -> None:
        self._experience = experience
        self._known: dict[tuple[int, ...], tuple[Any, TrialKind]] = {}

    def of(self, trial: Trial) -> TrialKind:
        identity = tuple([id(trial.config.get(name)) for name in _COUNTS])
        known = self._known.get(identity)
        if known is None:
            settings = trial.settings
            on = "" if settings.dataset.name == "none" else f" on {settings.dataset.title}"
            act, estimate = task_of(settings).words("").act, self._experience.estimate(settings)
            kind = TrialKind(settings.network.name + on, act, limits_of(settings), estimate)
            known = self._known[identity] = trial, kind  # the trial keeps the sections from being replaced by others
        return known[1]


def _learn(store: Store, finished: set[str], trials: Sequence[Trial]) -> tuple[Experience, dict[str, TrialRecord | None]]:
    """Learn from finished trials, half of them of the plan if there are so many; return the records of those too.

    Keys are hashes: the first ones of others are as good a sample as any.
    """
    own = [trial.key for trial in trials if trial.key in finished]
    others = sorted(finished.difference(own))
    experience, records = Experience(), {}
    of_plan = set(own[: max(MOST_RECORDS // 2, MOST_RECORDS - len(others))])
    for key in for_a_while([*of_plan, *others]):
        record = store.trial(key, pictures=False)
        if key in of_plan:
            records[key] = record
        if record is not None:
            experience.add(record)
    return experience, records


def _networks(store: Store, states: States, rows: Iterable[PreviewedTrial]) -> tuple[list[PlannedTraining], int, int]:
    """Return the networks to train for the trials that are to be run, and how many are reused and read from files."""
    needed = {row.trial.training_key: row.trial for row in rows if row.left and row.trial.training_key}
    missing = {key: trial.settings for key, trial in needed.items() if key not in states.networks}
    from_files = sum(settings.network.file is not None for settings in missing.values())
    to_train = [settings for settings in missing.values() if settings.network.file is None]
    known = Trainings(store, store.keys("networks") if to_train else ())
    trainings = [
        PlannedTraining(f"{settings.network.name} on {settings.dataset.title}", known.seconds(settings))
        for settings in to_train
    ]
    return trainings, len(needed) - len(missing), from_files
