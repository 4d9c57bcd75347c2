"""The best decision so far, and the one check that a decision must pass to count."""

from __future__ import annotations

import time
from collections.abc import Callable

import highspy
import numpy as np

from surrogate.models.programmes.linear import LinearProgramme, MixedProgramme
from surrogate.models.reading import UserModel
from surrogate.models.result import Step
from surrogate.networks import FloatArray

OnBetter = Callable[[Step], bool]
"""Called with each better decision, which the model's variables hold then; True asks for the end."""

SETTLING_SECONDS = 2.0
"""Most seconds for optimising the other variables anew at one decision."""

LAST_SECONDS = 0.05
"""Most seconds for the same when the time is over, which is when a solver's last decision comes."""

HAIRS = (0.0, 0.5, 0.999)
"""Shares of the tolerance that rows get when the other variables are optimised anew: the first that allows values is taken."""


class Incumbent:
    """Holds decisions against the dense networks and the model; keeps the best.

    ``deadline`` is a ``time.perf_counter()`` value after which little time is taken for mending a decision.

    Attributes:
        values: the best decision ``(columns,)``; None so far.
        value: its minimised objective; infinite so far.
        steps: each better decision when it was found.
        wants_end: whether the caller, or the target, asks for the end.
        failure: what the caller's function raised; None so far.
    """

    def __init__(
        self,
        model: UserModel,
        begin: float,
        tolerance: float,
        target: float | None,
        on_better: OnBetter | None,
        deadline: float = np.inf,
    ) -> None:
        self.model, self.begin, self.tolerance, self._deadline = model, begin, tolerance, deadline
        self._target, self._on_better = target, on_better
        self.values: FloatArray | None = None
        self.value = np.inf
        self.steps: list[Step] = []
        self.wants_end = False
        self.failure: BaseException | None = None
        self._pinned = np.flatnonzero(model.is_held).astype(np.int32)
        self._others = np.flatnonzero(~model.is_held)
        self._costly_others = bool(model.cost[self._others].any())
        self._settling: dict[float, LinearProgramme | MixedProgramme] = {}

    def offer(self, values: FloatArray, source: str, anew: bool = False) -> bool:
        """Take a decision, outputs as they may be, if it holds and is better than the best; return whether it was taken.

        Nothing is taken any more when the end has been asked for.

        Each value is moved to the nearest that its variable may have, and the networks' outputs are computed anew. Where that
        breaks the model, or moves an output, or ``anew`` is asked for, the variables that stand in no place and no product are
        optimised anew with the others held.
        """
        model = self.model
        if self.wants_end or not np.isfinite(values).all():
            return False
        decision = model.complete(model.nearest(values)[None])[0]
        if float(model.violations(decision[None]).max(initial=0.0)) > self.tolerance:
            again = self._settle(decision)
            if again is None:
                return False
            decision = again
        elif self._costly_others and (anew or self._moves_outputs(values, decision)):
            again = self._settle(decision)
            if again is not None and model.objective(again[None])[0] < model.objective(decision[None])[0]:
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
        self._tell(step)
        return True

    def _moves_outputs(self, values: FloatArray, decision: FloatArray) -> bool:
        """Whether the decision's outputs are others than those that its finder counted with, as with a pruned network's."""
        off = np.abs(decision - values)[self.model.is_output]
        return bool((off > self.tolerance * self.model.column_scale[self.model.is_output]).any())

    def _tell(self, step: Step) -> None:
        """Call the caller's function; what it raises ends the search, and must neither cross a solver's code nor a thread."""
        if self._on_better is None:
            return
        try:
            self.wants_end = bool(self._on_better(step)) or self.wants_end
        except BaseException as error:
            self.failure = error
            self.wants_end = True

    def _settle(self, decision: FloatArray) -> FloatArray | None:
        """Optimise the other variables with inputs and outputs held; None if they cannot make the decision hold."""
        model = self.model
        if not self._others.size:
            return None
        held = decision[self._pinned]
        slack = self.tolerance * model.column_scale[self._pinned]
        beyond = (held < model.lower[self._pinned] - slack) | (held > model.upper[self._pinned] + slack)
        if beyond.any():
            return None
        # With the rows as they are, then a hair wider: an equality on an output holds to the tolerance only.
        for share in HAIRS:
            found = self._settled(held, share * self.tolerance)
            if found is None:
                continue
            again = decision.copy()
            again[self._others] = model.nearest(found)[self._others]
            if float(model.violations(again[None]).max(initial=0.0)) <= self.tolerance:
                return again
        return None

    def _settled(self, held: FloatArray, hair: float) -> FloatArray | None:
        model = self.model
        if hair not in self._settling:
            arrays = (model.matrix, *model.rows_within(hair), model.cost, model.lower, model.upper)
            mixed = bool(model.integral[self._others].any())
            self._settling[hair] = MixedProgramme(*arrays, model.integral) if mixed else LinearProgramme(*arrays)
        programme = self._settling[hair]
        seconds = min(SETTLING_SECONDS, max(self._deadline - time.perf_counter(), LAST_SECONDS))
        if isinstance(programme, MixedProgramme):
            programme.lower[self._pinned] = programme.upper[self._pinned] = held
            return programme.solve(seconds)[1]
        programme.set_bounds(self._pinned, held, held)
        return programme.columns() if programme.run(seconds) == highspy.HighsModelStatus.kOptimal else None
