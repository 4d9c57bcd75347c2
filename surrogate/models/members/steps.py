"""The member that moves the user's integers: one step of one of them, and a walk to where the networks allow it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from surrogate.models.members.targets import Targets
from surrogate.models.members.walks import Walks
from surrogate.models.state import SearchState
from surrogate.networks import FloatArray

RETRIES = 3
"""How often a step that the present region does not allow is tried from the targets of all places."""


class Steps:
    """From the best decision, each integer that costs something goes a step in the direction that pays, the others held.

    What the step breaks is mended by a walk on the violations; where that ends short of it, by targets (:class:`Targets`) and
    another walk. Where binaries count successes, copies of a network succeed one after another in this way. The linear
    relaxation spreads what they share over all of them instead, until none succeeds.
    """

    def __init__(self, state: SearchState, walks: Walks, targets: Targets) -> None:
        self._state, self._model, self._walks, self._targets = state, state.model, walks, targets
        self._costly = np.flatnonzero(state.model.integral & (state.model.cost != 0.0))
        self._tried: set[bytes] = set()
        self._matrix = state.model.matrix.tocsc()

    def turn(self, until: float) -> bool:
        """Try step after step; False if no integer costs anything."""
        if not self._costly.size:
            return False
        incumbent = self._state.incumbent
        while incumbent.values is not None and time.perf_counter() < until and not incumbent.wants_end:
            before = incumbent.value
            for moved in self._steps(incumbent.values):
                key = moved[self._model.integral].tobytes()
                if key in self._tried:
                    continue
                self._take(moved, until)
                if time.perf_counter() >= until:
                    return True
                self._tried.add(key)
                if incumbent.value < before:
                    break
            else:
                self._tried.clear()  # other targets are drawn the next time
                return True
        return True

    def _steps(self, best: FloatArray) -> Iterator[FloatArray]:
        """Yield the best decision with one integer moved, what breaks the model least first."""
        model = self._model
        step = -np.sign(model.cost[self._costly])
        after = best[self._costly] + step
        open_ones = np.flatnonzero((after >= model.lower[self._costly]) & (after <= model.upper[self._costly]))
        body = model.matrix @ best
        broken = []
        for i in open_ones.tolist():
            part = slice(*self._matrix.indptr[self._costly[i] : self._costly[i] + 2])
            rows = self._matrix.indices[part]  # the other rows stay as they are
            changed = body[rows] + step[i] * self._matrix.data[part]
            excess = np.maximum(np.maximum(model.row_lower[rows] - changed, changed - model.row_upper[rows]), 0.0)
            broken.append(float((excess / model.row_scale[rows]).sum()))
        for i in open_ones[np.argsort(broken, kind="stable")].tolist():
            moved = best.copy()
            moved[self._costly[i]] = after[i]
            yield moved

    def _take(self, moved: FloatArray, until: float) -> None:
        with self._walks.held(moved):
            reached = self._walks.walk_held(self._state.rows.phases(moved[None])[0], "steps", until)
            for _ in range(RETRIES):
                if reached or time.perf_counter() >= until:
                    break
                phases = self._targets.phases_here(until)
                if phases is None:
                    break
                reached = self._walks.walk_held(phases, "steps", until)
