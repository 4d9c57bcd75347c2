"""Writes a report: the page, its figures and its tables, within a given time."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from sweep.report.figures import figures
from sweep.report.figures.base import WIDTH, FigureKind, Look, look_of
from sweep.report.figures.limits import caption, draw_limits, limit_data
from sweep.report.figures.style import RC
from sweep.report.findings import Findings
from sweep.report.limits import LimitVerdict, limit_curves
from sweep.report.page import Drawn, Limit, page
from sweep.report.results import Results
from sweep.report.searches import in_markdown
from sweep.report.tables import write_tables
from sweep.store.report_files import HEADLINE, PAGE, SEARCH

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
    findings = Findings(results)
    tables = write_tables(findings, folder)
    look = look_of(results, findings.ranking)
    limits, written = _limits(results, _drawn_at_limits(findings), look, folder, budget)
    drawn: list[Drawn] = []
    for kind in figures():
        if kind.of_search and findings.search is None:
            continue
        progress(kind.heading(look.phrases))
        figure, paths = _written(kind, results, look, folder, budget)
        drawn += [figure] if figure is not None else []
        written += paths
    if findings.search is not None:
        written.append(folder / SEARCH)
        written[-1].write_text(in_markdown(findings.search), encoding="utf-8")
    path = folder / PAGE
    first = folder / HEADLINE
    first.write_text(f"{findings.first}\n", encoding="utf-8")
    names = [file.name for file in (first, *tables, *written)]
    path.write_text(page(findings, limits, drawn, names), encoding="utf-8")
    return [path, first, *tables, *written]


def _drawn_at_limits(findings: Findings) -> dict[str, str | None]:
    """Return of each network the pruned setting that the figure of its limits shows: the one that the answer rests on.

    Where no copy is ahead at any limit that is the best one at the end.
    """
    answers = [one for one in findings.answers if isinstance(one, LimitVerdict)]
    ahead = {network: setting for one in answers for network, setting in one.leading.items()}
    return {one.network: ahead.get(one.network, one.setting) for one in findings.sizes}


def _limits(
    results: Results, best: Mapping[str, str | None], look: Look, folder: Path, budget: Budget
) -> tuple[list[Limit], list[Path]]:
    """Draw the time limit of each network, before all other figures: the first screen has it.

    ``best`` names the pruned setting that is drawn on each network.
    """
    found, paths = [], []
    for data in limit_data(results, limit_curves(results), best, look) if len(results.instances) else []:
        if budget.is_spent:
            break
        with rc_context(RC):
            png, svg = _saved(draw_limits(data, look))
        name = re.sub(r"[^A-Za-z0-9_.=-]+", "_", f"limits-{data.network}")
        paths += _files(folder, name, png, svg)
        found.append(Limit(data.network, data.best, svg, caption(data, look)))
    return found, paths


def _written(kind: FigureKind, results: Results, look: Look, folder: Path, budget: Budget) -> tuple[Drawn | None, list[Path]]:
    """Draw one figure; None where there is nothing to draw."""
    if budget.is_spent:
        return Drawn(kind, kind.heading(look.phrases), None, "", _late(budget)), []
    data = kind.data(results, look) if len(results.instances) else pd.DataFrame()
    if data.empty:
        return None, []
    with rc_context(RC):
        figure = kind.draw(data, look)
        png, svg = _saved(figure)
    paths = _files(folder, kind.name, png, svg)
    title, is_wide = kind.heading(look.phrases), figure.get_figwidth() > WIDTH
    return Drawn(kind, title, svg, kind.caption(data, look), None, is_wide), paths


def _files(folder: Path, name: str, png: bytes, svg: bytes) -> list[Path]:
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    for path, content in zip(paths, (png, svg), strict=True):
        path.write_bytes(content)
    return paths


def _saved(figure: Figure) -> tuple[bytes, bytes]:
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=DPI)
    figure.set_layout_engine("none")  # it is laid out now, and that takes longer than drawing
    figure.savefig(svg, format="svg", metadata={"Date": None})  # no date: equal results, equal files
    return png.getvalue(), svg.getvalue()


def _late(budget: Budget) -> str:
    return (
        f"Not drawn, because the sweep's end left too little time{'' if budget.hurried() else f' ({budget.seconds:g} s)'}: "
        f"python -m sweep.report draws everything, however long it takes."
    )
