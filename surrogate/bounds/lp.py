"""Linear programmes over the triangle relaxation, for neurons that stay unstable under slope-optimised linear bounds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import highspy
import numpy as np

from surrogate import rules
from surrogate.bounds.base import SLACK, BoundMethod, Bounds, affine_over_region, require_matching
from surrogate.bounds.crown import AlphaCrown, tighten
from surrogate.bounds.multipliers import Multipliers
from surrogate.bounds.region_columns import RegionColumns
from surrogate.bounds.relaxation import Relaxation
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region
from surrogate.quiet_highs import QuietHighs, to_highs
from surrogate.settings import setting

PRIMAL_SIMPLEX = 4
"""HiGHS's value of the option ``simplex_strategy``."""


@dataclass(frozen=True)
class Lp(BoundMethod):
    """:class:`AlphaCrown`, then one linear programme for each side of a neuron that may still be stable, under a budget.

    A layer's programme maximises a row over the triangle relaxations of all layers before it and the region; its optimum is the
    best bound that :class:`Relaxation` can give with any slopes. Neurons with a side near 0 come first, a neuron found stable
    is left alone, and what the budget does not reach keeps its bound. What is tightened also tightens the layers behind it.

    Only the programme's dual values are used, as slopes: the bound is what :class:`Relaxation` makes of them, and holds however
    well or badly HiGHS has solved. There is no linear programme for an l2 ball, whose bounds are :class:`AlphaCrown`'s.

    Attributes:
        seconds: wall seconds for all programmes; each layer gets an equal share of what is left. Results depend on the machine
            where it is spent.

    Raises:
        InvalidSetting: a budget that is negative or not a number.

    Source: Ehlers, Formal Verification of Piece-Wise Linear Feed-Forward Neural Networks, ATVA 2017 (the relaxation); Salman
    et al., A Convex Relaxation Barrier to Tight Robustness Verification of Neural Networks, NeurIPS 2019 (dual and slopes).
    """

    name: ClassVar[str] = "lp"

    seconds: float = setting(5.0, rules.NOT_NEGATIVE, key="lp_seconds")

    def compute(self, network: ReluNetwork, region: Region, deadline: float = float("inf")) -> Bounds:
        require_matching(network, region, deadline)
        if region.norm == "l2":
            return AlphaCrown().compute(network, region, deadline)
        low, high = affine_over_region(network.weights[0], network.biases[0], region)
        lower, upper = [low], [high]
        spent, count = 0.0, len(network.weights)
        for layer in range(1, count):
            low, high = tighten(network, region, lower, upper, layer, AlphaCrown.steps, deadline=deadline)
            begin = time.perf_counter()
            share = (self.seconds - spent) / (count - layer)
            relaxation = Relaxation(network, region, lower, upper)
            # Without an unstable neuron the layer is linear, and its bounds are exact.
            if relaxation.unstable_count and share > 0.0 and begin < deadline:
                _tighten(network, layer, LayerProgramme(relaxation, region), low, high, min(begin + share, deadline))
            spent += time.perf_counter() - begin
            lower.append(low)
            upper.append(high)
        return Bounds(tuple(lower), tuple(upper))


def _tighten(
    network: ReluNetwork, layer: int, programme: LayerProgramme, low: FloatArray, high: FloatArray, deadline: float
) -> None:
    """Tighten ``low`` and ``high`` in place: what straddles 0 in hidden layers, nearest first; uppers first in the last."""
    weight, bias = network.weights[layer], network.biases[layer]
    is_last = layer == len(network.weights) - 1
    sides = [(j, sign) for sign in (1.0, -1.0) for j in range(len(weight))]
    if not is_last:
        sides.sort(key=lambda side: high[side[0]] if side[1] > 0.0 else -low[side[0]])
    for j, sign in sides:
        if not is_last and not low[j] < 0.0 < high[j]:
            continue
        if time.perf_counter() >= deadline:
            break
        top = programme.bound(sign * weight[j], deadline) + SLACK * abs(bias[j])
        if sign > 0.0:
            high[j] = min(high[j], bias[j] + top)
        else:
            low[j] = max(low[j], bias[j] - top)


