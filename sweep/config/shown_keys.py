"""Which keys of a configuration the names and tables of trials show."""

from __future__ import annotations

_FIRST = (
    "network.depth",
    "network.width",
    "pruning.method",
    "pruning.amount",
    "pruning.finetune.rounds",
    "attack.method",
)
"""What people ask first of a trial with one network."""

IN_NAMES = (*_FIRST, "model.problem", "model.function", "method.name")
"""The keys that names of trials and of settings are made of."""

IN_TABLES = (
    *_FIRST,
    "dataset.name",
    "dataset.side",
    "training.seed",
    "bounds.method",
    "solver.name",
    "solver.time_limit_seconds",
)
"""The keys that are shown of a trial whether they were swept or not."""
