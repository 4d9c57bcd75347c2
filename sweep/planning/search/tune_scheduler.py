"""Asynchronous successive halving by Ray Tune, with the number of answered instances as its time.

Reference:
    Li, Jamieson, Rostamizadeh, Gonina, Ben-Tzur, Hardt, Recht, Talwalkar, *A System for Massively Parallel Hyperparameter
    Tuning*, MLSys 2020.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from sweep.config.schema import SpaceSearchSettings
from sweep.planning.search.early_stopping import ANSWERED, course
from sweep.records import TrialRecord
from sweep.records.objectives import objectives

_MANY = 2**20
"""More instances than a trial has: the rungs above those that trials reach stay empty."""


def scheduler(
    search: SpaceSearchSettings, instances: int | None, ended: Iterable[TrialRecord] = (), tasks: Iterable[str] = ()
) -> TrialScheduler | None:
    """Return the scheduler of a sweep, or None where trials are not stopped early.

    A trial is judged by the first objective after ``grace``, ``grace * reduction``, ``grace * reduction**2``, ... answers: it
    goes on if it would be among the best ``1 / reduction`` of those that were judged there before it. Its last
    answer is no such moment: it is done then, whatever it is worth. A result without the objective decides nothing.

    Args:
        search: the settings; ``search.objectives`` names at least one where there is a scheduler.
        instances: how many instances a trial has, of several numbers the largest; None if that is not known.
        ended: trials that ended before this sweep, so that a sweep that is taken up again judges as if it had never stopped.
        tasks: names of the tasks of the trials.
    """
    if search.scheduler == "none":
        return None
    objective = objectives(*tasks)[search.objectives[0]]
    halving = ASHAScheduler(
        time_attr=ANSWERED,
        metric=objective.name,
        mode={"maximize": "max", "minimize": "min"}[objective.direction],
        max_t=_MANY if instances is None else max(search.grace, instances - 1),
        grace_period=search.grace,
        reduction_factor=search.reduction,
        stop_last_trials=False,
    )
    for record in ended:
        play_back(halving, record)
    return halving


def play_back(halving: TrialScheduler, record: TrialRecord) -> None:
    """Tell a scheduler what a trial that ended before has reported, so that others are judged by it too."""
    tune: Any = None  # of Tune's controller it looks at nothing, and of the trial at the name alone
    trial: Any = SimpleNamespace(trial_id=f"ended {record.key}")
    reports = course(record)
    halving.on_trial_add(tune, trial)
    for report in reports:
        halving.on_trial_result(tune, trial, report)
    if reports:
        halving.on_trial_complete(tune, trial, reports[-1])
