"""Points whose activation regions are not excluded yet: later solves start from the best of them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from surrogate.attack.frank_wolfe import ascend, random_starts
from surrogate.attack.milp.model import Pattern
from surrogate.attack.milp.policies import MilpSearch
from surrogate.networks import FloatArray

POOL = 64
"""Points that are drawn at once."""

STEPS = 10
"""Most Frank-Wolfe steps of each on the surrogate."""

CLEARLY = 1e-5
"""A pre-activation of at least this size decides a neuron's phase whatever a solver's tolerances are."""


class Pool:
    """Random points of the input region, and those reached from them by climbing on the surrogate."""

    def __init__(self, search: MilpSearch, seed: int) -> None:
        self._search = search
        self._rng = np.random.default_rng(seed)
        self._points: FloatArray = np.empty((0, search.recorder.region.size))

    def best_beyond(self, excluded: Collection[Pattern]) -> FloatArray | None:
        """Return the point ``(d,)`` outside all excluded regions with the largest surrogate value; None if none is found."""
        search = self._search
        region, problem, surrogate = search.recorder.region, search.recorder.problem, search.surrogate
        for _ in range(2):
            outside = [pattern not in excluded for pattern in search.model.patterns(self._points)] if len(self._points) else []
            self._points = self._points[np.array(outside, dtype=np.bool_)]
            if len(self._points):
                return self._points[int(np.argmax(problem.value(surrogate(self._points))))]
            starts = random_starts(region, POOL, self._rng)
            climbed, _, spent = ascend(surrogate, region, problem, starts, STEPS, search.deadline)
            search.gradient_evaluations += spent
            self._points = np.concatenate([climbed, starts])
        return None

    def reaches_beyond(self, excluded: Collection[Pattern]) -> bool:
        """Whether one of the points, or of as many new ones, lies clearly in a region that is not excluded."""
        search = self._search
        points = np.concatenate([self._points, random_starts(search.recorder.region, POOL, self._rng)])
        z = search.model.embedding.network.pre_activations(points)
        sizes = np.stack([np.abs(z[layer][:, neuron]) for layer, neuron in search.model.binaries], axis=1).min(axis=1)
        patterns = search.model.patterns(points)
        return any(size > CLEARLY and pattern not in excluded for size, pattern in zip(sizes, patterns, strict=True))
