"""What every pruning method must offer, and two ways of choosing that methods share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from surrogate.data import Dataset
from surrogate.networks import BoolArray, FloatArray, ReluNetwork
from surrogate.problems.region import Region
from surrogate.pruning.stabilised import Stabilised
from surrogate.pruning.survivors import IndexArray, Survivors
from surrogate.settings import Configurable


@dataclass(frozen=True)
class PruningMethod(Configurable, ABC):
    """A rule that makes a surrogate of a network.

    Attributes:
        name: by which settings choose it.
        needs_data: whether it looks at training images.
        needs_region: whether its surrogate stands for the network over one region only.
        draws: whether it draws from ``rng``, so that another seed gives another surrogate. Else another seed makes no further
            trial, unless the copy is finetuned.
    """

    needs_data: ClassVar[bool] = False
    needs_region: ClassVar[bool] = False
    draws: ClassVar[bool] = False


@dataclass(frozen=True)
class SurvivorMethod(PruningMethod):
    """A rule that chooses which weights or hidden neurons of a network survive; the surrogate can be finetuned."""

    @abstractmethod
    def survivors(
        self, network: ReluNetwork, amount: float, rng: np.random.Generator, data: Dataset | None = None
    ) -> Survivors:
        """Choose what of ``network`` survives; ``amount`` in [0, 1) is the share that doesn't.

        What is gone already counts towards ``amount`` and stays gone, so that choosing again with a larger amount from a
        network that was cut and restored (:class:`Survivors`) only takes more away.

        Raises:
            InvalidSetting: no ``data``, or data that do not fit the network, though the method ``needs_data``.
        """


@dataclass(frozen=True)
class RegionMethod(PruningMethod):
    """A rule that rewrites a network for one region; the surrogate means nothing outside, so it is not trained further."""

    needs_region: ClassVar[bool] = True

    @abstractmethod
    def rewrite(self, network: ReluNetwork, amount: float, region: Region, rows: FloatArray | None = None) -> Stabilised:
        """Return a surrogate of ``network`` over ``region`` with sound bounds on the error that it makes.

        ``amount`` in [0, 1) is the share of what it gives up; ``rows`` ``(k, o)`` are the outputs that count, None: all.
        """


def all_but_lowest(scores: Sequence[FloatArray], amount: float) -> list[BoolArray]:
    """Mark, in matrices that are compared with each other, all but the ``round(amount * N)`` of their ``N`` lowest entries.

    Ties are broken by index, first matrix first. Entries of 0 are never marked: a weight of 0 is gone already.
    """
    flat = np.concatenate([score.ravel() for score in scores])
    marked = flat != 0.0
    marked[np.argsort(flat, kind="stable")[: round(amount * flat.size)]] = False
    parts = np.split(marked, np.cumsum([score.size for score in scores])[:-1])
    return [part.reshape(score.shape) for part, score in zip(parts, scores, strict=True)]


def strongest_neurons(network: ReluNetwork, scores: Sequence[FloatArray], amount: float) -> list[IndexArray]:
    """Return per hidden layer the neurons left without the ``round(amount * h)`` of lowest ``scores`` ``(h,)``.

    One neuron at least is left. Ties are broken by index, but neurons that take part in nothing (no weight in or out and no
    bias: those that are gone already) go first.
    """
    kept = []
    for layer, score in enumerate(scores):
        weight, bias, onward = network.weights[layer], network.biases[layer], network.weights[layer + 1]
        alive = weight.any(axis=1) | (bias != 0.0) | onward.any(axis=0)
        order = np.lexsort((score, alive))  # by alive, then by score, then by index, as lexsort is stable
        count = min(round(amount * score.size), score.size - 1)
        kept.append(np.sort(order[count:]))
    return kept
