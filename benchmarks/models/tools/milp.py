"""The MILP with the dense networks, or with pruned ones, stated as the search states it and handed to HiGHS without a start.

The user's rows get the room that the search gives them, and HiGHS ends at the gap at which all tools end.

With pruned networks this is the paper's way: each solution that the solver meets is held against the dense networks. The
search's own member for it is no measure of that, because it begins at points that are drawn on the dense networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.models.base import GAP, Asked, Ending, Trace
from benchmarks.models.judge import TOLERANCE
from surrogate import bounds as bound_methods
from surrogate.models.programmes.mips import ROOM, StatedModel
from surrogate.models.programmes.pace import NoTime
from surrogate.models.programmes.ranges import find_ranges
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.region import Region
from surrogate.solvers import HighsSolver

BOUNDS = "crown"


def run(asked: Asked, boxes: Sequence[Region], settings: dict[str, Any], trace: Trace) -> Ending:
    user = asked.user
    ranges = find_ranges(user, BOUNDS, TOLERANCE, trace.deadline)
    networks, bounds = [link.network for link in user.links], ranges.bounds
    is_dense = not asked.question.surrogates
    if not is_dense:
        networks = [_sparse(asked, at) for at in range(len(user.links))]
        method = bound_methods.method(BOUNDS)
        bounds = [method.compute(n, box, trace.deadline) for n, box in zip(networks, ranges.regions, strict=True)]

    def note(values: FloatArray) -> bool:
        trace.met(values)
        return False

    try:
        stated = StatedModel(user, networks, bounds, "big_m", ROOM * TOLERANCE, deadline=trace.deadline)
        trace.built()
        solver = HighsSolver(time_limit_seconds=trace.seconds_left, relative_gap=GAP)
        solution = stated.solve(solver, trace.deadline, None, note)
    except NoTime:
        return Ending("time_limit")
    if solution.values is not None:
        trace.met(solution.values)
    if is_dense:
        return Ending(str(solution.status), solution.dual_bound)
    return Ending(f"surrogate {solution.status}", None, solution.objective)  # proves nothing on the dense networks


def _sparse(asked: Asked, at: int) -> ReluNetwork:
    given = asked.places[asked.user.order[at]].surrogate
    assert isinstance(given, ReluNetwork), "a question with surrogates has one in each place"
    return given
