"""How much room letters take: titles that fit their panel, and numbers of logarithmic axes that do not run together."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Sequence
from functools import cache
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import Formatter, FuncFormatter

from sweep.report.figures.style import RC

POINTS = 72.0
"""Points in an inch."""

TITLE_POINTS, NUMBER_POINTS = float(RC["axes.titlesize"]), float(RC["font.size"])
"""Height of the letters of titles and of the numbers at ticks."""

SPARE = 1.04
"""Factor for what hinting adds to the width of letters."""

BETWEEN = {"x": 0.14, "y": 0.12}
"""Inches between the numbers of an axis."""

FIRST = ((2, 5), (3,), (7,), (4,), (6,), (8,), (9,))
"""Multiples of a power of ten, in the order in which they get a number; what stands together gets one together."""


@cache
def inches(text: str, points: float, bold: bool = False) -> float:
    """Return the width of a text of one line in inches."""
    font = FontProperties(size=points, weight="bold" if bold else "normal")
    return SPARE * float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / POINTS


def fitted(text: str, width: float, points: float, bold: bool = False) -> str:
    """Return the text on as many lines as it needs to be at most so many inches wide; a single word may be wider."""
    for letters in range(len(text), 0, -1):
        lines = textwrap.wrap(text, letters, break_long_words=False, break_on_hyphens=False)
        if all(inches(line, points, bold) <= width for line in lines) or max(map(len, lines)) > letters:
            return "\n".join(lines)
    return text


def heading(ax: Axes, text: str, beside: float = 1.0, pad: float | None = None) -> None:
    """Give a panel its title, on several lines where it is wider than the panel: names of networks can be long.

    Args:
        ax: the panel.
        text: its title.
        beside: inches that the labels at the panel's sides take.
        pad: points between title and panel.
    """
    place = ax.get_subplotspec()
    columns = place.get_gridspec().ncols if place is not None else 1
    room = _figure(ax).get_figwidth() / columns - beside
    ax.set_title(fitted(text, room, TITLE_POINTS, bold=True), pad=pad)


def log_axis(ax: Axes, names: str) -> None:
    """Make some of the axes ``x`` and ``y`` logarithmic, with plain numbers at as many ticks as have room for one."""
    for name in names:
        ax.set(**{f"{name}scale": "log"})
        axis = ax.xaxis if name == "x" else ax.yaxis
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axis.set_minor_formatter(MinorNumbers(ax, name))


class MinorNumbers(Formatter):
    """Writes 0.02 and the like at ticks between the powers of ten, where that overlaps no other number.

    Matplotlib's own choice looks at the range of the axis alone, and lets long numbers on a short axis run together.
    """

    def __init__(self, ax: Axes, name: str) -> None:
        self._ax, self._name = ax, name
        self._written: set[float] = set()

    def set_locs(self, locs: list[float]) -> None:
        super().set_locs(locs)
        box, dpi = self._ax.bbox, _figure(self._ax).dpi
        length = (box.width if self._name == "x" else box.height) / dpi
        axis = self._ax.xaxis if self._name == "x" else self._ax.yaxis
        low, high = sorted(map(float, axis.get_view_interval()))
        tens = [float(ten) for ten in axis.get_majorticklocs() if low <= ten <= high]
        minor = [float(tick) for tick in locs if low <= tick <= high]
        self._written = set(with_room(minor, tens, length / math.log10(high / low), self._name))

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if x in self._written else ""


def _figure(ax: Axes) -> Figure:
    return cast(Figure, ax.get_figure(root=True))


def with_room(minor: Sequence[float], tens: Sequence[float], decade: float, name: str) -> list[float]:
    """Return those of the minor ticks that have room for a number.

    Args:
        minor: the ticks between the powers of ten.
        tens: the powers of ten, which have theirs.
        decade: inches from one power of ten to the next.
        name: of the axis, ``x`` or ``y``.
    """
    taken = [_span(ten, decade, name) for ten in tens]
    found: list[float] = []
    groups = [[tick for tick in minor if any(math.isclose(_multiple(tick), one) for one in some)] for some in FIRST]
    if sum(map(len, groups)) < len(minor):  # less than a power of ten, in finer steps: every tick, or every second, ...
        strides = [list(minor[::stride]) for stride in range(1, len(minor) + 1)]
        return next((ticks for ticks in strides if _apart([*taken, *(_span(t, decade, name) for t in ticks)], name)), [])
    for group in groups:
        spans = [*taken, *(_span(tick, decade, name) for tick in group)]
        if _apart(spans, name):
            taken, found = spans, [*found, *group]
    return found


def _multiple(tick: float) -> float:
    """Return which multiple of a power of ten a tick is, from 1 to 10."""
    return tick / float(10.0 ** math.floor(math.log10(tick) + 1e-9))


def _apart(spans: Sequence[tuple[float, float]], name: str) -> bool:
    return all(end + BETWEEN[name] <= start for (_, end), (start, _) in itertools.pairwise(sorted(spans)))


def _span(tick: float, decade: float, name: str) -> tuple[float, float]:
    """Return from where to where the number at a tick reaches, in inches."""
    half = (inches(f"{tick:g}", NUMBER_POINTS) if name == "x" else NUMBER_POINTS / POINTS) / 2.0
    middle = decade * math.log10(tick)
    return middle - half, middle + half
