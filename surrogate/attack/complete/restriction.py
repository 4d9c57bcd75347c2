"""Surrogates by restriction: a few unstable neurons stay free, the others keep the phase that they have at the best point."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from surrogate import bounds as bound_methods
from surrogate import rules
from surrogate.attack.base import DenseAttack
from surrogate.attack.complete.branch_and_bound import SEARCHES
from surrogate.attack.complete.members import SurrogateSearch
from surrogate.attack.gradient import GradientAttack
from surrogate.attack.recorder import Recorder, end_of_bounds, tightness
from surrogate.attack.result import AttackResult, Status
from surrogate.bounds import BoundMethod, Bounds, Crown
from surrogate.bounds.relaxation import Relaxation
from surrogate.branching import BranchAndBound
from surrogate.checks import require_kind
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.problems.instance import Instance
from surrogate.problems.region import Region
from surrogate.pruning.affine_neurons import AffineNeurons
from surrogate.settings import chosen, internal, part, setting

GROWTH, SHRINKAGE = 1.5, 0.7
"""The number of free neurons is multiplied by these: a restriction that closed with nothing new was too narrow, one that did
not close was too wide."""

SMALLEST_FREE = 4


@dataclass(frozen=True)
class RestrictionAttack(DenseAttack):
    r"""Search restrictions of the dense network, each centred on the best point known.

    The k unstable neurons with the largest :math:`-l u / (u - l)` times their absolute coefficient in the margin's linear
    bound stay free. The others keep the phase that they have at the best point, without the sign constraint that belongs to
    it. That is an extrapolation, so the restriction's optimum says nothing of the dense network. Each point of the restriction
    is therefore evaluated on the dense network, and climbs there. A better point is the next center. k grows where a
    restriction closes with nothing new, and shrinks where it does not close in its share of the time.

    It can find witnesses and prove nothing: its status is ``adversarial`` or ``unresolved``.

    Attributes:
        bounds: name of the bound method for the dense network (``surrogate.bounds.METHODS``), or a method.
        free: k of the first restriction.
        time_limit_seconds: wall seconds for all of it.
        round_seconds: wall seconds for one restriction.
        gradient: the gradient attack that gives the first center; its time counts.
        climb_steps: most Frank-Wolfe steps of a point on the dense network.
        search: the branch and bound that solves a restriction.

    Raises:
        InvalidSetting: an unknown name, fewer than one free neuron, a limit that is not positive.
    """

    name: ClassVar[str] = "restriction"

    bounds: str | BoundMethod = chosen("bounds", "alpha_crown", bound_methods.method)
    free: int = setting(40, rules.COUNT)
    time_limit_seconds: float = setting(60.0, rules.POSITIVE, key="solver.time_limit_seconds")
    round_seconds: float = setting(5.0, rules.POSITIVE)
    gradient: GradientAttack = part(GradientAttack, make=lambda: GradientAttack(starts=100))
    climb_steps: int = internal(20, rules.COUNT)
    search: BranchAndBound = field(default_factory=lambda: SEARCHES["optimum"])

    def __post_init__(self) -> None:
        super().__post_init__()
        require_kind("search", self.search, BranchAndBound, "BranchAndBound()")

    def run(self, dense: ReluNetwork, instance: Instance) -> AttackResult:
        """Attack one instance; every point met is checked on the dense network.

        Raises:
            InvalidSetting: network and instance that do not fit together.
        """
        recorder = Recorder(dense, instance)
        deadline = recorder.begin + self.time_limit_seconds
        recorder.meet(instance.region.center, "start")
        evaluations = self.gradient.climb(recorder, deadline)
        before = time.perf_counter()
        folded = instance.problem.fold(dense, instance.region)
        bounds = bound_methods.method(self.bounds).compute(folded, instance.region, end_of_bounds(deadline))
        timings = {"bounds_seconds": time.perf_counter() - before}
        search = RestrictionSearch(self, recorder, folded, bounds)
        while time.perf_counter() < deadline and not search.exhausted:
            search.round(min(deadline, time.perf_counter() + self.round_seconds))
        timings["solve_seconds"] = time.perf_counter() - before - timings["bounds_seconds"]
        status = Status.UNRESOLVED if recorder.witness is None else Status.ADVERSARIAL
        work = {**search.work, "gradient_evaluations": evaluations + search.work["gradient_evaluations"]}
        return recorder.result(
            status, timings, work, solver_status="stopped" if search.exhausted else "time_limit", tightness=tightness(bounds)
        )


class RestrictionSearch:
    """Rounds of one restriction attack, on a recorder that others may share.

    Attributes:
        exhausted: the last restriction left every unstable neuron free, and closed: it was the dense network.
        work: ``restrictions``, ``nodes`` and ``gradient_evaluations`` so far.
    """

    def __init__(self, settings: RestrictionAttack, recorder: Recorder, folded: ReluNetwork, bounds: Bounds) -> None:
        self.settings, self.recorder, self.folded, self.bounds = settings, recorder, folded, bounds
        self.free = float(settings.free)
        self.order = _by_influence(folded, recorder.region, bounds)
        self.exhausted = not self.order
        self.work = {"restrictions": 0, "nodes": 0, "gradient_evaluations": 0}

    def round(self, deadline: float) -> None:
        """Search the restriction at the best point until it closes or ``deadline`` comes, and adapt k."""
        recorder, region = self.recorder, self.recorder.region
        center, before = recorder.point, recorder.margin
        count = min(round(self.free), len(self.order))
        free = [np.zeros(size, dtype=np.bool_) for size in self.folded.hidden_sizes]
        for layer, neuron in self.order[:count]:
            free[layer][neuron] = True
        restricted = restrict(self.folded, region, self.bounds, free, center)
        own = Crown().compute(restricted, region, deadline)
        settings = self.settings
        search = SurrogateSearch(recorder, restricted, own, settings.search, settings.climb_steps, "restriction", center)
        search.round(deadline)
        self.work["restrictions"] += 1
        self.work["nodes"] += search.domains
        self.work["gradient_evaluations"] += search.evaluations
        gained = recorder.margin > before + 1e-9
        if not search.complete:
            self.free = max(self.free * SHRINKAGE, SMALLEST_FREE)
        elif not gained:
            self.exhausted = count == len(self.order)
            self.free = min(self.free * GROWTH, len(self.order))


def restrict(network: ReluNetwork, region: Region, bounds: Bounds, free: list[BoolArray], point: FloatArray) -> ReluNetwork:
    """Return ``network`` with the phases of all neurons that are not ``free`` as they are at ``point`` ``(d,)``.

    A neuron that is active there becomes linear, an inactive one is gone. Written as a ReLU network that is valid over the
    region (:class:`AffineNeurons`).

    Args:
        bounds: pre-activation bounds of ``network`` over ``region``; neurons that they call stable are never free.
        free: a mask ``(h,)`` a hidden layer.
    """
    builder = AffineNeurons(network, region)
    for layer, z in enumerate(network.pre_activations(point[None])[:-1]):
        low, high = bounds.lower[layer], bounds.upper[layer]
        held = ~free[layer] | (low >= 0.0) | (high <= 0.0)
        active = (low >= 0.0) | ((high > 0.0) & (z[0] > 0.0))
        builder.append(held & active, np.ones(low.size), np.zeros(low.size), held & ~active, low, high)
    return builder.finish()[0]


def _by_influence(network: ReluNetwork, region: Region, bounds: Bounds) -> list[tuple[int, int]]:
    """Return the unstable neurons as (layer, neuron), the most influential first."""
    if not bounds.unstable_count:
        return []
    relaxation = Relaxation(network, region, bounds.lower[:-1], bounds.upper[:-1])
    rows = network.weights[-1]
    result, _ = relaxation.optimise(rows, relaxation.start(len(rows)), 20)
    found = []
    for layer, coefficients in enumerate(result.coefficients):
        influence = np.abs(coefficients).max(axis=0) * relaxation.offsets[layer]
        neurons = relaxation.neurons[layer][: relaxation.sizes[layer]]
        found += [(float(value), layer, int(neuron)) for value, neuron in zip(influence, neurons, strict=True)]
    return [(layer, neuron) for _, layer, neuron in sorted(found, reverse=True)]
