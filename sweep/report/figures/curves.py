"""Figures over the time of an attack: the share of instances with a witness, the median best dense margin, the median norm.

One panel a network, one line a setting, drawn by colour *and* dash pattern, so that they can be told apart in grey print and
by colour-blind readers.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweep.records import InstanceRecord, TrialRecord
from sweep.report.settings import Setting, group
from sweep.rules import CLOSEST, MARGIN, OBJECTIVES, OUTPUT

MAX_LINES = 8
"""Settings drawn in one panel; of more, the dense MILP, the gradient and the best others."""

Curve = tuple[list[float], list[float]]
"""Seconds and values of a step function that holds each value until the next second."""

Panels = Mapping[str, Mapping[Setting, Sequence[InstanceRecord]]]
"""What each network's panel draws: its settings and all their instances."""


@dataclass(frozen=True)
class Kind:
    """One of the figures: what it is called, how an attack becomes a curve, and what it says if no curve has a point."""

    name: str
    ylabel: str
    curve: Callable[[Sequence[InstanceRecord]], Curve]
    is_share: bool
    empty: str
    objectives: tuple[str, ...]
    """Of the instances that it draws."""


# Colours of Okabe and Ito (2008), ordered so that neighbours differ in lightness too.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), (0, (10, 2, 2, 2, 2, 2)), (0, (4, 4)))
_STYLE: dict[Any, Any] = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "svg.hashsalt": "surrogate-sweep",
    "svg.fonttype": "none",
}

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it announces its font cache on the first run


def write_figures(records: Sequence[TrialRecord], order: Sequence[tuple[str, str]], folder: Path) -> list[Path]:
    """Write ``success``, and ``margin`` or ``norm`` or both by what was optimised, as PNG and SVG and return their paths.

    ``order`` names the settings as (network, label) from best to worst: where there are too many, the first ones are drawn.
    """
    settings = group(records)
    styles = _styles(settings, order)
    present = {i.objective for members in settings.values() for record in members for i in record.instances} or {MARGIN}
    paths: list[Path] = []
    for kind in (kind for kind in KINDS if present.intersection(kind.objectives)):
        asked = {s: [r for r in members if _objective(r) in kind.objectives] for s, members in settings.items()}
        asked = {s: members for s, members in asked.items() if members}
        chosen = _choose(asked, order)
        with rc_context(_STYLE):
            figure = _draw(kind, chosen, styles, _hidden(asked, chosen))
            for suffix, metadata in (("png", None), ("svg", {"Date": None})):  # no date: equal results, equal files
                path = folder / f"{kind.name}.{suffix}"
                figure.savefig(path, dpi=150, metadata=metadata)
                paths.append(path)
    return paths


def success_curve(instances: Sequence[InstanceRecord]) -> Curve:
    """Return at which seconds the share of instances with a witness rises, and to what share."""
    times = sorted(i.first_adversarial_seconds for i in instances if i.first_adversarial_seconds is not None)
    return times, [(count + 1) / len(instances) for count in range(len(times))]


def margin_curve(instances: Sequence[InstanceRecord]) -> Curve:
    """Return the median over all instances of the best dense margin so far, at each second at which it changes.

    An instance without a point yet counts as worse than any other, so the curve begins when half of the instances have one.
    """
    events = sorted(
        (event["seconds"], index, event["margin"])
        for index, instance in enumerate(instances)
        for event in instance.timeline
        if event.get("margin") is not None and math.isfinite(event["margin"])
    )
    return _median_curve(len(instances), events)


def norm_curve(instances: Sequence[InstanceRecord]) -> Curve:
    """Return the median over all instances of the shortest perturbation so far, at each second at which it changes.

    An instance without one yet counts as longer than any other, so the curve begins when more than half of them have one.
    """
    events = sorted(
        (event["seconds"], index, event["norm"])
        for index, instance in enumerate(instances)
        for event in instance.timeline
        if event.get("norm") is not None
    )
    return _median_curve(len(instances), ((time, index, -norm) for time, index, norm in events), -1.0)


KINDS = (
    Kind(
        "success",
        "share of images with\nan adversarial input",
        success_curve,
        True,
        "no trial found an adversarial input",
        OBJECTIVES,
    ),
    Kind(
        "margin",
        "median best margin\nof the dense network",
        margin_curve,
        False,
        "no trial met a point on most images",
        (MARGIN, OUTPUT),
    ),
    Kind(
        "norm",
        "median norm of the\nshortest perturbation",
        norm_curve,
        False,
        "no trial found an adversarial input on most images",
        (CLOSEST,),
    ),
)


def _median_curve(count: int, events: Iterable[tuple[float, int, float]], sign: float = 1.0) -> Curve:
    """Return ``sign`` times the median of the best values so far; ``events`` are (seconds, index of the instance, value)."""
    best = [-math.inf] * count
    seconds: list[float] = []
    values: list[float] = []
    for time, index, found in events:
        best[index] = max(best[index], found)
        value = sign * median(best)
        if not math.isfinite(value) or (values and value == values[-1]):
            continue
        seconds.append(time)
        values.append(value)
    return seconds, values


def _objective(record: TrialRecord) -> str:
    return record.instances[0].objective if record.instances else MARGIN


