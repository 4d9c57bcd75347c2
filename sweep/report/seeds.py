"""The seeds of a trial and of its single networks, by which the answers of two settings are paired."""

from __future__ import annotations

from typing import Any

from sweep.config.own_networks import NETWORKS, section_key
from sweep.records import TrialRecord
from sweep.report.settled import settled_config


def seed_of(record: TrialRecord, key: str) -> Any:
    """Return the value of a seed, whoever says it; where networks have several values, a text that says them all.

    Args:
        record: of the trial.
        key: one of :data:`sweep.report.settings.SEEDS`.

    Returns:
        None where the configuration has no such seed.
    """
    if not record.config.get(NETWORKS):
        section, _, leaf = key.partition(".")
        return (record.config.get(section) or {}).get(leaf)
    _, flat = settled_config(record)
    found = {one: flat[one] for one in sorted(flat) if section_key(one) == key}
    values = list(dict.fromkeys(found.values()))
    return ", ".join(f"{one}={value}" for one, value in found.items()) if len(values) > 1 else next(iter(values), None)
