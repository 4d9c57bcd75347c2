"""The list of a sweep's trials, kept in the store, so that a report finds them again by the sweep's name.

The store knows finished trials by what they computed, whichever sweep asked for them. The list says which trials one sweep
planned, and what became of those that did not finish: they leave no record of their own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweep.config.passwords import hide_in_overrides
from sweep.store.codec import is_key
from sweep.store.stage_results import Entry
from sweep.store.store import Store

KIND = "sweeps"

MAX_ERROR_CHARACTERS = 2000

MOST_CHARACTERS = 200
"""Letters of a sweep's name that the key of its entry has."""


@dataclass(frozen=True)
class Planned:
    """A trial of a sweep.

    Attributes:
        key: of the trial.
        name: of the trial.
        status: how it ended; None as long as it has not.
        error: why it did not end well.
        limits: those of :class:`sweep.planning.trials.Trial`.
        swept: the same; None where the list is of an earlier version.
    """

    key: str
    name: str
    status: str | None = None
    error: str | None = None
    limits: Sequence[float] = ()
    swept: dict[str, Any] | None = None


@dataclass(frozen=True)
class Manifest:
    """One sweep.

    Attributes:
        name: of the run, such as ``mnist-20260131-120000``.
        experiment: ``sweep.name``.
        overrides: what the sweep was made of.
        started_at: Unix time in seconds.
        ended_at: the same, or None while the sweep runs, and for good if its driver was killed.
        status: how it ended: ``FINISHED``, ``FAILED`` or ``KILLED``.
        trials: in the order of the plan; of an adaptive search those that it has suggested.
        objectives: by which the best trial is told, if there are any.
    """

    name: str
    experiment: str
    overrides: tuple[str, ...] = ()
    started_at: float = 0.0
    ended_at: float | None = None
    status: str | None = None
    trials: tuple[Planned, ...] = field(default=(), repr=False)
    objectives: tuple[str, ...] = ()


def save(store: Store, manifest: Manifest) -> None:
    """Keep the list, in the place of one that is there.

    Raises:
        StoreError: the store cannot be written.
    """
    facts: dict[str, Any] = {**manifest.__dict__, "overrides": list(manifest.overrides)}
    facts["trials"] = [
        [t.key, t.name, t.status, t.error and t.error[:MAX_ERROR_CHARACTERS], list(t.limits), t.swept] for t in manifest.trials
    ]
    facts["objectives"] = list(manifest.objectives)
    store.put(KIND, key_of(manifest.name), Entry(facts), replace=True)


def free_name(store: Store, wanted: str) -> str:
    """Return the name, or with -2, -3 and so on behind it, if the store has a list or a report of a sweep of that name."""
    name, number = wanted, 1
    while store.has(KIND, key_of(name)) or not store.claim_report(name):
        number += 1
        name = f"{wanted}-{number}"
    return name


def load(store: Store, name: str) -> Manifest | None:
    """Return the list of the sweep ``name``, or None."""
    return _read(store, key_of(name))


def all_of(store: Store) -> list[Manifest]:
    """Return the lists of all sweeps in the store, the newest first."""
    found = [_read(store, key) for key in store.keys(KIND)]
    return sorted((one for one in found if one is not None), key=lambda one: one.started_at, reverse=True)


def key_of(name: str) -> str:
    """Return the key of a sweep's entry: its name, and where that is no key (letters, length) a hash to tell it apart."""
    plain = re.sub(r"[^0-9A-Za-z_-]", "_", name)[:MOST_CHARACTERS]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def planned(trials: Sequence[Any]) -> tuple[Planned, ...]:
    """Return the list of trials that are yet to run: anything with ``key``, ``name``, ``limits`` and ``swept``."""
    return tuple(Planned(trial.key, trial.name, limits=trial.limits, swept=trial.swept) for trial in trials)


def _read(store: Store, key: str) -> Manifest | None:
    entry = store.get(KIND, key)
    if entry is None:
        return None
    try:
        facts = dict(entry.facts)
        trials = tuple(Planned(*row) for row in facts.pop("trials"))
        lists = {"overrides": tuple(hide_in_overrides(facts["overrides"])), "objectives": tuple(facts.get("objectives", ()))}
        manifest = Manifest(**{**facts, **lists, "trials": trials})
        return manifest if _is_sound(manifest, key) else None
    except (TypeError, KeyError, ValueError, AttributeError):
        return None  # of a version of the program that writes other lists; the trials can be found without it


def _is_sound(manifest: Manifest, key: str) -> bool:
    """Whether a list names trials by keys, and itself as its entry does and as no path that leads out of a folder."""
    names = (manifest.name, manifest.experiment, *(trial.name for trial in manifest.trials))
    others = (manifest.status, *(text for trial in manifest.trials for text in (trial.status, trial.error)))
    return (
        all(isinstance(name, str) for name in names)
        and all(isinstance(text, str | None) for text in others)
        and all(isinstance(name, str) for name in manifest.objectives)
        and all(isinstance(trial.swept, dict | None) for trial in manifest.trials)
        and isinstance(manifest.started_at, int | float)
        and isinstance(manifest.ended_at, int | float | None)
        and all(is_key(trial.key) for trial in manifest.trials)
        and all(isinstance(limit, int | float) for trial in manifest.trials for limit in trial.limits)
        and not set(Path(manifest.name).parts) & {"..", "/"}
        and "\0" not in manifest.name
        and key_of(manifest.name) == key
    )