def _choose(
    settings: Mapping[Setting, list[TrialRecord]], order: Sequence[tuple[str, str]]
) -> dict[str, dict[Setting, list[InstanceRecord]]]:
    """Return what each panel draws: yardsticks first, then the best others up to MAX_LINES."""
    rank = {name: place for place, name in enumerate(order)}
    panels: dict[str, dict[Setting, list[InstanceRecord]]] = {}
    for network in dict.fromkeys(setting.network for setting in settings):
        present = [s for s in settings if s.network == network]
        present.sort(key=lambda s: (not (s.is_dense_milp or s.is_gradient), rank.get((s.network, s.label), len(rank))))
        panels[network] = {
            setting: [instance for record in settings[setting] for instance in record.instances]
            for setting in present[:MAX_LINES]
        }
    return panels


def _hidden(settings: Mapping[Setting, Any], chosen: Mapping[str, Mapping[Setting, Any]]) -> dict[str, int]:
    """Return how many settings each panel leaves out."""
    return {network: sum(s.network == network for s in settings) - len(drawn) for network, drawn in chosen.items()}


def _styles(settings: Mapping[Setting, Any], order: Sequence[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Return the look of each label, the same in all panels; the two yardsticks are black and grey."""
    places: dict[str, int] = {}
    for place, (_, label) in enumerate(order):
        places.setdefault(label, place)
    styles: dict[str, dict[str, Any]] = {}
    others = 0
    for setting in sorted(settings, key=lambda s: places.get(s.label, len(places))):
        if setting.label in styles:
            continue
        if setting.is_dense_milp:
            styles[setting.label] = {"color": "black", "linestyle": "-", "linewidth": 2.6}
        elif setting.is_gradient:
            styles[setting.label] = {"color": "#777777", "linestyle": (0, (1, 1.2)), "linewidth": 2.6}
        else:
            # The dash pattern moves on one step later each round, so that no colour meets the same pattern twice.
            dash = _DASHES[(others + others // len(_COLORS)) % len(_DASHES)]
            styles[setting.label] = {"color": _COLORS[others % len(_COLORS)], "linestyle": dash, "linewidth": 1.8}
            others += 1
    return styles


def _draw(kind: Kind, panels: Panels, styles: Mapping[str, Mapping[str, Any]], hidden: Mapping[str, int]) -> Figure:
    drawn = {network: lines for network, lines in panels.items() if any(kind.curve(found)[0] for found in lines.values())}
    if not drawn:
        return _message(f"Nothing to draw: {kind.empty if panels else 'no trial finished'}.")
    columns = min(3, len(drawn))
    rows = math.ceil(len(drawn) / columns)
    labels = list(dict.fromkeys(setting.label for lines in drawn.values() for setting in lines))
    legend_columns = min(len(labels), 2 if columns == 1 else 3)
    legend_height = 0.26 * math.ceil(len(labels) / legend_columns) + 0.35
    figure = Figure(figsize=(0.9 + 4.3 * columns, 3.4 * rows + legend_height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey="all" if kind.is_share else "none").ravel()
    for ax, (network, lines) in zip(axes, drawn.items(), strict=False):
        _panel(ax, kind, network, lines, styles, hidden[network])
    for ax in axes[len(drawn) :]:
        ax.set_axis_off()
    for row in range(rows):
        axes[row * columns].set_ylabel(kind.ylabel)
    handles = {line.get_label(): line for ax in axes for line in ax.get_lines() if not str(line.get_label()).startswith("_")}
    ordered = [label for label in labels if label in handles]
    figure.legend(
        [handles[label] for label in ordered],
        ordered,
        loc="outside lower center",
        ncols=legend_columns,
        handlelength=3.4,
        frameon=False,
    )
    return figure


def _panel(
    ax: Axes,
    kind: Kind,
    network: str,
    lines: Mapping[Setting, Sequence[InstanceRecord]],
    styles: Mapping[str, Mapping[str, Any]],
    hidden: int,
) -> None:
    curves = {setting: kind.curve(instances) for setting, instances in lines.items()}
    first = min((seconds[0] for seconds, _ in curves.values() if seconds), default=1e-3)
    end = max((i.total_seconds or 0.0 for instances in lines.values() for i in instances), default=0.0)
    end = max([end, *(seconds[-1] for seconds, _ in curves.values() if seconds)])
    start = max(first, 1e-4) / 2.0
    for setting, (seconds, values) in curves.items():
        if kind.is_share:  # it rises from 0; a setting without any witness is a line at 0
            seconds, values = [seconds[0] if seconds else start, *seconds], [0.0, *values]
        # Both kinds hold their last value to the end of the longest attack.
        x, y = [*(max(second, start) for second in seconds), end], [*values, *values[-1:]]
        if values:
            ax.plot(x, y, drawstyle="steps-post", label=setting.label, **styles[setting.label])
    ax.set_xscale("log")
    ax.set_xlim(start, end * 1.15)
    ax.set_xlabel("seconds of attack")
    counts = sorted({len(instances) for instances in lines.values()})
    what = "images" if all(i.image is not None for instances in lines.values() for i in instances) else "questions"
    images = f"{counts[0]} {what}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} {what}"
    plural = "" if hidden == 1 else "s"
    ax.set_title(f"{network}, {images}" + (f"\n{hidden} weaker setting{plural} not drawn" if hidden else ""), fontsize=11)
    if kind.is_share:
        ax.set_ylim(-0.03, 1.03)
    elif kind.name == "margin":
        ax.axhline(0.0, color="#444444", linewidth=0.8)


def _message(text: str) -> Figure:
    figure = Figure(figsize=(5.2, 1.2))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure
