"""Scales hidden neurons to the size that a solver's absolute tolerances are meant for, and says where no scaling helps."""

from __future__ import annotations

import numpy as np

from surrogate.bounds import Bounds
from surrogate.networks import FloatArray, ReluNetwork

ORDINARY = (2.0**-7, 2.0**13)
"""Neurons whose largest absolute pre-activation lies between these are left alone: 1e-6 is small beside them, and their
coefficients are far from what a solver drops or calls zero."""

TOLERANCE = 1e-6
"""Solvers keep rows, bounds and integers to this tolerance, whatever the numbers in them are."""

TIGHTEST = 1e-7
"""The same for a solver that is told to be strict. What all rows and binaries together can do is measured with this one."""

FELT, HIDDEN = 1e-5, 1e-3
"""Shares of an output's range. If a neuron's tolerance moves an output by more than ``FELT``, the neuron is measured by what it
passes on. If a tolerance still moves an output by more than ``HIDDEN``, a solver's verdict is not believed."""

STEEPEST = 2.0**19
"""The largest ratio of a neuron's negative part to the positive one that such a measure may leave."""


def normalise(network: ReluNetwork, bounds: Bounds) -> tuple[ReluNetwork, Bounds]:
    r"""Return an equal network, and its bounds, in which no hidden neuron is extremely small or large.

    A ReLU is positively homogeneous, :math:`\max(0, z) = c \max(0, z / c)`, so a neuron's row may be divided by ``c`` and its
    column in the next layer multiplied by it. With ``c`` a power of two both networks agree to the last bit (short of overflow
    and denormals). Without this scaling, a first layer of size 1e7 in front of a second one of size 1e-7 leaves the solver
    reduced costs below its dual tolerance, and the dual bound that it states is wrong.

    The size of a neuron is its largest absolute pre-activation; but where the outputs feel its tolerance, it is the positive
    part alone, however small it is beside the negative one: HiGHS has been seen to take a neuron for dead that reaches 1e-6 of
    its negative side, although the next layer multiplied that by 1e10.
    """
    sizes = [np.maximum(-low, high) for low, high in zip(bounds.lower[:-1], bounds.upper[:-1], strict=True)]
    scaled, scaled_bounds = _divide(network, bounds, [_power_of_two(size) for size in sizes])
    felt = sensitivity(scaled, scaled_bounds)
    passed_on = []
    for low, high, share in zip(scaled_bounds.lower[:-1], scaled_bounds.upper[:-1], felt[1:], strict=True):
        matters = (share > FELT) & (low < 0.0) & (high > 0.0)
        passed_on.append(_power_of_two(np.where(matters, np.maximum(high, -low / STEEPEST), 1.0)))
    return _divide(scaled, scaled_bounds, passed_on)


def sensitivity(network: ReluNetwork, bounds: Bounds) -> list[FloatArray]:
    """Return for the inputs and for every hidden layer's neurons which share of an output's range the tolerance moves.

    By the linear relaxation's coefficients, each ReLU taken as its upper line, for the output that feels it most; vectors
    ``(d,)``, ``(h,)``, ... An estimate: of what a solver may overlook, not of what it does.
    """
    width = bounds.upper[-1] - bounds.lower[-1]
    rows = network.weights[-1] / np.where(width > 0.0, width, np.inf)[:, None]
    alive = [np.ones(network.input_size), *(high > 0.0 for high in bounds.upper[:-1])]
    coefficients = _coefficients(network, bounds, rows)
    return [TOLERANCE * np.abs(A).max(axis=0, initial=0.0) * each for A, each in zip(coefficients, alive, strict=True)]


def amplified(network: ReluNetwork, bounds: Bounds) -> FloatArray:
    """Return by how many tolerances each output ``(o,)`` may be off where every row, bound and binary is off by one.

    A row that is off by the tolerance moves its neuron by as much, and a binary the neuron by so many times its size (the
    big-M constants). What they move the outputs by is estimated by the linear relaxation's coefficients, each ReLU taken as its
    upper line, and summed. HiGHS has been seen to cut off a sliver of the region, within its
    tolerances, in which the optimum was; its dual bound was then too low by a third of this.
    """
    of_inputs, *hidden = _coefficients(network, bounds, network.weights[-1])
    total = 1.0 + np.abs(of_inputs).sum(axis=1)
    for A, low, high in zip(hidden, bounds.lower[:-1], bounds.upper[:-1], strict=True):
        moved = 1.0 + np.where((low < 0.0) & (high > 0.0), np.maximum(-low, high), 0.0)
        total += np.abs(A) @ (moved * (high > 0.0))
    return np.asarray(total)


def _coefficients(network: ReluNetwork, bounds: Bounds, rows: FloatArray) -> list[FloatArray]:
    """Return the coefficients ``(o, d)`` of the inputs and ``(o, h)`` of every hidden layer's neurons in ``rows`` ``(o, h)``.

    The rows are over the outputs of the last hidden layer; each ReLU in front of it is taken as its upper line.
    """
    found = [rows]
    for layer in range(len(network.weights) - 2, -1, -1):
        low, high = np.minimum(bounds.lower[layer], 0.0), np.maximum(bounds.upper[layer], 0.0)
        slope = np.where(high > 0.0, high / np.where(high > 0.0, high - low, 1.0), 0.0)
        found.append((found[-1] * slope) @ network.weights[layer])
    return found[::-1]


def doubt(network: ReluNetwork, bounds: Bounds) -> str | None:
    """Return one sentence if a solver's tolerances may hide what a normalised network does, so that it proves nothing."""
    largest = max((float(share.max(initial=0.0)) for share in sensitivity(network, bounds)), default=0.0)
    width = bounds.upper[-1] - bounds.lower[-1]
    together = TIGHTEST * amplified(network, bounds) / np.where(width > 0.0, width, np.inf)
    largest = max(largest, float(together.max()))
    if largest <= HIDDEN:
        return None
    return (
        f"changes of {TIGHTEST:g} to {TOLERANCE:g}, which solvers ignore, move an output by {100.0 * largest:.2g} % of its "
        "range, so that a MILP proves nothing: give the inputs narrower bounds, or the network less extreme weights"
    )


def _divide(network: ReluNetwork, bounds: Bounds, units: list[FloatArray]) -> tuple[ReluNetwork, Bounds]:
    """Measure the neurons of every hidden layer in these units."""
    weights, biases = [np.array(w) for w in network.weights], [np.array(b) for b in network.biases]
    lower, upper = [np.array(low) for low in bounds.lower], [np.array(high) for high in bounds.upper]
    for layer, c in enumerate(units):
        for rows in (biases[layer], lower[layer], upper[layer]):
            rows /= c
        weights[layer] /= c[:, None]
        weights[layer + 1] *= c
    return ReluNetwork(weights, biases), Bounds(tuple(lower), tuple(upper))


def _power_of_two(size: FloatArray) -> FloatArray:
    extreme = (size > 0.0) & ((size < ORDINARY[0]) | (size > ORDINARY[1]))
    return np.where(extreme, 2.0 ** np.round(np.log2(np.where(extreme, size, 1.0))), 1.0)
