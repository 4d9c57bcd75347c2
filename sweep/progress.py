"""What the terminal shows while a sweep runs: a live line on a terminal, else one plain line per finished trial."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweep.records import TrialRecord
from sweep.wording import count

SHOWN_RUNNING = 4
"""At most this many running trials are named."""


class Progress:
    """Counts of a sweep and how to show them; a context manager around its running part.

    Args:
        console: where to print; its ``is_terminal`` decides between live and plain.
        total: number of trials.
        slots: how many trials run at a time.
    """

    def __init__(self, console: Console, total: int, slots: int) -> None:
        self.console, self.total, self.slots = console, total, max(slots, 1)
        self.done = self.failed = self.reused = self.stopped = 0
        self.running: dict[str, tuple[str, float]] = {}
        self._answered: dict[str, int] = {}
        self.best: tuple[float, str] | None = None
        self._durations: list[float] = []
        self._activity = ""
        self._live = (
            Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """Print a line above the live display."""
        self.console.print(escape(text), highlight=False, soft_wrap=True)

    def activity(self, text: str) -> None:
        """Say what happens before trials run; an empty text ends it."""
        self._activity = text
        if text and self._live is None:
            self.say(text)

    def start(self, key: str, name: str) -> None:
        self.running[key] = (name, time.monotonic())

    def advance(self, key: str, answered: int) -> None:
        """A running trial has answered so many questions."""
        self._answered[key] = answered

    def lose(self, key: str, name: str, why: str) -> None:
        """A worker was lost; the trial goes back to the queue."""
        self.running.pop(key, None)
        self.say(f"retried: {name}: {why}")

    def end(self, record: TrialRecord, reused: bool = False) -> None:
        """Count a trial that ended; a failure is always shown when it happens."""
        self.running.pop(record.key, None)
        self._answered.pop(record.key, None)
        margins = [instance.best_margin for instance in record.instances if instance.best_margin is not None]
        best = max(margins, default=None)
        if best is not None and (self.best is None or best > self.best[0]):
            self.best = (best, record.name)
        if record.status == "failed":
            self.failed += 1
            self.say(f"[{self.done + self.failed}/{self.total}] FAILED {record.name}: {record.error}")
            return
        if record.status in ("interrupted", "stopped"):
            self.stopped += record.status == "stopped"
            kept = len(record.instances)
            answers = f", {count(kept, 'answer')} kept" if kept else ""
            self.say(f"{record.status}: {record.name}: {record.error}{answers}")
            return
        self.done += 1
        self.reused += reused
        if not reused and record.total_seconds is not None:
            self._durations.append(record.total_seconds)
        if self._live is None:
            self.say(f"[{self.done + self.failed}/{self.total}] {record.name}: {_outcome(record, reused)}")

    def seconds_left(self) -> float | None:
        """Estimate the time left from the mean duration of the trials so far; None before the first."""
        if not self._durations:
            return None
        mean = sum(self._durations) / len(self._durations)
        now = time.monotonic()
        waiting = self.total - self.done - self.failed - self.stopped - len(self.running)
        running = sum(max(mean - (now - begin), 0.0) for _, begin in self.running.values())
        return (waiting * mean + running) / self.slots

    def _render(self) -> Group:
        ended = self.done + self.failed + self.stopped
        left = self.seconds_left()
        facts = Table.grid(padding=(0, 2))
        facts.add_row(
            ProgressBar(total=max(self.total, 1), completed=ended, width=24),
            f"{ended}/{self.total}",
            f"[green]done {self.done}[/]",
            f"running {len(self.running)}",
            f"[red]failed {self.failed}[/]" if self.failed else "failed 0",
            f"reused {self.reused}",
            "best margin -" if self.best is None else f"best margin {self.best[0]:.3f} ({escape(self.best[1])})",
            "time left -" if left is None else f"time left {_clock(left)}",
        )
        now = time.monotonic()
        shown = list(self.running.items())[:SHOWN_RUNNING]
        names = [f"{name} {_clock(now - begin)}{self._answers(key)}" for key, (name, begin) in shown]
        more = len(self.running) - len(names)
        text = self._activity or "; ".join(names) + (f"; {more} more" if more > 0 else "")
        return Group(facts, Text(text, style="dim", overflow="ellipsis", no_wrap=True))

    def _answers(self, key: str) -> str:
        answered = self._answered.get(key, 0)
        return f" ({answered} answered)" if answered else ""


def _outcome(record: TrialRecord, reused: bool) -> str:
    statuses = [instance.status for instance in record.instances]
    asks = not statuses or any(instance.asks for instance in record.instances)
    word = "adversarial" if asks else "optimal"  # where a value is maximised nothing is adversarial
    proven = statuses.count("robust")
    robust = f", robust {proven}/{len(statuses)}" if proven else ""
    margins = [instance.best_margin for instance in record.instances if instance.best_margin is not None]
    margin = f", best {'margin' if asks else 'value'} {max(margins):.3f}" if margins else ""
    lengths = [instance.length for instance in record.instances if instance.length is not None]
    length = f", norms {min(lengths):.3f} to {max(lengths):.3f}" if lengths else ""
    spent = "reused" if reused else f"{record.total_seconds or 0.0:.1f} s"
    return f"{word} {statuses.count(word)}/{len(statuses)}{robust}{margin}{length}, {spent}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
