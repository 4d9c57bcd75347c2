"""The member that follows the paper: it solves the model with pruned copies and checks each decision on the dense networks."""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from surrogate import bounds as bound_methods
from surrogate.bounds import Bounds
from surrogate.models.members.repairs import Repairs
from surrogate.models.members.walks import Walks
from surrogate.models.programmes.mips import ROOM, StatedModel
from surrogate.models.programmes.pace import NoTime, work_of
from surrogate.models.programmes.turns import SolveInTurns
from surrogate.models.state import SearchState
from surrogate.networks import FloatArray, ReluNetwork
from surrogate.pruning import Pruning, prune
from surrogate.solvers import Solution

SHARE = 0.1
"""Most of the call's time for the solve at one sparsity, where other members take part."""

REPAIR_SECONDS = 0.05
"""Least seconds for walks from what a turn has met."""


class Surrogates:
    """Solves the model with pruned copies, one sparsity after another.

    Each point that is met is held against the dense networks.
    Where walks take part, or repair is asked for, walks begin at these points, and mend what does not hold.
    ``walks`` is None where nothing walks.
    """

    def __init__(self, state: SearchState, walks: Walks | None) -> None:
        self._state = state
        self._walks = walks if "walks" in state.settings.members and state.settings.repair is not False else None
        self._repairs = Repairs(state, walks) if walks is not None and state.settings.repairs_apart else None
        given = any(place.surrogate is not None for place in state.model.places)
        self._left = [0.0] if given else list(state.settings.sparsities)
        self._solve: SolveInTurns | None = None
        self._until = 0.0
        self._met: list[FloatArray] = []
        self._cancelled = False

    def turn(self, until: float) -> bool:
        """Go on with the present sparsity, or begin the next; False when all have been solved."""
        begin = time.perf_counter()
        if self._solve is None:
            if self._repairs is not None and self._repairs.waiting:
                self._repairs.go_on(until)
                return True
            if not self._left:
                return False
            self._begin_next()
            return True
        self._cancelled = time.perf_counter() >= self._until
        solution = self._solve.finish() if self._cancelled else self._solve.advance(until)
        self._check(until, begin)
        if solution is not None or self._cancelled:
            self._solve = None
            if solution is not None:
                self._take(solution)
        return True

    def finish(self) -> None:
        """End what is under way, and take what it has by then."""
        if self._solve is not None:
            solution = self._solve.finish()
            for values in self._met[-1:]:
                self._state.incumbent.offer(values, "surrogates")
            if solution is not None:
                self._take(solution)

    def _begin_next(self) -> None:
        """Begin with the next sparsity. Where there is no time for its MILP, there is none for those of denser copies."""
        sparsity = self._left.pop(0)
        try:
            self._begin(sparsity)
        except NoTime:
            self._left = [one for one in self._left if one > sparsity]
            if not self._left and not self._state.work["surrogates"]:
                raise

    def _begin(self, sparsity: float) -> None:
        state = self._state
        settings = state.settings
        networks, bounds = self._all_pruned(sparsity)
        state.surrogate_bounds = bounds
        share = SHARE if set(settings.members) != {"surrogates"} else 1.0 / (len(self._left) + 1)
        room = ROOM * settings.tolerance
        stated = StatedModel(state.model, networks, bounds, settings.formulation, room, state.pace, state.deadline)
        state.work["surrogates"] += 1
        now = time.perf_counter()  # what is stated has its share of the time to be solved, however long stating took
        self._until = now + share * (state.deadline - now)
        self._solve = SolveInTurns(
            stated,
            dataclasses.replace(settings.solver, time_limit_seconds=max(state.deadline - now, 1e-3)),
            state.deadline,
            state.incumbent.values,
            self._on_point,
        )

    def _all_pruned(self, sparsity: float) -> tuple[list[ReluNetwork], list[Bounds]]:
        """Return the pruned network of each link, and its bounds, as long as all of them can still be stated."""
        state, begin = self._state, time.perf_counter()
        method = bound_methods.method(state.settings.bounds)
        networks: list[ReluNetwork] = []
        bounds: list[Bounds] = []
        sizes = np.cumsum([sum(weight.size for weight in link.network.weights) for link in state.model.links])
        work = 0.0
        for at, region in enumerate(state.ranges.regions):
            networks.append(self._pruned(at, sparsity))
            bounds.append(method.compute(networks[-1], region, state.deadline))
            work += work_of(networks[-1], bounds[-1])
            all_of_it = float(sizes[-1] / sizes[at])
            others = (all_of_it - 1.0) * (time.perf_counter() - begin)
            state.pace.require(all_of_it * work, all_of_it * work, state.deadline - others)
        return networks, bounds

    def _on_point(self, values: FloatArray) -> bool:
        self._met.append(np.array(values))
        return self._state.incumbent.wants_end

    def _check(self, until: float, begin: float) -> None:
        """Offer what was met, the surrogate's best first, and walk from the best of it."""
        state, now = self._state, time.perf_counter
        met, self._met = self._met[::-1], []
        for values in met:
            state.incumbent.offer(values, "surrogates")
        if met and self._walks is not None:
            self._walks.walk_from(state.model.complete(met[0][None])[0], "surrogates", max(until, now() + REPAIR_SECONDS))
        if self._repairs is not None:
            self._repairs.add(met[::-1])
            # As long as there is something to repair, solve and repairs have the same time.
            self._repairs.go_on(max(until, now() + REPAIR_SECONDS, 2.0 * now() - begin))

    def _take(self, solution: Solution) -> None:
        state = self._state
        state.measured("surrogates", solution)
        if solution.objective is not None:
            sign, known = state.model.sign, state.surrogate_value
            promised = sign * solution.objective
            state.surrogate_value = sign * (promised if known is None else min(promised, sign * known))

    def _pruned(self, at: int, sparsity: float) -> ReluNetwork:
        model = self._state.model
        place, network = model.places[model.order[at]], model.links[at].network
        if isinstance(place.surrogate, ReluNetwork):
            return place.surrogate
        region = self._state.ranges.regions[at]
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
