"""Pruning with finetuning: in one shot, or in rounds of training, pruning and rewinding."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from surrogate.checks import require_integer
from surrogate.data import Dataset
from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.pruning.base import SurvivorMethod
from surrogate.pruning.survivors import Survivors
from surrogate.training import Training, finetune


@dataclass(frozen=True)
class Finetuning:
    """How a pruned network is trained further; the defaults are the paper's, but for ``rounds``.

    * ``rounds=0``: not at all.
    * ``rounds=1``: prune, then train ``epochs`` epochs with the pruned weights held at 0.
    * ``rounds=r`` of 2 or more: ``r`` times train, then prune to the share ``1 - (1 - amount)**(i / r)`` in round ``i``, by
      the trained weights, and, with ``rewind``, set what survives back to its dense weights and biases; at the end train once
      more. Source of the rewinding: Frankle, Carbin, *The Lottery Ticket Hypothesis*, ICLR 2019.

    ``epochs=0`` leaves out every training, and needs no data. Training number ``i`` shuffles with ``seed + i``.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    rounds: int = 0
    epochs: int = 5
    optimizer: str = "sgd"
    learning_rate: float = 1e-2
    weight_decay: float = 0.0
    batch_size: int = 64
    rewind: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        require_integer("finetuning rounds", self.rounds, 0)
        require_integer("finetuning seed", self.seed, 0)
        if not isinstance(self.rewind, bool):
            raise InvalidSetting(f"finetuning rewind={self.rewind!r} is not allowed: expected true or false")
        try:
            self.training(0, bias=True)
        except InvalidSetting as error:
            raise InvalidSetting(f"finetuning {error}") from error

    @property
    def trains(self) -> bool:
        """Whether any training takes place, so that images are needed."""
        return self.rounds > 0 and self.epochs > 0

    def training(self, number: int, bias: bool) -> Training:
        """Return the settings of training ``number``, counted from 0."""
        return Training(
            epochs=self.epochs,
            seed=self.seed + number,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            optimizer=self.optimizer,
            bias=bias,
        )

    def levels(self, amount: float) -> list[float]:
        """Return the share that is gone after each pruning, the last one exactly ``amount``."""
        prunings = max(self.rounds, 1)
        return [1.0 - (1.0 - amount) ** (i / prunings) for i in range(1, prunings)] + [amount]


def prune_and_finetune(
    method: SurvivorMethod,
    amount: float,
    finetuning: Finetuning,
    dense: ReluNetwork,
    rng: np.random.Generator,
    data: Dataset | None,
) -> ReluNetwork:
    """Prune ``dense`` with ``method`` as ``finetuning`` says, training on the training set of ``data``.

    Raises:
        InvalidSetting: no data, or data that do not fit the network, where the method or training needs them.
        TrainingDiverged: a training ended in a loss or weight that is NaN or infinite.
    """
    bias = any(vector.any() for vector in dense.biases)  # a network without biases stays one
    survivors = Survivors.everything(dense)
    current = dense  # always in the dense network's shape, so that amounts and rewinding refer to it
    trainings = itertools.count()

    def trained() -> ReluNetwork:
        cut = survivors.cut(current)
        if not finetuning.trains:
            return cut
        if data is None:
            raise InvalidSetting(
                f"finetuning rounds={finetuning.rounds} needs a data set to train on, got none: give one, or set rounds to 0"
            )
        settings = finetuning.training(next(trainings), bias)
        return finetune(cut, survivors.cut_masks(), settings, data.train_images, data.train_labels)

    for level in finetuning.levels(amount):
        if finetuning.rounds >= 2:
            current = survivors.restore(trained())
        survivors = method.survivors(current, level, rng, data)
        current = survivors.restore(survivors.cut(dense if finetuning.rewind else current))
    return trained()
