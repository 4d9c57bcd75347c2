"""Linear relaxations of every ReLU, propagated backward: the one place where CROWN's bounds are computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from surrogate.bounds.base import rounding
from surrogate.bounds.multipliers import Multipliers, Pass
from surrogate.bounds.quick_support import quick_support
from surrogate.bounds.steps import Layers, Polyak, Rates, Stepper
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region

COMPACT = 0.8
"""Rows that are low enough leave the batch when less than this share of it is left."""

ADAM = Rates()


class Relaxation:
    r"""Bound rows of the last hidden layer's outputs over a region, given pre-activation bounds of every hidden layer.

    For an unstable neuron with :math:`l < 0 < u`, :math:`\alpha z \le \max(0, z) \le u (z - l) / (u - l)` for every
    :math:`\alpha \in [0, 1]`. A row takes the upper line where its coefficient is positive, the lower line where it is
    negative. A neuron whose phase a branch has fixed is linear, and :math:`\beta s z \ge 0` with :math:`s = \pm 1` is added.
    What arrives at the input is linear and is maximised exactly over ball and box. Every choice of the multipliers is a
    bound; :meth:`optimise` looks for good ones.

    Neurons that are inactive over the whole region are cut out, and a layer's unstable neurons stand before its active ones.

    Source: Zhang et al., Efficient Neural Network Robustness Certification with General Activation Functions, NeurIPS 2018
    (CROWN); Xu et al., Fast and Complete, ICLR 2021 (optimised slopes); Wang et al., Beta-CROWN, NeurIPS 2021 (splits).
    """

    def __init__(
        self,
        network: ReluNetwork,
        region: Region,
        lower: Sequence[FloatArray],
        upper: Sequence[FloatArray],
        split: Sequence[NDArray[np.int8]] | None = None,
    ) -> None:
        """Take sound bounds of the first ``len(lower)`` layers of ``network``, all of them hidden.

        ``split`` gives, for all neurons of these layers, the phases that hold in the part of the region that is looked at
        (1 active, -1 inactive, 0 not said); the bounds need only hold in that part.
        """
        self.region = region
        self.neurons: list[NDArray[np.intp]] = []
        """Per layer, the network's indices of the neurons kept, those in question (unstable or split) first."""
        self.sizes: list[int] = []
        """Number of neurons in question a layer."""
        self.weights: list[FloatArray] = []
        self.biases: list[FloatArray] = []
        self.low: list[FloatArray] = []
        self.high: list[FloatArray] = []
        self.split: list[NDArray[np.int8]] = []
        """Per layer, the phases of the neurons in question that were given."""
        self._terms: list[FloatArray] = []
        """Per layer, the largest sum of absolute terms ``|W| |y| + |b|`` that a neuron kept adds up."""
        self._input_size = np.maximum(np.abs(region.lower), np.abs(region.upper))
        before, size = np.arange(network.input_size), self._input_size
        for layer, (low, high) in enumerate(zip(lower, upper, strict=True)):
            phase = np.zeros(low.size, dtype=np.int8) if split is None else split[layer]
            # A neuron whose phase was given stays in question: its constraint has a multiplier.
            in_question = ((low < 0.0) & (high > 0.0)) | (phase != 0)
            unstable = np.flatnonzero(in_question)
            kept = np.concatenate([unstable, np.flatnonzero(~in_question & (low >= 0.0) & (high > 0.0))])
            self.split.append(phase[unstable])
            self.weights.append(np.ascontiguousarray(network.weights[layer][np.ix_(kept, before)]))
            self.biases.append(network.biases[layer][kept])
            self.neurons.append(kept)
            self.sizes.append(unstable.size)
            self.low.append(np.minimum(low[unstable], 0.0))
            self.high.append(np.maximum(high[unstable], 0.0))
            self._terms.append(np.abs(self.weights[-1]) @ size + np.abs(self.biases[-1]))
            before, size = kept, np.maximum(high[kept], 0.0)
        self.output_size: FloatArray = size
        """Upper bounds ``(n,)`` of the last layer's outputs, those of the neurons kept."""
        self._rounding = rounding(max(network.input_size, *network.hidden_sizes))
        widths = [np.maximum(high - low, np.finfo(np.float64).tiny) for low, high in self._sides()]
        self.slopes = [high / width for high, width in zip(self.high, widths, strict=True)]
        self.offsets = [-low * slope for low, slope in zip(self.low, self.slopes, strict=True)]
        self._support = quick_support(region)
        self._single = [w.astype(np.float32) for w in self.weights], [b.astype(np.float32) for b in self.biases]

    @property
    def unstable_count(self) -> int:
        return sum(self.sizes)

    def start(self, count: int) -> Multipliers:
        """Return CROWN's adaptive slopes for ``count`` rows: 1 where ``u > -l``, else 0."""
        alpha = [np.repeat((high > -low).astype(np.float32)[None], count, axis=0) for low, high in self._sides()]
        beta = [np.zeros((count, size), dtype=np.float32) for size in self.sizes]
        return Multipliers(alpha, beta, [np.repeat(phase[None], count, axis=0) for phase in self.split])

    def bound(self, rows: FloatArray, multipliers: Multipliers) -> Pass:
        r"""Return sound upper bounds of ``rows @ y`` in float64, widened by what rounding can have done.

        The product :math:`A W` is off by at most :math:`\gamma |A| |W|` in every entry. That is not carried on to the input but
        charged at once, with the outputs :math:`|y|` that it multiplies, whose bounds are known: a layer costs
        :math:`\gamma |A| (|W| |y| + |b|)`, however much cancels in the product.

        Args:
            rows: coefficients ``(k, n)`` of the last layer's outputs ``y``, in the network's order of neurons.
        """
        slopes, offsets = self._lines(multipliers, np.float64)
        A = np.asarray(rows, dtype=np.float64)[:, self.neurons[-1]]
        constant, magnitude = np.zeros(len(A)), np.zeros(len(A))
        coefficients: Layers = []
        for layer in range(len(self.sizes) - 1, -1, -1):
            u = self.sizes[layer]
            unstable = A[:, :u]
            coefficients.append(unstable.copy())
            positive = np.maximum(unstable, 0.0)
            intercept = np.einsum("ku,ku->k", positive, offsets[layer])
            alpha = np.clip(multipliers.alpha[layer].astype(np.float64), 0.0, 1.0)
            split = multipliers.split[layer]
            lower_slope = np.where(split == 0, alpha, slopes[layer])
            A[:, :u] = positive * slopes[layer] + (unstable - positive) * lower_slope
            A[:, :u] += np.maximum(multipliers.beta[layer].astype(np.float64), 0.0) * split
            constant += intercept + A @ self.biases[layer]
            magnitude += intercept + np.abs(A) @ self._terms[layer]
            A = A @ self.weights[layer]
        values, points = self.region.support(A)
        magnitude += np.abs(A) @ self._input_size
        return Pass(constant + values + self._rounding * magnitude, points, coefficients[::-1])

    @np.errstate(over="ignore", invalid="ignore")
    def quick(self, rows: FloatArray, multipliers: Multipliers) -> NDArray:
        """Return the bounds of :meth:`bound` up to float32's rounding: to compare choices, not to prove anything."""
        slopes, offsets = self._lines(multipliers, np.float32)
        alpha = [np.where(s == 0, a, slope) for s, a, slope in zip(multipliers.split, multipliers.alpha, slopes, strict=True)]
        signs = [split.astype(np.float32) for split in multipliers.split]
        last = np.asarray(rows, dtype=np.float32)[:, self.neurons[-1]]
        return self._pass(last, alpha, multipliers.beta, signs, slopes, offsets, gradient=False)[0]

    def activations(self, points: FloatArray) -> tuple[Layers, FloatArray]:
        """Return the pre-activations ``(k, u)`` a layer of the neurons in question, and the last layer's outputs ``(k, n)``.

        At points ``(k, d)`` of the region; the outputs are those of the neurons kept, in this relaxation's order.
        """
        y, found = points, []
        for weight, bias, size in zip(self.weights, self.biases, self.sizes, strict=True):
            y = y @ weight.T + bias
            found.append(y[:, :size].copy())
            y[:, :size] = np.maximum(y[:, :size], 0.0)
        return found, y

    @np.errstate(over="ignore", invalid="ignore")  # a step whose squares overflow moves nothing, and is never the best
    def optimise(
        self,
        rows: FloatArray,
        multipliers: Multipliers,
        steps: int,
        stop_below: FloatArray | float = -np.inf,
        rates: Rates | Polyak = ADAM,
    ) -> tuple[Pass, Multipliers]:
        """Lower the bounds by ``steps`` projected gradient steps, and return the best ones met, evaluated by :meth:`bound`.

        The gradient is exact: the point that attains the bound, pushed forward through the chosen lines, gives every
        pre-activation's multiplier. The steps are in float32, what is returned is not.

        Args:
            rows: as in :meth:`bound`.
            multipliers: where to start; not changed.
            steps: number of gradient steps.
            stop_below: values ``(k,)``: a row that is below its own takes no further step.
            rates: the rule of the steps; :class:`Polyak` needs a finite ``stop_below``.
        """
        last = np.asarray(rows, dtype=np.float32)[:, self.neurons[-1]]
        slopes, offsets = self._lines(multipliers, np.float32)
        free = [split == 0 for split in multipliers.split]
        alpha = [np.where(f, a, s) for f, a, s in zip(free, multipliers.alpha, slopes, strict=True)]
        beta = [b.astype(np.float32) for b in multipliers.beta]
        signs = [split.astype(np.float32) for split in multipliers.split]
        enough = np.broadcast_to(np.asarray(stop_below, dtype=np.float64), len(last))
        best, best_alpha, best_beta = np.full(len(last), np.inf), [a.copy() for a in alpha], [b.copy() for b in beta]
        count = len(alpha)
        stepper: Stepper | None = None
        active = np.arange(len(last))
        for step in range(steps + 1):
            value, coefficients, z = self._pass(last, alpha, beta, signs, slopes, offsets, gradient=step < steps)
            if stepper is None:
                stepper = rates.stepper([*alpha, *beta], [1.0] * count + _scales(coefficients))
            better = np.flatnonzero(value < best[active])
            best[active[better]] = value[better]
            for kept, now in zip((*best_alpha, *best_beta), (*alpha, *beta), strict=True):
                kept[active[better]] = now[better]
            open_ones = np.flatnonzero(best[active] >= enough[active])
            if step == steps or open_ones.size == 0:
                break
            if open_ones.size < COMPACT * active.size:
                active, last, value = active[open_ones], last[open_ones], value[open_ones]
                everything = (alpha, beta, signs, slopes, offsets, free, coefficients, z)
                alpha, beta, signs, slopes, offsets, free, coefficients, z = (
                    [array[open_ones] for array in arrays] for arrays in everything
                )
                stepper.take(open_ones)
            by_alpha = [np.minimum(a, 0.0) * z_ * f for a, z_, f in zip(coefficients, z, free, strict=True)]
            by_beta = [s * z_ for s, z_ in zip(signs, z, strict=True)]
            stepper.step([*alpha, *beta], [*by_alpha, *by_beta], value - enough[active])
            for array in alpha:
                np.clip(array, 0.0, 1.0, out=array)
            for array, sign in zip(beta, signs, strict=True):
                np.maximum(array, 0.0, out=array)
                array *= sign != 0.0
        chosen = Multipliers(best_alpha, best_beta, multipliers.split)
        return self.bound(rows, chosen), chosen

    def _pass(
        self, last: NDArray, alpha: Layers, beta: Layers, signs: Layers, slopes: Layers, offsets: Layers, gradient: bool
    ) -> tuple[NDArray, Layers, Layers]:
        """Return float32 bounds, and per layer the coefficients and the pre-activations at which the bound is attained."""
        weights, biases = self._single
        A, constant = last.copy(), np.zeros(len(last), dtype=np.float32)
        coefficients: Layers = [A] * len(self.sizes)
        for layer in range(len(self.sizes) - 1, -1, -1):
            u = self.sizes[layer]
            unstable = A[:, :u].copy()
            coefficients[layer] = unstable
            positive = np.maximum(unstable, 0.0)
            constant += np.einsum("ku,ku->k", positive, offsets[layer])
            A[:, :u] = positive * slopes[layer] + (unstable - positive) * alpha[layer] + beta[layer] * signs[layer]
            constant += A @ biases[layer]
            A = A @ weights[layer]
        values, points = self._support(A)
        z: Layers = []
        if gradient:
            y = points
            for layer, u in enumerate(self.sizes):
                y = y @ weights[layer].T + biases[layer]
                unstable = y[:, :u].copy()
                z.append(unstable)
                upper_line = slopes[layer] * unstable + offsets[layer]
                y[:, :u] = np.where(coefficients[layer] < 0.0, alpha[layer] * unstable, upper_line)
        return constant + values, coefficients, z

    def _lines(self, multipliers: Multipliers, dtype: type) -> tuple[Layers, Layers]:
        """Return slopes and offsets ``(k, u)`` of the upper lines; a fixed neuron's line is its phase."""
        slopes: Layers = []
        offsets: Layers = []
        for split, slope, offset in zip(multipliers.split, self.slopes, self.offsets, strict=True):
            slopes.append(np.where(split == 0, slope, split > 0).astype(dtype))
            offsets.append(np.where(split == 0, offset, 0.0).astype(dtype))
        return slopes, offsets

    def _sides(self) -> list[tuple[FloatArray, FloatArray]]:
        return list(zip(self.low, self.high, strict=True))


def _scales(coefficients: Layers) -> list[float]:
    """Return the size of each layer's coefficients; one without any takes the size of all."""
    means = [float(np.mean(np.square(layer))) if layer.size else 0.0 for layer in coefficients]
    overall = float(np.sqrt(np.mean(means))) or 1.0
    return [float(np.sqrt(mean)) or overall for mean in means]
