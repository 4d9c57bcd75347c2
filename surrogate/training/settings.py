"""How a network is trained: the settings, which need no torch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from surrogate import rules
from surrogate.settings import Configurable, setting

OPTIMIZERS = ("adam", "sgd")
"""Accepted values of ``Training.optimizer``; sgd is without momentum."""

STEPS = ("batch_size", "learning_rate", "weight_decay", "optimizer")
"""The settings of steps, of which a training of no epochs takes none."""


@dataclass(frozen=True)
class Training(Configurable):
    """Settings of a training by mini-batches; the defaults are the paper's for dense networks.

    The loss is the cross-entropy of labels, which are integers, or the mean squared error of values, which are floats.

    ``epochs=0`` leaves a network as initialised. ``weight_decay`` is added to the gradient, as torch does. ``bias=False``
    trains no biases: a new network's are 0, a finetuned one's stay as they are.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    epochs: int = setting(5, rules.integer(0))
    seed: int = setting(0, rules.SEED)
    batch_size: int = setting(64, rules.COUNT)
    learning_rate: float = setting(1e-3, rules.POSITIVE)
    weight_decay: float = setting(1e-3, rules.NOT_NEGATIVE)
    optimizer: str = setting("adam", rules.one_of(*OPTIMIZERS))
    bias: bool = setting(True, rules.FLAG, key="network.bias")

    def at_default(self) -> Collection[str]:
        return STEPS if self.epochs == 0 else ()
