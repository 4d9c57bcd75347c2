"""What is maximised over a region: a piecewise linear function of the network's outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from surrogate.errors import InvalidSetting
from surrogate.networks import FloatArray


@dataclass(frozen=True)
class Margin:
    r"""The margin :math:`m(x) = \max_{c \in T} f_c(x) - f_t(x)`, wrong minus right: positive is adversarial.

    ``label`` is the class ``t``; ``target`` the one class in ``T``, or None for every class but ``t`` (untargeted).

    Raises:
        InvalidSetting: a negative class, or a target that is the label.
    """

    label: int
    target: int | None = None

    def __post_init__(self) -> None:
        if self.label < 0 or (self.target is not None and self.target < 0):
            raise InvalidSetting(f"classes count from 0, got label={self.label} and target={self.target}")
        if self.target == self.label:
            raise InvalidSetting(f"target={self.target} is the label itself: choose another class, or None for any")

    def rows(self, outputs: int) -> FloatArray:
        """Return the matrix ``(k, o)`` whose rows map logits to ``f_c - f_t``, one row for each class in ``T``.

        Raises:
            InvalidSetting: a class that a network with ``outputs`` logits does not have.
        """
        if max(self.label, self.target or 0) >= outputs or outputs < 2:
            raise InvalidSetting(
                f"label={self.label} and target={self.target} need more logits than the network's {outputs}: "
                f"classes run from 0 to {outputs - 1}"
            )
        wrong = [c for c in range(outputs) if c != self.label] if self.target is None else [self.target]
        matrix = np.zeros((len(wrong), outputs))
        matrix[np.arange(len(wrong)), wrong] = 1.0
        matrix[:, self.label] -= 1.0
        return matrix

    def value(self, logits: ArrayLike) -> FloatArray:
        """Return the margins ``(n,)`` of logits ``(n, o)``."""
        batch = np.asarray(logits, dtype=np.float64)
        return (batch @ self.rows(batch.shape[1]).T).max(axis=1)
