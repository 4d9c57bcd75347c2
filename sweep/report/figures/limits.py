"""What a time limit buys: the share of instances won against the dense MILP, and the share with a witness, by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweep.report.figures.base import LEGEND_POINTS, Look
from sweep.report.figures.letters import fitted, log_axis
from sweep.report.figures.style import Style
from sweep.report.results import Results

SMALL, HEIGHT = 4.0, 3.6
"""Inches: size of a figure; several of them stand side by side, or one fills a phone."""

SHORTEST = 1e-3
"""Seconds at which the time axis begins at the earliest."""

PRUNED, LOST = Style("#0072B2", "-", "o", 2.2), Style("#D55E00", (0, (4, 1.5)), "v", 1.6)
"""Looks of the pruned setting, of which a figure has one, and of what it lost."""


@dataclass(frozen=True)
class LimitData:
    """What is drawn of one network.

    Attributes:
        network, best: which, and the pruned setting that is compared with the dense MILP; None where there is none.
        curves: rows of :func:`~sweep.report.limits.limit_curves` on this network, of ``best`` and the yardsticks.
        yardsticks: the dense MILP and the gradient attack, as far as there are some.
        end: seconds of the longest attack.
    """

    network: str
    best: str | None
    curves: pd.DataFrame
    yardsticks: tuple[str, ...]
    end: float


def limit_data(results: Results, curves: pd.DataFrame, best: Mapping[str, str | None], look: Look) -> list[LimitData]:
    """Return what is drawn, a network each; networks on which nothing is compared or found are left out."""
    found = []
    for network in look.networks:
        present = [label for label in look.labels[network] if results.settings[label].is_yardstick]
        mine = best.get(network)
        part = curves[(curves["network"] == network) & curves["setting"].isin([*present, mine])]
        if part.empty or not (part[["won", "lost", "success"]].fillna(0) > 0).to_numpy().any():
            continue
        seconds = results.instances.loc[results.instances["network"] == network, "total_seconds"]
        end = float(np.nanmax([10.0 * SHORTEST, *seconds, *part["seconds"]]))
        found.append(LimitData(network, mine, part, tuple(present), end))
    return found


def draw_limits(data: LimitData, look: Look) -> Figure:
    """Return the figure of one network: above what was won and lost, below what was found."""
    figure = Figure(figsize=(SMALL, HEIGHT), layout="constrained")
    compared = data.curves[(data.curves["setting"] == data.best) & (data.curves["pairs"] > 0)]
    axes = list(figure.subplots(1 if compared.empty else 2, 1, squeeze=False, sharex=True).ravel())
    if not compared.empty:
        won, lost = (100.0 * compared[name] / compared["pairs"] for name in ("won", "lost"))
        _steps(axes[0], compared, won, data.end, PRUNED, f"better than {look.phrases.baseline}")
        _steps(axes[0], compared, lost, data.end, LOST, "worse")
        axes[0].set_ylabel("instances, %")
        axes[0].legend(loc="upper left", fontsize=LEGEND_POINTS, frameon=False, borderaxespad=0.1, ncols=2, handlelength=1.6)
    below = axes[-1]
    for label in (*data.yardsticks, *([data.best] if data.best is not None else [])):
        part = data.curves[data.curves["setting"] == label]
        if part.empty:
            continue
        style = PRUNED if label == data.best else look.styles[label]
        thin = Style(style.color, style.dash, style.marker, 1.4) if label != data.best else style
        _steps(below, part, 100.0 * part["success"] / part["instances"], data.end, thin, fitted(label, 1.5, LEGEND_POINTS))
    below.set_ylabel(f"{look.phrases_on(data.network).find}\nfound, %")
    below.set_xlabel("time limit, s")
    start = max(SHORTEST, float(data.curves["seconds"].min()))
    for ax in axes:
        ax.set_ylim(-6.0, 130.0 if ax is axes[0] and not compared.empty else 106.0)
        ax.set_yticks([0, 50, 100])
    log_axis(below, "x")
    below.set_xlim(min(start, data.end / 10.0) / 1.2, 1.2 * data.end)
    figure.legend(
        *below.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        handlelength=1.8,
        columnspacing=1.0,
    )
    return figure


def _steps(ax: Axes, part: pd.DataFrame, values: pd.Series, end: float, style: Style, label: str) -> None:
    """Draw a line that begins at 0, and holds its last value to the end of the longest attack."""
    ordered = part.assign(value=values).sort_values("seconds", kind="stable")
    x = np.concatenate([[SHORTEST / 10.0], np.maximum(ordered["seconds"], SHORTEST / 10.0), [end]])
    y = np.concatenate([[0.0], ordered["value"], ordered["value"].iloc[-1:]])
    ax.plot(x, y, drawstyle="steps-post", label=label, **style.line)


def caption(data: LimitData, look: Look) -> str:
    """Return what the figure shows, as its alternative text."""
    last = data.curves.sort_values("seconds", kind="stable").groupby("setting", sort=False).last()
    said = [
        f"{label} has found {look.phrases_on(data.network).a_thing} for {int(row['success'])} of {int(row['instances'])}"
        for label, row in last.iterrows()
    ]
    if data.best in last.index and last.loc[data.best, "pairs"] > 0:
        row = last.loc[data.best]
        won, lost, pairs = (int(row[name]) for name in ("won", "lost", "pairs"))
        said = [f"{data.best} is better than the {look.phrases.baseline} on {won} of {pairs}, worse on {lost}", *said]
    return f"{data.network}, at the limit: {'; '.join(said)}."