class LayerProgramme:
    r"""The linear programme of one layer's inputs ``y``: set up once, then solved from the last basis for each objective.

    A neuron in question is :math:`z = y - r` with :math:`y, r \ge 0` and :math:`-l\,y + u\,r \le -l\,u`: its triangle. Of a
    negative coefficient on ``y``, the reduced cost of ``r`` is the part that lies on the line :math:`y \ge z`, that of ``y``
    the part on :math:`y \ge 0`; their shares are the slope. An active neuron is :math:`z = y`.
    """

    def __init__(self, relaxation: Relaxation, region: Region) -> None:
        """Take a relaxation without splits."""
        from scipy import sparse

        self.relaxation = relaxation
        x = RegionColumns.of(region)
        column_low, column_high = [x.lower], [x.upper]
        self._y: list[np.ndarray] = []
        self._r: list[np.ndarray] = []
        count = x.lower.size
        before = (np.arange(count), x.step, x.origin)
        entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        row_low: list[FloatArray] = []
        row_high: list[FloatArray] = []
        if x.radius is not None:
            entries.append((np.zeros(count, dtype=np.intp), np.arange(count), np.ones(count)))
            row_low.append(np.array([-np.inf]))
            row_high.append(np.array([x.radius]))
        rows = len(entries)
        for layer, (weight, bias, u) in enumerate(zip(relaxation.weights, relaxation.biases, relaxation.sizes, strict=True)):
            n = len(bias)
            y, r = count + np.arange(n), count + n + np.arange(u)
            self._y.append(y)
            self._r.append(r)
            count += n + u
            column_low += [np.zeros(u), np.full(n - u, -np.inf), np.zeros(u)]
            column_high += [np.full(n + u, np.inf)]
            # Rows y - r - W y_before = b, then the upper lines, divided by -l u so that their entries are of one size.
            columns, spread, offset = before
            affine = sparse.coo_matrix(-(sparse.csr_matrix(weight) @ spread))
            entries.append((rows + affine.row, columns[affine.col], affine.data))
            entries.append((rows + np.arange(n), y, np.ones(n)))
            entries.append((rows + np.arange(u), r, -np.ones(u)))
            constant = bias + weight @ offset
            entries.append((rows + n + np.arange(u), y[:u], 1.0 / relaxation.high[layer]))
            entries.append((rows + n + np.arange(u), r, -1.0 / relaxation.low[layer]))
            row_low += [constant, np.full(u, -np.inf)]
            row_high += [constant, np.ones(u)]
            rows += n + u
            before = (y, sparse.eye(n), np.zeros(n))
        index, column, value = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        matrix = sparse.csc_matrix((value, (index, column)), shape=(rows, count))
        low, high = np.concatenate(column_low), np.concatenate(column_high)
        lp = to_highs(matrix, np.concatenate(row_low), np.concatenate(row_high), np.zeros(count), low, high)
        self._highs = QuietHighs()
        self._highs.setOptionValue("threads", 1)
        # Entries beyond HiGHS's range (1e15) are refused, and the neurons keep what they have.
        self._usable = self._highs.passModel(lp) != highspy.HighsStatus.kError

    def bound(self, row: FloatArray, deadline: float) -> float:
        """Return a sound upper bound of ``row @ y``: the optimum if HiGHS gets there in time, inf without dual values.

        Args:
            row: coefficients ``(n,)`` in the network's order of neurons.
            deadline: ``time.perf_counter()`` value after which HiGHS gives up.
        """
        if not self._usable:
            return np.inf
        y = self._y[-1]
        self._highs.changeColsCost(y.size, y.astype(np.int32), -row[self.relaxation.neurons[-1]])
        # HiGHS counts the seconds of all runs together.
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + max(deadline - time.perf_counter(), 1e-3))
        self._highs.run()
        # The last basis stays feasible for the next objective, so the primal simplex goes on from it: far fewer iterations.
        self._highs.setOptionValue("simplex_strategy", PRIMAL_SIMPLEX)
        solution = self._highs.getSolution()
        if not solution.dual_valid:
            return np.inf
        return float(self.relaxation.bound(row[None], self._slopes(np.asarray(solution.col_dual))).value[0])

    def _slopes(self, reduced_costs: FloatArray) -> Multipliers:
        found = self.relaxation.start(1)
        for layer, (y, r) in enumerate(zip(self._y, self._r, strict=True)):
            on_zero, on_line = np.maximum(reduced_costs[y[: r.size]], 0.0), np.maximum(reduced_costs[r], 0.0)
            total = on_zero + on_line
            found.alpha[layer] = found.alpha[layer].astype(np.float64)
            np.divide(on_line, total, out=found.alpha[layer][0], where=total > 0.0)
        return found
