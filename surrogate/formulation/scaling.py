"""Hidden neurons brought to a size at which a solver's absolute tolerances mean something."""

from __future__ import annotations

import numpy as np

from surrogate.bounds import Bounds
from surrogate.networks import FloatArray, ReluNetwork

ORDINARY = (2.0**-7, 2.0**13)
"""Neurons whose largest absolute pre-activation lies between these are left alone: 1e-6 is small beside them, and their
coefficients are far from what a solver drops or calls zero."""


def normalise(network: ReluNetwork, bounds: Bounds) -> tuple[ReluNetwork, Bounds]:
    r"""Return an equal network, and its bounds, in which no hidden neuron is extremely small or large.

    A ReLU is positively homogeneous, :math:`\max(0, z) = c \max(0, z / c)`, so a neuron's row may be divided by ``c`` and its
    column in the next layer multiplied by it. With ``c`` a power of two both networks agree to the last bit (short of overflow
    and denormals). Without it a first layer of size 1e7 in front of a second of size 1e-7 leaves the solver reduced costs
    below its dual tolerance, and its dual bound is none.
    """
    weights, biases = [np.array(w) for w in network.weights], [np.array(b) for b in network.biases]
    lower, upper = [np.array(low) for low in bounds.lower], [np.array(high) for high in bounds.upper]
    for layer in range(len(weights) - 1):
        c = _power_of_two(lower[layer], upper[layer])
        for rows in (biases[layer], lower[layer], upper[layer]):
            rows /= c
        weights[layer] /= c[:, None]
        weights[layer + 1] *= c
    return ReluNetwork(weights, biases), Bounds(tuple(lower), tuple(upper))


def _power_of_two(lower: FloatArray, upper: FloatArray) -> FloatArray:
    size = np.maximum(-lower, upper)
    extreme = (size > 0.0) & ((size < ORDINARY[0]) | (size > ORDINARY[1]))
    return np.where(extreme, 2.0 ** np.round(np.log2(np.where(extreme, size, 1.0))), 1.0)
