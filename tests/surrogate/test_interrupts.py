"""Ctrl-C while a solver runs: it ends the solve and arrives, by whatever handler is in place."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from solving import EXTRA, every_solver, solve
from test_solvers import hard

from surrogate.solvers import HighsSolver, Solution, Solver, SolverStatus
from surrogate.solvers.interrupts import Interrupts


@contextmanager
def signalled(number: signal.Signals = signal.SIGINT, seconds: float = 1.0) -> Iterator[None]:
    """Have another process send a signal to this one after so many seconds, whatever keeps the threads of this one."""
    with subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -{int(number)} {os.getpid()}"]):
        yield


@contextmanager
def handled(number: signal.Signals, handler: Any) -> Iterator[None]:
    former = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, former)


def attempt(kind: type[Solver], seconds: float) -> Solution:
    model = hard()
    return solve(kind(time_limit_seconds=seconds), model, list(model.x.values()), seconds=seconds)


@every_solver
def test_the_solve_ends_and_the_interrupt_arrives(kind: type[Solver]) -> None:
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt), signalled():
        attempt(kind, 20.0)
    assert time.perf_counter() - begin < 10.0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@every_solver
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_handler_of_another_is_asked(kind: type[Solver], number: signal.Signals) -> None:
    class Asked(BaseException):
        pass

    def handler(*_: Any) -> None:
        raise Asked

    begin = time.perf_counter()
    with handled(number, handler):
        with pytest.raises(Asked), signalled(number):
            attempt(kind, 20.0)
        assert signal.getsignal(number) is handler
    assert time.perf_counter() - begin < 10.0


@pytest.mark.few(1)
@pytest.mark.parametrize("kind", [HighsSolver, EXTRA[1]])
def test_a_handler_that_raises_nothing_ends_nothing(kind: type[Solver]) -> None:
    asked = []
    with handled(signal.SIGINT, lambda number, _: asked.append(number)), signalled(seconds=0.5):
        solution = attempt(kind, 2.0)
    assert (solution.status, asked) == (SolverStatus.TIME_LIMIT, [signal.SIGINT])
    assert solution.solve_seconds > 1.5


@pytest.mark.parametrize("kind", EXTRA[:1])  # Gurobi has a handler of its own
def test_what_a_solver_in_a_thread_catches_reaches_the_main_thread_too(kind: type[Solver]) -> None:
    ended: list[Any] = []

    def target() -> None:
        try:
            ended.append(attempt(kind, 20.0).status)
        except BaseException as error:
            ended.append(type(error))

    thread = threading.Thread(target=target)
    arrived = []
    with handled(signal.SIGINT, lambda number, _: arrived.append(number)), signalled():
        thread.start()
        thread.join()
    assert (ended, arrived) == ([KeyboardInterrupt], [signal.SIGINT])


def test_a_signal_is_kept_to_the_end_of_the_run() -> None:
    done = []

    def interrupted() -> None:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGINT)
            done.append(interrupts.arrived)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == [True]
