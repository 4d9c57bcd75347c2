"""What a section of the benchmark is: rows that are measured one by one, and a report made from rows alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
"""One measurement as JSON keeps it; ``limit_seconds`` is among the entries where there is a limit."""


@dataclass(frozen=True)
class Options:
    """What of a section is measured.

    Attributes:
        limit_seconds: replaces the section's own limit.
        instances: indices of the section's instances; None is all.
        tools: names of the tools or methods that are compared, of any section; None is all.
        done: keys of rows that need not be measured again.
        problems: names of the problems of a section that has some; None is all.
    """

    limit_seconds: float | None = None
    instances: tuple[int, ...] | None = None
    tools: tuple[str, ...] | None = None
    done: frozenset[tuple[Any, ...]] = frozenset()
    problems: tuple[str, ...] | None = None

    def limit(self, default: float) -> float:
        return default if self.limit_seconds is None else self.limit_seconds

    def chosen(self, tools: Iterable[str]) -> list[str]:
        """Return which of a section's tools are to be measured."""
        return [name for name in tools if self.tools is None or name in self.tools]

    def wants(self, instance: int, *rest: Any) -> bool:
        """Whether the row with this key, whose first entry is the index of an instance, is to be measured."""
        return (self.instances is None or instance in self.instances) and (instance, *rest) not in self.done


@dataclass(frozen=True)
class Section:
    """A section.

    Attributes:
        key: the names of the entries that identify a row; a new measurement replaces the row with the same ones. With
            ``limit_seconds`` among them, rows of several limits stand side by side; else one file has one limit.
        limit_seconds: wall seconds for one solve, unless other options are given.
        measure: yields rows as they are measured.
        report: Markdown from rows, however they came about.
        tools: what ``--tools`` may choose among.
        missing: a sentence on what must be there first and is not; None if nothing is missing.
    """

    key: tuple[str, ...]
    limit_seconds: float
    measure: Callable[[Options], Iterator[Row]]
    report: Callable[[Sequence[Row]], str]
    tools: tuple[str, ...] = ()
    missing: Callable[[], str | None] = lambda: None

    def progress(self, row: Row) -> str:
        """Return the plain entries of a row, for the terminal while the section runs."""
        return ", ".join(f"{name} {_short(value)}" for name, value in row.items() if isinstance(value, str | int | float))

    def key_of(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.key)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
