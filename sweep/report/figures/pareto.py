"""What one gets for one's time: cost of an instance against what the setting reached, with the front of the best bargains."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sweep.report.figures.base import Kind, Look, Nothing, legend, legend_names, log_axis, panels
from sweep.report.results import Results
from sweep.rules import CLOSEST


def pareto_data(results: Results, look: Look) -> pd.DataFrame | Nothing:
    """Return a row a network and setting: mean ``seconds`` of an instance (its share of pruning included), ``reached`` (median
    best margin, or median norm with a minus for the closest perturbation), ``front`` (no other is as quick and better)."""
    found = results.instances[results.instances["network"].isin(look.networks)]
    closest = (found["objective"] == CLOSEST).all() and len(found) > 0
    reached = -found["length"] if closest else found["best_margin"]
    pruning = results.trials.set_index("trial_key")
    prune = found["prune_seconds"].fillna(0.0)
    shared = found["trial_key"].map(pruning["prune_seconds"]).notna()
    prune = prune.where(~shared, prune / found["trial_key"].map(pruning["instances"]))
    frame = found[["network", "setting"]].assign(seconds=found["total_seconds"] + prune, reached=reached)
    grouped = (
        frame.groupby(["network", "setting"], sort=False).agg({"seconds": "mean", "reached": "median"}).dropna().reset_index()
    )
    if len(grouped) < 2:
        return Nothing("fewer than two settings have both a time and a result")
    front = pd.Series(False, index=grouped.index)
    for _, part in grouped.groupby("network", sort=False):
        front[part.index] = on_front(part["seconds"].to_numpy(), part["reached"].to_numpy())
    return grouped.assign(front=front, closest=closest)


def on_front(seconds: NDArray[np.float64], reached: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points no other one beats: less time and at least as much reached, or as little time and more reached."""
    order = np.lexsort((-reached, seconds))
    best = np.maximum.accumulate(reached[order])
    before = np.append(-math.inf, best[:-1])
    front = np.zeros(len(seconds), dtype=bool)
    front[order] = reached[order] > before
    return front


def draw_pareto(data: pd.DataFrame, look: Look) -> Figure:
    networks = [network for network in look.networks if (data["network"] == network).any()]
    shown = data[[setting in look.labels[network] or front for network, setting, front in zip(
        data["network"], data["setting"], data["front"], strict=True)]]  # fmt: skip
    labels = sorted(set(shown["setting"]), key=list(look.styles).index)
    names = legend_names(labels, look)
    figure, axes = panels(len(networks), 3.0, names.values(), sharex=len(networks) <= 3)
    sign = -1.0 if bool(data["closest"].iloc[0]) else 1.0
    for ax, network in zip(axes, networks, strict=True):
        part = shown[shown["network"] == network]
        best = part[part["front"]].sort_values("seconds")
        ax.plot(best["seconds"], sign * best["reached"], color="#999999", linewidth=1.2, drawstyle="steps-post", zorder=1)
        for label in labels:
            mine = part[part["setting"] == label]
            ax.plot(mine["seconds"], sign * mine["reached"], label=names[label] if len(mine) else None, **{
                **look.styles[label].dot, "markersize": 8})  # fmt: skip
        if (part["seconds"] > 0).all():
            log_axis(ax, "x")
        ax.margins(x=0.08, y=0.12)
        ax.set_title(network)
        ax.set_ylabel("median norm" if sign < 0 else "median best\ndense margin")
    for ax in axes[-1:] if len(axes) <= 3 else axes:
        ax.set_xlabel("seconds of an instance, pruning included (mean)")
    legend(figure, axes)
    return figure


PARETO = Kind(
    "pareto",
    "What one gets for one's time",
    pareto_data,
    draw_pareto,
    lambda data, look: (
        f"The grey line joins the Pareto front: settings that no other one beats in both ({int(data['front'].sum())} of "
        f"{len(data)}). Further left is quicker, "
        + ("further down is a shorter perturbation." if bool(data["closest"].iloc[0]) else "further up is a larger margin.")
        + look.note
    ),
)
