"""Configurations of trials as a reader tells them apart, and the trials that longer ones make needless."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sweep.config.canonical import BOOKKEEPING
from sweep.config.dotted_keys import flatten, is_in
from sweep.config.effect import with_effect
from sweep.config.families import switches
from sweep.config.own_networks import NETWORKS, layers_in_words, names_in, settled
from sweep.config.reading import read
from sweep.config.task_names import task_name_in
from sweep.config.task_words import task_on_record
from sweep.config.tasks import task_of
from sweep.errors import ConfigError
from sweep.records import TrialRecord
from sweep.records.time_limit import KEY as TIME_LIMIT

UNSEEN = (*BOOKKEEPING, "dataset.folder")
"""Keys that no result shows."""


def longest(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the records without those of which there is one that differs in nothing but a longer time limit.

    Attacks that plan by their limit keep all of theirs: the longer run does not hold what the shorter one found. A task whose
    module is not here keeps all of its trials too: nobody can say whether it plans by its limit. A trial that a remaining one
    is measured against (``baseline_key``) stays too: its own longer one is no fair yardstick for that.
    """
    limits: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for record in records:
        flat = _flat(record)
        limit = flat.get(TIME_LIMIT)
        only_ends = task_on_record(task_name_in(record.config)).limit_only_ends(record.config)
        if limit is None or record.status != "finished" or not only_ends or not with_effect([TIME_LIMIT], flat):
            continue
        same = {key: flat[key] for key in with_effect(flat, flat) if key != TIME_LIMIT and not is_in(key, UNSEEN)}
        limits[json.dumps(same, sort_keys=True, default=str)].append((float(limit), record.key))
    shorter = {key for found in limits.values() for limit, key in found if limit < max(found)[0]}
    needed = {record.baseline_key for record in records if record.key not in shorter}
    return [record for record in records if record.key not in shorter - needed]


def settled_config(record: TrialRecord) -> tuple[str, dict[str, Any]]:
    """Return the layers of a trial's networks in words, and its configuration, by dotted keys, as a reader tells trials apart.

    Settings that all networks share stand in the sections, whoever has them (:func:`sweep.config.own_networks.settled`). Where
    it cannot be known which networks there are, as without the user's module, the configuration is as it was written.
    """
    flat = _flat(record)
    if not with_effect([NETWORKS], flat):  # the task has no networks of several names
        flat = {key: value for key, value in flat.items() if not is_in(key, (NETWORKS,))}
    if not names_in(flat):
        return layers_in_words(flat), flat
    try:
        settings = read(record.config)
        names = task_of(settings).network_names(settings)
    except ConfigError:
        names = ()
    return layers_in_words(flat, names), settled(flat, names) if names else flat


def _flat(record: TrialRecord) -> dict[str, Any]:
    """Return the configuration of a record by dotted keys, with the switches that an earlier version did not have."""
    return {**switches(), **flatten(record.config)}
