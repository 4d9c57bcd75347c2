"""The page of a report: one file with everything in it, which needs no network and, but for sorting tables, no script."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweep.cpu_share import load_sentences
from sweep.report.comparisons import with_clusters
from sweep.report.figures.base import Kind
from sweep.report.results import Results, SweepState
from sweep.report.searches import MOST_ROWS as FRONT_ROWS
from sweep.report.searches import SearchAnswer, front_rows, too_few
from sweep.report.settings import DENSE_MILP, GRADIENT
from sweep.report.statistics import FEWEST
from sweep.report.tables import MOST_WINS, win_rows
from sweep.report.terminal import legend, ranking_rows
from sweep.report.verdicts import Verdict
from sweep.report.winners import ALONE, CLOSE, DISPUTED, FEW, LEAST_SECONDS, LEAST_SHARE, SURE, UNSURE, Winner, headline
from sweep.report.words import count

if TYPE_CHECKING:
    from jinja2 import Template

MOST_ROWS = 12
"""Settings of a network in the ranking that are shown; the CSV has them all."""

MOST_NETWORKS = 8
"""Networks whose ranking is shown, with the most instances first."""

MOST_UNFINISHED = 40
MAX_ERROR_CHARACTERS = 300

TEMPLATE = Path(__file__).with_name("page.html.j2")

CONFIDENCE_CLASS = {SURE: "sure", UNSURE: "unsure", DISPUTED: "unsure", CLOSE: "unsure", FEW: "few", ALONE: "few"}


@dataclass(frozen=True)
class Drawn:
    """One figure on the page: its picture as SVG or PNG, or why there is none."""

    kind: Kind
    picture: bytes | None
    caption: str
    instead: str | None
    wide: bool = False
    """Whether it has two columns of panels, and so takes the whole width of the page."""

    @property
    def source(self) -> str | None:
        """The picture as an address that holds the picture itself."""
        if self.picture is None:
            return None
        what = "png" if self.picture.startswith(b"\x89PNG") else "svg+xml"
        return f"data:image/{what};base64,{base64.b64encode(self.picture).decode('ascii')}"


def page(
    results: Results,
    won: Sequence[Winner],
    ranking: pd.DataFrame,
    wins: pd.DataFrame,
    answers: Sequence[Verdict],
    drawn: Sequence[Drawn],
    files: Sequence[str],
    search: SearchAnswer | None = None,
) -> str:
    """Return the page as HTML."""
    unfinished = [(state.name, one) for state in results.sweeps for one in state.unfinished]
    return _template().render(
        title=" and ".join(state.name for state in results.sweeps),
        headline=headline(won),
        scope=_scope(results),
        remarks=remarks(results),
        alerts=alerts(results),
        winners=won[:MOST_NETWORKS],
        more_winners=count(len(won) - MOST_NETWORKS, "more network") if len(won) > MOST_NETWORKS else "",
        confidence_class=CONFIDENCE_CLASS,
        least_seconds=LEAST_SECONDS,
        least_share=LEAST_SHARE,
        fewest=FEWEST,
        answers=answers,
        tables=[
            {"yardstick": yardstick, "rows": rows[:MOST_WINS], "more": len(rows) - MOST_WINS}
            for yardstick in (DENSE_MILP, GRADIENT)
            if (rows := win_rows(wins, yardstick))
        ],
        rankings=_rankings(results, ranking),
        legend=legend(ranking),
        figures=drawn,
        unfinished=[(sweep, one._replace(error=_short(one.error))) for sweep, one in unfinished[:MOST_UNFINISHED]],
        more_unfinished=len(unfinished) - MOST_UNFINISHED,
        several=len(results.sweeps) > 1,
        files=files,
        search=search,
        front=front_rows(search) if search is not None else [],
        more_front=len(search.front) - FRONT_ROWS if search is not None else 0,
        too_few=too_few(search) if search is not None else None,
    )


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


def remarks(results: Results) -> list[str]:
    """Return what is worth knowing of where the results come from, and no reason for an alert."""
    return ["Made from published tables, which hold no images."] if any(state.published for state in results.sweeps) else []


def _scope(results: Results) -> str:
    networks, settings = len(results.networks), len(results.settings)
    parts = [count(len(results.trials), "finished trial"), count(len(results.instances), "attack")]
    parts += [count(settings, "setting"), count(networks, "network")] if len(results.trials) else []
    asked = with_clusters(results.instances)["cluster"].nunique() if len(results.instances) else 0
    return ", ".join(parts) + (f", {count(asked, f'different {results.what}')}." if asked else ".")


def _rankings(results: Results, ranking: pd.DataFrame) -> list[dict[str, Any]]:
    sizes = ranking.groupby("network", sort=False)["instances"].sum()
    largest = set(sizes.sort_values(ascending=False, kind="stable").index[:MOST_NETWORKS])
    tables = []
    for network, part in ranking.groupby("network", sort=False):
        if network in largest:
            heading, titles, rows = ranking_rows(part)
            tables.append({"heading": heading, "titles": titles, "rows": rows[:MOST_ROWS], "more": len(rows) - MOST_ROWS})
    return tables


def _unbroken(text: str) -> str:
    """Keep a number on one line with what belongs to it."""
    for broken in (" %", " ms", "p < ", "p = "):
        text = text.replace(broken, broken.replace(" ", "\u00a0"))
    return text


def _short(text: str) -> str:
    return text if len(text) <= MAX_ERROR_CHARACTERS else text[:MAX_ERROR_CHARACTERS] + " …"


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = _unbroken
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
