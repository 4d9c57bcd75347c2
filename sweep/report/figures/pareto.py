"""What each setting reached, over its seconds an instance. The front joins the settings that no other beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.config.words import MINIMIZE
from sweep.report.comparisons import are_lengths, signs
from sweep.report.figures.base import FigureKind, Look, label_below, legend, legend_names, panels, tapered
from sweep.report.figures.letters import heading, log_axis
from sweep.report.figures.stages import pruning_shares
from sweep.report.figures.style import BLACK, Style
from sweep.report.results import Results
from sweep.report.searches import on_front
from sweep.terminal.wording import joined

LARGEST, SMALLEST, RING = 11.0, 7.0, 14.0
"""Points: size of the dot that is drawn first, of the last, and of the dense MILP's ring: all dots at one place are seen."""

MOST_NAMES = 4
"""Settings on the front of a network that the caption names."""


def pareto_data(results: Results, look: Look) -> pd.DataFrame:
    """Return a row for each network and setting.

    The columns beside them are the mean ``seconds`` of an instance, its share of pruning included; ``reached``, the median best
    value, or for the closest perturbation minus the median norm; and ``front``: no other setting is as quick and better.
    """
    found = results.instances[results.instances["network"].isin(look.networks)]
    closest = are_lengths(found).all() and len(found) > 0
    reached = -found["length"] if closest else signs(found) * found["best_value"]
    seconds = found["total_seconds"] + pruning_shares(results, found)
    frame = found[["network", "setting"]].assign(seconds=seconds, reached=reached)
    grouped = (
        frame.groupby(["network", "setting"], sort=False).agg({"seconds": "mean", "reached": "median"}).dropna().reset_index()
    )
    if len(grouped) < 2:
        return pd.DataFrame()
    front = pd.Series(False, index=grouped.index)
    for _, part in grouped.groupby("network", sort=False):
        costs = np.column_stack([part["seconds"], -part["reached"]])
        front[part.index[on_front(costs)]] = True
    minimised = set(found.loc[found["sense"] == MINIMIZE, "network"])
    return grouped.assign(front=front, closest=closest, sign=np.where(grouped["network"].isin(minimised), -1.0, 1.0))


def draw_pareto(data: pd.DataFrame, look: Look) -> Figure:
    networks = look.networks_of(data)
    shown = data[[setting in look.labels[network] or front for network, setting, front in zip(
        data["network"], data["setting"], data["front"], strict=True)]]  # fmt: skip
    labels = sorted(set(shown["setting"]), key=list(look.styles).index)
    names = legend_names(labels, look)
    figure, axes = panels(len(networks), 3.0, names.values(), sharex=len(networks) <= 3)
    closest = bool(data["closest"].iloc[0])
    for ax, network in zip(axes, networks, strict=True):
        part = shown[shown["network"] == network]
        sign = float(part["sign"].iloc[0])
        best = part[part["front"]].sort_values("seconds")
        ax.plot(best["seconds"], sign * best["reached"], color="#999999", linewidth=1.2, drawstyle="steps-post", zorder=1)
        for label, size in tapered(labels, LARGEST, SMALLEST).items():
            mine = part[part["setting"] == label]
            dot = _dot(look.styles[label], size)
            ax.plot(mine["seconds"], sign * mine["reached"], label=names[label] if len(mine) else None, **dot)
        if (part["seconds"] > 0).all():
            log_axis(ax, "x")
        ax.margins(x=0.08, y=0.12)
        heading(ax, network)
        ax.set_ylabel("median norm" if closest else f"median best\n{look.phrases_on(network).charted}")
    label_below(axes, "seconds of an instance, pruning included (mean)")
    legend(figure, axes)
    return figure


def _dot(style: Style, size: float) -> dict[str, Any]:
    """Return the arguments of a dot; the dense MILP is a ring around what has its place, so that neither hides the other."""
    if style.color == BLACK:
        return {**style.dot, "markersize": RING, "markerfacecolor": "none", "markeredgewidth": 1.8, "zorder": 4}
    if style.hollow:
        return {**style.dot, "markersize": size, "markerfacecolor": "white", "markeredgewidth": 1.6}
    if style.marker == "x":
        return {**style.dot, "markersize": size, "markeredgewidth": 1.6}
    return {**style.dot, "markersize": size * (1.6 if style.marker == "*" else 1.0), "markeredgecolor": "white"}


def caption(data: pd.DataFrame, look: Look) -> str:
    """Return which settings are on the front, and how to read the figure."""
    best = data[data["front"]].sort_values("seconds", kind="stable")
    fronts = {str(network): [str(label) for label in part["setting"]] for network, part in best.groupby("network", sort=False)}
    line = " (joined by the grey line)" if any(len(front) > 1 for front in fronts.values()) else ""
    minimised = _minimised(data)
    is_one = len(minimised) in (0, data["network"].nunique())
    other = "" if is_one else f" (further down on {joined(minimised)})"
    way, word = "down" if is_one and minimised else "up", look.phrases.better if is_one else "better"
    values = f"further {way} is a {word} {look.phrases.value}{other}"
    better = f"further down is a shorter {look.phrases.length_of}" if bool(data["closest"].iloc[0]) else values
    return (
        f"Further left is quicker, {better}. No other setting is both quicker and better than these{line}: "
        f"{_named(fronts, look.networks)}. A black ring is the {look.phrases.baseline}.{look.note}"
    )


def _minimised(data: pd.DataFrame) -> list[str]:
    """Return the networks on which smaller values are better."""
    return list(dict.fromkeys(data.loc[data["sign"] < 0.0, "network"]))


def _named(fronts: Mapping[str, Sequence[str]], networks: Sequence[str]) -> str:
    """Return the settings on the fronts, network by network unless they are the same on all."""
    said = {}
    for network in (network for network in networks if network in fronts):
        names, more = fronts[network][:MOST_NAMES], len(fronts[network]) - MOST_NAMES
        said[network] = ", ".join(names) + (f" and {more} more" if more > 0 else "")
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"on {network} {names}" for network, names in said.items())


PARETO = FigureKind("pareto", "Seconds spent, value reached", pareto_data, draw_pareto, caption)
