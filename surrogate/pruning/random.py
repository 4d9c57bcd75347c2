"""Random pruning of weights: the control that magnitude pruning has to beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from surrogate.pruning.base import SurvivorMethod, all_but_lowest
from surrogate.pruning.survivors import Survivors


class Random(SurvivorMethod):
    """``round(amount * N)`` of all ``N`` weights, drawn uniformly without replacement, become 0.

    Weights that are 0 already count and are taken first. Biases are kept.

    Source: the control of Blalock et al., *What is the State of Neural Network Pruning?*, MLSys 2020.
    """

    name: ClassVar[str] = "random"
    draws: ClassVar[bool] = True

    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        # Drawn from [1, 2), so that a score of 0 says that the weight is gone already.
        scores = [np.where(weight != 0.0, 1.0 + rng.random(weight.shape), 0.0) for weight in network.weights]
        return Survivors.of_weights(all_but_lowest(scores, amount))
