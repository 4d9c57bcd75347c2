"""The Pareto front: how much of one objective must be given up for more of another."""

from __future__ import annotations

import itertools

import pandas as pd
from matplotlib.figure import Figure

from sweep.report.figures.base import MAX_PANELS, FigureKind, Look, dots_note, legend, panels, sample
from sweep.report.figures.history import BEST
from sweep.report.figures.style import GREY
from sweep.report.results import Results
from sweep.report.searches import BETTER, answer_of

DOMINATED, FRONT = "beaten by another trial", "Pareto front"


def front_data(results: Results, _look: Look) -> pd.DataFrame:
    """Return a row for each trial: ``number``, ``front``, and a column for each objective by its name."""
    answer = answer_of(results)
    if answer is None or len(answer.objectives) < 2 or len(answer.candidates) < 2:
        return pd.DataFrame()
    numbers = answer.numbers
    numbers.attrs["better"] = {one.name: BETTER[one.direction] for one in answer.objectives}
    return numbers


def draw_front(data: pd.DataFrame, _look: Look) -> Figure:
    better: dict[str, str] = data.attrs["better"]
    pairs = list(itertools.combinations(better, 2))[:MAX_PANELS]
    figure, axes = panels(len(pairs), 3.2, (DOMINATED, FRONT))
    others, front = sample(data[~data["front"]]), data[data["front"]]
    for ax, (down, across) in zip(axes, pairs, strict=True):
        ax.plot(others[across], others[down], "o", color=GREY, alpha=0.55, markersize=4.5, label=DOMINATED)
        best = front.sort_values([across, down])
        line = "-" if len(better) == 2 else "none"  # of three objectives two show no front that could be joined
        ax.plot(best[across], best[down], "D", color=BEST, linestyle=line, linewidth=1.2, markersize=6.0, label=FRONT)
        ax.set_xlabel(f"{across} ({better[across]})")
        ax.set_ylabel(f"{down} ({better[down]})")
    legend(figure, axes)
    return figure


TRADE_OFF = FigureKind(
    "front",
    "What the objectives cost each other",
    front_data,
    draw_front,
    lambda data, _look: (
        "A dot is a finished trial. A trial is on the Pareto front if no other one is as good in all objectives and better in "
        f"one. The table of the front has the command of each.{dots_note(int((~data['front']).sum()))}"
    ),
    of_search=True,
)
