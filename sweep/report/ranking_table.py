"""The ranking as a table of few columns, for the terminal, the page and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sweep.config.words import MAXIMIZE, MINIMIZE
from sweep.report.phrases import Phrases, kinds_of, phrases_of
from sweep.report.words import Row, seconds
from sweep.terminal.wording import MISSING, some


@dataclass(frozen=True)
class RankingColumn:
    """A column of the table that people read; shown only where some row has none of the counts ``needs`` at 0."""

    title: str
    text: Callable[[Row], str]
    needs: tuple[str, ...] = ()

    def fits(self, rows: Sequence[Row]) -> bool:
        return any(all(row[name] for name in self.needs) for row in rows)


MOST_ROWS = 12
"""Settings of a network that are shown, the best ones; the CSV has them all."""


def print_ranking(frame: pd.DataFrame, console: Console) -> None:
    """Print a table of the best settings of each network, then the trials that did not finish, with their reasons."""
    for network, part in frame.groupby("network", sort=False):
        rows = _rows(part)
        shown = [column for column in columns(part) if column.fits(rows)]
        table = _table(_heading(str(network), rows), rows[:MOST_ROWS], shown)
        if len(rows) > MOST_ROWS:
            table.caption = f"{len(rows) - MOST_ROWS} more in ranking.csv."
        # The table keeps its own width where the console has less: a line that is too long can still be read, a cut one not.
        table.width = console.measure(table, options=console.options.update(width=1000)).maximum
        console.print(table, crop=False, soft_wrap=True)
    if frame.empty:
        console.print("No trial finished: there is nothing to rank.")
    else:
        console.print(legend(frame), style="dim", highlight=False, soft_wrap=not console.is_terminal)
    for name, status, error in frame.attrs.get("unfinished", []):
        console.print(f"[red]{escape(status)}[/red] {escape(name)}: {escape(error)}", soft_wrap=True, highlight=False)


def markdown_ranking(frame: pd.DataFrame) -> str:
    """Return the best settings of each network as Markdown tables."""
    lines: list[str] = []
    for _, part in frame.groupby("network", sort=False):
        heading, titles, rows = ranking_rows(part)
        lines += [f"**{heading}**", "", f"| {' | '.join(titles)} |"]
        lines += ["|" + "|".join(" --- " if place == 0 else " ---: " for place in range(len(titles))) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in rows[:MOST_ROWS]]
        lines += [f"{len(rows) - MOST_ROWS} more in ranking.csv"] if len(rows) > MOST_ROWS else []
        lines.append("")
    return "\n".join(lines)


def ranking_rows(frame: pd.DataFrame) -> tuple[str, list[str], list[list[str]]]:
    """Return heading, titles and cells of the table of one network, with all columns that say something."""
    rows = _rows(frame)
    shown = [column for column in columns(frame) if column.fits(rows)]
    titles = [column.title.replace("\n", " ") for column in shown]
    return _heading(str(frame["network"].iloc[0]), rows), titles, [[column.text(row) for column in shown] for row in rows]


def legend(frame: pd.DataFrame) -> str:
    """Return in a line what the columns of a ranking mean."""
    phrases, best, asked = _phrases(frame), _phrases(frame, "maximised"), frame[frame["asked"] > 0]
    proven = int(asked["optimal"].sum())
    said = (
        (_any(frame, "asked"), f"{phrases.find}: {phrases.instance}s with a checked {phrases.thing}"),
        (_any(frame, "robust"), f"{phrases.none}: proven to have none"),
        (_any(frame, "maximised"), f"optimal: proven to be the {best.most}"),
        (proven > 0, f"optimal: proven that no {phrases.value} is {phrases.better}"),
        (_any(frame, "norm_proven"), "proven: none is shorter"),
        (
            _any(frame, "compared_with_dense"),
            f"better, worse: {phrases.instance}s on which the setting ends with a better or worse value "
            f"than the {phrases.baseline}",
        ),
        (phrases.by_value and _both(frame), f"{phrases.value}: {_senses(frame)}"),
        (bool(((frame["values"] > 0) & (frame["values"] < frame["instances"])).any()), "median (n/m): of n of m instances"),
        (_any(frame, "first_found_values"), f"first after: median time to the first {phrases.thing}, where there is one"),
    )
    return "; ".join(text for applies, text in said if applies) + "."


def _any(frame: pd.DataFrame, name: str) -> bool:
    return bool((frame[name] > 0).any())


def _both(frame: pd.DataFrame) -> bool:
    """Whether smaller values are better somewhere."""
    return bool((frame["sense"] == MINIMIZE).any())


def _senses(frame: pd.DataFrame) -> str:
    """Return where larger and where smaller values are better; where one of both holds everywhere, only that."""
    said, is_one = [], frame["sense"].nunique() == 1
    for sense, word in ((MAXIMIZE, "larger"), (MINIMIZE, "smaller")):
        networks = list(dict.fromkeys(frame.loc[frame["sense"] == sense, "network"]))
        said += [f"{word} is better{'' if is_one else f' on {some(networks)}'}"] if networks else []
    return ", ".join(said)


def _phrases(frame: pd.DataFrame, count: str = "asked") -> Phrases:
    """Return the words for rows of a ranking: for those that count something, by default what is looked for; else for all."""
    counting = frame[frame[count] > 0]
    return phrases_of(kinds_of(frame if counting.empty else counting))


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows with None for every missing value."""
    return [{str(k): None if pd.isna(v) else v for k, v in row.items()} for row in frame.to_dict("records")]


