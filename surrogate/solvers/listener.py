"""Tells the caller of a solve what the solver finds, and the solver when it has to end."""

from __future__ import annotations

import time
from collections.abc import Callable

from surrogate.networks import FloatArray
from surrogate.solvers.base import Cut, CutRow, OnIncumbent, Pause
from surrogate.solvers.interrupts import Interrupts
from surrogate.solvers.standard_form import Watch


class Listener:
    """The caller's callbacks around one solve, called with a solver's columns.

    An exception must not cross the solver's own code. So what a callback raises is kept, the solve ends, and :meth:`settle`
    raises it afterwards.

    Attributes:
        interrupts: to be entered around every run of the solver.
        stopped: whether a callback asked for the end.
    """

    def __init__(
        self,
        on_incumbent: OnIncumbent,
        pause: Pause | None,
        cut: Cut | None,
        deadline: float,
        watch: Watch,
        objective: Callable[[FloatArray], float],
    ) -> None:
        """``watch`` picks the watched variables out of a solver's columns, of which ``objective`` gives the objective."""
        self._on_incumbent, self._pause, self._cut, self._deadline = on_incumbent, pause, cut, deadline
        self._watch, self._objective = watch, objective
        self._failure: BaseException | None = None
        self.interrupts = Interrupts()
        self.stopped = False

    def meet(self, columns: FloatArray) -> None:
        """Report an improving solution ``(columns,)``."""
        try:
            self.stopped = self._on_incumbent(self._watch.values(columns), self._objective(columns)) or self.stopped
        except BaseException as error:
            self._failure = error

    @property
    def cuts(self) -> bool:
        """Whether solutions are cut off."""
        return self._cut is not None

    def cut(self, columns: FloatArray) -> CutRow | None:
        """Return the row over the columns that cuts a solution ``(columns,)`` off; None if the solve has to end."""
        if self._cut is None or self.over:
            return None
        try:
            return self._watch.row(*self._cut(self._watch.values(columns)))
        except BaseException as error:
            self._failure = error
            return None

    def pause(self) -> bool:
        """Let the caller take its time, to be called now and then; return whether the solve has to end now."""
        try:
            self.stopped = self.stopped or (self._pause is not None and self._pause())
        except BaseException as error:
            self._failure = error
        return self.over

    @property
    def broken(self) -> bool:
        """Whether a callback raised something."""
        return self._failure is not None

    @property
    def over(self) -> bool:
        """Whether a callback, a signal or the deadline ends the solve."""
        return self.stopped or self.broken or self.interrupts.arrived or time.perf_counter() >= self._deadline

    def settle(self) -> None:
        """Raise what a callback raised."""
        if self._failure is not None:
            raise self._failure
