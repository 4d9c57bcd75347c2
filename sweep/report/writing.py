"""Writes a report: the page, its figures and its tables, within a given time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from sweep.records import TrialRecord
from sweep.report.comparisons import win_table
from sweep.report.figures import figures
from sweep.report.figures.base import WIDTH, Kind, Look, Nothing, look_of
from sweep.report.figures.style import RC
from sweep.report.page import Drawn, page
from sweep.report.ranking import rank
from sweep.report.results import Pictures, Results, SweepState, Unfinished, results_of
from sweep.report.searches import SEARCH, answer_of, in_markdown
from sweep.report.tables import write_tables
from sweep.report.verdicts import verdicts
from sweep.report.winners import headline, winners

PAGE, HEADLINE = "report.html", "headline.md"

DPI = 130


@dataclass(frozen=True)
class Budget:
    """Time for the figures; whatever is not begun in time is left out, and the page says so.

    Attributes:
        seconds: from the making of this object; None for as long as it takes.
        hurried: asked before each figure; True ends the time at once.
    """

    seconds: float | None = None
    hurried: Callable[[], bool] = lambda: False
    began: float = field(default_factory=time.monotonic)

    @property
    def is_spent(self) -> bool:
        return self.hurried() or (self.seconds is not None and time.monotonic() - self.began > self.seconds)


def write_report(
    records: Sequence[TrialRecord],
    folder: Path,
    *,
    state: SweepState | None = None,
    pictures: Pictures = lambda _: None,
    budget: Budget | None = None,
) -> list[Path]:
    """Write the report of one sweep into ``folder`` (:func:`write_results`).

    Args:
        records: of its trials, finished or not.
        folder: where to; it is created.
        state: name, plan and notes of the sweep; by default what the records say.
        pictures: finds the pictures of a trial, where the records have none.
        budget: time for the figures; by default as long as it takes.
    """
    if state is None:
        unfinished = [
            Unfinished(r.name, r.status, r.error or "no reason was recorded", r.key) for r in records if r.status != "finished"
        ]
        state = SweepState("sweep", len(records), len(records) - len(unfinished), tuple(unfinished))
    return write_results(results_of([(state, records)], pictures), folder, budget=budget)


def write_results(
    results: Results, folder: Path, *, budget: Budget | None = None, progress: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Write ``report.html``, its first sentence, its figures and its tables into ``folder``, and return their paths.

    Equal results give equal files. Figures for which ``budget`` has no time are left out, and the page says so.

    Raises:
        OSError: the folder cannot be written.
    """
    budget = budget or Budget()
    folder.mkdir(parents=True, exist_ok=True)
    progress("comparing")
    won, pooled = winners(results)
    wins = win_table(results)
    answers = verdicts(results, wins)
    tables = write_tables(results, rank(results.records), pooled, wins, answers, folder)
    look = look_of(results, pooled)
    drawn: list[Drawn] = []
    written: list[Path] = []
    found = answer_of(results)
    for kind in figures():
        if kind.of_search and found is None:
            continue
        progress(kind.title)
        figure, paths = _written(kind, results, look, folder, budget)
        drawn.append(figure)
        written += paths
    if found is not None:
        written.append(folder / SEARCH)
        written[-1].write_text(in_markdown(found), encoding="utf-8")
    path = folder / PAGE
    said = folder / HEADLINE
    said.write_text(f"{headline(won)}\n", encoding="utf-8")
    names = [file.name for file in (said, *tables, *written)]
    path.write_text(page(results, won, pooled, wins, answers, drawn, names, found), encoding="utf-8")
    return [path, said, *tables, *written]


def _written(kind: Kind, results: Results, look: Look, folder: Path, budget: Budget) -> tuple[Drawn, list[Path]]:
    if budget.is_spent:
        return Drawn(kind, None, "", _late(budget)), []
    data = kind.data(results, look) if len(results.instances) else Nothing("no trial has finished")
    if isinstance(data, Nothing):
        return Drawn(kind, None, "", f"Nothing to draw: {data.why}." if data.why else None), []
    with rc_context(RC):
        figure = kind.draw(data, look)
        png, svg = _saved(figure)
    paths = [folder / f"{kind.name}.png", folder / f"{kind.name}.svg"]
    paths[0].write_bytes(png)
    paths[1].write_bytes(svg)
    picture, wide = png if kind.name == "gallery" else svg, figure.get_figwidth() > WIDTH
    return Drawn(kind, picture, kind.caption(data, look), None, wide), paths


def _saved(figure: Figure) -> tuple[bytes, bytes]:
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=DPI)
    figure.set_layout_engine("none")  # it is laid out now, and that takes longer than drawing
    figure.savefig(svg, format="svg", metadata={"Date": None})  # no date: equal results, equal files
    return png.getvalue(), svg.getvalue()


def _late(budget: Budget) -> str:
    return (
        f"Not drawn, for want of time at the end of the sweep{'' if budget.hurried() else f' ({budget.seconds:g} s)'}: "
        f"python -m sweep.report draws everything, however long it takes."
    )
