"""Random structured pruning: the control that structured pruning has to beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from surrogate.pruning.base import SurvivorMethod, strongest_neurons
from surrogate.pruning.survivors import Survivors


class RandomStructured(SurvivorMethod):
    """In every hidden layer of ``h`` neurons, ``round(amount * h)`` drawn uniformly go, with their rows and columns.

    One neuron a layer is left; logits are never pruned.

    Source: the control of Mittal et al., *Recovering from Random Pruning: On the Plasticity of Deep Convolutional Neural
    Networks*, WACV 2018.
    """

    name: ClassVar[str] = "random_structured"
    draws: ClassVar[bool] = True

    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        scores = [rng.random(size) for size in network.hidden_sizes]
        return Survivors.of_neurons(network, strongest_neurons(network, scores, amount))
