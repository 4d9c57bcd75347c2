"""Neighbourhoods of the best decision: a box around it in which few neurons are unstable, solved as a small MILP."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import highspy
import numpy as np
from scipy import sparse

from surrogate.bounds import Bounds, Crown
from surrogate.models.linear import MixedProgramme
from surrogate.models.ranges import Ranges
from surrogate.models.reading import UserModel
from surrogate.models.rows import NetworkRows
from surrogate.networks import FloatArray
from surrogate.region import Region

FEWEST, MOST = 8, 400
"""Between which the number of free neurons moves."""

SECONDS = 4.0
"""Most seconds for one neighbourhood."""


class Neighbourhoods:
    """Solves the model in boxes around the best decision.

    A box is exact: every neuron that can change its phase within it is free, so that its optimum is the best decision there is
    in the box. Its radius is chosen for the number of free neurons, which grows while boxes are solved without finding
    anything, and shrinks where the time ends a solve. With many places a few of them, chosen at random, get large boxes, the
    others small ones.

    Source: the large neighbourhoods of Danna, Rothberg and Le Pape (RINS, 2005), with the networks' phases as the variables
    that are held.
    """

    def __init__(self, model: UserModel, ranges: Ranges, rng: np.random.Generator) -> None:
        self.model, self._ranges, self._rng = model, ranges, rng
        self.free = 24
        self.nodes = 0
        self.covered = False
        """Whether the last box was the whole of what the inputs can be, and was solved."""

    def search(self, best: FloatArray, until: float, offer: Callable[[FloatArray], bool]) -> bool:
        """Solve one neighbourhood; return whether it gave a better decision."""
        places = range(len(self.model.links))
        chosen = list(places)
        if len(chosen) > 2 and self._rng.random() < 0.75:
            count = int(self._rng.integers(1, max(2, len(chosen) // 2) + 1))
            chosen = self._rng.choice(len(chosen), size=count, replace=False).tolist()
        regions, bounds = self._box(best, chosen)
        rows = NetworkRows(self.model, [link.network for link in self.model.links], bounds)
        seconds = min(SECONDS, until - time.perf_counter())
        if seconds <= 0.0:
            return False
        programme, start = _programme(self.model, rows, regions, best)
        status, found = programme.solve(seconds, start)
        self.nodes += programme.nodes
        better = found is not None and offer(found[: self.model.columns])
        if status == highspy.HighsModelStatus.kOptimal:
            self.free = min(MOST, max(self.free, self.free if better else int(1.5 * self.free)))
        else:
            self.free = max(FEWEST, int(self.free / 1.5))
        return better

    def _box(self, best: FloatArray, chosen: Sequence[int]) -> tuple[list[Region], list[Bounds]]:
        """Return boxes around the inputs with about ``free`` unstable neurons: the largest radius of a few that are tried."""
        low, high = 0.0, 1.0
        kept = None
        for _ in range(6):
            radius = 1.0 if kept is None and high == 1.0 and low == 0.0 else (low + high) / 2.0
            regions, bounds = self._around(best, chosen, radius)
            if sum(bound.unstable_count for bound in bounds) <= self.free:
                kept, low = (regions, bounds), radius
                if radius == 1.0:
                    break
            else:
                high = radius
        return kept if kept is not None else self._around(best, chosen, low)

    def _around(self, best: FloatArray, chosen: Sequence[int], radius: float) -> tuple[list[Region], list[Bounds]]:
        regions, bounds = [], []
        for i, (link, whole) in enumerate(zip(self.model.links, self._ranges.regions, strict=True)):
            x = np.clip(link.inputs_at(best[None])[0], whole.lower, whole.upper)
            reach = (radius if i in chosen else 0.1 * radius) * (whole.upper - whole.lower)
            region = Region(np.maximum(whole.lower, x - reach), np.minimum(whole.upper, x + reach), x)
            regions.append(region)
            bounds.append(Crown().compute(link.network, region))
        return regions, bounds


def _programme(
    model: UserModel, rows: NetworkRows, regions: Sequence[Region], best: FloatArray
) -> tuple[MixedProgramme, FloatArray]:
    """Return the MILP of the box, and the best decision as its start."""
    own, extra, free = model.columns, rows.extra, rows.neurons
    index = np.arange(free)
    shape = (free, own + extra)
    on = sparse.csr_matrix((np.ones(free), (index, rows.positive)), shape=shape)
    off = sparse.csr_matrix((np.ones(free), (index, rows.negative)), shape=shape)
    boxes = sparse.vstack([link.matrix for link in model.links], format="csr")
    matrix = sparse.vstack(
        [
            sparse.hstack([model.matrix, sparse.csr_matrix((model.matrix.shape[0], extra + free))]),
            sparse.hstack([rows.matrix, sparse.csr_matrix((rows.matrix.shape[0], free))]),
            sparse.hstack([on, -sparse.diags(rows.reach[:, 0])]),
            sparse.hstack([off, sparse.diags(rows.reach[:, 1])]),
            sparse.hstack([boxes, sparse.csr_matrix((boxes.shape[0], extra + free))]),
        ],
        format="csc",
    )
    constant = np.concatenate([link.constant for link in model.links])
    box_low = np.concatenate([region.lower for region in regions]) - constant
    box_high = np.concatenate([region.upper for region in regions]) - constant
    open_side = np.full(free, -np.inf)
    programme = MixedProgramme(
        matrix,
        np.concatenate([model.row_lower, rows.sides, open_side, open_side, box_low]),
        np.concatenate([model.row_upper, rows.sides, np.zeros(free), rows.reach[:, 1], box_high]),
        np.concatenate([model.cost, np.zeros(extra + free)]),
        np.concatenate([model.lower, rows.lower, np.zeros(free)]),
        np.concatenate([model.upper, rows.upper, np.ones(free)]),
        np.concatenate([model.integral, np.zeros(extra, dtype=np.bool_), np.ones(free, dtype=np.bool_)]),
    )
    return programme, np.concatenate([rows.extended(best), rows.phases(best[None])[0].astype(np.float64)])
