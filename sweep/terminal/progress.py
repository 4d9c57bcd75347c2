"""What the terminal shows while a sweep runs: a line for each trial that ends, and on a terminal a live display below them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweep.terminal.wording import count

if TYPE_CHECKING:
    from sweep.records import TrialRecord

SHOWN_RUNNING = 4
"""At most this many running trials or trainings are named."""

WIDEST_BAR = 24
"""Characters of the bar, where the terminal is wide enough for it: the counts stay on one line."""


@dataclass
class _Running:
    """A trial under way; ``instances`` is None where only the files of its properties say how many it has."""

    name: str
    begin: float
    instances: int | None
    answered: int = 0

    def seconds(self, now: float) -> float | None:
        """Return how long it will take in all, by what its answers so far took; None before the first."""
        return (now - self.begin) * self.instances / self.answered if self.answered and self.instances else None


@dataclass
class _ShownTraining:
    """A dense network that is being trained; ``epoch`` of its epochs are done."""

    name: str
    epochs: int
    epoch: int = 0


class Progress:
    """Counts of a sweep and how to show them; a context manager around its running part.

    Args:
        console: where to print; its ``is_terminal`` decides whether there is a live display.
        total: number of trials.
        slots: how many trials run at a time.
    """

    def __init__(self, console: Console, total: int, slots: int) -> None:
        self.console, self.total, self.slots = console, total, max(slots, 1)
        self.done = self.failed = self.reused = self.stopped = 0
        self.running: dict[str, _Running] = {}
        self.training: dict[str, _ShownTraining] = {}
        self.best: float | None = None
        self._value_word = "value"
        self._durations: list[float] = []
        self._former_durations: list[float] = []
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

    def expect(self, trials: int) -> None:
        """Set how many trials there are in all."""
        self.total = trials

    def widen(self, slots: int) -> None:
        """Set how many trials run at a time."""
        self.slots = max(slots, 1)

    def say(self, text: str) -> None:
        """Print a line above the live display."""
        self.console.print(escape(text), highlight=False, soft_wrap=True)

    def activity(self, text: str) -> None:
        """Say what happens before trials run; an empty text ends it."""
        self._activity = text
        if text and self._live is None:
            self.say(text)

    def start_training(self, key: str, name: str, epochs: int) -> None:
        """A dense network waits for its training, or is in it."""
        self.training[key] = _ShownTraining(name, epochs)

    def train(self, key: str, epoch: int) -> None:
        """So many epochs of a training are done."""
        self.training[key].epoch = epoch

    def end_training(self, key: str) -> None:
        self.training.pop(key, None)

    def start(self, key: str, name: str, instances: int | None = None) -> None:
        self.running[key] = _Running(name, time.monotonic(), instances)

    def advance(self, key: str, answered: int) -> None:
        """Note how many instances a running trial has answered."""
        if key in self.running:
            self.running[key].answered = answered

    def lose(self, key: str, name: str, why: str) -> None:
        """A worker was lost; the trial goes back to the queue."""
        self.running.pop(key, None)
        self.say(f"retried: {name}: {why}")

    def end(self, record: TrialRecord, reused: bool = False) -> None:
        """Count a trial that ended, and print its line."""
        self.running.pop(record.key, None)
        for instance in record.instances:
            self._value_word, sign = instance.words.value, instance.sign
            if instance.value is not None and (self.best is None or sign * instance.value > sign * self.best):
                self.best = instance.value
        if record.status == "failed":
            self.failed += 1
            self.say(f"[{self.done + self.failed}/{self.total}] FAILED {record.name}: {record.error}")
            return
        if record.status in ("interrupted", "stopped"):
            self.stopped += record.status == "stopped"
            kept = len(record.instances)
            answers = f", {count(kept, 'answer')} kept" if kept else ""
            self.say(f"{record.name}: {record.error}{answers}")
            return
        self.done += 1
        self.reused += reused
        if record.total_seconds is not None:
            (self._former_durations if reused else self._durations).append(record.total_seconds)
        self.say(f"[{self.done + self.failed}/{self.total}] {record.name}: {outcome(record, reused)}")

    def seconds_left(self) -> float | None:
        """Estimate the time left from the mean duration of the trials so far; None before the first result.

        A trial that has answered some of its instances counts by what these took. Trials of former sweeps count where there is
        nothing else yet.
        """
        now = time.monotonic()
        running = list(self.running.values())  # another thread draws than the one that counts
        expected = [one.seconds(now) for one in running]
        known = [*self._durations, *(seconds for seconds in expected if seconds is not None)] or self._former_durations
        if not known:
            return None
        mean = sum(known) / len(known)
        waiting = self.total - self.done - self.failed - self.stopped - len(running)
        begun = sum(max((of_it or mean) - (now - one.begin), 0.0) for one, of_it in zip(running, expected, strict=True))
        return (waiting * mean + begun) / self.slots

    def _render(self) -> Group:
        ended = self.done + self.failed + self.stopped
        left = self.seconds_left()
        parts = [f"{ended}/{self.total}", f"[green]done {self.done}[/]", f"running {len(self.running)}"]
        if self.failed:
            parts.append(f"[red]failed {self.failed}[/]")
        if self.reused:
            parts.append(f"reused {self.reused}")
        parts.append(f"best {self._value_word} {'-' if self.best is None else f'{self.best:.3f}'}")
        parts.append("time left -" if left is None else f"time left {_clock(left)}")
        facts = Text.from_markup("  ".join(parts), overflow="ellipsis")
        line = Table.grid(padding=(0, 2))
        line.add_column(no_wrap=True)
        bar = min(WIDEST_BAR, self.console.width - facts.cell_len - 2)
        line.add_row(*([ProgressBar(total=max(self.total, 1), completed=ended, width=bar)] if bar > 0 else []), facts)
        return Group(line, Text(self._under_way(), style="dim", overflow="ellipsis", no_wrap=True))

    def _under_way(self) -> str:
        """Return what is trained, done or run at this moment."""
        if self.training:
            trainings = list(self.training.values())
            return "training " + _some([f"{one.name} (epoch {one.epoch} of {one.epochs})" for one in trainings])
        if self._activity:
            return self._activity
        now = time.monotonic()
        return _some([f"{one.name} {_clock(now - one.begin)}{_answers(one)}" for one in list(self.running.values())])


def _some(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - SHOWN_RUNNING
    return "; ".join([*names[:SHOWN_RUNNING], *([f"{more} more"] if more > 0 else [])])


def _answers(one: _Running) -> str:
    if not one.answered:
        return ""
    return f" ({one.answered} of {one.instances} answered)" if one.instances else f" ({one.answered} answered)"


def outcome(record: TrialRecord, reused: bool = False) -> str:
    """Return in a few words what a finished trial has found, and in what time."""
    answers = record.instances
    if not answers:
        return "no instance" + (", reused" if reused else f", {record.total_seconds or 0.0:.1f} s")
    words, total = answers[0].words, len(answers)
    proven = [answer.status for answer in answers if answer.has_none]
    none = f", {proven[0]} {len(proven)}/{total}" if proven else ""
    values = [answer.value for answer in answers if answer.value is not None]
    value = ""
    if values and words.spread:
        value = f", {words.spread} {min(values):.3f} to {max(values):.3f}"
    elif values:
        value = f", best {words.value} {max(values, key=lambda one: answers[0].sign * one):.3f}"
    found = f"{words.find} {sum(answer.is_found for answer in answers)}/{total}"
    spent = "reused" if reused else f"{record.total_seconds or 0.0:.1f} s"
    return f"{found}{none}{value}, {spent}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
