"""What a running trial tells a scheduler: how many instances it has answered, and its objectives so far.

The scheduler is Ray Tune's ASHA (:mod:`sweep.planning.search.tune_scheduler`) with an instance as its unit of time: trials are
compared after equally many answers. Trials of one ``instances.seed`` get the images in the same order, without those that their
dense network misclassifies.
"""

from __future__ import annotations

import dataclasses

from sweep.config.schema import Settings
from sweep.config.stage_keys import digest
from sweep.config.task_names import task_name_in
from sweep.planning.search.goals import search_of
from sweep.records import TrialRecord
from sweep.records.objectives import objectives

ANSWERED = "answered"
"""The name under which a trial reports how many instances it has answered."""


def progress_values(record: TrialRecord) -> dict[str, float]:
    """Return what a trial reports after each answer: :data:`ANSWERED` and every objective that has a value so far.

    An objective without a value is left out, and then nothing is decided by it: the trial goes on.
    """
    known = objectives(task_name_in(record.config))
    values = {name: objective.value(record) for name, objective in known.items()}
    return {ANSWERED: len(record.instances), **{name: value for name, value in values.items() if value is not None}}


def course(record: TrialRecord) -> list[dict[str, float]]:
    """Return what a trial that ended has reported on its way, one entry an answer."""
    lengths = range(1, len(record.instances) + 1)
    return [progress_values(dataclasses.replace(record, instances=record.instances[:length])) for length in lengths]


def stop_key(trial_key: str, settings: Settings) -> str:
    """Return the key under which it is kept that the search stopped a trial: in a sweep of this name, by these rules."""
    search = search_of(settings)
    rules = [search.scheduler, search.objectives[:1], search.grace, search.reduction]
    return digest("stopped", trial_key, settings.sweep.name, rules)
