"""Activation-aware structured pruning: whole hidden neurons are ranked by what they pass on."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.data import Dataset
from surrogate.networks import ReluNetwork
from surrogate.pruning.activation import root_mean_squares
from surrogate.pruning.base import SurvivorMethod, strongest_neurons
from surrogate.pruning.survivors import Survivors


class ActivationStructured(SurvivorMethod):
    r"""In every hidden layer of ``h`` neurons, the ``round(amount * h)`` with the smallest
    :math:`\mathrm{rms}(y_{l,j})\,\|W_{l+1,\cdot j}\|_2` go, as with :class:`Structured`.

    That is the root mean square, over training images, of what the next layer's pre-activations would lack.
    """

    name: ClassVar[str] = "activation_structured"
    needs_data: ClassVar[bool] = True

    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        outputs = root_mean_squares(network, data, self.name)[1:]
        scores = [rms * np.linalg.norm(weight, axis=0) for rms, weight in zip(outputs, network.weights[1:], strict=True)]
        return Survivors.of_neurons(network, strongest_neurons(network, scores, amount))
