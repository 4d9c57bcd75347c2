"""Activation-aware pruning: weights are ranked by what they pass on, not by their size alone."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from surrogate.data import Dataset
from surrogate.errors import InvalidSetting
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.pruning.base import SurvivorMethod, all_but_lowest
from surrogate.pruning.survivors import Survivors

IMAGES = 4096
"""Training images, the first ones, over which activations are averaged: their root mean squares are settled to a percent or
two, and pruning stays a matter of a tenth of a second."""

SILENT = 1e-9
"""An input that is always 0 counts as active with this share of its layer's largest activation. So its weights go first, the
smallest of them before the others, and no more weights than the amount says."""


class Activation(SurvivorMethod):
    r"""The ``round(amount * N)`` of all :math:`N` weights with the smallest :math:`s_{l,ij} / \|s_l\|_F` become 0, with
    :math:`s_{l,ij} = |W_{l,ij}|\,\mathrm{rms}(y_{l-1,j})`.

    :math:`y_{l-1,j}` is the input that the weight multiplies, over training images, in the network as it is before this
    pruning. Weights that are 0 already count; ties go by index. Biases are kept. An input that no image uses, such as a dark
    corner, loses its weights first, although an attack may use it.

    The source compares the weights of one output with each other and gives every row the same sparsity, which costs networks
    with small last layers more accuracy than it saves. Here all layers are compared, each by its scores' share of the layer:
    activations grow and shrink from layer to layer, and unscaled the layers with small ones would lose all their weights.

    Source: Sun, Liu, Bair, Kolter, *A Simple and Effective Pruning Approach for Large Language Models* (Wanda), ICLR 2024,
    section 3, for the score.
    """

    name: ClassVar[str] = "activation"
    needs_data: ClassVar[bool] = True

    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        scores = []
        for weight, rms in zip(network.weights, root_mean_squares(network, data, self.name), strict=True):
            score = np.abs(weight) * np.maximum(rms, SILENT * (rms.max() or 1.0))
            scores.append(score / (np.linalg.norm(score) or 1.0))
        return Survivors.of_weights(all_but_lowest(scores, amount))


def root_mean_squares(network: ReluNetwork, data: Dataset | None, method: str) -> list[FloatArray]:
    r"""Return per layer the root mean square ``(in,)`` of each of its inputs over the first ``IMAGES`` training images.

    Raises:
        InvalidSetting: no data, or images that do not fit the network; names the pruning ``method``.
    """
    if data is None:
        raise InvalidSetting(f"pruning method={method!r} looks at training images, got no data: give a data set")
    images = data.train_images[:IMAGES]
    if images.shape[1] != network.input_size:
        raise InvalidSetting(
            f"pruning method={method!r}: the images have {images.shape[1]} pixels but the network takes {network.input_size}"
        )
    inputs = [images, *(np.maximum(z, 0.0) for z in network.pre_activations(images)[:-1])]
    return [np.sqrt((y.astype(np.float64) ** 2).mean(axis=0)) for y in inputs]
