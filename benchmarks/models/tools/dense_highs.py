"""The MILP with the dense networks, stated as the search states it, and handed to HiGHS without a start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.models.base import Asked, Ending, Trace
from surrogate.models.mips import StatedModel
from surrogate.models.ranges import find_ranges
from surrogate.networks import FloatArray
from surrogate.region import Region
from surrogate.solvers import HighsSolver


def run(asked: Asked, boxes: Sequence[Region], settings: dict[str, Any], trace: Trace) -> Ending:
    user = asked.user
    bounds = find_ranges(user, "crown", 1e-6, trace.deadline).bounds
    stated = StatedModel(user, [link.network for link in user.links], bounds, "big_m")
    trace.built()

    def note(values: FloatArray) -> bool:
        trace.met(values)
        return False

    solution = stated.solve(HighsSolver(time_limit_seconds=trace.seconds_left), trace.deadline, None, note)
    if solution.values is not None:
        trace.met(solution.values)
    return Ending(str(solution.status), solution.dual_bound)
