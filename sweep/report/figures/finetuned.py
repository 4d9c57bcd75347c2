"""Finetuned surrogates against the same ones without finetuning, with a dot for each instance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweep.config.words import MAXIMIZE
from sweep.records.measures import with_logarithm
from sweep.report.comparisons import COLUMNS, outcomes, signs
from sweep.report.figures.base import (
    MAX_DOTS,
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
from sweep.report.variations import FINETUNING, variation_pairs

BESIDE, BELOW = 0.65, 0.5
"""Inches that the numbers and words at the left of a panel take, and those below it."""


def finetuned_data(results: Results, look: Look) -> pd.DataFrame:
    """Return a row for each pair and each measure that both have: values ``finetuned`` and ``plain``, ``win`` of the former."""
    pairs = variation_pairs(results, FINETUNING)
    if pairs.empty:
        return pairs
    rows = []
    for measure, column in COLUMNS.items():
        decided = outcomes(pairs, measure)
        if measure == "value":  # further up is better in all panels of values
            signed = {name: signs(decided) * decided[name] for name in ("best_value_mine", "best_value_other")}
            decided = decided.assign(**signed)
        both = decided.dropna(subset=[f"{column}_mine", f"{column}_other"])
        if measure == "time":
            both = both.assign(**{name: with_logarithm(both[name]) for name in (f"{column}_mine", f"{column}_other")})
        named = both.rename(columns={f"{column}_mine": "finetuned", f"{column}_other": "plain"})
        rows.append(named[["network", "setting", "finetuned", "plain", "win"]].assign(measure=measure))
    return of_look(pd.concat(rows, ignore_index=True), look).reset_index(drop=True)


def _title(measure: str, look: Look) -> str:
    named = f"best {look.phrases.charted}"
    if look.phrases.sense != MAXIMIZE:
        named = f"{named}\n(negative: smaller is better)"
    titles = {"value": named, "time": f"seconds to the first\n{look.phrases.thing}"}
    return titles.get(measure, f"norm of the shortest\n{look.phrases.length_of}")


def draw_finetuned(data: pd.DataFrame, look: Look) -> Figure:
    measures = list(dict.fromkeys(data["measure"]))
    labels = list(dict.fromkeys(data["setting"]))
    rows = legend_rows(legend_names(labels, look).values())
    side = min(4.2, WIDTH / len(measures) - BESIDE)  # panels are square: what is higher would be white
    above = 0.2 * max(_title(measure, look).count("\n") + 1 for measure in measures)
    figure = Figure(figsize=(WIDTH, side + above + BELOW + 0.2 * rows), layout="constrained")
    axes = list(figure.subplots(1, len(measures), squeeze=False).ravel())
    for ax, measure in zip(axes, measures, strict=True):
        _panel(ax, measure, data[data["measure"] == measure], look, labels, len(measures))
    legend(figure, axes)
    return figure


def _panel(ax: Axes, measure: str, part: pd.DataFrame, look: Look, labels: list[str], count: int) -> None:
    logarithmic = measure == "time"
    names = legend_names(labels, look)
    for label, dots in sample(part, MAX_DOTS // count).groupby("setting", sort=False):
        ax.plot(dots["plain"], dots["finetuned"], label=names[str(label)], alpha=0.85, **look.styles[str(label)].dot)
    values = part[["plain", "finetuned"]].to_numpy(dtype=float)
    low, high = float(np.min(values)), float(np.max(values))
    room = 0.05 * (high - low) or 0.5
    limits = widened(low / 1.4, high * 1.4) if logarithmic else (low - room, high + room)
    ax.plot(limits, limits, color="#444444", linewidth=1.0)
    if logarithmic:
        log_axis(ax, "xy")
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.set_title(_title(measure, look))
    ax.set_xlabel("without finetuning")
    ax.set_ylabel("finetuned")


def caption(data: pd.DataFrame, look: Look) -> str:
    """Return on how many instances finetuning was better, by measure."""
    said = []
    for measure, words in (
        ("value", f"a {look.phrases.better} {look.phrases.value}"),
        ("time", "a sooner find"),
        ("norm", f"a shorter {look.phrases.length_of}"),
    ):
        part = data[data["measure"] == measure]
        if len(part):
            said.append(f"{words} on {int((part['win'] > 0).sum())} of {len(part)}")
    return (
        f"Each dot is one instance, {look.phrases.acted} through the same pruning with and without finetuning. Finetuning "
        f"helped above the diagonal of {look.phrases.value}s, and below that of seconds and lengths: {', '.join(said)}."
        f"{dots_note(len(data))}{look.note}"
    )


FINETUNED = FigureKind("finetuned", "Finetuned against not finetuned", finetuned_data, draw_finetuned, caption)
