"""The best decision so far, and the one way in which a decision comes to count."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import highspy
import numpy as np

from surrogate.models.linear import LinearProgramme, MixedProgramme
from surrogate.models.reading import UserModel
from surrogate.models.result import Step
from surrogate.networks import FloatArray

OnBetter = Callable[[Step], bool]
"""Called with each better decision, which the model's variables hold then; True asks for the end."""

SETTLING_SECONDS = 2.0
"""Most seconds for optimising the other variables anew at one decision."""


class Incumbent:
    """Holds decisions against the dense networks and the model; keeps the best.

    Attributes:
        values: the best decision ``(columns,)``; None so far.
        value: its minimised objective; infinite so far.
        steps: each better decision when it was found.
        wants_end: whether the caller, or the target, asks for the end.
    """

    def __init__(
        self, model: UserModel, begin: float, tolerance: float, target: float | None, on_better: OnBetter | None
    ) -> None:
        self.model, self.begin, self.tolerance = model, begin, tolerance
        self._target, self._on_better = target, on_better
        self.values: FloatArray | None = None
        self.value = np.inf
        self.steps: list[Step] = []
        self.wants_end = False
        self.work: Counter[str] = Counter()
        self._pinned = np.flatnonzero(model.is_input | model.is_output).astype(np.int32)
        self._others = np.flatnonzero(~(model.is_input | model.is_output))
        self._settling: LinearProgramme | None = None
        self._settling_mixed: MixedProgramme | None = None

    def offer(self, values: FloatArray, source: str) -> bool:
        """Take a decision, outputs as they may be, if it holds and is better than the best; return whether it was taken.

        Integers are rounded, the networks' outputs computed anew, and where that breaks the model, the variables that are
        neither input nor output are optimised anew with the inputs held.
        """
        model = self.model
        if not np.isfinite(values).all():
            return False
        settled = np.where(model.integral, np.round(values), values)
        if (np.abs(settled - values) > 1e-4).any():
            return False
        inside = np.clip(settled, model.lower, model.upper)
        settled = np.where(model.is_output, settled, inside)
        decision = model.complete(settled[None])[0]
        if float(model.violations(decision[None]).max(initial=0.0)) > self.tolerance:
            again = self._settle(decision)
            if again is None:
                return False
            decision = again
        value = float(model.objective(decision[None])[0])
        if not value < self.value - 1e-9 * max(1.0, abs(value)):
            return False
        shown = model.confirmed(decision, self.tolerance)
        if shown is None:
            return False
        self.values, self.value = decision, value
        step = Step(time.perf_counter() - self.begin, shown, source)
        self.steps.append(step)
        if self._target is not None and model.sign * shown <= model.sign * self._target:
            self.wants_end = True
        if self._on_better is not None and self._on_better(step):
            self.wants_end = True
        return True

    def _settle(self, decision: FloatArray) -> FloatArray | None:
        """Optimise the other variables with inputs and outputs held; None if they cannot make the decision hold."""
        model = self.model
        if not self._others.size:
            return None
        held = decision[self._pinned]
        beyond = (held < model.lower[self._pinned] - self.tolerance * np.maximum(1.0, np.abs(model.lower[self._pinned]))) | (
            held > model.upper[self._pinned] + self.tolerance * np.maximum(1.0, np.abs(model.upper[self._pinned]))
        )
        if beyond.any():
            return None
        mixed = bool(model.integral[self._others].any())
        found = self._settle_mixed(held) if mixed else self._settle_linear(held)
        if found is None:
            return None
        again = decision.copy()
        again[self._others] = np.clip(found[self._others], model.lower[self._others], model.upper[self._others])
        again = np.where(model.integral, np.round(again), again)
        return again if float(model.violations(again[None]).max(initial=0.0)) <= self.tolerance else None

    def _settle_linear(self, held: FloatArray) -> FloatArray | None:
        if self._settling is None:
            self._settling = LinearProgramme(*self._arrays())
        self._settling.set_bounds(self._pinned, held, held)
        if self._settling.run(SETTLING_SECONDS) != highspy.HighsModelStatus.kOptimal:
            return None
        return self._settling.columns()

    def _settle_mixed(self, held: FloatArray) -> FloatArray | None:
        if self._settling_mixed is None:
            self._settling_mixed = MixedProgramme(*self._arrays(), self.model.integral)
        self._settling_mixed.lower[self._pinned] = self._settling_mixed.upper[self._pinned] = held
        return self._settling_mixed.solve(SETTLING_SECONDS)[1]

    def _arrays(self) -> tuple[Any, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """The model's rows, a hair wider than they are: the held outputs are known to float64, the solver's zero is not."""
        model = self.model
        hair = 0.5 * self.tolerance
        sides = np.maximum(1.0, np.abs(np.where(np.isfinite(model.row_lower), model.row_lower, 0.0)))
        more = np.maximum(1.0, np.abs(np.where(np.isfinite(model.row_upper), model.row_upper, 0.0)))
        return (
            model.matrix,
            model.row_lower - hair * sides,
            model.row_upper + hair * more,
            model.cost,
            model.lower,
            model.upper,
        )
