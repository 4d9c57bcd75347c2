"""What pruning leaves of a network, and how to cut a network down to it and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surrogate.networks import BoolArray, ReluNetwork

IndexArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Survivors:
    """The weights and hidden neurons of a network of fixed shape that pruning leaves.

    Attributes:
        masks: per weight matrix ``(out, in)``, True where the weight survives.
        neurons: per hidden layer, the ascending indices of the neurons that survive; the others are cut out of the matrices.
    """

    masks: tuple[BoolArray, ...]
    neurons: tuple[IndexArray, ...]

    @classmethod
    def everything(cls, network: ReluNetwork) -> Survivors:
        """All neurons and all weights."""
        return cls.of_weights([np.ones(weight.shape, dtype=np.bool_) for weight in network.weights])

    @classmethod
    def of_weights(cls, masks: Sequence[BoolArray]) -> Survivors:
        """All neurons, and the weights whose mask is True."""
        return cls(tuple(masks), tuple(np.arange(len(mask)) for mask in masks[:-1]))

    @classmethod
    def of_neurons(cls, network: ReluNetwork, neurons: Sequence[IndexArray]) -> Survivors:
        """The given neurons of every hidden layer, and all weights between them."""
        return cls(tuple(np.ones(weight.shape, dtype=np.bool_) for weight in network.weights), tuple(neurons))

    def cut(self, network: ReluNetwork) -> ReluNetwork:
        """Return ``network`` without the neurons that don't survive, and with exactly 0.0 for the weights that don't."""
        weights = [np.where(mask, weight, 0.0) for mask, weight in zip(self.masks, network.weights, strict=True)]
        return ReluNetwork(
            [weight[block] for weight, block in zip(weights, self._blocks(), strict=True)],
            [bias[rows] for bias, rows in zip(network.biases, self._rows(), strict=True)],
        )

    def cut_masks(self) -> list[BoolArray]:
        """Return the masks of the weights of a network that was cut."""
        return [mask[block] for mask, block in zip(self.masks, self._blocks(), strict=True)]

    def restore(self, cut: ReluNetwork) -> ReluNetwork:
        """Return ``cut`` in the shape that it was cut from; every weight and bias of a neuron that is gone is 0.0."""
        weights = [np.zeros(mask.shape) for mask in self.masks]
        biases = [np.zeros(len(mask)) for mask in self.masks]
        for weight, block, values in zip(weights, self._blocks(), cut.weights, strict=True):
            weight[block] = values
        for bias, rows, values in zip(biases, self._rows(), cut.biases, strict=True):
            bias[rows] = values
        return ReluNetwork(weights, biases)

    def _rows(self) -> list[IndexArray]:
        return [*self.neurons, np.arange(len(self.masks[-1]))]

    def _blocks(self) -> list[tuple[IndexArray, ...]]:
        inputs = [np.arange(self.masks[0].shape[1]), *self.neurons]
        return [np.ix_(rows, columns) for rows, columns in zip(self._rows(), inputs, strict=True)]
