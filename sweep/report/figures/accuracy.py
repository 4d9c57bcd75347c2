"""The paper's surprise: how well a pruned network classifies says little about how useful it is as a surrogate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.report.comparisons import measured, outcomes, pairs_with_dense
from sweep.report.figures.base import Kind, Look, Nothing, legend, legend_rows, panels
from sweep.report.results import Results

MAX_SETTINGS = 60
"""Dots drawn; of more, those with the most pairs."""


def accuracy_data(results: Results, _look: Look) -> pd.DataFrame | Nothing:
    """Return a row a network and pruned setting: ``accuracy`` and the shares of wins over the dense MILP with their limits."""
    pruned = results.trials[[results.settings[label].is_surrogate for label in results.trials["setting"]]]
    if pruned["accuracy_surrogate"].isna().all():
        return Nothing("no surrogate with a known accuracy has finished")
    accuracy = pruned.groupby(["network", "setting"], sort=False)["accuracy_surrogate"].median().dropna()
    rows = []
    pairs = pairs_with_dense(results)
    for key, part in pairs.groupby(["network", "setting"], sort=False):
        if key not in accuracy.index:
            continue
        row = {"network": key[0], "setting": key[1], "accuracy": float(accuracy[key])}
        for measure in ("time", "margin"):
            found = measured(outcomes(part, measure), measure)
            row |= {f"{measure}_{name}": found[name] for name in ("share", "share_low", "share_high", "pairs")}
        rows.append(row)
    data = pd.DataFrame(rows)
    if data.empty or data[["time_share", "margin_share"]].isna().to_numpy().all():
        return Nothing("no surrogate shares an instance with the dense MILP on which either found something")
    data = data.assign(order=data["time_pairs"] + data["margin_pairs"])
    return data.nlargest(MAX_SETTINGS, "order").sort_index().drop(columns="order")


def draw_accuracy(data: pd.DataFrame, look: Look) -> Figure:
    measures = [name for name in ("time", "margin") if data[f"{name}_share"].notna().any()]
    titles = {"time": "first adversarial input sooner than the dense MILP", "margin": "larger margin than the dense MILP"}
    networks = list(dict.fromkeys(data["network"]))
    figure, axes = panels(len(measures), 3.0, legend_rows(list(data["setting"])), sharex=True, sharey=True)
    for ax, measure in zip(axes, measures, strict=True):
        for label, part in data.dropna(subset=[f"{measure}_share"]).groupby("setting", sort=False):
            share = part[f"{measure}_share"].to_numpy()
            limits = np.abs(part[[f"{measure}_share_low", f"{measure}_share_high"]].to_numpy().T - share)
            accuracy = 100.0 * part["accuracy"].to_numpy()
            style = look.styles[str(label)]
            ax.errorbar(accuracy, share, yerr=np.nan_to_num(limits), elinewidth=0.9, capsize=2, label=label, **style.dot)
            if len(networks) > 1:
                for x, y, network in zip(accuracy, share, part["network"], strict=True):
                    ax.annotate(network, (x, y), (5, 4), textcoords="offset points", fontsize=7.5, color="#444444")
        ax.axhline(0.5, color="#444444", linewidth=0.8, linestyle=(0, (4, 3)))
        ax.set_title(titles[measure])
        ax.set_ylabel("share of pairs")
        ax.set_ylim(-0.06, 1.1)
    axes[-1].set_xlabel("accuracy of the surrogate, %")
    legend(figure, axes)
    return figure


ACCURACY = Kind(
    "accuracy",
    "Accuracy of the surrogate against its usefulness",
    accuracy_data,
    draw_accuracy,
    lambda _data, _look: (
        "A dot a surrogate on a network, with 95 % intervals. If accuracy decided, the dots would rise to the right; the "
        "paper's surprise is that they need not."
    ),
)
