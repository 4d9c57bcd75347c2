"""The questions: ten instances of each built-in problem, from seconds to hopeless, on networks that are trained here."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from surrogate.models.problems import PROBLEMS, ModelInstance, Samples, draw_samples, fit_networks, prune_in_units
from surrogate.networks import ReluNetwork
from surrogate.pruning import Finetuning, Pruning
from surrogate.training import Training

FIRST_SEED = 100
"""Instance ``i`` of every problem has the seed ``FIRST_SEED + i``: the search was developed on smaller seeds."""

TRAINING = Training(epochs=60)

FINETUNING = Finetuning(rounds=1, epochs=20, optimizer="adam", learning_rate=1e-3, weight_decay=1e-3)

NETWORK_SIZES: dict[str, tuple[tuple[tuple[int, ...], dict[str, Any]], ...]] = {
    "constrained": (
        ((32, 32), {"inputs": 6}),
        ((32, 32, 32), {"inputs": 6}),
        ((32, 32, 32), {"inputs": 8}),
        ((64, 64), {"inputs": 8}),
        ((64, 64), {"inputs": 10}),
        ((64, 64, 64), {"inputs": 10}),
        ((64, 64, 64), {"inputs": 14}),
        ((128, 128), {"inputs": 20}),
        ((128, 128, 128), {"inputs": 20}),
        ((256, 256, 256), {"inputs": 30}),
    ),
    "blending": (
        ((32,), {"vineyards": 20, "wines": 3}),
        ((32,), {"vineyards": 30, "wines": 4}),
        ((16, 16), {"vineyards": 30, "wines": 4}),
        ((32, 32), {"vineyards": 30, "wines": 4}),
        ((32, 32), {"vineyards": 50, "wines": 6}),
        ((32, 32), {"vineyards": 50, "wines": 8}),
        ((64, 64), {"vineyards": 50, "wines": 8}),
        ((64, 64), {"vineyards": 100, "wines": 10}),
        ((64, 64, 64), {"vineyards": 100, "wines": 10}),
        ((64, 64, 64), {"vineyards": 200, "wines": 20}),
    ),
    "treatment": (
        ((16,), {"waters": 5}),
        ((16, 16), {"waters": 5}),
        ((16, 16), {"waters": 10}),
        ((16, 16, 16), {"waters": 10}),
        ((16, 16, 16), {"waters": 20}),
        ((32, 32), {"waters": 20}),
        ((32, 32, 32), {"waters": 20}),
        ((16, 16, 16), {"waters": 30}),
        ((16,) * 8, {"waters": 30}),
        ((32, 32, 32), {"waters": 50}),
    ),
    "design": (
        ((16,), {"known": 3}),
        ((16, 16), {"known": 3}),
        ((32,), {"known": 5}),
        ((32, 32), {"known": 5}),
        ((32, 32), {"known": 10}),
        ((32, 32, 32), {"known": 5}),
        ((64, 64), {"known": 5}),
        ((64, 64, 64), {"known": 5}),
        ((128, 128), {"known": 10, "features": 15}),
        ((128, 128, 128), {"known": 10, "features": 20}),
    ),
    "diet": (
        ((16,), {}),
        ((32,), {}),
        ((32, 32), {}),
        ((32, 32, 32), {}),
        ((64, 64), {}),
        ((64, 64, 64), {}),
        ((128, 128), {}),
        ((128, 128, 128), {}),
        ((128, 128), {"foods": 50}),
        ((256, 256, 256), {"foods": 50}),
    ),
    "scholarship": (
        ((16,), {"students": 20}),
        ((16,), {"students": 50}),
        ((16, 16), {"students": 30}),
        ((16, 16), {"students": 50}),
        ((16, 16), {"students": 100}),
        ((32, 32), {"students": 100}),
        ((32, 32), {"students": 200}),
        ((32, 32, 32), {"students": 200}),
        ((64, 64), {"students": 300}),
        ((64, 64), {"students": 500}),
    ),
}
"""By problem, and from small to large, hidden sizes of its networks and parameters of its ``build``."""


@dataclass(frozen=True, eq=False)
class Question:
    """One instance as a process needs it to build the model itself.

    Attributes:
        networks: the problem's dense networks by name.
        parameters: of the problem's ``build``.
        limit_seconds: for everything that a tool does.
        surrogates: pruned copies of the networks, for tools that are given some.
    """

    problem: str
    seed: int
    networks: Mapping[str, ReluNetwork]
    parameters: Mapping[str, Any]
    limit_seconds: float
    surrogates: Mapping[str, ReluNetwork] = field(default_factory=dict)

    @property
    def size(self) -> str:
        """The size in words: parameters and hidden layers."""
        hidden = "x".join(map(str, next(iter(self.networks.values())).hidden_sizes))
        return ", ".join([*(f"{value} {name}" for name, value in self.parameters.items()), hidden])

    def build(self, networks: Mapping[str, ReluNetwork] | None = None) -> ModelInstance:
        """Return the model, with the dense networks in its places or with others."""
        instance: ModelInstance = PROBLEMS[self.problem].build(networks or self.networks, self.seed, **self.parameters)
        return instance


def question(problem: str, index: int, limit_seconds: float) -> Question:
    """Return the instance, its networks trained; the same on every call on one machine."""
    _, parameters = NETWORK_SIZES[problem][index]
    return Question(problem, FIRST_SEED + index, _trained(problem, index), parameters, limit_seconds)


@functools.lru_cache(maxsize=2)
def _trained(problem: str, index: int) -> dict[str, ReluNetwork]:
    hidden, _ = NETWORK_SIZES[problem][index]
    return fit_networks(_samples(problem, index), hidden, TRAINING)


def _samples(problem: str, index: int) -> dict[str, Samples]:
    _, parameters = NETWORK_SIZES[problem][index]
    return draw_samples(PROBLEMS[problem], FIRST_SEED + index, **parameters)


def surrogates(problem: str, index: int, sparsity: float, finetuned: bool) -> dict[str, ReluNetwork]:
    """Return the networks pruned by global magnitude, and finetuned if asked, as they were trained."""
    data, networks = _samples(problem, index), _trained(problem, index)
    pruning = Pruning("magnitude", sparsity, finetuning=FINETUNING if finetuned else Finetuning())
    return {name: prune_in_units(pruning, networks[name], data[name]) for name in networks}
