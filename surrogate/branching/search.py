"""Best-first branch and bound on batches of domains."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from surrogate.bounds import Bounds
from surrogate.bounds.base import affine_over_box
from surrogate.bounds.crown import refine
from surrogate.bounds.relaxation import Multipliers, Pass, Relaxation
from surrogate.bounds.steps import Polyak, Rates
from surrogate.branching.domains import Domain, Part
from surrogate.branching.leaf import LeafSolver
from surrogate.checks import require_counts, require_integer, require_kind, require_number
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region

LONGEST_BATCH = 0.3
"""Seconds that a batch of domains should take at most."""


@dataclass(frozen=True)
class Outcome:
    """How a search ended.

    Attributes:
        bound: proven upper bound on the problem's value over the region.
        complete: no domain is open: ``bound`` is at most the last threshold, or that of a leaf that no solver could close.
        domains: number of domains that were bounded.
        parts: number of times that pre-activation bounds were computed.
        leaves: number of domains without a free neuron, closed by a linear programme.
    """

    bound: float
    complete: bool
    domains: int
    parts: int
    leaves: int


@dataclass(frozen=True)
class BranchAndBound:
    """Split unstable neurons until every domain's bound is at most a threshold.

    Domains are bounded by :class:`surrogate.bounds.relaxation.Relaxation` with the multipliers of their splits. Each domain's
    row attains its bound at a point of the region, which is offered as a candidate: it costs nothing and is often better than
    what a gradient method finds.

    Attributes:
        batch: domains split at once, at most.
        root_steps: gradient steps on the multipliers of the root.
        steps: gradient steps on a child's multipliers, which start from its parent's.
        root_rates: of the root's steps.
        rates: of a child's steps; the target of :class:`Polyak` is the threshold.
        candidates: neurons that are tried, without steps, before one is split (strong branching).
        refine_depth: a domain that is so many splits deep may get pre-activation bounds of its own, for all below it.
        refine_share: of the time may go into that. It costs most of the speed where domains are small.
        refine_steps: gradient steps on each of these bounds.
        offered: of the points that a batch's rows attain their bounds at, so many of the best are offered as candidates.
        most_open: when more domains are open, those nearest to being closed go first, which bounds the memory.

    Raises:
        InvalidSetting: a count below 1, negative steps, a share outside [0, 1], or rates that are none.
    """

    batch: int = 64
    root_steps: int = 50
    steps: int = 10
    root_rates: Rates = field(default_factory=Rates)
    rates: Rates | Polyak = field(default_factory=Rates)
    candidates: int = 4
    refine_depth: int = 5
    refine_share: float = 0.5
    refine_steps: int = 5
    offered: int = 4
    most_open: int = 100_000

    def __post_init__(self) -> None:
        require_counts(batch=self.batch, candidates=self.candidates, offered=self.offered, most_open=self.most_open)
        for name in ("root_steps", "steps", "refine_depth", "refine_steps"):
            require_integer(name, getattr(self, name), 0)
        require_number("refine_share", self.refine_share, "a number in [0, 1]", lambda value: 0.0 <= value <= 1.0)
        require_kind("root_rates", self.root_rates, Rates, "Rates()")
        if not isinstance(self.rates, Polyak):
            require_kind("rates", self.rates, Rates, "Rates()")


class Search:
    r"""Bounds :math:`\max_g \min_{k \in g} f_k(x)` from above over a region; can be interrupted and go on."""

    def __init__(
        self,
        settings: BranchAndBound,
        network: ReluNetwork,
        groups: Sequence[Sequence[int]],
        region: Region,
        bounds: Bounds,
        threshold: Callable[[], float],
        on_points: Callable[[FloatArray], None],
    ) -> None:
        """Set up a search; nothing is computed yet.

        Args:
            settings: how to search.
            network: ``f``, the problem folded in.
            groups: of its outputs; see :class:`surrogate.problems.Problem`.
            region: where ``f`` is bounded.
            bounds: pre-activation bounds over the region.
            threshold: what a bound must not be above for its domain to be closed; may rise during the search.
            on_points: called with points ``(n, d)`` of the region that may be good.
        """
        if len(network.weights) == 1:
            # A leaf from the start: behind neurons x - lower, which are always active.
            (weight,), (bias,), width = network.weights, network.biases, region.upper - region.lower
            network = ReluNetwork([np.eye(region.size), weight], [-region.lower, bias + weight @ region.lower])
            bounds = Bounds((np.zeros(region.size), *bounds.lower), (width, *bounds.upper))
        self.settings, self.network, self.region = settings, network, region
        self.threshold, self.on_points = threshold, on_points
        self.weight, self.bias = network.weights[-1], network.biases[-1]
        # A group's value is at most each of its rows': the one with the least bound stands for it.
        self.rows = [min(group, key=lambda k: bounds.upper[-1][k]) for group in groups]
        self.group_of = {row: tuple(group) for row, group in zip(self.rows, groups, strict=True)}
        self.parts: list[Part] = []
        self.closed = -np.inf
        """The largest bound of a domain that was closed."""
        self.domains = self.part_count = self.leaves = 0
        self.root_bounds = bounds
        self._seconds = self._refining = 0.0
        self._may_refine = False
        self.batch = settings.batch

    def run(self, deadline: float, stop: Callable[[], bool] = lambda: False) -> Outcome:
        """Search until no domain is open, ``deadline`` comes or ``stop`` says so; again to go on."""
        begin = time.perf_counter()
        if not self.part_count:
            self._open_root()
        while (now := time.perf_counter()) < deadline and not stop():
            self._may_refine = self._refining < self.settings.refine_share * (self._seconds + now - begin)
            part = max(self.parts, key=lambda p: p.bound, default=None)
            if part is None or not part.heap:
                break
            self._step(part, deadline)
            self._adapt(time.perf_counter() - now)
            self.parts = [p for p in self.parts if p.heap]
        self._seconds += time.perf_counter() - begin
        bound = max([self.closed, *(p.bound for p in self.parts)])
        complete = not any(p.heap for p in self.parts)
        return Outcome(float(bound), complete, self.domains, self.part_count, self.leaves)

    def _adapt(self, seconds: float) -> None:
        """Keep a batch short, so that a deadline is not missed by much, but no smaller than it must be."""
        if seconds > LONGEST_BATCH:
            self.batch = max(self.batch // 2, 1)
        elif seconds < LONGEST_BATCH / 4.0:
            self.batch = min(2 * self.batch, self.settings.batch)

    def _new_part(self, bounds: Bounds, split: list[NDArray[np.int8]] | None) -> Part:
        self.part_count += 1
        part = Part(bounds, Relaxation(self.network, self.region, bounds.lower[:-1], bounds.upper[:-1], split))
        self.parts.append(part)
        return part

    def _open_root(self) -> None:
        rows = np.array([row for row in self.rows if not self._close(float(self.root_bounds.upper[-1][row]))], dtype=np.intp)
        if rows.size == 0:
            return
        part = self._new_part(self.root_bounds, None)
        known = self.root_bounds.upper[-1][rows]
        start, steps = part.relaxation.start(len(rows)), self.settings.root_steps
        self._bound(part, rows, start, steps, known, np.zeros(len(rows)), self.settings.root_rates)

    def _close(self, bound: float) -> bool:
        """Note and tell whether a bound needs no further work."""
        if bound > self.threshold():
            return False
        self.closed = max(self.closed, bound)
        return True

    def _step(self, part: Part, deadline: float) -> None:
        crowded = sum(len(p.heap) for p in self.parts) > self.settings.most_open
        chosen: list[Domain] = []
        while part.heap and len(chosen) < self.batch:
            domain = part.pop_low() if crowded else part.pop()
            if self._close(domain.bound):
                continue
            if domain.candidates.size == 0:
                left = deadline - time.perf_counter()
                if left <= 0.0 or not self._solve_leaf(part, domain, left):
                    part.push(domain)
                    break
            elif self._may_refine and domain.depth >= self.settings.refine_depth:
                if chosen:
                    part.push(domain)  # first what is in hand
                    break
                begin = time.perf_counter()
                self._refine(part, domain)
                self._refining += time.perf_counter() - begin
                return
            else:
                chosen.append(domain)
        if chosen:
            self._branch(part, chosen)

    def _branch(self, part: Part, domains: list[Domain]) -> None:
        parents, neurons = self._choose(part, domains)
        rows = np.array([domains[i].row for i in parents], dtype=np.intp)
        multipliers = _children(part, part.multipliers([domains[i] for i in parents]), neurons)
        known = np.array([domains[i].bound for i in parents for _ in range(2)])
        depth = np.array([domains[i].depth + 1 for i in parents for _ in range(2)])
        self._bound(part, np.repeat(rows, 2), multipliers, self.settings.steps, known, depth)

    def _choose(self, part: Part, domains: list[Domain]) -> tuple[list[int], list[int]]:
        """Return for each domain its index and the neuron to split: of its candidates, the one whose children gain most."""
        tries = [(i, int(flat)) for i, domain in enumerate(domains) for flat in domain.candidates]
        if all(domain.candidates.size == 1 for domain in domains):
            return [i for i, _ in tries], [flat for _, flat in tries]
        rows = np.repeat(np.array([domains[i].row for i, _ in tries], dtype=np.intp), 2)
        multipliers = _children(part, part.multipliers([domains[i] for i, _ in tries]), [flat for _, flat in tries])
        bounds = part.relaxation.quick(self.weight[rows], multipliers) + self.bias[rows]
        missing = [max(domain.bound - self.threshold(), np.finfo(np.float64).tiny) for domain in domains]
        best: dict[int, tuple[float, int]] = {}
        for t, (i, flat) in enumerate(tries):
            # In units of what is missing, so that a network's scale decides nothing.
            gains = np.maximum((domains[i].bound - bounds[2 * t : 2 * t + 2]) / missing[i], 1e-6)
            merit = float(gains.min() * gains.max())
            if i not in best or merit > best[i][0]:
                best[i] = (merit, flat)
        return list(best), [flat for _, flat in best.values()]

    def _bound(
        self,
        part: Part,
        rows: NDArray[np.intp],
        multipliers: Multipliers,
        steps: int,
        known: FloatArray,
        depth: NDArray,
        rates: Rates | Polyak | None = None,
    ) -> None:
        """Bound domains, offer their points, and open those that are not closed."""
        self.domains += len(rows)
        enough = self.threshold() - self.bias[rows]
        rates = rates or self.settings.rates
        result, multipliers = part.relaxation.optimise(self.weight[rows], multipliers, steps, enough, rates)
        slack = 1e-12 * np.abs(self.bias[rows])
        bounds = np.minimum(result.value + self.bias[rows] + slack, known)
        open_ones = np.array([i for i, bound in enumerate(bounds) if not self._close(float(bound))], dtype=np.intp)
        if open_ones.size == 0:
            return
        kept = multipliers.take(open_ones)
        opened = Pass(result.value, result.point[open_ones], [a[open_ones] for a in result.coefficients])
        candidates, values = self._candidates(part.relaxation, rows[open_ones], opened, kept)
        self.on_points(opened.point[np.argsort(-values)[: self.settings.offered]])
        flat = [np.concatenate(kind, axis=1) for kind in (kept.alpha, kept.beta, kept.split)]
        unit = np.maximum(flat[1].max(axis=1, initial=0.0), np.finfo(np.float32).tiny)
        alpha, beta, split = flat[0].astype(np.float16), (flat[1] / unit[:, None]).astype(np.float16), flat[2]
        for n, i in enumerate(open_ones.tolist()):
            bound = float(bounds[i])
            if not self._close(bound):
                row, deep = int(rows[i]), int(depth[i])
                part.push(Domain(bound, row, alpha[n], beta[n], split[n], float(unit[n]), candidates[n], deep))

    def _candidates(
        self, relaxation: Relaxation, rows: NDArray[np.intp], result: Pass, multipliers: Multipliers
    ) -> tuple[list[NDArray[np.intp]], FloatArray]:
        """Return per domain the free neurons whose relaxation costs most at the point that attains the bound, best first.

        Returned with them: the rows' values at these points.

        With the true pre-activations of that point, the gaps between the chosen lines and the ReLUs, times the coefficients,
        add up to the distance between the bound and the value there. Half of the candidates go by the largest gap that could
        be instead.
        """
        gaps, sizes = [], []
        activations, outputs = relaxation.activations(result.point)
        values = np.einsum("kn,kn->k", outputs, self.weight[rows][:, relaxation.neurons[-1]]) + self.bias[rows]
        for layer, (z, A) in enumerate(zip(activations, result.coefficients, strict=True)):
            line = np.where(A > 0.0, relaxation.slopes[layer] * z + relaxation.offsets[layer], multipliers.alpha[layer] * z)
            free = multipliers.split[layer] == 0
            gaps.append(np.where(free, np.maximum(A * (line - np.maximum(z, 0.0)), 0.0), -1.0))
            sizes.append(np.where(free, np.maximum(A, 0.0) * relaxation.offsets[layer], -1.0))
        gap, size = np.concatenate(gaps, axis=1), np.concatenate(sizes, axis=1)
        half = max(self.settings.candidates // 2, 1)
        chosen = []
        for g, s in zip(gap, size, strict=True):
            first, second = np.argsort(-g, kind="stable")[:half], np.argsort(-s, kind="stable")
            more = [j for j in second[: self.settings.candidates] if j not in first][: self.settings.candidates - half]
            best = np.concatenate([first, np.array(more, dtype=np.intp)])
            chosen.append(best[g[best] >= 0.0])
        return chosen, values

    def _refine(self, part: Part, domain: Domain) -> None:
        split = part.full_split(domain.split)
        bounds = refine(self.network, self.region, part.bounds, split, self.settings.refine_steps)
        if bounds is None:  # the part is empty: nothing in it reaches any value
            return
        new = self._new_part(bounds, split)
        rows = np.array([domain.row], dtype=np.intp)
        # Where backward bounds are poor, the box that the last layer's new bounds make may be better.
        last = np.maximum(bounds.lower[-2], 0.0), np.maximum(bounds.upper[-2], 0.0)
        _, by_box = affine_over_box(self.weight[rows], self.bias[rows], *last)
        known = np.minimum(by_box, domain.bound)
        self._bound(new, rows, part.carry(domain, new), 2 * self.settings.steps, known, np.zeros(1))

    def _solve_leaf(self, part: Part, domain: Domain, seconds: float) -> bool:
        """Close a leaf; return False if the time was too short."""
        if self.region.norm == "l2":  # no linear programme states it
            self.leaves += 1
            self.closed = max(self.closed, domain.bound)
            return True
        leaf = LeafSolver(part.relaxation, self.region).solve(
            self.weight[list(self.group_of[domain.row])], self.bias[list(self.group_of[domain.row])], domain.split, seconds
        )
        if leaf is None:
            return False
        self.leaves += 1
        if leaf.point is not None:
            self.on_points(leaf.point[None])
        self.closed = max(self.closed, min(leaf.bound, domain.bound))
        return True


def _children(part: Part, multipliers: Multipliers, neurons: Sequence[int]) -> Multipliers:
    """Return two rows for each row: its neuron active, and inactive."""
    doubled = multipliers.take(np.repeat(np.arange(len(neurons)), 2))
    for i, flat in enumerate(neurons):
        layer, position = part.place(flat)
        doubled.split[layer][2 * i : 2 * i + 2, position] = 1, -1
    return doubled
