"""Magnitude pruning over the whole network at once."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from surrogate.pruning.base import SurvivorMethod, all_but_lowest
from surrogate.pruning.survivors import Survivors


class Magnitude(SurvivorMethod):
    r"""The ``round(amount * N)`` of all :math:`N` weights with the smallest :math:`|W_{l,ij}|` become 0, layers compared.

    Weights that are 0 already count; ties go by index (first layer first, row by row). Biases are kept.

    Source: Han, Pool, Tran, Dally, *Learning both Weights and Connections for Efficient Neural Networks*, NeurIPS 2015; global
    as in Blalock et al., *What is the State of Neural Network Pruning?*, MLSys 2020.
    """

    name: ClassVar[str] = "magnitude"

    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        return Survivors.of_weights(all_but_lowest([np.abs(weight) for weight in network.weights], amount))
