"""Sparsity against time, and against the size of the MILP: binaries, and neurons that need none."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sweep.report.figures.base import (
    MAX_DOTS,
    Kind,
    Look,
    Nothing,
    dots_note,
    legend,
    legend_names,
    log_axis,
    panels,
    sample,
)
from sweep.report.figures.style import BLACK, SOLID
from sweep.report.results import Results

CLOSE = 0.17
"""Two sparsities so close to each other have their counts at different heights."""


def _milps(results: Results) -> pd.DataFrame:
    """Return the instances of MILPs, the dense network's with sparsity 0 and pruned ones'; ``family`` is without sparsity."""
    found = results.instances
    attack = found["setting"].map(lambda label: results.settings[label].attack)
    found = found[(attack == "surrogate").astype(bool) & found["sparsity"].notna()]
    family = found["setting"].map(lambda label: results.settings[label].family)
    dense = found["setting"].map(lambda label: results.settings[label].is_dense_milp)
    return found.assign(family=family, dense=dense.astype(bool))


def time_data(results: Results, look: Look) -> pd.DataFrame | Nothing:
    """Return a row an instance of a MILP: ``sparsity``, ``seconds`` to the first witness (NaN for none), ``prune_seconds``."""
    found = _milps(results)
    found = found[found["network"].isin(look.networks)]
    if found["sparsity"].nunique() < 2:
        return Nothing("fewer than two sparsities were swept")
    if found["first_adversarial_seconds"].isna().all():
        return Nothing("no MILP found an adversarial input")
    columns = ["network", "setting", "family", "sparsity", "first_adversarial_seconds", "prune_seconds"]
    return found[columns].rename(columns={"first_adversarial_seconds": "seconds"}).reset_index(drop=True)


def draw_time(data: pd.DataFrame, look: Look) -> Figure:
    networks = [network for network in look.networks if (data["network"] == network).any()]
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
        before, raised = -1.0, False
        for sparsity, (found, of) in _counts(part).items():
            raised, before = sparsity - before < CLOSE and not raised, sparsity
            ax.annotate(
                f"{found}/{of}", (100.0 * sparsity, 1.0), (0, 3 + 9 * raised), ("data", "axes fraction"), "offset points",
                ha="center", fontsize=8, color="#444444", annotation_clip=False,
            )  # fmt: skip
        log_axis(ax, "y")
        ax.set_xlim(-4, 104)
        ax.set_title(network, pad=26)
        ax.set_ylabel("seconds to the first\nadversarial input")
    for ax in axes[-1:] if len(axes) <= 3 else axes:
        ax.set_xlabel("sparsity of the surrogate, % (0: dense MILP)")
    legend(figure, axes)
    return figure


def _counts(part: pd.DataFrame) -> dict[float, tuple[int, int]]:
    """Return at each sparsity (to 5 %) how many instances have a witness, of how many."""
    rounded = (20.0 * part["sparsity"]).round() / 20.0
    return {float(s): (int(g["seconds"].notna().sum()), len(g)) for s, g in part.groupby(rounded)}


def binaries_data(results: Results, look: Look) -> pd.DataFrame | Nothing:
    """Return a row a network, family and setting: median ``sparsity``, ``binaries`` and share of neurons without one."""
    found = _milps(results)
    found = found[found["network"].isin(look.networks) & found["binaries"].notna()]
    if found.empty:
        return Nothing("no attack reports the binaries of a MILP")
    found = found.assign(stable=1.0 - found["binaries"] / found["hidden"])
    columns = {"sparsity": "median", "binaries": "median", "stable": "median"}
    grouped = found.groupby(["network", "family", "setting", "dense"], sort=False).agg(columns).reset_index()
    if grouped["sparsity"].nunique() < 2:
        return Nothing("fewer than two sparsities were swept")
    return grouped


def draw_binaries(data: pd.DataFrame, look: Look) -> Figure:
    networks = [network for network in look.networks if (data["network"] == network).any()]
    families = list(dict.fromkeys(data.loc[~data["dense"], "family"]))
    figure, axes = panels(len(networks), 3.0, list(dict.fromkeys(data["family"])), sharex=True)
    for ax, network in zip(axes, networks, strict=True):
        part = data[data["network"] == network]
        other = ax.twinx()
        for family in families:
            line = part[part["family"] == family].sort_values("sparsity")
            if line.empty:
                continue
            style = look.styles[str(line["setting"].iloc[len(line) // 2])]
            face = "white" if style.hollow else style.color
            marks: dict[str, Any] = {"marker": style.marker, "markerfacecolor": face, "markersize": 6}
            x = 100.0 * line["sparsity"]
            ax.plot(x, line["binaries"], label=family, **style.line, **marks)
        for one in part[part["dense"]].itertuples():
            dash = look.styles[one.setting].dash
            ax.axhline(
                one.binaries, color=BLACK, linewidth=1.6, linestyle=(0, (1, 1.5)) if dash == SOLID else dash, label=one.family
            )
        ax.set_ylim(0.0, max(1.0, 1.12 * float(part["binaries"].max())))
        ax.set_xlim(-4, 104)
        _second_axis(ax, other, part)
        ax.set_title(network)
        ax.set_ylabel("binaries")
    for ax in axes[-1:] if len(axes) <= 3 else axes:
        ax.set_xlabel("sparsity of the surrogate, %")
    legend(figure, axes)
    return figure


def _second_axis(ax: object, other: object, part: pd.DataFrame) -> None:
    """Let the right side say which share of the hidden neurons is stable or gone: it is what the binaries leave."""
    known = part.dropna(subset=["stable"])
    known = known[known["stable"] < 1.0]
    if known.empty:
        other.set_axis_off()  # type: ignore[attr-defined]
        return
    hidden = float((known["binaries"] / (1.0 - known["stable"])).median())
    top = ax.get_ylim()[1]  # type: ignore[attr-defined]
    other.set_ylim(100.0, 100.0 * (1.0 - top / hidden))  # type: ignore[attr-defined]
    other.grid(visible=False)  # type: ignore[attr-defined]
    other.spines["right"].set_visible(True)  # type: ignore[attr-defined]
    other.set_ylabel("stable or pruned neurons, %")  # type: ignore[attr-defined]


SPARSITY = Kind(
    "sparsity",
    "Sparsity against time",
    time_data,
    draw_time,
    lambda data, look: (
        "A dot an instance for which a MILP met an adversarial input; the numbers above count them, of all instances at that "
        f"sparsity.{dots_note(int(data['seconds'].notna().sum()), MAX_DOTS)}{look.note}"
    ),
)

BINARIES = Kind(
    "binaries",
    "Binaries and stable neurons against sparsity",
    binaries_data,
    draw_binaries,
    lambda _data, look: (
        "Medians over the instances. A neuron whose sign is settled over the whole region is stable and needs no binary. More "
        "sparsity does not always mean fewer binaries." + look.note
    ),
)
