"""Where the time of an attack goes, stacked."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sweep.report.figures.base import FigureKind, Look, legend, of_look, panels, row_height, wrapped
from sweep.report.figures.letters import heading
from sweep.report.results import Results

STAGES = {
    "prune_seconds": ("pruning and finetuning", "#E69F00", ""),
    "bounds_seconds": ("bounds", "#56B4E9", "///"),
    "build_seconds": ("building the model", "#000000", ""),
    "solve_seconds": ("solve", "#0072B2", ""),
    "other": ("other", "#BBBBBB", "..."),
}
"""Title, colour and hatch (for grey print) of each stage."""


def stages_data(results: Results, look: Look) -> pd.DataFrame:
    """Return a row for each network and setting with the mean seconds of an instance in each of :data:`STAGES`.

    ``other`` is what bounds, model and solve leave of the attack's total. Training of the dense network is not in it: all
    settings share that. One surrogate for all instances of a trial is counted by its share.
    """
    found = results.instances
    found = found[found["network"].isin(look.networks) & found["total_seconds"].notna()]
    parts = found[["bounds_seconds", "build_seconds", "solve_seconds"]].fillna(0.0)
    timed = parts.assign(
        prune_seconds=pruning_shares(results, found),
        other=(found["total_seconds"] - parts.sum(axis=1)).clip(lower=0.0),
        network=found["network"],
        setting=found["setting"],
    )
    means = timed.groupby(["network", "setting"], sort=False)[list(STAGES)].mean().reset_index()
    return of_look(means, look).reset_index(drop=True)


def pruning_shares(results: Results, instances: pd.DataFrame) -> pd.Series:
    """Return the seconds of pruning and finetuning of each instance: its share of them where one surrogate serves a trial."""
    trials = results.trials.set_index("trial_key").loc[instances["trial_key"]]
    served = trials["instances"].where(trials["prune_seconds"].notna(), 1.0)
    return instances["prune_seconds"].fillna(0.0) / served.to_numpy()


def draw_stages(data: pd.DataFrame, look: Look) -> Figure:
    networks = look.networks_of(data)
    bars = [int((data["network"] == network).sum()) for network in networks]
    titles = [title for title, _, _ in STAGES.values()]
    mean = sum(bars) / len(bars)
    row = row_height(data["setting"])
    figure, axes = panels(len(networks), 0.6 + row * mean, titles, [1.0 + n for n in bars], sharex=True)
    for ax, network in zip(axes, networks, strict=True):
        part = data[data["network"] == network].set_index("setting")
        labels = [label for label in look.labels[network] if label in part.index]
        left = pd.Series(0.0, index=labels)
        for stage, (title, color, hatch) in STAGES.items():
            width = part.loc[labels, stage]
            edge = "white" if hatch else color
            ax.barh(range(len(labels)), width, left=left, color=color, hatch=hatch, edgecolor=edge, linewidth=0, label=title)
            left = left + width
        ax.set_yticks(range(len(labels)), [wrapped(label) for label in labels], fontsize=9, linespacing=0.95)
        ax.set_ylim(len(labels) - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        heading(ax, network, beside=2.2)
    axes[-1].set_xlabel("seconds of an instance, mean")
    legend(figure, axes)
    return figure


STAGES_FIGURE = FigureKind(
    "stages",
    "Where the time goes",
    stages_data,
    draw_stages,
    lambda _data, look: (
        "Mean seconds of one instance. Where one pruned network serves several instances, each has its share of pruning and "
        "finetuning. Training the dense network is left out: all settings share it." + look.note
    ),
)
