"""Where the programs print."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TextIO

from rich.console import Console

from sweep.terminal.exit_codes import UNREAD


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise  # the BrokenPipeError itself: Rich would end the program, a sweep of hours too, with a code of its own


def console(**settings: Any) -> Console:
    """Return a console on the standard output that is a terminal only if that is one.

    Rich takes the variable ``FORCE_COLOR`` for a terminal too. Jupyter sets it, and so do many build servers: a live line there
    would be hundreds of lines of cursor movements.
    """
    return _Console(force_terminal=None if sys.stdout.isatty() else False, **settings)


def say(console: Console, text: str) -> None:
    """Print a text as it is: no markup, no colours for its numbers, no line cut."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def while_read() -> Iterator[None]:
    """End the program without a word, with the code :data:`UNREAD`, once nobody reads what the block prints (``| head``)."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            silence(stream)
        raise SystemExit(UNREAD) from None


@contextlib.contextmanager
def outlived() -> Iterator[None]:
    """Let the block go on when the terminal, the pipe or the log that it prints to goes away: it took hours, its lines did not.

    Both streams are replaced, not the console alone: Ray, MLflow and plain ``print`` write to them as well.
    """
    stdout, stderr = sys.stdout, sys.stderr
    errors = Lasting(stderr)
    sys.stdout, sys.stderr = Lasting(stdout, lambda error: print(_lost(error), file=errors, flush=True)), errors
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr


class Lasting:
    """A stream that is written to until it fails, and then takes everything and keeps nothing.

    Args:
        stream: the stream; None, as Python has it for one that was closed from the start, is one that takes everything.
        lost: told why, once.
    """

    def __init__(self, stream: TextIO | None, lost: Callable[[OSError], Any] = lambda error: None) -> None:
        self._stream, self._lost, self._is_lost = stream, lost, stream is None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)  # what it is to others, such as its encoding and its number

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def write(self, text: str) -> int:
        self._try(lambda stream: stream.write(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._try(lambda stream: stream.flush())

    def _try(self, act: Callable[[TextIO], Any]) -> None:
        if self._is_lost or self._stream is None:
            return
        try:
            act(self._stream)
        except BlockingIOError:
            return  # full for the moment: whoever reads it is slow, not gone
        except OSError as error:
            self._is_lost = True
            silence(self._stream)
            self._lost(error)


def silence(stream: TextIO) -> None:
    """Send to nowhere what a stream that fails still holds: Python writes that when it exits, and would fail once more."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a number has nothing behind it that Python would write to
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def _lost(error: OSError) -> str:
    return (
        f"the output was closed ({error.strerror or type(error).__name__}): the sweep goes on without it, and its results are "
        f"kept as ever"
    )
