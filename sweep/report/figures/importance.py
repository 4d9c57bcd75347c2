"""Which swept keys the objective of a search depends on."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sweep.report.figures.base import MAX_PANELS, WIDTH, FigureKind, Look, row_height, wrapped
from sweep.report.figures.history import BEST
from sweep.report.figures.letters import heading
from sweep.report.results import Results
from sweep.report.searches import answer_of, importance_of

MOST_KEYS = 12
"""Keys that are drawn, the most important ones."""


def importance_data(results: Results, _look: Look) -> pd.DataFrame:
    """Return a row for each objective and swept key: ``objective``, ``key``, ``share``, see
    :func:`sweep.planning.search.importance.importances`."""
    answer = answer_of(results)
    found = {} if answer is None else importance_of(answer)
    rows = [(name, key, share) for name, shares in found.items() for key, share in list(shares.items())[:MOST_KEYS]]
    return pd.DataFrame(rows, columns=["objective", "key", "share"])


def draw_importance(data: pd.DataFrame, _look: Look) -> Figure:
    objectives = list(dict.fromkeys(data["objective"]))[:MAX_PANELS]
    bars = [int((data["objective"] == objective).sum()) for objective in objectives]
    height = sum(0.75 + row_height(data["key"]) * number for number in bars)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(len(objectives), 1, squeeze=False, height_ratios=[1.0 + number for number in bars]).ravel()
    for ax, objective in zip(axes, objectives, strict=True):
        part = data[data["objective"] == objective]
        drawn = ax.barh(range(len(part)), 100.0 * part["share"], height=0.6, color=BEST)
        ax.bar_label(drawn, [f"{100.0 * share:.0f} %" for share in part["share"]], padding=3, fontsize=9)
        ax.set_yticks(range(len(part)), [wrapped(key) for key in part["key"]], fontsize=9, linespacing=0.95)
        ax.set_ylim(len(part) - 0.5, -0.5)
        ax.set_xlim(0.0, 112.0)  # room for a number behind the longest bar
        ax.set_xticks(range(0, 101, 20))
        ax.grid(visible=False, axis="y")
        heading(ax, objective, beside=2.2)
    axes[-1].set_xlabel("share of what the keys explain one by one, %")
    return figure


IMPORTANCE = FigureKind(
    "importance",
    "Which setting the objective depends on",
    importance_data,
    draw_importance,
    lambda _data, _look: (
        "Optuna's functional analysis of variance (fANOVA): a random forest is fitted to the finished trials, and its variance "
        "over the whole space is shared out among the swept keys. What only several keys together explain is left out. "
        "The shares say how much depends on a key, and not which of its values is good. They are rough with few trials, "
        "and where the search hardly looked."
    ),
    of_search=True,
)
