"""Short names of trials, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sweep.config.attack_facts import takes_surrogate
from sweep.config.families import switches
from sweep.config.own_networks import section_key
from sweep.config.rules import NO_PRUNING
from sweep.config.schema import Settings
from sweep.config.shown_keys import IN_NAMES
from sweep.config.tasks import task_of

NAMED = {*IN_NAMES, *(key.partition(".")[0] for key in IN_NAMES), "network.file", "method.repair"}
"""Keys that :func:`short_name` shows, those that choose an option of a section, and those of single networks in their place."""


def is_named(key: str) -> bool:
    """Whether short names show a key."""
    return section_key(key) in NAMED


def short_name(settings: Settings) -> str:
    """Return a name such as ``4x64 magnitude 0.8 finetuned``, ``4x64 dense`` or ``2x256 gradient``, or the task's own."""
    own = task_of(settings).title(settings)
    if own is not None:
        return own
    network = settings.network.name
    pruning = settings.pruning
    attack, task = settings.attack.method, task_of(settings)
    if "attack" not in task.sections:
        attack = "surrogate"  # it has no attack to be named by
        if not task.trains(settings):
            network = task.name.rpartition(":")[2]
        if "pruning" not in task.sections:
            return network
    elif not takes_surrogate(attack, settings.attack.objective):
        return f"{network} {attack}"
    if pruning.method == "none":
        return f"{network} {'dense' if attack == 'surrogate' else attack}"
    if attack != "surrogate":
        network = f"{network} {attack}"
    return f"{network} {pruning_name(settings)}"


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
