"""What the estimator is told about a trial that ended: its values, that it was bad, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import TrialState

from sweep.records import TrialRecord
from sweep.records.objectives import Objective


@dataclass(frozen=True)
class Outcome:
    """All values, or ``PRUNED`` (worse than trials with values), or ``FAIL`` (nothing is known)."""

    state: TrialState
    values: Sequence[float] = ()
    answered: int | None = None
    """The answers after which a stopped trial had its value: Optuna takes a trial that stopped later for a better one."""


BAD, NOTHING = Outcome(TrialState.PRUNED), Outcome(TrialState.FAIL)


def outcome_of(record: TrialRecord, objectives: Sequence[Objective]) -> Outcome:
    """Return what the estimator is told: a number that is missing is never made up."""
    values = [objective.value(record) for objective in objectives]
    present = [value for value in values if value is not None]
    if record.status == "interrupted":
        return NOTHING
    if record.status == "finished" and len(present) == len(values):
        return Outcome(TrialState.COMPLETE, present)
    if record.status == "stopped" and len(present) == len(values) == 1:
        return Outcome(TrialState.PRUNED, present, len(record.instances))
    return BAD
