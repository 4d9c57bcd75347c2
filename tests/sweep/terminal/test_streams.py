"""A stream that goes away is said once, and never fails again."""

from __future__ import annotations

import io
import os
import sys
from errno import EAGAIN, EIO, ENOSPC, EPIPE

import pytest

from sweep.terminal import streams
from sweep.terminal.exit_codes import UNREAD


class Failing(io.StringIO):
    """A stream whose writes fail as told."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self._numbers = list(numbers)

    def write(self, text: str) -> int:
        if self._numbers:
            number = self._numbers.pop(0)
            raise OSError(number, os.strerror(number))
        return super().write(text)


@pytest.mark.parametrize("number", [EPIPE, EIO, ENOSPC])
def test_an_output_that_goes_away_is_said_once(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    stdout, stderr = Failing(number), io.StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "stderr", stderr)
    with streams.outlived():
        streams.console().print("first")
        print("second", flush=True)
    assert sys.stdout is stdout
    assert stdout.getvalue() == "", "what has gone away is not asked again"
    assert stderr.getvalue() == (
        f"the output was closed ({os.strerror(number)}): the sweep goes on without it, and its results are kept as ever\n"
    )


def test_both_may_go_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(EIO))
    monkeypatch.setattr(sys, "stderr", Failing(EIO))
    with streams.outlived():
        print("first", flush=True)
        print("second", file=sys.stderr, flush=True)


def test_a_reader_that_is_slow_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = Failing(EAGAIN)
    monkeypatch.setattr(sys, "stdout", stdout)
    with streams.outlived():
        print("first", end="")
        print("second", end="")
    assert stdout.getvalue() == "second"


def test_a_program_whose_reader_has_gone_ends_as_a_shell_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with pytest.raises(SystemExit) as ended, streams.while_read():
            print("kept back until it is flushed")
        assert ended.value.code == UNREAD == 128 + 13
        stream.flush()


def test_what_rich_prints_ends_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(EPIPE))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit) as ended, streams.while_read():
        streams.console().print("a line")
    assert ended.value.code == UNREAD


def test_what_was_closed_from_the_start_takes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with streams.outlived():
        streams.console().print("first")


def test_a_silenced_stream_can_be_flushed() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        stream.write("kept back")
        with pytest.raises(BrokenPipeError):
            stream.flush()
        streams.silence(stream)
        stream.flush()
