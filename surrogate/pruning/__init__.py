"""Pruning of dense networks: one method a file. To add one, write a file with a ``SurvivorMethod`` or a ``RegionMethod`` and
list it here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from surrogate import rules
from surrogate.bounds.base import require_matching
from surrogate.checks import require_kind, require_name
from surrogate.data import Dataset
from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.problems import Problem
from surrogate.problems.region import Region
from surrogate.pruning.activation import Activation
from surrogate.pruning.activation_structured import ActivationStructured
from surrogate.pruning.base import PruningMethod, RegionMethod, SurvivorMethod
from surrogate.pruning.finetuning import Finetuning, prune_and_finetune
from surrogate.pruning.layerwise_magnitude import LayerwiseMagnitude
from surrogate.pruning.magnitude import Magnitude
from surrogate.pruning.none import NoPruning
from surrogate.pruning.random import Random
from surrogate.pruning.random_structured import RandomStructured
from surrogate.pruning.stabilise import stabilise
from surrogate.pruning.stabilised import Stabilised
from surrogate.pruning.stable import Stable
from surrogate.pruning.structured import Structured
from surrogate.pruning.survivors import Survivors
from surrogate.settings import Configurable, chosen, part, setting

METHODS: dict[str, type[PruningMethod]] = {
    method.name: method
    for method in (
        NoPruning,
        Magnitude,
        LayerwiseMagnitude,
        Activation,
        Structured,
        ActivationStructured,
        Random,
        RandomStructured,
        Stable,
    )
}
"""Every method by its name."""


def method(chosen: str | PruningMethod) -> PruningMethod:
    """Return the method of this name with its default settings; a method itself comes back.

    Raises:
        InvalidSetting: no method has this name; lists those that there are.
    """
    if isinstance(chosen, PruningMethod):
        return chosen
    require_name("pruning method", chosen, METHODS)
    return METHODS[chosen]()


@dataclass(frozen=True)
class Pruning(Configurable):
    """How a surrogate is made from a dense network.

    Attributes:
        method: the name of one of METHODS, or a method; ``none`` keeps the dense network, whatever the other settings.
        amount: share, in [0, 1), of the weights, of each hidden layer's neurons, or of the unstable neurons, that is pruned.
        seed: of the methods that draw; the others don't depend on it.
        finetuning: training after or between prunings; not for methods that need a region.

    Raises:
        InvalidSetting: a value or combination that is not allowed; names it and what is.
    """

    called: ClassVar[str] = "pruning "

    method: str | PruningMethod = chosen("pruning", NoPruning.name, method)
    amount: float = setting(0.0, rules.SHARE)
    seed: int = setting(0, rules.SEED)
    finetuning: Finetuning = part(Finetuning, key="finetune")

    @property
    def way(self) -> PruningMethod:
        """The method itself."""
        return method(self.method)

    @property
    def prunes(self) -> bool:
        """Whether the surrogate is another network than the dense one."""
        return not isinstance(self.way, NoPruning)

    @property
    def needs_data(self) -> bool:
        """Whether :func:`prune` needs a data set, for the method or for finetuning."""
        return self.prunes and (self.way.needs_data or self.finetuning.trains)

    @property
    def needs_region(self) -> bool:
        """Whether :func:`prune` needs a region, so that there is one surrogate for each instance."""
        return self.way.needs_region

    def conflicts(self) -> Iterable[tuple[tuple[str, ...], str]]:
        if self.needs_region and self.finetuning.rounds > 0:
            yield (
                ("finetuning.rounds", "method"),
                "its surrogate is for one region, which training would undo; set the rounds to 0",
            )

    def without_effect(self) -> Collection[str]:
        return () if self.prunes else ("amount", "seed", "finetuning")

    def at_default(self) -> Collection[str]:
        return () if self.way.draws or self.finetuning.trains else ("seed",)


def prune(pruning: Pruning, network: ReluNetwork, data: Dataset | None = None, region: Region | None = None) -> ReluNetwork:
    """Return the surrogate of ``network``.

    ``data`` is needed where the method looks at training images and where finetuning trains, ``region`` where the surrogate
    is for one region; otherwise they change nothing.

    Unstructured methods keep the shapes and set pruned weights to exactly 0.0; structured ones return smaller matrices;
    ``stable`` keeps the shapes and changes weights and biases.

    Raises:
        InvalidSetting: data or a region that are needed and missing, or that do not fit the network.
        TrainingDiverged: finetuning ended in a loss or weight that is NaN or infinite.

    Example:
        >>> dense = ReluNetwork([[[3.0, -1.0], [0.5, 2.0]], [[1.0, -4.0]]], [[0.0, 0.0], [0.0]])
        >>> prune(Pruning("magnitude", amount=0.5), dense).weights
        (array([[3., 0.],
               [0., 2.]]), array([[ 0., -4.]]))
    """
    _require_kinds(pruning, network)
    if not pruning.prunes:
        return network
    way = pruning.way
    if isinstance(way, RegionMethod):
        if region is None:
            raise InvalidSetting(
                f"pruning method={way.name!r} makes a surrogate for one region, got none: give the region of the instance"
            )
        require_matching(network, region)
        return way.rewrite(network, pruning.amount, region).network
    assert isinstance(way, SurvivorMethod)
    if data is not None:
        require_kind("data", data, Dataset, "load('mnist')")
    rng = np.random.default_rng(pruning.seed)
    return prune_and_finetune(way, pruning.amount, pruning.finetuning, network, rng, data)


def prune_for(pruning: Pruning, network: ReluNetwork, region: Region, problem: Problem) -> Stabilised:
    """Return the surrogate of ``network`` for one question, by a method that needs a region, with bounds on its error.

    Unlike :func:`prune` it keeps what matters to the problem's rows. An attack that is given the result in place of a network
    turns the surrogate's dual bound into one on the dense network, and so can prove robustness.

    Raises:
        InvalidSetting: a method that needs no region; a region or problem that does not fit the network.
    """
    _require_kinds(pruning, network)
    way = pruning.way
    if not isinstance(way, RegionMethod):
        regional = ", ".join(name for name, each in METHODS.items() if each.needs_region)
        raise InvalidSetting(
            f"pruning method={way.name!r} bounds no error: use one of {regional} here, or prune() for a surrogate alone"
        )
    require_matching(network, region)
    require_kind("problem", problem, Problem, "Margin(label)")
    return way.rewrite(network, pruning.amount, region, problem.rows(network.output_size)[0])


def _require_kinds(pruning: Pruning, network: ReluNetwork) -> None:
    require_kind("pruning", pruning, Pruning, "Pruning('magnitude', amount=0.5)")
    require_kind("the network", network, ReluNetwork, "ReluNetwork.load(path)")


def sparsity(dense: ReluNetwork, surrogate: ReluNetwork) -> float:
    """Return the share, 0 to 1, of the dense network's weight entries (biases not counted) that the surrogate lacks.

    An entry is lacking if it is exactly 0.0 or was cut out with its neuron.
    """
    for name, network in (("dense", dense), ("surrogate", surrogate)):
        require_kind(name, network, ReluNetwork, "ReluNetwork.load(path)")
    return 1.0 - surrogate.nonzeros / sum(weight.size for weight in dense.weights)


__all__ = [
    "METHODS",
    "Finetuning",
    "Pruning",
    "PruningMethod",
    "RegionMethod",
    "Stabilised",
    "SurvivorMethod",
    "Survivors",
    "method",
    "prune",
    "prune_for",
    "sparsity",
    "stabilise",
]
