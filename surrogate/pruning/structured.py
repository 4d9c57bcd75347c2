"""Structured pruning: whole hidden neurons are ranked by the size of their incoming weights."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from surrogate.pruning.base import SurvivorMethod, strongest_neurons
from surrogate.pruning.survivors import Survivors


class Structured(SurvivorMethod):
    r"""In every hidden layer of ``h`` neurons, the ``round(amount * h)`` with the smallest :math:`\sum_j |W_{l,ij}|` go.

    A neuron goes with its row, its bias and its column of the next matrix, so the matrices shrink. One neuron a layer is left;
    logits are never pruned. Ties go by index.

    Source: Li, Kadav, Durdanovic, Samet, Graf, *Pruning Filters for Efficient ConvNets*, ICLR 2017.
    """

    name: ClassVar[str] = "structured"

    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        scores = [np.abs(weight).sum(axis=1) for weight in network.weights[:-1]]
        return Survivors.of_neurons(network, strongest_neurons(network, scores, amount))
