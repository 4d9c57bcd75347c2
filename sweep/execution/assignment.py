"""What a worker gets: a trial with what it needs, and what happened to that trial before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweep.planning.trials import Trial


@dataclass(frozen=True)
class Assignment:
    """A trial and references to what it needs.

    Attributes:
        trial: the trial.
        data: its data set.
        properties: its properties.
        network: its dense network; None: not trained yet.
        networks: further ones by their files (:attr:`sweep.config.inputs.Inputs.networks`).
    """

    trial: Trial
    data: Any
    properties: Any
    network: Any
    networks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """What a worker is told when it takes up a trial.

    Attributes:
        work: None if the coordinator does not know the trial, which happens when it was started again.
        seconds: how long the trial has run on workers before this one.
        refused: why it must not run again, if it lost more workers than are allowed.
    """

    work: Assignment | None
    seconds: float = 0.0
    refused: str | None = None
