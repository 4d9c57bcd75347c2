"""The paper's surprise: how well a pruned network classifies says little about how useful it is as a surrogate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.report.comparisons import measured, outcomes, pairs_with_dense
from sweep.report.figures.base import WIDTH, FigureKind, Look, legend, legend_names, legend_rows, tapered
from sweep.report.figures.letters import TITLE_POINTS, fitted, heading
from sweep.report.results import Results

MAX_SETTINGS = 60
"""Dots drawn; of more, those with the most pairs."""

LARGEST, SMALLEST = 8.5, 4.5
"""Points: size of the dot of the first setting and of the last, so that dots at one place are all seen."""

BESIDE = 0.4
"""Inches at the side of a panel that its title cannot use."""


def accuracy_data(results: Results, look: Look) -> pd.DataFrame:
    """Return a row for each network and pruned setting: ``accuracy``, the share of wins over the dense MILP and its limits."""
    pruned = results.trials[[results.settings[label].is_surrogate for label in results.trials["setting"]]]
    accuracy = pruned.groupby(["network", "setting"], sort=False)["accuracy_surrogate"].median().dropna()
    rows = []
    pairs = pairs_with_dense(results)
    for key, part in pairs[pairs["network"].isin(look.networks)].groupby(["network", "setting"], sort=False):
        if key not in accuracy.index:
            continue
        row = {"network": key[0], "setting": key[1], "accuracy": float(accuracy[key])}
        for measure in ("time", "value"):
            found = measured(outcomes(part, measure), measure)
            row |= {f"{measure}_{name}": found[name] for name in ("share", "share_low", "share_high", "pairs")}
        rows.append(row)
    data = pd.DataFrame(rows)
    if data.empty or data[["time_share", "value_share"]].isna().to_numpy().all():
        return pd.DataFrame()
    data = data.assign(order=data["time_pairs"] + data["value_pairs"])
    return data.nlargest(MAX_SETTINGS, "order").sort_index().drop(columns="order")


def draw_accuracy(data: pd.DataFrame, look: Look) -> Figure:
    measures = [name for name in ("time", "value") if data[f"{name}_share"].notna().any()]
    titles = {"time": "sooner", "value": f"{look.phrases.better} {look.phrases.value}"}
    networks = look.networks_of(data)
    labels = list(dict.fromkeys(data["setting"]))
    names = legend_names(labels, look)
    sizes = tapered((label for label in look.styles if label in names), LARGEST, SMALLEST)
    room = WIDTH / len(measures) - BESIDE
    lines = max(fitted(f"{n}: {titles[m]}", room, TITLE_POINTS, bold=True).count("\n") for n in networks for m in measures)
    height = 0.4 + (2.2 + 0.17 * lines) * len(networks) + 0.22 * legend_rows(names.values())
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(len(networks), len(measures), squeeze=False, sharex="row", sharey=True)
    for line, network in zip(axes, networks, strict=True):
        for ax, measure in zip(line, measures, strict=True):
            part = data[(data["network"] == network)].dropna(subset=[f"{measure}_share"])
            for label, one in part.groupby("setting", sort=False):
                share = one[f"{measure}_share"].to_numpy()
                limits = np.abs(one[[f"{measure}_share_low", f"{measure}_share_high"]].to_numpy().T - share)
                style = {**look.styles[str(label)].dot, "markersize": sizes[str(label)]}
                accuracy = 100.0 * one["accuracy"]
                bars = {"yerr": np.nan_to_num(limits), "elinewidth": 0.9, "capsize": 2}
                ax.errorbar(accuracy, share, **bars, label=names[str(label)], **style)
            ax.axhline(0.5, color="#444444", linewidth=0.8, linestyle=(0, (4, 3)))
            heading(ax, f"{network}: {titles[measure]}", beside=BESIDE)
            ax.set_ylim(-0.06, 1.06)
        line[0].set_ylabel("share of instances\nbetter than dense")
    for ax in axes[-1]:
        ax.set_xlabel("accuracy of the pruned network, %")
    legend(figure, list(axes.ravel()), [names[label] for label in sizes])
    return figure


ACCURACY = FigureKind(
    "accuracy",
    "Does a pruned network have to classify well?",
    accuracy_data,
    draw_accuracy,
    lambda _data, look: (
        "Each dot is one pruned setting: how well the pruned network classifies, and on which share of the instances it did "
        f"better than the {look.phrases.baseline} (bar: 95 % interval). If accuracy decided, the dots would rise to the right. "
        "The paper's surprise is that they need not."
    ),
)
