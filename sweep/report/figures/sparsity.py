"""Sparsity against time, and against the size of the MILP: binaries, and neurons that need none."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweep.records.measures import with_logarithm
from sweep.report.figures.base import (
    MAX_DOTS,
    WIDTH,
    FigureKind,
    Look,
    dots_note,
    label_below,
    legend,
    legend_names,
    panels,
    sample,
    tapered,
)
from sweep.report.figures.letters import heading, inches, log_axis
from sweep.report.figures.style import BLACK
from sweep.report.results import Results

COUNT_POINTS = 9.0
"""Height of the letters of the counts above the dots."""

WIDTHS, SIZES = (3.4, 1.5), (10.0, 5.0)
"""Points: width of the line of binaries that is drawn first, and of the last, and size of their markers."""


def _milps(results: Results) -> pd.DataFrame:
    """Return the instances of MILPs, the dense network's with sparsity 0 and pruned ones'; ``family`` is without sparsity."""
    found = results.instances
    is_milp = found["setting"].map(lambda label: results.settings[label].is_milp).astype(bool)
    found = found[is_milp & found["sparsity"].notna()]
    family = found["setting"].map(lambda label: results.settings[label].family)
    dense = found["setting"].map(lambda label: results.settings[label].is_baseline)
    return found.assign(family=family, dense=dense.astype(bool))


def time_data(results: Results, look: Look) -> pd.DataFrame:
    """Return a row for each instance of a MILP: ``sparsity``, ``seconds`` to the first witness or NaN, ``prune_seconds``."""
    found = _milps(results)
    found = found[found["network"].isin(look.networks)]
    if found["sparsity"].nunique() < 2 or found["first_found_seconds"].isna().all():
        return pd.DataFrame()
    columns = ["network", "setting", "family", "sparsity", "seconds", "prune_seconds"]
    return found.assign(seconds=with_logarithm(found["first_found_seconds"]))[columns].reset_index(drop=True)


def draw_time(data: pd.DataFrame, look: Look) -> Figure:
    networks = look.networks_of(data)
    labels = sorted(set(data["setting"]), key=list(look.styles).index)
    names = legend_names(labels, look)
    figure, axes = panels(len(networks), 3.0, names.values(), sharex=True, sharey=True)
    dots = sample(data.dropna(subset=["seconds"]))
    for ax, network in zip(axes, networks, strict=True):
        part = data[data["network"] == network]
        for label in labels:
            mine = part[part["setting"] == label]
            shown = dots[(dots["network"] == network) & (dots["setting"] == label)]
            x = 100.0 * shown["sparsity"]
            ax.plot(x, shown["seconds"], label=names[label] if len(mine) else None, alpha=0.85, **look.styles[label].dot)
        heights = _heights(_counts(part), len(axes))
        for (sparsity, (found, of)), height in zip(_counts(part).items(), heights, strict=True):
            ax.annotate(
                f"{found}/{of}", (100.0 * sparsity, 1.0), (0, 3 + 10 * height), ("data", "axes fraction"), "offset points",
                ha="center", fontsize=COUNT_POINTS, color="#444444", annotation_clip=False,
            )  # fmt: skip
        log_axis(ax, "y")
        ax.set_xlim(-4, 104)
        heading(ax, network, pad=7.0 + 10.0 * (1 + max(heights, default=0)))
        ax.set_ylabel(f"seconds to the first\n{look.phrases.thing}")
    label_below(axes, f"sparsity, % (0: {look.phrases.baseline})")
    legend(figure, axes)
    return figure


def _counts(part: pd.DataFrame) -> dict[float, tuple[int, int]]:
    """Return at each sparsity (to 5 %) how many instances have a witness, of how many."""
    rounded = (20.0 * part["sparsity"]).round() / 20.0
    return {float(s): (int(g["seconds"].notna().sum()), len(g)) for s, g in part.groupby(rounded)}


def _heights(counts: Mapping[float, tuple[int, int]], number: int) -> list[int]:
    """Return on which line each count stands: on the lowest on which it touches none before it."""
    percent = (WIDTH if number <= 3 else 0.75 * WIDTH) - 1.0  # inches of all axes of such a figure
    ends: list[float] = []
    found = []
    for sparsity, (with_witness, of) in counts.items():
        half = inches(f"{with_witness}/{of}", COUNT_POINTS) / 2.0 + 0.04
        middle = percent * sparsity / 1.08
        height = next((height for height, end in enumerate(ends) if end <= middle - half), len(ends))
        ends[height : height + 1] = [middle + half]
        found.append(height)
    return found


def binaries_data(results: Results, look: Look) -> pd.DataFrame:
    """Return a row for each network, family and setting: median ``sparsity``, ``binaries`` and share of neurons without one."""
    found = _milps(results)
    found = found[found["network"].isin(look.networks) & found["binaries"].notna()]
    found = found.assign(stable=1.0 - found["binaries"] / found["hidden"])
    columns = {"sparsity": "median", "binaries": "median", "stable": "median"}
    grouped = found.groupby(["network", "family", "setting", "dense"], sort=False).agg(columns).reset_index()
    return grouped if grouped["sparsity"].nunique() > 1 else grouped[:0]


def draw_binaries(data: pd.DataFrame, look: Look) -> Figure:
    networks = look.networks_of(data)
    surrogates = data[~data["dense"]]
    tuned = {
        family: look.styles[setting].hollow for family, setting in zip(surrogates["family"], surrogates["setting"], strict=True)
    }
    families = sorted(tuned, key=lambda family: tuned[family])
    # Finetuned ones come last and are the narrowest, so that equal ones are seen around them.
    widths, sizes = tapered(families, *WIDTHS), tapered(families, *SIZES)
    figure, axes = panels(len(networks), 3.0, list(dict.fromkeys(data["family"])), sharex=True)
    for ax, network in zip(axes, networks, strict=True):
        part = data[data["network"] == network]
        other = ax.twinx()
        for family in families:
            line = part[part["family"] == family].sort_values("sparsity")
            if line.empty:
                continue
            # The lightest shade without finetuning, the darkest with it: a shade per sparsity says nothing along a line.
            style = look.styles[str(line["setting"].iloc[-1 if tuned[family] else 0])]
            marks = {"marker": style.marker, "markerfacecolor": "white" if style.hollow else style.color}
            looks = {**style.line, **marks, "linewidth": widths[family], "markersize": sizes[family]}
            ax.plot(100.0 * line["sparsity"], line["binaries"], label=family, **looks)
        for one in part[part["dense"]].itertuples():
            style = look.styles[one.setting]
            ax.axhline(one.binaries, color=BLACK, linewidth=1.6, linestyle=style.dash, label=one.family)
            ax.plot(0.0, one.binaries, color=BLACK, marker=style.marker, markersize=6)
        ax.set_ylim(0.0, max(1.0, 1.12 * float(part["binaries"].max())))
        ax.set_xlim(-4, 104)
        _second_axis(ax, other, part)
        heading(ax, network, beside=1.7)
        ax.set_ylabel("binaries")
    label_below(axes, "sparsity, %")
    legend(figure, axes)
    return figure


def _second_axis(ax: Axes, other: Axes, part: pd.DataFrame) -> None:
    """Let the right side say which share of the hidden neurons is stable or gone: it is what the binaries leave."""
    known = part.dropna(subset=["stable"])
    known = known[known["stable"] < 1.0]
    if known.empty:
        other.set_axis_off()
        return
    hidden = float((known["binaries"] / (1.0 - known["stable"])).median())
    top = ax.get_ylim()[1]
    other.set_ylim(100.0, 100.0 * (1.0 - top / hidden))
    other.grid(visible=False)
    other.spines["right"].set_visible(True)
    other.set_ylabel("stable or pruned neurons, %")


SPARSITY = FigureKind(
    "sparsity",
    lambda phrases: f"Seconds to the first {phrases.thing}, by sparsity",
    time_data,
    draw_time,
    lambda data, look: (
        f"Each dot is one instance on which a MILP found {look.phrases.a_thing}. The numbers above say on how many of how many "
        f"it found one.{dots_note(int(data['seconds'].notna().sum()), MAX_DOTS)}{look.note}"
    ),
)

BINARIES = FigureKind(
    "binaries",
    "Size of the MILP, by sparsity",
    binaries_data,
    draw_binaries,
    lambda _data, look: (
        "Medians over the instances. A neuron needs no binary variable if it is pruned, or if it is stable: active for all "
        "inputs of the region, or for none. More sparsity does not always mean fewer binaries." + look.note
    ),
)
