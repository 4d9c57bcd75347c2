"""What a figure of the report is, and what all of them share: which networks and settings are drawn, and in what look.

A figure is a function that makes a table of the results, and one that draws that table. So each can be tested by its numbers. A
figure whose table has no row is left out.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweep.report.figures.letters import POINTS, fitted, inches
from sweep.report.figures.style import RC, Style, styles_of
from sweep.report.phrases import Phrases
from sweep.report.results import Results
from sweep.terminal.wording import count

MAX_PANELS = 6
"""Networks drawn in one figure; of more, those with the most instances."""

MAX_LINES = 6
"""Settings drawn in one panel; of more, the yardsticks and the best others."""

MAX_DOTS = 1200
"""Dots drawn in one figure; of more, a sample that is the same each time."""

WIDTH, PANEL = 6.4, 2.75
"""Inches: width of a figure, so that its letters can be read at half the width of a page, and height of a panel."""


MAX_NAMES = 6
"""Settings that a legend of dots names one by one; of more, it names their families."""

LABEL_LETTERS = 24
"""Letters in a line of an axis' labels."""

HANDLE_EMS, COLUMN_EMS = 2.6, 1.2
"""Length of a legend's samples, and distance of its columns."""

LEGEND_POINTS = float(RC["legend.fontsize"])

SAMPLE = (HANDLE_EMS + COLUMN_EMS + 0.8) * LEGEND_POINTS / POINTS
"""Inches that a column of a legend takes beside its letters."""


@dataclass(frozen=True)
class Look:
    """What is drawn and how.

    Attributes:
        networks: those that get a panel.
        labels: the settings of each network that get a line, yardsticks first, then the best ones.
        styles: the look of each setting, the same in all figures.
        hidden: how many settings each network's panels leave out.
        left_out: how many networks get no panel.
        families: of each setting, its name without the sparsity.
        phrases, phrases_on: how people speak of all instances, and of those of a network.
    """

    networks: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    styles: dict[str, Style]
    hidden: dict[str, int]
    left_out: int
    families: dict[str, str]
    phrases: Phrases
    phrases_on: Callable[[str], Phrases]

    def networks_of(self, data: pd.DataFrame) -> list[str]:
        """Return the networks that rows of a table are about, in the order of their panels."""
        present = set(data["network"])
        return [network for network in self.networks if network in present]

    @property
    def note(self) -> str:
        """A sentence on what is left out of figures with panels and lines, or nothing."""
        parts = [count(self.left_out, "more network")] if self.left_out else []
        weaker = sum(self.hidden.values())
        parts += [count(weaker, "weaker setting")] if weaker else []
        return f" Not drawn: {' and '.join(parts)}; all are in the tables." if parts else ""


@dataclass(frozen=True)
class FigureKind:
    """One figure of the report.

    Attributes:
        name: of its files.
        title: its heading, or what makes it of the words of the instances.
        data: the table that is drawn; without a row where there is nothing to draw.
        draw: draws it.
        caption: what it shows and how to read it, from the same table.
        of_search: whether it is about a search: the page of another sweep does not speak of it.
    """

    name: str
    title: str | Callable[[Phrases], str]
    data: Callable[[Results, Look], pd.DataFrame]
    draw: Callable[[pd.DataFrame, Look], Figure]
    caption: Callable[[pd.DataFrame, Look], str]
    of_search: bool = False

    def heading(self, phrases: Phrases) -> str:
        """Return the title in the words of the instances."""
        return self.title if isinstance(self.title, str) else self.title(phrases)


def look_of(results: Results, ranking: pd.DataFrame) -> Look:
    """Return what is drawn: ``ranking`` has the settings of each network from best to worst."""
    sizes = results.instances.groupby("network", sort=False).size()
    largest = set(sizes.sort_values(ascending=False, kind="stable").index[:MAX_PANELS])
    networks = tuple(network for network in results.networks if network in largest)
    labels: dict[str, tuple[str, ...]] = {}
    hidden: dict[str, int] = {}
    for network in networks:
        present = list(ranking.loc[ranking["network"] == network, "setting"])
        yardsticks = [label for label in present if results.settings[label].is_yardstick]
        others = [label for label in present if label not in yardsticks]
        if results.phrases_on(network).by_value:  # the ranking has what is no MILP last, and not since it is weaker
            others.sort(key=lambda label: results.settings[label].is_milp)
        chosen = [*yardsticks, *others][:MAX_LINES]
        labels[network] = tuple(sorted(chosen, key=lambda label: (label not in yardsticks, results.settings[label].sort_key)))
        hidden[network] = len(present) - len(chosen)
    left_out = len(results.networks) - len(networks)
    families = {label: setting.family for label, setting in results.settings.items()}
    styles = styles_of(results.settings)
    return Look(networks, labels, styles, hidden, left_out, families, results.phrases, results.phrases_on)


