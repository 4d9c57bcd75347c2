"""The look of settings, the same in every figure: told apart by colour, by dash and marker, and by lightness in grey print.

The two yardsticks are black and grey. A surrogate's hue shows its pruning method, and its shade the sparsity (darker is
sparser). Its marker shows the place of that sparsity among those swept, and a dashed line means finetuned. Attacks on the dense
network have hues of their own, which no surrogate has. The hues are those of Okabe and Ito (2008) with lighter and darker
shades.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.colors import LinearSegmentedColormap, to_hex

from sweep.report.settings import RankedSetting

BLACK, GREY = "#000000", "#777777"

HUES: dict[str, tuple[str, str, str]] = {
    "magnitude": ("#86C5EC", "#0072B2", "#00304C"),
    "structured": ("#F7B183", "#D55E00", "#662D00"),
    "random": ("#7BD4BA", "#009E73", "#004D38"),
    "layerwise_magnitude": ("#F3D36B", "#C79A00", "#6B5200"),
}
"""Light, middle and dark shade of pruning methods."""

MORE_HUES = (("#C7B3E5", "#7F5FB0", "#3F2A63"), ("#C9C0A8", "#8A7D55", "#453D25"), ("#B7DCE0", "#4A9AA4", "#1C4B51"))
"""For all other methods, in order."""

ATTACKS = {"portfolio": "#CC79A7", "restriction": "#882255", "branch_and_bound": "#B8860B"}
MORE_ATTACKS = ("#A0522D", "#556B2F")

SOLID, DASHED = "-", (0, (5, 1.8))
MORE_DASHES: tuple[Any, ...] = ((0, (1.5, 1.2)), (0, (7, 1.5, 1.5, 1.5)), (0, (9, 1.5, 1.5, 1.5, 1.5, 1.5)), (0, (3, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")

RC: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e2e2e2",
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "xtick.minor.pad": 5.0,  # numbers of minor ticks, which are shorter, stand in line with the others
    "ytick.minor.pad": 5.0,
    "svg.hashsalt": "surrogate-sweep",
    "svg.fonttype": "path",  # letters as outlines: in another font than the one it was laid out with, labels would be cut
}
"""Matplotlib's settings while a figure is drawn."""

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it announces its font cache on the first run


@dataclass(frozen=True)
class Style:
    """How a setting is drawn."""

    color: str
    dash: Any
    marker: str
    width: float = 1.8
    hollow: bool = False
    """Whether its dots are rings: finetuned."""

    @property
    def line(self) -> dict[str, Any]:
        """Arguments of a line."""
        return {"color": self.color, "linestyle": self.dash, "linewidth": self.width}

    @property
    def dot(self) -> dict[str, Any]:
        """Arguments of dots without a line."""
        face = "none" if self.hollow else self.color
        return {"marker": self.marker, "linestyle": "none", "color": self.color, "markerfacecolor": face, "markersize": 6}


def styles_of(settings: Mapping[str, RankedSetting]) -> dict[str, Style]:
    """Return the look of each setting by its label; no two lines or dots are alike as long as dashes and markers are left."""
    ordered = sorted(settings, key=lambda label: settings[label].sort_key)
    methods = list(dict.fromkeys(s.method for s in settings.values() if s.is_surrogate or (s.amount is not None)))
    amounts = {m: sorted({s.amount for s in settings.values() if s.method == m and s.amount is not None}) for m in methods}
    unknown = [method for method in methods if method not in HUES]
    attacks = [s.attack for s in settings.values() if s.attack not in (*ATTACKS, "surrogate", "gradient")]
    strange = list(dict.fromkeys(attacks))
    found: dict[str, Style] = {}
    for label in ordered:
        setting = settings[label]
        if setting.is_baseline:
            style = Style(BLACK, SOLID, "o", 2.6)
        elif setting.is_without_milp:
            style = Style(GREY, (0, (1, 1.2)), "x", 2.6)
        elif setting.is_surrogate:
            hue = HUES.get(str(setting.method)) or MORE_HUES[unknown.index(setting.method) % len(MORE_HUES)]
            steps = amounts[setting.method]
            place = steps.index(setting.amount) if setting.amount in steps else 0
            tuned = bool(setting.finetune_rounds)
            style = Style(
                _shade(hue, place, len(steps)), DASHED if tuned else SOLID, MARKERS[place % len(MARKERS)], 1.9, hollow=tuned
            )
        else:
            more = MORE_ATTACKS[strange.index(setting.attack) % len(MORE_ATTACKS)] if setting.attack in strange else ""
            style = Style(ATTACKS.get(setting.attack, more), SOLID, "*", 2.2)
        found[label] = _unlike(style, list(found.values()))
    return found


def _shade(hue: tuple[str, str, str], place: int, count: int) -> str:
    position = 0.5 if count <= 1 else place / (count - 1)
    return str(to_hex(LinearSegmentedColormap.from_list("hue", hue)(position)))


def _unlike(style: Style, others: list[Style]) -> Style:
    """Return the style with another dash and marker where one of the others has the same in its colour."""
    alike = [other for other in others if other.color == style.color]
    dashes, markers = {str(other.dash) for other in alike}, {other.marker for other in alike if other.hollow == style.hollow}
    dash = next((one for one in (style.dash, *MORE_DASHES) if str(one) not in dashes), style.dash)
    marker = next((one for one in (style.marker, *MARKERS) if one not in markers), style.marker)
    return Style(style.color, dash, marker, style.width, style.hollow)
