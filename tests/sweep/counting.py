"""A trial's work, counted: how often a process trained, pruned and attacked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import surrogate.pruning
from surrogate.attack import METHODS, AttackResult, GradientAttack, Instance, SurrogateAttack
from surrogate.networks import ReluNetwork
from sweep.execution.coordinated_stages import CoordinatedStages
from sweep.execution.local_run import local_coordinator
from sweep.planning.trials import Trial
from sweep.records import TrialRecord
from sweep.store import Store
from sweep.tasks import networks

Plan = Callable[..., Trial]
"""Plans a trial from overrides; see the fixture ``plan``."""


class Work:
    """Counts what a process trains, prunes and attacks; ``attack`` runs before each attack, with the number of those before."""

    def __init__(self) -> None:
        self.trained = self.pruned = self.attacked = 0
        self.attack: Callable[[int], None] = lambda number: None

    @property
    def done(self) -> tuple[int, int, int]:
        """What was trained, pruned and attacked since this was last asked."""
        done = self.trained, self.pruned, self.attacked
        self.trained = self.pruned = self.attacked = 0
        return done


def count(counted: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count what this process does, and put the gradient attack in the place of the MILP: as good for what is counted."""

    def train(*args: Any) -> Any:
        counted.trained += 1
        return train_network(*args)

    def pruning(*args: Any) -> Any:
        counted.pruned += 1
        return prune(*args)

    def pruning_for(*args: Any) -> Any:
        counted.pruned += 1
        return prune_for(*args)

    class Quick(SurrogateAttack):
        def answer(self, dense: ReluNetwork, surrogate: Any, instance: Instance) -> AttackResult:
            assert surrogate is not None
            counted.attack(counted.attacked)
            counted.attacked += 1
            return GradientAttack(starts=2, time_limit_seconds=self.solver.time_limit_seconds).run(dense, instance)

    train_network, prune, prune_for = networks.train_network, surrogate.pruning.prune, surrogate.pruning.prune_for
    monkeypatch.setattr(networks, "train_network", train)
    monkeypatch.setattr(surrogate.pruning, "prune", pruning)
    monkeypatch.setattr(surrogate.pruning, "prune_for", pruning_for)
    monkeypatch.setitem(METHODS, "surrogate", Quick)


def stages_of(store: Store, resume: bool = True) -> CoordinatedStages:
    """Return the stage results of a trial that runs in this process, for a sweep that begins now."""
    return CoordinatedStages(local_coordinator(store, resume), "a worker", "a trial", threading.Event())


def outcome(record: TrialRecord) -> list[tuple[Any, ...]]:
    """Return what must be equal however often a trial was ended and started again."""
    return [(i.instance_key, i.image, i.status, i.dense_value, i.perturbed, i.clean) for i in record.instances]
