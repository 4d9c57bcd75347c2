"""Finds the trials of sweeps by their names, in the store, and says what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from sweep.errors import ConfigError
from sweep.records import TrialRecord
from sweep.report.results import Results, Searched, SweepState, Unfinished, results_of
from sweep.store import Store
from sweep.store import manifest as manifests
from sweep.store.manifest import Manifest
from sweep.store.trials import NOT_A_RECORD
from sweep.terminal.wording import MOST_NEAR, count, near_ones, some


class UnknownSweep(ConfigError):
    """No sweep of that name is in the store."""


def gather(store: Store, names: Sequence[str]) -> Results:
    """Return the finished trials of the named sweeps, each trial once.

    A name is that of a run (``mnist-20260131-120000``), or ``sweep.name`` for the newest run of that experiment. Several may be
    joined by commas.

    Raises:
        UnknownSweep: there is none; near names are listed.
        StoreError: the store cannot be read.
    """
    known = manifests.all_of(store)
    meant = [part for name in names for part in _parts(name, known)]
    gathered = [_one(store, name, known) for name in dict.fromkeys(meant)]
    return results_of(gathered, pictures=lambda key: store.trial(key))


def _parts(name: str, known: Sequence[Manifest]) -> list[str]:
    """Return the names that are joined by commas; a name that a sweep has is not taken apart."""
    if any(name in (one.name, one.experiment) for one in known):
        return [name]
    return [part.strip() for part in name.split(",") if part.strip()]


def _one(store: Store, name: str, known: Sequence[Manifest]) -> tuple[SweepState, list[TrialRecord]]:
    runs = [one for one in known if name in (one.name, one.experiment)]
    if not runs:
        return _without_list(store, name, known)
    found = next((one for one in runs if one.name == name), runs[0])
    notes = []
    if found.name != name and len(runs) > 1:
        older = some([one.name for one in runs[1:]], MOST_NEAR)
        notes.append(f"This is the newest of {len(runs)} runs of {name}; earlier ones are {older}.")
    return _listed(store, found, notes)


def _listed(store: Store, found: Manifest, notes: list[str]) -> tuple[SweepState, list[TrialRecord]]:
    records: list[TrialRecord] = []
    unfinished: list[Unfinished] = []
    strange: list[Unfinished] = []
    lost = 0
    for trial in found.trials:
        if trial.status in (None, "finished"):
            record, of_another_version = _record(store, trial.key)
            if record is not None:
                swept = record.swept if trial.swept is None else trial.swept
                records.append(dataclasses.replace(record, name=trial.name, limits=list(trial.limits), swept=swept))
                continue
            if of_another_version:
                why = "its record is of another version of the program"
                strange.append(Unfinished(trial.name, "unreadable", why, trial.key))
            elif trial.status == "finished":
                lost += 1
                why = "it had finished, and its record is no longer in the store"
                unfinished.append(Unfinished(trial.name, "missing", why, trial.key))
            else:
                answered = store.partial(trial.key)
                some = f"; {count(answered, 'instance')} answered so far" if answered else ""
                unfinished.append(Unfinished(trial.name, "not finished", f"it has not ended{some}", trial.key))
        else:
            why = trial.error or "no reason was recorded"
            unfinished.append(Unfinished(trial.name, str(trial.status), why, trial.key))
    if found.ended_at is None:
        notes.append(
            "The end of the sweep is not recorded: it is still running, or its driver was killed. This is what it has so far."
        )
    elif found.status == "KILLED":
        notes.append("The sweep was interrupted.")
    if lost:
        notes.append(
            f"The records of {count(lost, 'finished trial')} are no longer in the store: they were removed or damaged."
        )
    if strange:
        notes.append(_strange(len(strange)))
        unfinished += strange
    searched = Searched(found.objectives, found.overrides) if found.objectives else None
    state = SweepState(
        found.name, len(found.trials), len(records), tuple(unfinished), tuple(notes), found.experiment, searched=searched
    )
    return state, records


def _without_list(store: Store, name: str, known: Sequence[Manifest]) -> tuple[SweepState, list[TrialRecord]]:
    """Look through all finished trials for those whose own configuration names the sweep."""
    records: list[TrialRecord] = []
    experiments: set[str] = {one.experiment for one in known}
    strange = 0
    for key in sorted(store.keys("trials")):
        entry = store.get("trials", key, weights=False)
        experiment = None if entry is None else _experiment(entry.facts)
        if experiment is None:
            continue
        experiments.add(experiment)
        if experiment == name:
            record, of_another_version = _record(store, key)
            strange += of_another_version
            records += [record] if record is not None else []
    if not records and not strange:
        raise UnknownSweep(_unknown(store, name, [*(one.name for one in known), *experiments]))
    notes = [
        "The store has no list of this sweep's trials (an earlier version of the program made it), so these are all finished "
        "trials that name it; how many were planned and which failed is not known."
    ]
    notes += [_strange(strange)] if strange else []
    records.sort(key=lambda record: record.ended_at)
    return SweepState(name, None, len(records), (), tuple(notes), name), records


def _record(store: Store, key: str) -> tuple[TrialRecord | None, bool]:
    """Return a finished trial's record without pictures; and whether there is one that this version cannot read."""
    entry = store.get("trials", key, weights=False)
    if entry is None:
        return None, False
    try:
        return TrialRecord.from_dict(entry.facts), False
    except NOT_A_RECORD:  # left where it is: a report changes nothing in the store
        return None, True


def _experiment(facts: dict[str, Any]) -> str | None:
    try:
        found = facts["config"]["sweep"]["name"]
    except (KeyError, TypeError):
        return None
    return None if found is None else str(found)


def _strange(number: int) -> str:
    return (
        f"{count(number, 'trial')} cannot be read: the records are of another version of the program. Run the sweep again with "
        f"this version, or make the report with the version that wrote them."
    )


def _unknown(store: Store, name: str, names: Iterable[str]) -> str:
    options = list(names)
    if not options:
        return f"there is no sweep in the store {store.address}: run one first, or set sweep.store to where it is"
    return f"there is no sweep {name} in the store {store.address}: {near_ones(name, options)}"
