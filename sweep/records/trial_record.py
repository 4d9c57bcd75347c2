"""The record of one trial, with those of its answers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from sweep.config.passwords import hide_in_config
from sweep.records.instance_record import InstanceRecord, fields_of

TrialStatus = Literal["finished", "failed", "interrupted", "stopped"]
"""``stopped``: ended early on purpose, by a deadline or by the search; what it had answered is kept."""


@dataclass
class TrialRecord:
    """One trial: its networks and the answers to its instances."""

    key: str
    """Trial key: hash of everything that can change the result."""
    name: str
    """Short readable name, such as ``4x64 magnitude 0.8``."""
    config: dict[str, Any]
    """The whole resolved configuration."""
    swept: dict[str, Any]
    """The swept keys with this trial's values, in the order in which they were swept."""
    status: TrialStatus
    error: str | None = None
    """One sentence for a person, if ``status`` is not ``finished``."""
    error_detail: str | None = None
    """The traceback, for the artifact of a failed trial."""
    log: list[str] = field(default_factory=list)
    """What it did, a line a step in order of time (:mod:`sweep.records.trial_log`); empty where an earlier version made the
    record."""
    late: bool = False
    """``stopped`` by ``deadlines.trial_seconds``, and not by the search: the same command with a larger deadline goes on."""
    host: str | None = None
    """Name of the machine on which it ended; None if it was on none."""
    started_at: float = 0.0
    """Unix time in seconds."""
    ended_at: float = 0.0
    limits: list[float] = field(default_factory=list)
    """The time limits in seconds that its sweep asks about, the shortest first, where one run holds the answers for several."""
    baseline_key: str | None = None
    """Key of the trial that this one is measured against, as its task says: mostly the dense MILP of the same settings."""
    network_key: str | None = None
    """Content key of the dense network."""
    accuracy_dense: float | None = None
    """Share of the test set classified correctly, 0 to 1."""
    accuracy_surrogate: float | None = None
    """The accuracy of the pruned network; None where no surrogate is used, or one for each region."""
    r2_dense: float | None = None
    """R² of the dense network on test points, at most 1; None where it gives classes, or was kept before this was measured."""
    r2_surrogate: float | None = None
    """The R² of the pruned network."""
    sparsity: float | None = None
    """Share of the dense network's weights that the surrogate lacks, 0 to 1; the median where each region has its own."""
    skipped: int = 0
    """Instances drawn but left out, such as images that the dense network misclassifies."""
    train_seconds: float | None = None
    """Training time of the dense network, also where it was reused."""
    prune_seconds: float | None = None
    """Pruning and finetuning; None where each region has its own surrogate (see the instances)."""
    total_seconds: float | None = None
    cpu_seconds: float | None = None
    instances: list[InstanceRecord] = field(default_factory=list)

    @property
    def limit_seconds(self) -> float:
        """The time limit of each answer."""
        return float(self.config["solver"]["time_limit_seconds"])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, instances as dictionaries; lists are copied, but not what is in them."""
        return {**fields_of(self), "instances": [instance.to_dict() for instance in self.instances]}

    def without_pictures(self) -> TrialRecord:
        """Return the record without the arrays of its instances, which are most of its size."""
        return dataclasses.replace(
            self, instances=[dataclasses.replace(instance, clean=[], perturbed=None) for instance in self.instances]
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrialRecord:
        instances = [InstanceRecord.from_dict(row) for row in data["instances"]]
        # Records of before were kept with the passwords of the command line.
        return cls(**{**data, "config": hide_in_config(data["config"]), "instances": instances})
