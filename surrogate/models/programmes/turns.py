"""A MILP that is solved little by little, in turns with other work."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from surrogate.errors import SolverFailure, UnsoundBounds
from surrogate.models.programmes.mips import StatedModel
from surrogate.models.programmes.pace import NoTime
from surrogate.networks import FloatArray
from surrogate.solvers import Solution, Solver


class SolveInTurns:
    """A solve that goes on for a while whenever it is asked to.

    A MILP solver that is ended and begun anew does all of its work again. So it runs in a thread of its own, and waits in one
    of its callbacks while the caller's thread works: one of the two runs at any time. A solver without callbacks runs to its
    end at once.

    Raises, from :meth:`advance` and :meth:`finish`, ``SolverFailure``, ``UnsoundBounds`` or ``NoTime``: whatever a solver's own
    code raises costs its caller this solve and no more.
    """

    def __init__(
        self,
        stated: StatedModel,
        solver: Solver,
        deadline: float,
        start: FloatArray | None,
        on_point: Callable[[FloatArray], bool],
    ) -> None:
        self._until = -math.inf
        self._cancelled = False
        self._solution: Solution | None = None
        self._failure: SolverFailure | UnsoundBounds | NoTime | None = None
        self._turn, self._back = threading.Semaphore(0), threading.Semaphore(0)

        def run() -> None:
            self._turn.acquire()
            try:
                if not self._cancelled:
                    self._solution = stated.solve(solver, deadline, start, on_point, self._pause)
            except (SolverFailure, UnsoundBounds, NoTime) as error:
                self._failure = error
            except BaseException as error:
                self._failure = SolverFailure(f"{solver.name} failed with {type(error).__name__}: {error}")
            self._back.release()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def advance(self, until: float) -> Solution | None:
        """Go on until a ``time.perf_counter()`` value, or a little longer; return the solution if that is the end of it."""
        self._until = until
        self._turn.release()
        self._back.acquire()
        if self._failure is not None:
            raise self._failure
        return self._solution

    def finish(self) -> Solution | None:
        """Have the solver end as soon as it can, and return what it has by then."""
        if self._solution is None and self._failure is None:
            self._cancelled = True
            self.advance(math.inf)
        self._thread.join()
        return self._solution

    def _pause(self) -> bool:
        if time.perf_counter() >= self._until:
            self._back.release()
            self._turn.acquire()
        return self._cancelled
