"""Lossless compression over a region: stably active neurons merge into the sums that the next layer makes of them."""

from __future__ import annotations

import numpy as np

from surrogate.bounds import Bounds
from surrogate.bounds.base import affine_over_box
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.problems.region import Region
from surrogate.pruning.affine_neurons import AffineNeurons
from surrogate.pruning.base import require_bounds


def merge_stable(network: ReluNetwork, region: Region, bounds: Bounds) -> ReluNetwork:
    r"""Return a smaller network, equal to ``network`` over ``region`` (up to rounding), with no more unstable neurons.

    Neurons that are never active, or that nothing reads, go. Of those that always are, :math:`A`, the next layer's row
    :math:`i` reads nothing but the sum :math:`V_{iA} (W_A y + b_A)`. Where there are fewer rows than neurons in :math:`A`,
    the sums become the neurons, shifted so that they are always active. From the last layer backward, every layer keeps its
    unstable neurons and no more affine ones than it has readers. A MILP of the result has as many binaries but far fewer rows
    and coefficients.

    Args:
        network: dense or pruned; its ``o`` outputs stay, so that fewer outputs (``compose``) leave less.
        region: where the two networks are equal.
        bounds: sound pre-activation bounds of ``network`` over ``region``.

    Raises:
        InvalidSetting: a region or bounds that do not fit the network.

    Source: Serra, Kumar, Ramalingam, *Lossless Compression of Deep Neural Networks*, CPAIOR 2020, who merge the neurons that
    depend linearly on others; here the next layer's rows say what is needed of them.

    Example:
        >>> from surrogate.bounds import Crown
        >>> dense = ReluNetwork([[[1.0], [2.0], [1.0]], [[1.0, 1.0, 1.0]]], [[0.5, 0.1, -0.5], [0.0]])
        >>> region = Region(0.0, 1.0)
        >>> small = merge_stable(dense, region, Crown().compute(dense, region))
        >>> small.weights
        (array([[1.],
               [3.]]), array([[1., 1.]]))
    """
    require_bounds(network, region, bounds)
    weights, biases = [network.weights[-1]], [network.biases[-1]]
    affine: list[BoolArray] = []
    ranges: list[tuple[FloatArray, FloatArray]] = []
    for layer in range(len(network.weights) - 2, -1, -1):
        weight, bias, onward = network.weights[layer], network.biases[layer], weights[0]
        low, high = bounds.lower[layer], bounds.upper[layer]
        needed = (high > 0.0) & onward.any(axis=0)
        kept, active = np.flatnonzero(needed & (low < 0.0)), np.flatnonzero(needed & (low >= 0.0))
        if not needed.any():  # a layer has at least one neuron
            kept = np.zeros(1, dtype=np.intp)
        readers = np.flatnonzero(onward[:, active].any(axis=1))
        if readers.size < active.size:
            mix, passed = onward[np.ix_(readers, active)], np.eye(len(onward))[:, readers]
        else:
            mix, passed = np.eye(active.size), onward[:, active]
        merged = affine_over_box(mix, np.zeros(len(mix)), low[active], high[active])
        weights[0] = np.hstack([onward[:, kept], passed])
        weights.insert(0, np.vstack([weight[kept], mix @ weight[active]]))
        biases.insert(0, np.concatenate([bias[kept], mix @ bias[active]]))
        affine.insert(0, np.arange(len(weights[0])) >= kept.size)
        ranges.insert(0, (np.concatenate([low[kept], merged[0]]), np.concatenate([high[kept], merged[1]])))
    builder = AffineNeurons(ReluNetwork(weights, biases), region)
    for straight, (low, high) in zip(affine, ranges, strict=True):
        slope, nothing = np.ones(len(low)), np.zeros(len(low))
        builder.append(straight, slope, nothing, np.zeros(len(low), dtype=np.bool_), low, high)
    return builder.finish()[0]