def legend_names(labels: Iterable[str], look: Look) -> dict[str, str]:
    """Return what the legend calls each setting: by its own label, or if there are too many to read, by its family."""
    different = list(dict.fromkeys(labels))
    return {label: label if len(different) <= MAX_NAMES else look.families.get(label, label) for label in different}


def wrapped(label: str) -> str:
    """Return a label of an axis on as many lines as leave room for what is drawn."""
    return textwrap.fill(label, LABEL_LETTERS)


def row_height(labels: Iterable[str]) -> float:
    """Return the inches of a row of a figure that has these labels, :func:`wrapped`, at its left."""
    return 0.16 * max([2, *(wrapped(label).count("\n") + 1 for label in labels)])


def panels(
    number: int, height: float = PANEL, labels: Iterable[str] = (), ratios: Sequence[float] | None = None, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure with so many panels below each other, in two columns where there are more than three of equal height.

    Args:
        number: of panels.
        height: of each, in inches.
        labels: of the legend that comes below, which takes room.
        ratios: of the panels' heights, if they differ.
        shared: arguments of ``subplots``.
    """
    columns = 1 if number <= 3 or ratios is not None else 2
    rows, width = math.ceil(number / columns), WIDTH * (1.0 if columns == 1 else 1.5)
    figure = Figure(figsize=(width, height * rows + 0.22 * legend_rows(labels, width)), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, height_ratios=ratios, **shared).ravel())
    for ax in axes[number:]:
        ax.set_axis_off()
    return figure, axes[:number]


def label_below(axes: Sequence[Axes], text: str) -> None:
    """Say what the horizontal axes of :func:`panels` are: below the last panel of one column, below each of two columns."""
    for ax in axes[-1:] if len(axes) <= 3 else axes:
        ax.set_xlabel(text)


def legend(figure: Figure, axes: Sequence[Axes], order: Iterable[str] = ()) -> None:
    """Put one legend for all panels below them; what has the same label is named once.

    Labels that are in ``order`` come in that order: which panel is the first to have one says nothing to a reader.
    """
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    places = {label: place for place, label in enumerate(order)}
    found = {label: found[label] for label in sorted(found, key=lambda label: places.get(label, len(places)))}
    if found:
        figure.legend(
            list(found.values()),
            _fitting(list(found), figure.get_figwidth()),
            loc="outside lower center",
            ncols=legend_columns(list(found), figure.get_figwidth()),
            frameon=False,
            handlelength=HANDLE_EMS,
            columnspacing=COLUMN_EMS,
        )


def _fitting(labels: Sequence[str], width: float) -> list[str]:
    """Return the labels, on several lines where one does not fit into so many inches."""
    return [fitted(label, width - 0.2 - SAMPLE, LEGEND_POINTS) for label in labels]


def legend_columns(labels: Sequence[str], width: float = WIDTH) -> int:
    """Return how many columns of a legend fit into so many inches."""
    column = SAMPLE + max((inches(label, LEGEND_POINTS) for label in labels), default=1.0)
    return max(1, min(len(labels), int((width - 0.1) / column)))


def legend_rows(labels: Iterable[str], width: float = WIDTH) -> int:
    different = list(dict.fromkeys(labels))
    lines = max((label.count("\n") + 1 for label in _fitting(different, width)), default=1)
    return lines * math.ceil(len(different) / legend_columns(different, width)) + 1


def tapered(labels: Iterable[str], largest: float, smallest: float) -> dict[str, float]:
    """Return sizes from the largest to the smallest: what is drawn later leaves the edge of what it lies on in sight."""
    different = list(dict.fromkeys(labels))
    step = (largest - smallest) / max(1, len(different) - 1)
    return {label: largest - step * place for place, label in enumerate(different)}


def widened(low: float, high: float, least: float = 10.0) -> tuple[float, float]:
    """Return limits of a logarithmic axis that span at least a factor of ``least``."""
    factor = max(1.0, least / (high / low)) ** 0.5
    return low / factor, high * factor


def sample(frame: pd.DataFrame, most: int = MAX_DOTS) -> pd.DataFrame:
    """Return at most so many rows, the same ones each time, in their order."""
    return frame if len(frame) <= most else frame.sample(most, random_state=0).sort_index()


def dots_note(total: int, most: int = MAX_DOTS) -> str:
    """Return a sentence on dots that are not drawn, or nothing."""
    return "" if total <= most else f" {most:,} of {total:,} dots are drawn, chosen at random."


def of_look(frame: pd.DataFrame, look: Look) -> pd.DataFrame:
    """Return the rows whose network and setting are drawn."""
    pairs = pd.MultiIndex.from_tuples(
        [(n, s) for n, labels in look.labels.items() for s in labels], names=["network", "setting"]
    )
    return frame[pd.MultiIndex.from_frame(frame[["network", "setting"]]).isin(pairs)]
