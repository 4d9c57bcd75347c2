"""The page of a report: one file with everything in it, which needs no network and can be read without its script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sweep.records.cpu_share import load_sentences
from sweep.report.answers import DOES_NOT_PAY, MIXED, NOT_ASKED, PAYS
from sweep.report.comparisons import are_lengths, with_clusters
from sweep.report.figures.base import FigureKind
from sweep.report.findings import Findings
from sweep.report.limits import QUESTION
from sweep.report.page.coordinates import coordinates
from sweep.report.page.embedding import address, libraries
from sweep.report.page.heatmap import heat_map
from sweep.report.page.instances import instances_shown
from sweep.report.page.settings_table import legend, settings_table
from sweep.report.results import Results, SweepState
from sweep.report.searches import MOST_ROWS as FRONT_ROWS
from sweep.report.searches import front_rows, too_few
from sweep.report.sizes import SizeAnswer
from sweep.report.tables import MOST_WINS, win_rows
from sweep.report.truth import TITLES, three_values
from sweep.report.verdicts import TOLD_FIRST
from sweep.terminal.wording import count

if TYPE_CHECKING:
    from jinja2 import Template

MOST_SIZES = 8
"""Networks that get a card."""

MOST_UNFINISHED = 40
MAX_ERROR_CHARACTERS = 300
MAX_ALERT_CHARACTERS = 200

FOLDER = Path(__file__).parent

TONES = {PAYS: "for", DOES_NOT_PAY: "against"}
"""Colour of a badge; all others are open questions."""


@dataclass(frozen=True)
class Drawn:
    """One figure on the page: its picture as SVG; or, where there was no time for it, a sentence that says so."""

    kind: FigureKind
    title: str
    picture: bytes | None
    caption: str
    instead: str | None
    wide: bool = False
    """Whether it has two columns of panels, and so takes the whole width of the page."""

    @property
    def source(self) -> str:
        """The picture as an address that holds the picture itself."""
        return address("image/svg+xml", self.picture or b"")


@dataclass(frozen=True)
class Limit:
    """The figure of the time limit of one network, as SVG."""

    network: str
    best: str | None
    """The pruned setting that it compares with the dense MILP."""
    picture: bytes
    caption: str

    @property
    def source(self) -> str:
        return address("image/svg+xml", self.picture)


def page(findings: Findings, limits: Sequence[Limit], drawn: Sequence[Drawn], files: Sequence[str]) -> str:
    """Return the page as HTML.

    Args:
        findings: what it says.
        limits: the figures of the time limit.
        drawn: all other figures.
        files: names of the files beside the page.
    """
    results, sizes, answers, search = findings.results, findings.sizes, findings.answers, findings.search
    unfinished = [(state.name, one) for state in results.sweeps for one in state.unfinished]
    shown, of_shown = instances_shown(results, best_settings(results, sizes, findings.ranking))
    return _template().render(
        title=" and ".join(state.name for state in results.sweeps),
        headline=findings.headline,
        yardstick=findings.yardstick,
        scope=_scope(results),
        short=[
            (name, one.sentence if one.answer == MIXED else one.answer)
            for one in answers
            for begin, name in TOLD_FIRST.items()
            if one.question.startswith(begin) and one.answer != NOT_ASKED
        ]
        if sizes
        else [],
        remarks=results.remarks,
        alerts=[_folded(alert) for alert in alerts(results)],
        sizes=sizes[:MOST_SIZES],
        more_sizes=count(len(sizes) - MOST_SIZES, "more network") if len(sizes) > MOST_SIZES else "",
        tone=lambda verdict: TONES.get(verdict, "open"),
        heat=heat_map(results, findings.wins),
        limits=limits,
        limit=next((one for one in answers if one.question == QUESTION), None),
        has_yardstick=any(setting.is_without_milp for setting in results.settings.values()),
        answers=answers,
        table=settings_table(results, findings.ranking, findings.wins),
        legend=legend(results.phrases),
        coordinates=coordinates(results),
        shown=shown,
        of_shown=of_shown,
        pictured=any(one.pictures for one in shown),
        value=value_name(results),
        phrases=results.phrases,
        truth=[one.cells for one in three_values(results)],
        truth_titles=TITLES,
        tables=[
            {"against": _called(results, yardstick), "rows": rows[:MOST_WINS], "more": len(rows) - MOST_WINS}
            for yardstick in (results.phrases.baseline, *results.yardsticks)
            if (rows := win_rows(findings.wins, yardstick, results.phrases))
        ],
        drawn=[one for one in drawn if one.picture is not None],
        late=[one for one in drawn if one.instead is not None],
        unfinished=[(sweep, one._replace(error=_short(one.error))) for sweep, one in unfinished[:MOST_UNFINISHED]],
        more_unfinished=len(unfinished) - MOST_UNFINISHED,
        several=len(results.sweeps) > 1,
        files=files,
        search=search,
        front=front_rows(search) if search is not None else [],
        more_front=len(search.front) - FRONT_ROWS if search is not None else 0,
        too_few=too_few(search) if search is not None else None,
        library=libraries(),
        style=(FOLDER / "page.css").read_text(encoding="utf-8"),
        script=(FOLDER / "page.js").read_text(encoding="utf-8"),
    )


def best_settings(results: Results, sizes: Sequence[SizeAnswer], ranking: pd.DataFrame) -> dict[str, str]:
    """Return of each network the setting that is shown beside the dense MILP: the best pruned one, else the best of all."""
    first = {str(network): str(part["setting"].iloc[0]) for network, part in ranking.groupby("network", sort=False)}
    return first | {one.network: one.setting for one in sizes if one.setting is not None}


def _called(results: Results, yardstick: str) -> str:
    """Return what a yardstick is called: as the task calls its own, where there is one such task."""
    return results.phrases.yardstick if results.yardsticks == [yardstick] else yardstick


def value_name(results: Results) -> str:
    """Return what the vertical axis of one instance shows."""
    return "length" if are_lengths(results.instances).all() else f"best {results.phrases.charted}"


def alerts(results: Results) -> list[str]:
    """Return what must be said at the top: which sweeps are not whole, and which results were made under load."""
    return [alert for state in results.sweeps for alert in _not_whole(state)] + load_sentences(results.records)


def _not_whole(state: SweepState) -> list[str]:
    found = []
    if state.planned is not None and state.finished < state.planned:
        failed = sum(one.status == "failed" for one in state.unfinished)
        other = max(0, state.planned - state.finished - failed)
        parts = [count(failed, "trial") + " failed"] if failed else []
        parts += [count(other, "trial") + " not finished"] if other else []
        found.append(
            f"{state.name} is not complete: {state.finished} of {count(state.planned, 'planned trial')} finished, "
            f"{', '.join(parts)}. Only finished trials are in what follows."
        )
    return found + [f"{state.name}: {note}" for note in state.notes]


def _scope(results: Results) -> str:
    networks, settings = len(results.networks), len(results.settings)
    parts = [count(len(results.trials), "finished trial"), count(len(results.instances), results.phrases.act)]
    parts += [count(settings, "setting"), count(networks, "network")] if len(results.trials) else []
    asked = with_clusters(results.instances)["cluster"].nunique() if len(results.instances) else 0
    return ", ".join(parts) + (f", {count(asked, f'different {results.what}')}." if asked else ".")


def _unbroken(text: str) -> str:
    """Keep a number on one line with what belongs to it."""
    for broken in (" %", " ms", "p < ", "p = "):
        text = text.replace(broken, broken.replace(" ", "\u00a0"))
    return text


def _folded(alert: str) -> tuple[str, str]:
    """Return an alert, of a long one what comes before its list of trials, and the whole: the first screen is for answers."""
    first, found, _ = alert.partition(" (")
    return (f"{first}.", alert) if found and len(alert) > MAX_ALERT_CHARACTERS else (alert, "")


def _short(text: str) -> str:
    return text if len(text) <= MAX_ERROR_CHARACTERS else text[:MAX_ERROR_CHARACTERS] + " …"


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["unbroken"] = _unbroken
    return environment.get_template("page.html.j2")
