"""Time to the first find: each setting against the dense MILP, with a dot for each instance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.records.measures import with_logarithm
from sweep.report.compared import surrogates
from sweep.report.comparisons import outcomes, pairs_with_dense
from sweep.report.figures.base import (
    WIDTH,
    FigureKind,
    Look,
    dots_note,
    legend,
    legend_names,
    legend_rows,
    of_look,
    sample,
    widened,
)
from sweep.report.figures.letters import log_axis
from sweep.report.results import Results

BEYOND = 1.6
"""Factor by which the line for "found none" lies beyond the longest time."""


def duel_data(results: Results, look: Look) -> pd.DataFrame:
    """Return a row for each pair in which an attack found something: ``dense`` and ``mine`` in seconds.

    NaN stands for an attack that found none.
    """
    decided = of_look(outcomes(surrogates(results, pairs_with_dense(results)), "time"), look)
    times = {name: with_logarithm(decided[f"first_found_seconds_{of}"]) for name, of in (("mine", "mine"), ("dense", "other"))}
    return decided.assign(**times)[["network", "setting", "mine", "dense", "win"]].reset_index(drop=True)


def draw_duel(data: pd.DataFrame, look: Look) -> Figure:
    labels = list(dict.fromkeys(data["setting"]))
    names = legend_names(labels, look)
    figure = Figure(figsize=(WIDTH, 4.9 + 0.24 * legend_rows(names.values())), layout="constrained")
    ax = figure.subplots()
    times = data[["mine", "dense"]].to_numpy(dtype=float)
    low, high = widened(float(np.nanmin(times)) / BEYOND, float(np.nanmax(times)))
    none = high * BEYOND**2
    shown = sample(data).fillna({"mine": none, "dense": none})
    for label, part in shown.groupby("setting", sort=False):
        ax.plot(part["dense"], part["mine"], label=names[str(label)], alpha=0.85, clip_on=False, **look.styles[str(label)].dot)
    limits = (low, none * BEYOND)
    ax.plot(limits, limits, color="#444444", linewidth=1.0)
    ax.axhspan(none / BEYOND, limits[1], color="#eeeeee", zorder=0)
    ax.axvspan(none / BEYOND, limits[1], color="#eeeeee", zorder=0)
    log_axis(ax, "xy")
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.set_xlabel(f"{look.phrases.baseline}: seconds to the first {look.phrases.thing} (grey: none)")
    ax.set_ylabel("pruned: seconds (grey: none)")
    legend(figure, [ax])
    return figure


DUEL = FigureKind(
    "duel",
    lambda phrases: f"Seconds to the first {phrases.thing}, pruned against dense",
    duel_data,
    draw_duel,
    lambda data, look: (
        f"Each dot is one instance and one pruned setting. Below the diagonal the pruned network was sooner: "
        f"{int((data['win'] > 0).sum())} of {len(data)}. In the grey bands one of the two found none."
        + dots_note(len(data))
        + look.note
    ),
)
