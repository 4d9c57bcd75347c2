"""One signal, one clean end, never while a result is written."""

from __future__ import annotations

import os
import signal

import pytest

from sweep.execution.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts(number: signal.Signals) -> None:
    former = signal.getsignal(number)
    with Interruption() as interruption:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert interruption.requested == number.name
        os.kill(os.getpid(), number)  # a second one does not disturb the clean-up
    assert signal.getsignal(number) is former


def test_what_nohup_ignores_stays_ignored() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interruption.requested is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


def test_a_signal_waits_for_a_block_to_end() -> None:
    done = []
    with Interruption() as interruption:

        def interrupted_inside() -> None:
            with interruption.postponed():
                with interruption.postponed():
                    os.kill(os.getpid(), signal.SIGINT)
                    done.append("inner")
                done.append("outer")

        with pytest.raises(KeyboardInterrupt):
            interrupted_inside()
        with interruption.postponed():
            done.append("later")  # what is written after the interruption is not interrupted again
    assert done == ["inner", "outer", "later"]


def test_a_library_sets_no_handler_while_it_starts() -> None:
    set_handler = signal.signal
    with Interruption() as interruption:

        def start() -> None:
            with interruption.alone():
                signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as Ray does
                os.kill(os.getpid(), signal.SIGTERM)

        with pytest.raises(KeyboardInterrupt):
            start()
        assert interruption.requested == "SIGTERM"
    assert signal.signal is set_handler


def test_signals_are_ignored_after_the_end() -> None:
    with Interruption() as interruption:
        interruption.finish()
        os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_while_the_last_results_are_written_hurries_that() -> None:
    with Interruption() as interruption:
        interruption.finish()
        assert not interruption.hurried
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.hurried


def test_a_signal_that_was_held_back_when_the_sweep_failed_is_forgotten() -> None:
    def fail_inside() -> None:
        with interruption.postponed():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError("the store is full")

    with Interruption() as interruption:
        with pytest.raises(ValueError, match="is full"):
            fail_inside()
        interruption.finish()
        with interruption.postponed():
            pass  # what is written at the end must not be cut short


def test_an_interrupted_sweep_is_hurried_by_the_next_signal_only() -> None:
    with Interruption() as interruption:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)  # while it closes down
        interruption.finish()
        assert not interruption.hurried
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.hurried
