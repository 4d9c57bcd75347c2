"""How large the perturbations are that were found, in four norms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.report.figures.base import MAX_DOTS, WIDTH, Kind, Look, Nothing, dots_note, row_height, sample, wrapped
from sweep.report.results import Results

NORMS = {"l0": "L0: pixels changed", "l1": "L1: sum of changes", "l2": "L2", "linf": "Linf: largest change"}
MAX_ROWS = 12


def norms_data(results: Results, look: Look) -> pd.DataFrame | Nothing:
    """Return a row a witness and norm: ``setting``, ``norm``, ``value``; the settings with the most witnesses first."""
    found = results.instances[results.instances["status"] == "adversarial"]
    long = found.melt(id_vars=["setting"], value_vars=list(NORMS), var_name="norm", value_name="value").dropna()
    if long.empty:
        return Nothing("no adversarial input with a known norm was found")
    drawn = {label for labels in look.labels.values() for label in labels}
    counts = long[long["setting"].isin(drawn)].groupby("setting").size().sort_values(ascending=False, kind="stable")
    return long[long["setting"].isin(counts.index[:MAX_ROWS])].reset_index(drop=True)


def draw_norms(data: pd.DataFrame, look: Look) -> Figure:
    labels = sorted(set(data["setting"]), key=list(look.styles).index)
    figure = Figure(figsize=(WIDTH, 2 * (0.8 + row_height(labels) * len(labels))), layout="constrained")
    axes = figure.subplots(2, 2, sharey=True).ravel()
    jitter = np.random.default_rng(0)
    shown = sample(data)
    for ax, (norm, title) in zip(axes, NORMS.items(), strict=True):
        for place, label in enumerate(labels):
            everything = data.loc[(data["setting"] == label) & (data["norm"] == norm), "value"].to_numpy()
            dots = shown.loc[(shown["setting"] == label) & (shown["norm"] == norm), "value"].to_numpy()
            style = look.styles[label]
            ax.plot(dots, place + jitter.uniform(-0.22, 0.22, len(dots)), alpha=0.6, **{**style.dot, "markersize": 4})
            if len(everything):
                low, middle, high = np.percentile(everything, [25, 50, 75])
                ax.plot([low, high], [place, place], color=style.color, linewidth=2.2, solid_capstyle="butt")
                ax.plot([middle, middle], [place - 0.34, place + 0.34], color="black", linewidth=1.6)
        ax.set_title(title)
        ax.set_xlim(0.0, 1.06 * ax.get_xlim()[1])  # a dot at the largest value is whole
        ax.grid(visible=False, axis="y")
    axes[0].set_yticks(range(len(labels)), [wrapped(label) for label in labels])
    axes[0].set_ylim(len(labels) - 0.5, -0.5)
    for ax in axes[::2]:
        ax.tick_params(axis="y", labelsize=9)
    return figure


NORMS_FIGURE = Kind(
    "norms",
    "How large the perturbations are",
    norms_data,
    draw_norms,
    lambda data, _look: (
        "A dot an adversarial input that was found, all networks together; the black mark is the median, the bar the middle "
        f"half.{dots_note(len(data), MAX_DOTS)}"
    ),
)
