"""How a network is trained: the settings, which need no torch."""

from __future__ import annotations

from dataclasses import dataclass

from surrogate.checks import require_flags, require_integer, require_name, require_number

OPTIMIZERS = ("adam", "sgd")
"""Accepted values of ``Training.optimizer``; sgd is without momentum."""


@dataclass(frozen=True)
class Training:
    """Settings of a training by mini-batches; the defaults are the paper's for dense networks.

    The loss is the cross-entropy of labels, which are integers, or the mean squared error of values, which are floats.

    ``epochs=0`` leaves a network as initialised. ``weight_decay`` is added to the gradient, as torch does. ``bias=False``
    trains no biases: a new network's are 0, a finetuned one's stay as they are.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.
    """

    epochs: int = 5
    seed: int = 0
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    optimizer: str = "adam"
    bias: bool = True

    def __post_init__(self) -> None:
        require_integer("epochs", self.epochs, 0)
        require_integer("seed", self.seed, 0)
        require_integer("batch_size", self.batch_size, 1)
        require_number("learning_rate", self.learning_rate, "a finite number above 0", lambda value: value > 0.0)
        require_number("weight_decay", self.weight_decay, "a finite number of at least 0", lambda value: value >= 0.0)
        require_name("optimizer", self.optimizer, OPTIMIZERS)
        require_flags(bias=self.bias)
