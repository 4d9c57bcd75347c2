"""Short names of trials, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sweep.config.canonical import takes_pruned
from sweep.config.families import FAMILIES, switches
from sweep.config.own_networks import section_key
from sweep.config.rules import NO_PRUNING
from sweep.config.schema import Settings
from sweep.config.sections import source_of
from sweep.config.shown_keys import IN_NAMES
from sweep.config.tasks import task_of

NAMED = {*IN_NAMES, *(key.partition(".")[0] for key in IN_NAMES), "network.file", "method.repair"}
"""Keys that :func:`short_name` shows, keys that choose an option of a section, and the same keys of single networks."""


def is_named(key: str) -> bool:
    """Whether short names show a key."""
    return section_key(key) in NAMED


def short_name(settings: Settings) -> str:
    """Return a name such as ``4x64 magnitude 0.8 finetuned``, ``4x64 dense`` or ``2x256 gradient``, or the task's own.

    The method of the task's baseline is not named, nor a pruning that can change no answer.
    """
    task = task_of(settings)
    own = task.title(settings)
    if own is not None:
        return own
    names = [settings.network.name if task.trains(settings) else task.name.rpartition(":")[2]]
    method = task.method_name(settings)
    if method is not None and method != task.baseline.get(task.answerer, {}).get(FAMILIES[task.answerer].name_key):
        names.append(method)
    if takes_pruned(task, source_of(settings)):
        if settings.pruning.method != NO_PRUNING:
            names.append(pruning_name(settings))
        elif len(names) == 1:
            names.append("dense")
    return " ".join(names)


def pruning_name(settings: Settings) -> str:
    """Return a name such as ``magnitude 0.8 finetuned``; ``none`` where nothing is pruned."""
    pruning, rounds = settings.pruning, settings.pruning.finetune.rounds
    if pruning.method == NO_PRUNING:
        return NO_PRUNING
    finetuned = {0: "", 1: " finetuned"}.get(rounds, f" finetuned in {rounds} rounds")
    return f"{pruning.method} {pruning.amount:g}{finetuned}"


def full_name(short: str, swept: Mapping[str, Any], shown: Iterable[str]) -> str:
    """Return a short name with the values of some swept keys, as in ``4x64 dense training.seed=3``; but for what is off."""
    off = switches()
    more = [f"{key}={swept[key]}" for key in shown if key in swept and (key not in off or swept[key] != off[key])]
    return " ".join([short, *more])
