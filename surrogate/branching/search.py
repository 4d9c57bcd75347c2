"""Best-first branch and bound on batches of domains."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surrogate.bounds import Bounds
from surrogate.bounds.base import affine_over_box
from surrogate.bounds.crown import refine
from surrogate.bounds.multipliers import Multipliers, Pass
from surrogate.bounds.relaxation import Relaxation
from surrogate.bounds.steps import Polyak, Rates
from surrogate.branching.domains import Domain, Subtree
from surrogate.branching.leaf import LeafSolver
from surrogate.branching.settings import BranchAndBound
from surrogate.branching.splitting import candidates_of, children
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.problems.region import Region

LONGEST_BATCH = 0.3
"""Seconds that a batch of domains should take at most."""


@dataclass(frozen=True)
class BranchingOutcome:
    """How a search ended.

    Attributes:
        bound: proven upper bound on the problem's value over the region.
        complete: no domain is open: ``bound`` is at most the last threshold, or that of a leaf that no solver could close.
        domains: number of domains that were bounded.
    """

    bound: float
    complete: bool
    domains: int


class BranchingSearch:
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
        self.subtrees: list[Subtree] = []
        self.closed = -np.inf
        """The largest bound of a domain that was closed."""
        self.domains = 0
        self.root_bounds = bounds
        self._seconds = self._refining = 0.0
        self._is_open = self._may_refine = False
        self.batch = settings.batch

    def run(self, deadline: float, stop: Callable[[], bool] = lambda: False) -> BranchingOutcome:
        """Search until no domain is open, ``deadline`` comes or ``stop`` says so; again to go on."""
        begin = time.perf_counter()
        if not self._is_open:
            self._open_root()
        while (now := time.perf_counter()) < deadline and not stop():
            self._may_refine = self._refining < self.settings.refine_share * (self._seconds + now - begin)
            subtree = max(self.subtrees, key=lambda each: each.bound, default=None)
            if subtree is None or not subtree.heap:
                break
            self._step(subtree, deadline)
            self._adapt(time.perf_counter() - now)
            self.subtrees = [each for each in self.subtrees if each.heap]
        self._seconds += time.perf_counter() - begin
        bound = max([self.closed, *(each.bound for each in self.subtrees)])
        complete = not any(each.heap for each in self.subtrees)
        return BranchingOutcome(float(bound), complete, self.domains)

    def _adapt(self, seconds: float) -> None:
        """Keep a batch short, so that a deadline is not missed by much, but no smaller than it must be."""
        if seconds > LONGEST_BATCH:
            self.batch = max(self.batch // 2, 1)
        elif seconds < LONGEST_BATCH / 4.0:
            self.batch = min(2 * self.batch, self.settings.batch)

    def _new_subtree(self, bounds: Bounds, split: list[NDArray[np.int8]] | None) -> Subtree:
        subtree = Subtree(bounds, Relaxation(self.network, self.region, bounds.lower[:-1], bounds.upper[:-1], split))
        self.subtrees.append(subtree)
        return subtree

    def _open_root(self) -> None:
        self._is_open = True
        rows = np.array([row for row in self.rows if not self._close(float(self.root_bounds.upper[-1][row]))], dtype=np.intp)
        if rows.size == 0:
            return
        subtree = self._new_subtree(self.root_bounds, None)
        known = self.root_bounds.upper[-1][rows]
        start, steps = subtree.relaxation.start(len(rows)), self.settings.root_steps
        self._bound(subtree, rows, start, steps, known, np.zeros(len(rows)), self.settings.root_rates)

    def _close(self, bound: float) -> bool:
        """Note and tell whether a bound needs no further work."""
        if bound > self.threshold():
            return False
        self.closed = max(self.closed, bound)
        return True

    def _step(self, subtree: Subtree, deadline: float) -> None:
        crowded = sum(len(each.heap) for each in self.subtrees) > self.settings.most_open
        chosen: list[Domain] = []
        while subtree.heap and len(chosen) < self.batch:
            domain = subtree.pop_low() if crowded else subtree.pop()
            if self._close(domain.bound):
                continue
            if domain.candidates.size == 0:
                left = deadline - time.perf_counter()
                if left <= 0.0 or not self._solve_leaf(subtree, domain, left):
                    subtree.push(domain)
                    break
            elif self._may_refine and domain.depth >= self.settings.refine_depth:
                if chosen:
                    subtree.push(domain)  # first what is in hand
                    break
                begin = time.perf_counter()
                self._refine(subtree, domain)
                self._refining += time.perf_counter() - begin
                return
            else:
                chosen.append(domain)
        if chosen:
            self._branch(subtree, chosen)

    def _branch(self, subtree: Subtree, domains: list[Domain]) -> None:
        parents, neurons = self._choose(subtree, domains)
        rows = np.array([domains[i].row for i in parents], dtype=np.intp)
        multipliers = children(subtree, subtree.multipliers([domains[i] for i in parents]), neurons)
        known = np.array([domains[i].bound for i in parents for _ in range(2)])
        depth = np.array([domains[i].depth + 1 for i in parents for _ in range(2)])
        self._bound(subtree, np.repeat(rows, 2), multipliers, self.settings.steps, known, depth)

    def _choose(self, subtree: Subtree, domains: list[Domain]) -> tuple[list[int], list[int]]:
        """Return for each domain its index and the neuron to split: of its candidates, the one whose children gain most."""
        tries = [(i, int(flat)) for i, domain in enumerate(domains) for flat in domain.candidates]
        if all(domain.candidates.size == 1 for domain in domains):
            return [i for i, _ in tries], [flat for _, flat in tries]
        rows = np.repeat(np.array([domains[i].row for i, _ in tries], dtype=np.intp), 2)
        multipliers = children(subtree, subtree.multipliers([domains[i] for i, _ in tries]), [flat for _, flat in tries])
        bounds = subtree.relaxation.quick(self.weight[rows], multipliers) + self.bias[rows]
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
        subtree: Subtree,
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
        result, multipliers = subtree.relaxation.optimise(self.weight[rows], multipliers, steps, enough, rates)
        slack = 1e-12 * np.abs(self.bias[rows])
        bounds = np.minimum(result.value + self.bias[rows] + slack, known)
        open_ones = np.array([i for i, bound in enumerate(bounds) if not self._close(float(bound))], dtype=np.intp)
        if open_ones.size == 0:
            return
        kept = multipliers.take(open_ones)
        opened = Pass(result.value, result.point[open_ones], [a[open_ones] for a in result.coefficients])
        chosen = rows[open_ones]
        candidates, values = candidates_of(
            subtree.relaxation, self.weight[chosen], self.bias[chosen], opened, kept, self.settings.candidates
        )
        self.on_points(opened.point[np.argsort(-values)[: self.settings.offered]])
        flat = [np.concatenate(kind, axis=1) for kind in (kept.alpha, kept.beta, kept.split)]
        unit = np.maximum(flat[1].max(axis=1, initial=0.0), np.finfo(np.float32).tiny)
        alpha, beta, split = flat[0].astype(np.float16), (flat[1] / unit[:, None]).astype(np.float16), flat[2]
        for n, i in enumerate(open_ones.tolist()):
            bound = float(bounds[i])
            if not self._close(bound):
                row, deep = int(rows[i]), int(depth[i])
                subtree.push(Domain(bound, row, alpha[n], beta[n], split[n], float(unit[n]), candidates[n], deep))

    def _refine(self, subtree: Subtree, domain: Domain) -> None:
        split = subtree.full_split(domain.split)
        bounds = refine(self.network, self.region, subtree.bounds, split, self.settings.refine_steps)
        if bounds is None:  # the domain is empty: nothing in it reaches any value
            return
        new = self._new_subtree(bounds, split)
        rows = np.array([domain.row], dtype=np.intp)
        # Where backward bounds are poor, the box that the last layer's new bounds make may be better.
        last = np.maximum(bounds.lower[-2], 0.0), np.maximum(bounds.upper[-2], 0.0)
        _, by_box = affine_over_box(self.weight[rows], self.bias[rows], *last)
        known = np.minimum(by_box, domain.bound)
        self._bound(new, rows, subtree.carry(domain, new), 2 * self.settings.steps, known, np.zeros(1))

    def _solve_leaf(self, subtree: Subtree, domain: Domain, seconds: float) -> bool:
        """Close a leaf; return False if the time was too short."""
        if self.region.norm == "l2":  # no linear programme states it
            self.closed = max(self.closed, domain.bound)
            return True
        leaf = LeafSolver(subtree.relaxation, self.region).solve(
            self.weight[list(self.group_of[domain.row])], self.bias[list(self.group_of[domain.row])], domain.split, seconds
        )
        if leaf is None:
            return False
        if leaf.point is not None:
            self.on_points(leaf.point[None])
        self.closed = max(self.closed, min(leaf.bound, domain.bound))
        return True
