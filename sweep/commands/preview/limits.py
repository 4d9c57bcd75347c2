"""The longest that the attacks of a trial can take, from the limits in its settings."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.config.schema import Settings
from sweep.config.tasks import task_of
from sweep.trial.answers import instance_deadline


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one trial.

    Attributes:
        instances: how many it has.
        limit_seconds: after so long an attack ends itself.
        deadline_seconds: after so long it is ended from outside.
        trial_seconds: after so long the trial is ended; None: never.
    """

    instances: int
    limit_seconds: float
    deadline_seconds: float
    trial_seconds: float | None

    def by_limits(self, instances: int) -> float:
        """Return the seconds of so many attacks that each take their whole time limit."""
        return self._capped(instances * self.limit_seconds)

    def by_deadlines(self, instances: int) -> float:
        """Return the seconds of so many attacks that ignore their limits and are each ended at their deadline."""
        return self._capped(instances * self.deadline_seconds)

    def _capped(self, seconds: float) -> float:
        return seconds if self.trial_seconds is None else min(seconds, self.trial_seconds)


def limits_of(settings: Settings) -> Limits:
    """Return the limits of a trial. Properties are counted in their files.

    Raises:
        ConfigError: those cannot be read.
    """
    instances = task_of(settings).count_in_files(settings)
    return Limits(instances, settings.solver.time_limit_seconds, instance_deadline(settings), settings.deadlines.trial_seconds)
