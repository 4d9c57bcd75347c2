"""Repair: walks on the dense networks that start only at the decisions of pruned networks."""

from __future__ import annotations

import time
from collections.abc import Sequence

from surrogate.models.members.walks import Walks
from surrogate.models.state import SearchState
from surrogate.networks import BoolArray, FloatArray

Waiting = tuple[FloatArray, BoolArray, bool]
"""A decision ``(columns,)``, the region ``(k,)`` in which a walk goes on, and whether the decision's integers are held."""


class Repairs:
    """Mends decisions, the newest first: it is the one that the pruned networks value most.

    From a decision, each of whose values is moved to the nearest that its variable may have, a walk begins in the linear region
    of the dense networks around it. In the first walk the decision's integers are held, and everything else is optimised anew:
    over the region the model is a linear programme. Where the region has no point that the user's rows allow, the walk lessens
    violations first; then it goes from region to neighbouring region while the value improves. Where the first walk meets no
    point that the rows allow, a second one begins in the same region with the integers relaxed, and makes them whole where it
    arrives. Without integers the second walk is the only one.
    """

    def __init__(self, state: SearchState, walks: Walks) -> None:
        self._state, self._walks = state, walks
        self._waiting: list[Waiting] = []

    @property
    def waiting(self) -> bool:
        """Whether there is something left to repair."""
        return bool(self._waiting)

    def add(self, met: Sequence[FloatArray]) -> None:
        """Take decisions ``(columns,)``, the newest last."""
        model = self._state.model
        for values in met:
            decision = model.complete(model.nearest(values)[None])[0]
            self._waiting.append((decision, self._phases(decision), bool(model.integral.any())))

    def go_on(self, until: float) -> None:
        """Walk until a ``time.perf_counter()`` value, or until nothing is left to repair."""
        while self._waiting and time.perf_counter() < until and not self._state.incumbent.wants_end:
            decision, phases, holds = self._waiting.pop()
            reached, unfinished = self._walks.walk_on(decision, phases, holds, "repair", until)
            if unfinished is not None:
                self._waiting.append((decision, unfinished, holds))
            elif holds and not reached:
                self._waiting.append((decision, self._phases(decision), False))

    def _phases(self, decision: FloatArray) -> BoolArray:
        phases: BoolArray = self._state.rows.phases(decision[None])[0]
        return phases
