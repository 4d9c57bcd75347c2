"""The history of a search: the value of each trial, and the best value so far."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sweep.report.figures.base import MAX_PANELS, FigureKind, Look, dots_note, legend, panels, sample
from sweep.report.figures.letters import heading
from sweep.report.figures.style import GREY
from sweep.report.results import Results
from sweep.report.searches import BETTER, answer_of

BEST = "#0072B2"
"""The colour of the best, in the figures of a search."""

DOT, LINE = "a trial", "best so far"


def history_data(results: Results, _look: Look) -> pd.DataFrame:
    """Return a row for each objective and trial.

    The columns are ``objective``, ``better`` (its direction in words), ``number`` of the trial, its ``value``, and ``best``,
    the best value up to that trial.
    """
    answer = answer_of(results)
    if answer is None or len(answer.candidates) < 2:
        return pd.DataFrame()
    numbers = answer.numbers
    parts = []
    for one in answer.objectives[:MAX_PANELS]:
        value = numbers[one.name]
        best = value.cummax() if one.direction == "maximize" else value.cummin()
        facts = {"number": numbers["number"], "value": value, "best": best}
        parts.append(pd.DataFrame(facts).assign(objective=one.name, better=BETTER[one.direction]))
    return pd.concat(parts, ignore_index=True)


def draw_history(data: pd.DataFrame, _look: Look) -> Figure:
    objectives = list(dict.fromkeys(data["objective"]))
    figure, axes = panels(len(objectives), labels=(DOT, LINE))
    for ax, objective in zip(axes, objectives, strict=True):
        part = data[data["objective"] == objective]
        dots = sample(part)
        ax.plot(dots["number"], dots["value"], "o", color=GREY, markersize=4.5, label=DOT)
        ax.plot(part["number"], part["best"], color=BEST, linewidth=2.0, drawstyle="steps-post", label=LINE)
        heading(ax, f"{objective} ({part['better'].iloc[0]})")
        ax.set_xlabel("trial")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(figure, axes)
    return figure


HISTORY = FigureKind(
    "history",
    "How the search went",
    history_data,
    draw_history,
    lambda data, _look: (
        "A dot is a finished trial; trials are numbered in the order in which they were chosen. The line is the best value of "
        f"the trials up to there.{dots_note(data['number'].nunique())}"
    ),
    of_search=True,
)
