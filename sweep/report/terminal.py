"""The ranking as a table for the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

MISSING = "—"
"""Shown where there is no value."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of the table that people read; ``essential`` ones are shown in a narrow terminal too.

    A column with ``counts`` is shown only in tables where one of these counts is not 0, and there before those that are not
    essential. One with ``needs`` is shown only where one of those is not 0, and has no other place for that.
    """

    title: str
    text: Callable[[Row], str]
    essential: bool = True
    counts: str | None = None
    needs: str | None = None

    def fits(self, rows: Sequence[Row]) -> bool:
        return all(any(row[name] for row in rows) for name in (self.counts, self.needs) if name is not None)


def print_ranking(frame: pd.DataFrame, console: Console) -> None:
    """Print a table per network, best setting first, then the trials that did not finish, with their reasons.

    A terminal that is too narrow for all columns gets the essential ones; a file has no width, so it gets them all.
    """
    for network, part in frame.groupby("network", sort=False):
        rows = _rows(part)
        columns = [column for column in COLUMNS if column.fits(rows)]
        table, width = _table(str(network), rows, columns, console)
        for fewer in ([c for c in columns if c.essential or c.counts], [c for c in columns if c.essential]):
            if width > console.width and console.is_terminal:
                table, width = _table(str(network), rows, fewer, console)
                table.caption = "More columns in ranking.csv."
        # The table keeps its own width where the console has less: a line that is too long can still be read, a cut one not.
        table.width = width
        console.print(table, crop=False, soft_wrap=True)
    if frame.empty:
        console.print("No trial finished: there is nothing to rank.")
    else:
        console.print(legend(frame), style="dim", highlight=False, soft_wrap=not console.is_terminal)
    for name, status, error in frame.attrs.get("unfinished", []):
        console.print(f"[red]{escape(status)}[/red] {escape(name)}: {escape(error)}", soft_wrap=True, highlight=False)


def markdown_ranking(frame: pd.DataFrame, most: int = 12) -> str:
    """Return the best ``most`` settings of each network as Markdown tables with the essential columns."""
    lines: list[str] = []
    for network, part in frame.groupby("network", sort=False):
        rows = _rows(part)
        shown = [column for column in COLUMNS if (column.essential or column.counts) and column.fits(rows)]
        lines += [f"**{_heading(str(network), rows)}**", ""]
        lines += ["| " + " | ".join(column.title.replace("\n", " ") for column in shown) + " |"]
        lines += ["|" + "|".join(" --- " if column is shown[0] else " ---: " for column in shown) + "|"]
        lines += ["| " + " | ".join(column.text(row) for column in shown) + " |" for row in rows[:most]]
        lines += [f"{len(rows) - most} more in ranking.csv"] if len(rows) > most else []
        lines.append("")
    return "\n".join(lines)


def ranking_rows(frame: pd.DataFrame) -> tuple[str, list[str], list[list[str]]]:
    """Return heading, titles and cells of the table of one network, with all columns that say something."""
    rows = _rows(frame)
    shown = [column for column in COLUMNS if column.fits(rows)]
    titles = [column.title.replace("\n", " ") for column in shown]
    return _heading(str(frame["network"].iloc[0]), rows), titles, [[column.text(row) for column in shown] for row in rows]


LEGEND = (
    "acc.: of the pruned network. robust: proven on the dense network. adv.: first adversarial input, median of those found; "
    "+prune: pruning and finetuning added. margin: wrong minus right logit of the dense network, median. than dense, than "
    "gradient: on how many of the images that both attacked the margin is larger (as large: or equal to 1e-6), or the first "
    "adversarial input came sooner."
)

CLOSEST_LEGEND = (
    " norm: length of the shortest adversarial perturbation found, and of which none is shorter, proven on the dense network; "
    "medians. proven closest: on how many images the two meet."
)


OUTPUT_LEGEND = (
    " optimal: on how many questions about the largest output (margin is its value) what was found is proven to be the largest."
)


def legend(frame: pd.DataFrame) -> str:
    """Return what the columns of a ranking mean."""
    more = (("norm_bound_values", CLOSEST_LEGEND), ("maximised", OUTPUT_LEGEND))
    return LEGEND + "".join(text for name, text in more if (frame[name] > 0).any())


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows with None for every missing value."""
    return [{str(k): None if pd.isna(v) else v for k, v in row.items()} for row in frame.to_dict("records")]


