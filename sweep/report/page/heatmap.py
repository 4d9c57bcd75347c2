"""The heat map of the first screen: network sizes by sparsities, coloured by what was won against the dense MILP."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from sweep.records.measures import VALUES
from sweep.report.compared import Compared, against_dense, compared_by_network
from sweep.report.comparisons import ALL
from sweep.report.phrases import Phrases
from sweep.report.results import Results
from sweep.terminal.wording import count

MOST_NETWORKS, MOST_COLUMNS = 12, 24
"""Rows and columns; wins.csv has the others."""

WON, LOST, EVEN = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0xFF, 0xFF, 0xFF)
"""Blue, orange and white of the colours, which everybody tells apart (Okabe and Ito 2008)."""

DARK = 0.179
"""On a background of less than this luminance white letters have more contrast than dark ones (WCAG)."""


@dataclass(frozen=True)
class HeatmapCell:
    """One pruned setting on one network; an empty ``text`` where both were not compared."""

    text: str = ""
    said: str = ""
    background: str = "transparent"
    is_dark: bool = False
    mark: str = ""


@dataclass(frozen=True)
class HeatMap:
    """Rows and columns of the map.

    Attributes:
        families: of the columns, what stands above the sparsities, and over how many of them.
        sparsities: of the columns.
        rows: a network with its cells.
        value: what is larger or shorter where a setting won.
        left_out: a sentence on what is not shown, or nothing.
    """

    families: tuple[tuple[str, int], ...]
    sparsities: tuple[str, ...]
    rows: tuple[tuple[str, tuple[HeatmapCell, ...]], ...]
    value: str
    left_out: str


def heat_map(results: Results, wins: pd.DataFrame) -> HeatMap | None:
    """Return the map, or None where no pruned setting was compared with the dense MILP."""
    pruned = {label: setting for label, setting in results.settings.items() if setting.is_surrogate}
    rows = against_dense(results, wins)
    measure = VALUES[0] if (rows["value_pairs"] > 0).any() else VALUES[1]
    found = [one for one in compared_by_network(rows, VALUES) if one.measure == measure]
    if not found:
        return None
    cells = {(one.network, one.setting): _cell(one, _reached(one.measure, results.phrases_on(one.network))) for one in found}
    labels = sorted({one.setting for one in found}, key=lambda label: (pruned[label].family, pruned[label].sort_key))
    networks = [name for name in (*results.networks, ALL) if any(one.network == name for one in found)]
    columns, shown = labels[:MOST_COLUMNS], networks[:MOST_NETWORKS]
    families = tuple((family, len(list(members))) for family, members in groupby(pruned[label].family for label in columns))
    sparsities = tuple("" if pruned[label].amount is None else f"{pruned[label].amount:g}" for label in columns)
    filled = tuple((network, tuple(cells.get((network, label), HeatmapCell()) for label in columns)) for network in shown)
    missing = [count(len(labels) - len(columns), "more setting")] if len(labels) > len(columns) else []
    missing += [count(len(networks) - len(shown), "more network")] if len(networks) > len(shown) else []
    left_out = f" Not shown: {' and '.join(missing)}; wins.csv has them." if missing else ""
    return HeatMap(families, sparsities, filled, _reached(found[0].measure, results.phrases), left_out)


def _reached(measure: str, phrases: Phrases) -> str:
    """Return what a setting ended with where it won."""
    return f"a shorter {phrases.length_of}" if measure == "norm" else f"a {phrases.better} value"


def _cell(one: Compared, reached: str) -> HeatmapCell:
    ahead = one.won >= one.lost
    share = (one.won if ahead else one.lost) / one.pairs
    beyond = "beyond chance" if one.is_real else "which may be chance"
    said = f"{one.setting} on {one.network}: {reached} on {one.won} of {one.pairs}, worse on {one.lost}, {beyond}"
    mark = "▲" if one.is_better else "▼" if one.is_worse else ""
    mixed = tuple(round(white + share * (full - white)) for full, white in zip(WON if ahead else LOST, EVEN, strict=True))
    return HeatmapCell(f"{one.won}/{one.pairs}", said, "#{:02x}{:02x}{:02x}".format(*mixed), _luminance(mixed) < DARK, mark)


def _luminance(color: tuple[int, ...]) -> float:
    linear = [c / 3294.6 if c <= 10 else ((c / 255.0 + 0.055) / 1.055) ** 2.4 for c in color]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