def _table(heading: str, rows: Sequence[Row], columns: Sequence[RankingColumn]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, caption_justify="left")
    table.title, table.title_justify, table.title_style = heading, "left", "bold"
    for column in columns:
        table.add_column(column.title, justify="left" if column is columns[0] else "right", vertical="bottom", no_wrap=True)
    for row in rows:
        table.add_row(*(escape(column.text(row)) for column in columns))
    return table


def _heading(network: str, rows: Sequence[Row]) -> str:
    accuracy = _range(rows, "accuracy_dense", lambda share: f"{100.0 * share:.1f}")
    r2 = _range(rows, "r2_dense", "{:.3f}".format)
    return network + (f", dense accuracy {accuracy} %" if accuracy else "") + (f", dense R² {r2}" if r2 else "")


def _range(rows: Sequence[Row], name: str, shown: Callable[[float], str]) -> str:
    """Return the smallest and the largest of some values: one where they look the same, nothing where there are none."""
    values = sorted({row[name] for row in rows if row.get(name) is not None})
    return " to ".join(dict.fromkeys(shown(value) for value in values[:1] + values[-1:]))


def _of(name: str, total: str) -> Callable[[Row], str]:
    return lambda row: MISSING if row[name] is None or not row[total] else f"{row[name]}/{row[total]}"


def _number(name: str, form: Callable[[float], str]) -> Callable[[Row], str]:
    return lambda row: MISSING if row[name] is None else form(row[name])


def _value(phrases: Phrases, kind: str) -> RankingColumn:
    """Return the column of the median value of the rows that have instances of a kind, such as ``asked``; where some of their
    instances have no value, with the number of those that do."""
    form = "{:.5g}" if phrases.by_value else f"{{:{phrases.plus}.3f}}"

    def text(row: Row) -> str:
        few = "" if row["values"] == row["instances"] else f" ({row['values']}/{row['instances']})"
        return f"{form.format(row['value'])}{few}" if row[kind] and row["value"] is not None else MISSING

    return RankingColumn(f"median\n{phrases.value}", text, needs=("values", kind))


def columns(frame: pd.DataFrame) -> tuple[RankingColumn, ...]:
    """Return the columns that rows of a ranking can have, in the words of their tasks."""
    phrases, best = _phrases(frame), _phrases(frame, "maximised")
    is_one = phrases.value == best.value
    values = (_value(phrases, "instances"),) if is_one else (_value(phrases, "asked"), _value(best, "maximised"))
    return (
        RankingColumn("setting", lambda row: row["setting"]),
        RankingColumn(phrases.find, _of("successes", "asked"), needs=("asked",)),
        RankingColumn(phrases.none, _of("robust", "instances"), needs=("robust",)),
        RankingColumn("optimal", _of("optimal", "maximised"), needs=("maximised",)),
        RankingColumn("optimal", _of("optimal", "asked"), needs=("optimal", "asked")),
        *values,
        RankingColumn("median\nlength", _number("norm", "{:.4f}".format), needs=("norm_values",)),
        RankingColumn("proven", _of("norm_proven", "instances"), needs=("norm_proven",)),
        RankingColumn(
            f"better than\nthe {phrases.baseline}",
            _of("better_than_dense", "compared_with_dense"),
            needs=("compared_with_dense",),
        ),
        RankingColumn("worse", _of("worse_than_dense", "compared_with_dense"), needs=("compared_with_dense",)),
        RankingColumn("first\nafter", _number("first_found_seconds", seconds), needs=("first_found_values",)),
    )
