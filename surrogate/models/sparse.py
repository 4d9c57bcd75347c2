"""The member that is the paper's idea: solve the model with pruned copies, and see what holds on the dense networks."""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from surrogate import bounds as bound_methods
from surrogate.models.common import Common
from surrogate.models.mips import ROOM, StatedModel
from surrogate.models.turns import SolveInTurns
from surrogate.models.walks import Walks
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.solvers import Solution

SHARE = 0.1
"""Most of the call's time for the solve at one sparsity, where other members take part."""


class Surrogates:
    """Solves the model with pruned copies, one sparsity after another.

    Each point that is met is held against the dense networks.
    A point that does not hold is repaired by a walk on its violations, where walks take part.
    """

    def __init__(self, common: Common, walks: Walks) -> None:
        self._common, self._walks = common, walks
        given = any(place.surrogate is not None for place in common.model.places)
        self._left = [0.0] if given else list(common.settings.sparsities)
        self._solve: SolveInTurns | None = None
        self._until = 0.0
        self._met: list[FloatArray] = []
        self._cancelled = False

    def turn(self, until: float) -> bool:
        """Go on with the present sparsity, or begin the next; False when all have been solved."""
        if self._solve is None:
            if not self._left:
                return False
            self._begin(self._left.pop(0))
            return True
        self._cancelled = time.perf_counter() >= self._until
        solution = self._solve.finish() if self._cancelled else self._solve.advance(until)
        self._repair(until)
        if solution is not None or self._cancelled:
            self._solve = None
            if solution is not None:
                self._take(solution)
        return True

    def finish(self) -> None:
        """End what is under way."""
        if self._solve is not None:
            self._solve.finish()

    def _begin(self, sparsity: float) -> None:
        common, now = self._common, time.perf_counter()
        common.work["surrogates"] += 1
        networks = [self._pruned(at, sparsity) for at in range(len(common.model.links))]
        method = bound_methods.method(common.settings.bounds)
        bounds = [
            method.compute(network, region, common.deadline)
            for network, region in zip(networks, common.ranges.regions, strict=True)
        ]
        share = SHARE if set(common.settings.members) != {"surrogates"} else 1.0 / (len(self._left) + 1)
        self._until = now + share * (common.deadline - now)
        self._solve = SolveInTurns(
            StatedModel(common.model, networks, bounds, common.settings.formulation, ROOM * common.settings.tolerance),
            dataclasses.replace(common.settings.solver, time_limit_seconds=max(common.deadline - now, 1e-3)),
            common.deadline,
            common.incumbent.values,
            self._on_point,
        )

    def _on_point(self, values: FloatArray) -> bool:
        self._met.append(np.array(values))
        return self._common.incumbent.wants_end

    def _repair(self, until: float) -> None:
        """Offer what was met, the surrogate's best first, and walk from the best of it."""
        common = self._common
        met, self._met = self._met[::-1], []
        for values in met:
            common.incumbent.offer(values, "surrogates")
        if met and "walks" in common.settings.members:
            self._walks.walk_from(common.model.complete(met[0][None])[0], "surrogates", max(until, time.perf_counter() + 0.05))

    def _take(self, solution: Solution) -> None:
        common = self._common
        common.work.update(solution.work)
        if solution.objective is not None:
            sign, known = common.model.sign, common.surrogate_value
            promised = sign * solution.objective
            common.surrogate_value = sign * (promised if known is None else min(promised, sign * known))

    def _pruned(self, at: int, sparsity: float) -> ReluNetwork:
        model = self._common.model
        place, network = model.places[model.order[at]], model.links[at].network
        if isinstance(place.surrogate, ReluNetwork):
            return place.surrogate
        region = self._common.ranges.regions[at]
        if place.surrogate is None:
            return _pruned_by_effect(network, region.upper - region.lower, sparsity)
        return prune(place.surrogate, network, region=region)


def _pruned_by_effect(network: ReluNetwork, widths: FloatArray, sparsity: float) -> ReluNetwork:
    """Prune by magnitude with every input measured by its range: in the user's units a first weight's size means little."""
    unit = np.where(widths > 0.0, widths, 1.0)
    scaled = prune(
        Pruning("magnitude", sparsity), ReluNetwork([network.weights[0] * unit, *network.weights[1:]], network.biases)
    )
    return ReluNetwork([scaled.weights[0] / unit, *scaled.weights[1:]], scaled.biases)
