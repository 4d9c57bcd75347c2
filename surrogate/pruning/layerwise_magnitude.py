"""Magnitude pruning of every weight matrix by itself."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from surrogate.pruning.base import SurvivorMethod, all_but_lowest
from surrogate.pruning.survivors import Survivors


class LayerwiseMagnitude(SurvivorMethod):
    r"""In every weight matrix, the ``round(amount * size)`` weights with the smallest :math:`|W_{l,ij}|` become 0.

    Every matrix gets the same sparsity, the small ones near the logits too, which global magnitude pruning tends to spare.
    Weights that are 0 already count; ties go by index, row by row. Biases are kept.

    Source: Zhu, Gupta, *To prune, or not to prune: exploring the efficacy of pruning for model compression*, ICLR workshop,
    2018.
    """

    name: ClassVar[str] = "layerwise_magnitude"

    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        return Survivors.of_weights([all_but_lowest([np.abs(weight)], amount)[0] for weight in network.weights])
