"""The ranking as a table for the terminal, the page and in Markdown: few columns, what a person wants to know at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sweep.report.words import Row, seconds

MISSING = "—"
"""Shown where there is no value."""


@dataclass(frozen=True)
class Column:
    """A column of the table that people read; shown only where some row has none of the counts ``needs`` at 0."""

    title: str
    text: Callable[[Row], str]
    needs: tuple[str, ...] = ()

    def fits(self, rows: Sequence[Row]) -> bool:
        return any(all(row[name] for name in self.needs) for row in rows)


def print_ranking(frame: pd.DataFrame, console: Console, most: int = 12) -> None:
    """Print a table of the best ``most`` settings of each network, then the trials that did not finish, with their reasons."""
    for network, part in frame.groupby("network", sort=False):
        rows = _rows(part)
        table = _table(_heading(str(network), rows), rows[:most], [column for column in COLUMNS if column.fits(rows)])
        if len(rows) > most:
            table.caption = f"{len(rows) - most} more in ranking.csv."
        # The table keeps its own width where the console has less: a line that is too long can still be read, a cut one not.
        table.width = console.measure(table, options=console.options.update(width=1000)).maximum
        console.print(table, crop=False, soft_wrap=True)
    if frame.empty:
        console.print("No trial finished: there is nothing to rank.")
    else:
        console.print(legend(frame), style="dim", highlight=False, soft_wrap=not console.is_terminal)
    for name, status, error in frame.attrs.get("unfinished", []):
        console.print(f"[red]{escape(status)}[/red] {escape(name)}: {escape(error)}", soft_wrap=True, highlight=False)


def markdown_ranking(frame: pd.DataFrame, most: int = 12) -> str:
    """Return the best ``most`` settings of each network as Markdown tables."""
    lines: list[str] = []
    for _, part in frame.groupby("network", sort=False):
        heading, titles, rows = ranking_rows(part)
        lines += [f"**{heading}**", "", f"| {' | '.join(titles)} |"]
        lines += ["|" + "|".join(" --- " if place == 0 else " ---: " for place in range(len(titles))) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in rows[:most]]
        lines += [f"{len(rows) - most} more in ranking.csv"] if len(rows) > most else []
        lines.append("")
    return "\n".join(lines)


def ranking_rows(frame: pd.DataFrame) -> tuple[str, list[str], list[list[str]]]:
    """Return heading, titles and cells of the table of one network, with all columns that say something."""
    rows = _rows(frame)
    shown = [column for column in COLUMNS if column.fits(rows)]
    titles = [column.title.replace("\n", " ") for column in shown]
    return _heading(str(frame["network"].iloc[0]), rows), titles, [[column.text(row) for column in shown] for row in rows]


def legend(frame: pd.DataFrame) -> str:
    """Return in a line what the columns of a ranking mean."""
    return "; ".join(text for name, text in LEGEND if (frame[name] > 0).any()) + "."


LEGEND = (
    ("asked", "adversarial: images with a checked adversarial input"),
    ("robust", "robust: proven to have none"),
    ("maximised", "optimal: proven to be the largest"),
    ("norm_proven", "proven: none is shorter"),
    ("compared_with_dense", "better, worse: images, by the value at the limit"),
    ("first_adversarial_values", "first after: median of those found"),
)
"""What is said of the columns, in their order, each only where the count is not 0 in some row."""


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows with None for every missing value."""
    return [{str(k): None if pd.isna(v) else v for k, v in row.items()} for row in frame.to_dict("records")]


def _table(heading: str, rows: Sequence[Row], columns: Sequence[Column]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, caption_justify="left")
    table.title, table.title_justify, table.title_style = heading, "left", "bold"
    for column in columns:
        table.add_column(column.title, justify="left" if column is columns[0] else "right", vertical="bottom", no_wrap=True)
    for row in rows:
        table.add_row(*(escape(column.text(row)) for column in columns))
    return table


def _heading(network: str, rows: Sequence[Row]) -> str:
    accuracies = sorted({row["accuracy_dense"] for row in rows if row["accuracy_dense"] is not None})
    shown = " to ".join(dict.fromkeys(f"{100.0 * accuracy:.1f}" for accuracy in accuracies[:1] + accuracies[-1:]))
    return f"{network}, dense accuracy {shown} %" if shown else network


def _seconds(row: Row) -> str:
    found = row["first_adversarial_seconds"]
    return MISSING if found is None else seconds(found)


def _of(name: str, total: str) -> Callable[[Row], str]:
    return lambda row: MISSING if row[name] is None or not row[total] else f"{row[name]}/{row[total]}"


def _margin(row: Row) -> str:
    if row["margin"] is None:
        return MISSING
    few = "" if row["margin_values"] == row["instances"] else f" ({row['margin_values']}/{row['instances']})"
    return f"{row['margin']:+.3f}{few}"


def _length(row: Row) -> str:
    return MISSING if row["norm"] is None else f"{row['norm']:.4f}"


COLUMNS = (
    Column("setting", lambda row: row["setting"]),
    Column("adversarial", _of("successes", "asked"), needs=("asked",)),
    Column("robust", _of("robust", "instances"), needs=("robust",)),
    Column("optimal", _of("optimal", "maximised"), needs=("maximised",)),
    Column("median\nmargin", _margin, needs=("margin_values", "asked")),
    Column("median\nvalue", _margin, needs=("margin_values", "maximised")),
    Column("median\nlength", _length, needs=("norm_values",)),
    Column("proven", _of("norm_proven", "instances"), needs=("norm_proven",)),
    Column("better than\nthe dense MILP", _of("better_than_dense", "compared_with_dense"), needs=("compared_with_dense",)),
    Column("worse", _of("worse_than_dense", "compared_with_dense"), needs=("compared_with_dense",)),
    Column("first\nafter", _seconds, needs=("first_adversarial_values",)),
)