def _table(network: str, rows: Sequence[Row], columns: Sequence[Column], console: Console) -> tuple[Table, int]:
    """Return a table and the width at which no cell wraps."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, caption_justify="left")
    table.title, table.title_justify, table.title_style = _heading(network, rows), "left", "bold"
    for column in columns:
        left = column is columns[0]
        table.add_column(column.title, justify="left" if left else "right", vertical="bottom", no_wrap=True)
    for row in rows:
        table.add_row(*(escape(column.text(row)) for column in columns))
    return table, console.measure(table, options=console.options.update(width=1000)).maximum


def _heading(network: str, rows: Sequence[Row]) -> str:
    accuracies = sorted({row["accuracy_dense"] for row in rows if row["accuracy_dense"] is not None})
    shown = " to ".join(dict.fromkeys(f"{100.0 * accuracy:.1f}" for accuracy in accuracies[:1] + accuracies[-1:]))
    return f"{network}, dense accuracy {shown} %" if shown else network


def _percent(name: str) -> Callable[[Row], str]:
    return lambda row: MISSING if row[name] is None else f"{100.0 * row[name]:.1f}"


def _seconds(name: str) -> Callable[[Row], str]:
    return lambda row: MISSING if row[name] is None else f"{row[name]:.3g}" if row[name] < 100.0 else f"{row[name]:.0f}"


def _of(name: str, total: str) -> Callable[[Row], str]:
    return lambda row: MISSING if row[name] is None or row[total] == 0 else f"{row[name]}/{row[total]}"


def _margin(row: Row) -> str:
    if row["margin"] is None:
        return MISSING
    few = "" if row["margin_values"] == row["instances"] else f" ({row['margin_values']}/{row['instances']})"
    return f"{row['margin']:+.3f}{few}"


def _length(name: str) -> Callable[[Row], str]:
    return lambda row: MISSING if row[name] is None else f"{row[name]:.4f}"


def _binaries(row: Row) -> str:
    return MISSING if row["binaries"] is None else f"{row['binaries']:.0f}"


_WITH_DENSE, _WITH_GRADIENT = "margins_compared_with_dense", "margins_compared_with_gradient"

COLUMNS = (
    Column("setting", lambda row: row["setting"]),
    Column("acc.\n%", _percent("accuracy_surrogate")),
    Column("sparse\n%", _percent("sparsity"), essential=False),
    Column("success", _of("successes", "asked"), needs="asked"),
    Column("optimal", _of("optimal", "maximised"), needs="maximised"),
    Column("robust", _of("robust", "instances"), essential=False, counts="robust"),
    Column("adv.\ns", _seconds("first_adversarial_seconds"), needs="asked"),
    Column("+prune\ns", _seconds("first_adversarial_with_pruning_seconds"), essential=False, needs="asked"),
    Column("margin", _margin, needs="margin_values"),
    Column("norm", _length("norm"), needs="norm_bound_values"),
    Column("norm\nat least", _length("norm_bound"), needs="norm_bound_values"),
    Column("proven\nclosest", _of("norm_proven", "instances"), needs="norm_bound_values"),
    Column("binaries", _binaries, essential=False),
    Column("larger\nthan\ndense", _of("margin_better_than_dense", _WITH_DENSE), needs=_WITH_DENSE),
    Column("as large\nas dense", _of("margin_as_good_as_dense", _WITH_DENSE), False, needs=_WITH_DENSE),
    Column("sooner\nthan\ndense", _of("sooner_than_dense", "times_compared_with_dense"), needs="asked"),
    Column("larger\nthan\ngradient", _of("margin_better_than_gradient", _WITH_GRADIENT), needs=_WITH_GRADIENT),
    Column("as large\nas\ngradient", _of("margin_as_good_as_gradient", _WITH_GRADIENT), False, needs=_WITH_GRADIENT),
)
