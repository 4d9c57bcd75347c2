"""Neighbourhoods of the best decision: a box around it in which few neurons are unstable, solved as a small MILP."""

from __future__ import annotations

import time
from collections.abc import Sequence

import highspy
import numpy as np

from surrogate.bounds import Bounds, Crown
from surrogate.models.members.walks import Walks
from surrogate.models.programmes.linear import MixedProgramme
from surrogate.models.programmes.rows import NetworkRows
from surrogate.models.state import SearchState
from surrogate.networks import FloatArray
from surrogate.problems.region import Region

FEWEST, MOST = 8, 400
"""The least and the largest number of free neurons."""

FEW_PLACES = 4
"""Most places that get boxes at a time."""

RADII = 6
"""Radii that are tried for the wanted number of free neurons."""

SECONDS, LEAST_SECONDS = 4.0, 0.5
"""Most seconds for one neighbourhood, and how many it has even where the turn is over sooner."""


class Neighbourhoods:
    """Solves the model near the best decision.

    Some places, all of them where there are few, get a box around their inputs that is exact: every neuron that can change its
    phase within the box is free, so that nothing of the box is missed. The others keep the phases that they have. The boxes'
    radius is chosen for the number of free neurons, which grows while neighbourhoods are solved without finding anything, and
    shrinks where the time ends a solve.

    Source: the idea of Danna, Rothberg and Le Pape, Exploring relaxation induced neighborhoods to improve MIP solutions, 2005,
    with the networks' phases as what is held.
    """

    def __init__(self, state: SearchState, walks: Walks) -> None:
        self._state, self._walks = state, walks
        self.model, self._ranges, self._rng = state.model, state.ranges, state.rng
        self.free = 24

    def turn(self, until: float) -> bool:
        """Solve neighbourhood after neighbourhood of the best decision, once there is one."""
        incumbent = self._state.incumbent
        while incumbent.values is not None and time.perf_counter() < until and not incumbent.wants_end:
            if self._search(incumbent.values, until) and "walks" in self._state.settings.members:
                self._walks.improve("walks", until)
        return True

    def _search(self, best: FloatArray, until: float) -> bool:
        """Solve one neighbourhood of ``best``; return whether it gave a better decision."""
        count = len(self.model.links)
        chosen = set(range(count))
        if count > FEW_PLACES:
            chosen = set(self._rng.choice(count, size=int(self._rng.integers(1, FEW_PLACES + 1)), replace=False).tolist())
        regions, bounds = self._boxes(best, chosen, until)
        rows = NetworkRows(self.model, [link.network for link in self.model.links], bounds)
        programme, start = self._programme(rows, regions, chosen, best)
        now = time.perf_counter()
        if now >= until:
            return False
        # What a solve has done is lost when it is cut off: it may outlast the turn, which the next turns make up for.
        seconds = min(SECONDS, max(until - now, LEAST_SECONDS), self._state.deadline - now)
        status, found = programme.solve(seconds, start)
        self._state.work["nodes"] += programme.nodes
        better = found is not None and self._state.incumbent.offer(found[: self.model.columns], "neighbourhoods")
        if status != highspy.HighsModelStatus.kOptimal:
            self.free = max(FEWEST, int(self.free / 1.5))
        elif not better:
            self.free = min(MOST, int(1.5 * self.free))
        return better

    def _boxes(self, best: FloatArray, chosen: set[int], until: float) -> tuple[list[Region], list[Bounds]]:
        """Return boxes and bounds, with about ``free`` unstable neurons in the chosen places, the others' as they are."""
        low, high, radius = 0.0, 1.0, 1.0
        kept = self._around(best, chosen, 0.0)
        for _ in range(RADII):
            if time.perf_counter() >= until:
                break
            tried = self._around(best, chosen, radius)
            if sum(tried[1][i].unstable_count for i in chosen) <= self.free:
                kept, low = tried, radius
                if radius == 1.0:
                    break
            else:
                high = radius
            radius = (low + high) / 2.0
        return kept

    def _around(self, best: FloatArray, chosen: set[int], radius: float) -> tuple[list[Region], list[Bounds]]:
        regions, bounds = list(self._ranges.regions), list(self._ranges.bounds)
        for i in chosen:
            link, whole = self.model.links[i], regions[i]
            x = np.clip(link.inputs_at(best[None])[0], whole.lower, whole.upper)
            reach = radius * (whole.upper - whole.lower)
            regions[i] = Region(np.maximum(whole.lower, x - reach), np.minimum(whole.upper, x + reach), x)
            bounds[i] = Crown().compute(link.network, regions[i])
        return regions, bounds

    def _programme(
        self, rows: NetworkRows, regions: Sequence[Region], chosen: set[int], best: FloatArray
    ) -> tuple[MixedProgramme, FloatArray]:
        """Return the MILP of the neighbourhood, and the best decision in the MILP's columns."""
        from scipy import sparse

        model = self.model
        is_free = np.isin(rows.place, list(chosen))
        phases, where = rows.phases(best[None])[0], np.flatnonzero(is_free)
        upper = rows.upper.copy()
        for held, column in ((~phases, rows.positive), (phases, rows.negative)):
            upper[column[held & ~is_free] - model.columns] = 0.0
        extra, free = rows.extra, where.size
        shape = (free, model.columns + extra)
        on = sparse.csr_matrix((np.ones(free), (np.arange(free), rows.positive[where])), shape=shape)
        off = sparse.csr_matrix((np.ones(free), (np.arange(free), rows.negative[where])), shape=shape)
        most, least = rows.reach[where].T
        boxes = sparse.vstack([model.links[i].matrix for i in sorted(chosen)], format="csr")
        constant = np.concatenate([model.links[i].constant for i in sorted(chosen)])
        matrix = sparse.vstack(
            [
                sparse.hstack([model.matrix, sparse.csr_matrix((model.matrix.shape[0], extra + free))]),
                sparse.hstack([rows.matrix, sparse.csr_matrix((rows.matrix.shape[0], free))]),
                sparse.hstack([on, -sparse.diags(most)]),
                sparse.hstack([off, sparse.diags(least)]),
                sparse.hstack([boxes, sparse.csr_matrix((boxes.shape[0], extra + free))]),
            ],
            format="csc",
        )
        low = np.concatenate([regions[i].lower for i in sorted(chosen)]) - constant
        high = np.concatenate([regions[i].upper for i in sorted(chosen)]) - constant
        open_side = np.full(free, -np.inf)
        programme = MixedProgramme(
            matrix,
            np.concatenate([model.row_lower, rows.sides, open_side, open_side, low]),
            np.concatenate([model.row_upper, rows.sides, np.zeros(free), least, high]),
            np.concatenate([model.cost, np.zeros(extra + free)]),
            np.concatenate([model.lower, rows.lower, np.zeros(free)]),
            np.concatenate([model.upper, upper, np.ones(free)]),
            np.concatenate([model.integral, np.zeros(extra, dtype=np.bool_), np.ones(free, dtype=np.bool_)]),
        )
        return programme, np.concatenate([rows.extended(best), phases[where].astype(np.float64)])
