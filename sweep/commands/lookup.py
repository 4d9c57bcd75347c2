"""Finds one trial by its key, by its run in MLflow, or by its name in a sweep."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sweep.errors import ConfigError, SweepError
from sweep.records import TrialRecord
from sweep.store import Store, is_key
from sweep.store import manifest as manifests
from sweep.store.manifest import Manifest, Planned
from sweep.terminal.wording import MOST_NEAR, near_ones

FEWEST_DIGITS = 4
_HEX = re.compile(r"[0-9a-f]+")
_RUN_ID_DIGITS = 32

ACCEPTED = "accepted are a trial's key or its first digits, the id of its run in MLflow, or its name, as in mnist/'4x64 dense'"


@dataclass(frozen=True)
class Found:
    """A trial; ``record`` is None where it has not finished, and ``status`` and ``error`` say why, as far as that is known."""

    key: str
    record: TrialRecord | None
    name: str | None = None
    status: str | None = None
    error: str | None = None


def find(store: Store, asked: str, tracking_uri: str | None = None) -> Found:
    """Return the trial that ``asked`` means.

    A name is looked for in the newest sweep that has it; ``sweep/name`` says in which (a run, or an experiment for its newest).

    Args:
        store: where the records are.
        asked: key, beginning of a key (at least four digits), run id or name.
        tracking_uri: the MLflow store that run ids are looked up in; None if there is none.

    Raises:
        ConfigError: nothing is meant, or more than one trial; near ones are named.
        SweepError: MLflow does not answer.
        StoreError: the store cannot be read.
    """
    text = asked.strip()
    if len(text) == _RUN_ID_DIGITS and _HEX.fullmatch(text):
        return _by_key(store, _key_of_run(text, tracking_uri))
    if _HEX.fullmatch(text) and len(text) >= FEWEST_DIGITS:
        keys = sorted(key for key in store.keys("trials") | _planned_keys(store) if key.startswith(text))
        if len(keys) > 1:
            raise ConfigError(f"{text} is the beginning of {len(keys)} keys: {', '.join(keys[:MOST_NEAR])}; give more digits")
        if keys:
            return _by_key(store, keys[0])
    return _by_name(store, text)


def _by_key(store: Store, key: str) -> Found:
    record = store.trial(key)
    if record is not None:
        return Found(key, record, record.name)
    for sweep in manifests.all_of(store):
        for trial in sweep.trials:
            if trial.key == key:
                return _unfinished(store, trial)
    raise ConfigError(f"there is no trial {key} in the store {store.address}; {ACCEPTED}")


def _unfinished(store: Store, trial: Planned) -> Found:
    answered = store.partial(trial.key)
    more = f"{answered} of its instances are answered so far" if answered else None
    return Found(trial.key, None, trial.name, trial.status or "not finished", trial.error or more)


def _planned_keys(store: Store) -> set[str]:
    return {trial.key for sweep in manifests.all_of(store) for trial in sweep.trials}


def _by_name(store: Store, text: str) -> Found:
    sweeps = manifests.all_of(store)
    where, slash, name = text.partition("/")
    chosen = [sweep for sweep in sweeps if slash and where in (sweep.name.strip(), sweep.experiment.strip())]
    for sweep, wanted in [(one, name) for one in chosen[:1]] + [(one, text) for one in sweeps]:
        same = [trial for trial in sweep.trials if trial.name == wanted]
        if len(same) > 1:
            keys = ", ".join(trial.key for trial in same[:MOST_NEAR])
            raise ConfigError(f"{sweep.name} has {len(same)} trials named {wanted}: give a key, one of {keys}")
        if same:
            record = store.trial(same[0].key)
            return _unfinished(store, same[0]) if record is None else Found(same[0].key, record, wanted)
    raise ConfigError(f"there is no trial {text} in the store {store.address}{_near(text, sweeps, store)}; {ACCEPTED}")


def _near(text: str, sweeps: list[Manifest], store: Store) -> str:
    named = [trial.name for sweep in sweeps for trial in sweep.trials]
    full = [f"{sweep.experiment}/{trial.name}" for sweep in sweeps for trial in sweep.trials]
    options = [*named, *full, *store.keys("trials")]
    if not options:
        return ", which is empty: run a sweep first, or set sweep.store to where it is"
    return f": {near_ones(text, options)}"


def _key_of_run(run_id: str, tracking_uri: str | None) -> str:
    if tracking_uri is None:
        raise ConfigError(f"{run_id} looks like a run of MLflow, and there is no MLflow store here: set tracking.uri")
    from sweep.tracking.reading import tags_of

    tags: dict[str, Any] = tags_of(tracking_uri, run_id)
    if "trial_key" not in tags:
        raise SweepError(f"the run {run_id} is no trial (it has no tag trial_key): choose one of the runs below it")
    if not is_key(tags["trial_key"]):
        raise SweepError(f"the run {run_id} is no trial of a sweep (its tag trial_key is {tags['trial_key']!r:.60})")
    return str(tags["trial_key"])
