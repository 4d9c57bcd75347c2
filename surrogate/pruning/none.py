"""No pruning: the surrogate is the dense network, and its MILP the baseline."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from surrogate.pruning.base import SurvivorMethod
from surrogate.pruning.survivors import Survivors


class NoPruning(SurvivorMethod):
    """Everything survives, whatever the amount."""

    name: ClassVar[str] = "none"

    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        return Survivors.everything(network)
