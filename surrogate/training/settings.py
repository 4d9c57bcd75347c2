"""How a network is trained: the settings, which need no torch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from surrogate import rules
from surrogate.settings import Configurable, setting

OPTIMIZERS = ("adam", "sgd")
"""Accepted values of ``Training.optimizer``; sgd is without momentum."""

STEPS = ("batch_size", "learning_rate", "weight_decay", "optimizer")
"""The settings of a step. A training of no epochs takes no step, so that they count for nothing in it."""

OF_BOUNDS = ("stability", "big_m")
"""The weights of penalties on bounds over a region."""

SMALL_WEIGHT = 1e-3
"""Weights that ``Training.l1`` leaves smaller than this are set to 0 at the end: the default threshold of Xiao et al. 2019."""


@dataclass(frozen=True)
class Training(Configurable):
    r"""Settings of a training by mini-batches; the defaults are the paper's for dense networks.

    The loss is the cross-entropy of labels, which are integers, or the mean squared error of values, which are floats.

    ``epochs=0`` leaves a network as initialised. ``weight_decay`` is added to the gradient, as torch does. ``bias=False``
    trains no biases: a new network's are 0, a finetuned one's stay as they are.

    The further settings make a network that is easy to optimise over. All are off by default.

    * ``l1`` adds ``l1`` times the sum of the absolute weights, without biases, to the loss of a step. Steps bring weights close
      to 0 but not to it, so that weights below :data:`SMALL_WEIGHT` are set to 0 at the end.
    * ``stability`` adds :math:`-\tanh(1 + l u / r^2)`, summed over the hidden neurons with the bounds :math:`l \le z \le u`, of
      half the width :math:`r`: smaller where both bounds are on one side of 0, which spares a binary.
    * ``big_m`` adds the mean width :math:`u - l` of the hidden neurons: of one whose bounds are on both sides of 0 that is the
      sum of its two big-M constants.
    * ``radius`` says over which inputs these bounds are, which interval arithmetic computes: None over the box of all inputs, a
      number over the ball around each input in the largest norm, cut to that box; then their mean over the batch counts.
    * ``dropout`` is the probability by which a hidden neuron's output is 0 in a step; the others are scaled up.

    Raises:
        InvalidSetting: a value that is not allowed; names it and what is.

    Sources: Xiao, Tjeng, Shafiullah, Madry, *Training for Faster Adversarial Robustness Verification via Inducing ReLU
    Stability*, ICLR 2019, arXiv 1809.03008 (``l1``, ``stability``). Tsay, *Relaxation-Informed Training of Neural Network
    Surrogate Models*, arXiv 2604.22746, 2026 (``big_m``). Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, *Dropout: A
    Simple Way to Prevent Neural Networks from Overfitting*, JMLR 2014.
    """

    epochs: int = setting(5, rules.integer(0))
    seed: int = setting(0, rules.SEED)
    batch_size: int = setting(64, rules.COUNT)
    learning_rate: float = setting(1e-3, rules.POSITIVE)
    weight_decay: float = setting(1e-3, rules.NOT_NEGATIVE)
    optimizer: str = setting("adam", rules.one_of(*OPTIMIZERS))
    bias: bool = setting(True, rules.FLAG, key="network.bias")
    l1: float = setting(0.0, rules.NOT_NEGATIVE, is_switch=True)
    stability: float = setting(0.0, rules.NOT_NEGATIVE, is_switch=True)
    big_m: float = setting(0.0, rules.NOT_NEGATIVE, is_switch=True)
    radius: float | None = setting(
        None, rules.number("a number above 0", lambda value: value > 0.0, optional=True), is_switch=True
    )
    dropout: float = setting(0.0, rules.SHARE, is_switch=True)

    def without_effect(self) -> Collection[str]:
        if self.epochs == 0:
            return ("l1", *OF_BOUNDS, "radius", "dropout")
        return () if self.bounds_count else ("radius",)

    def at_default(self) -> Collection[str]:
        return STEPS if self.epochs == 0 else ()

    @property
    def bounds_count(self) -> bool:
        """Whether there is a penalty on bounds over a region."""
        return any(getattr(self, name) for name in OF_BOUNDS)
