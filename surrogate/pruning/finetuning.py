"""Pruning with finetuning: in one shot, or in rounds of training, pruning and rewinding."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from surrogate import rules
from surrogate.data import Dataset
from surrogate.errors import InvalidSetting
from surrogate.networks import ReluNetwork
from surrogate.pruning.base import SurvivorMethod
from surrogate.pruning.survivors import Survivors
from surrogate.settings import Configurable, setting
from surrogate.training import Training, finetune
from surrogate.training.settings import OPTIMIZERS, STEPS


@dataclass(frozen=True)
class Finetuning(Configurable):
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

    called: ClassVar[str] = "finetuning "

    rounds: int = setting(0, rules.integer(0))
    epochs: int = setting(5, rules.integer(0))
    optimizer: str = setting("sgd", rules.one_of(*OPTIMIZERS))
    learning_rate: float = setting(1e-2, rules.POSITIVE)
    weight_decay: float = setting(0.0, rules.NOT_NEGATIVE)
    batch_size: int = setting(64, rules.COUNT)
    rewind: bool = setting(True, rules.FLAG)
    seed: int = setting(0, rules.SEED, key="pruning.seed")

    def without_effect(self) -> Collection[str]:
        return ("epochs", *STEPS, "rewind", "seed") if self.rounds == 0 else ()

    def at_default(self) -> Collection[str]:
        if self.epochs == 0:
            return (*STEPS, "rewind", "seed")
        return ("rewind",) if self.rounds == 1 else ()

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
