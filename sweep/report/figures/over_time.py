"""Success, value and norm over the time of an attack, with a panel for each network and a line for each setting."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from surrogate.networks import FloatArray
from sweep.config.words import MINIMIZE
from sweep.report.comparisons import are_lengths, signs
from sweep.report.figures.base import PANEL, FigureKind, Look, label_below, legend, panels, tapered
from sweep.report.figures.letters import heading, log_axis
from sweep.report.figures.style import Style
from sweep.report.results import Results
from sweep.terminal.wording import a_or_an, count

MOST_STEPS = 300
"""Most moments at which a median is taken; if there are more, this many of even ranks."""

SHORTEST = 1e-4
"""Seconds at which the time axis begins at the earliest."""

WIDEST, THINNEST = 3.8, 1.4
"""Points: width of the line that is drawn first, and of the last."""

MOST_MARKS, MOST_TURNS = 40, 5
"""Markers for which a panel has room side by side, and those that one line has at most."""


def success_curve(first: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return at which seconds the share of instances with a witness rises, and to what share; ``first`` is NaN without one."""
    times = np.sort(first[~np.isnan(first)])
    return times, np.arange(1, len(times) + 1) / max(1, len(first))


def median_curve(rows: NDArray[np.int64], seconds: FloatArray, values: FloatArray, total: int) -> tuple[FloatArray, FloatArray]:
    """Return the median over ``total`` instances of the largest value so far, at each moment at which it changes.

    ``rows`` (0 to ``total`` - 1), ``seconds`` and ``values`` are the events. An instance without a value yet counts as worse
    than any other, so the curve begins when more than half of the instances have one, and it never falls.
    """
    known = np.isfinite(values)
    rows, seconds, values = rows[known], seconds[known], values[known]
    moments = np.unique(seconds)
    if len(moments) > MOST_STEPS:
        moments = moments[np.unique(np.linspace(0, len(moments) - 1, MOST_STEPS).round().astype(int))]
    if not len(moments):
        return np.empty(0), np.empty(0)
    best = np.full((total, len(moments)), -math.inf)
    np.maximum.at(best, (rows, np.searchsorted(moments, seconds)), values)
    ordered = np.sort(np.maximum.accumulate(best, axis=1), axis=0)
    middle = (ordered[(total - 1) // 2] + ordered[total // 2]) / 2.0
    changed = np.isfinite(middle) & np.append(True, middle[1:] != middle[:-1])
    return moments[changed], middle[changed]


def success_data(results: Results, look: Look) -> pd.DataFrame:
    def curve(part: pd.DataFrame, _events: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        return success_curve(part["first_found_seconds"].to_numpy(dtype=float))

    return _curves(results, look, results.instances, curve)


def value_data(results: Results, look: Look) -> pd.DataFrame:
    return _medians(results, look, results.instances[~are_lengths(results.instances)], "dense_value")


def norm_data(results: Results, look: Look) -> pd.DataFrame:
    return _medians(results, look, results.instances[are_lengths(results.instances)], "norm")


def _medians(results: Results, look: Look, asked: pd.DataFrame, name: str) -> pd.DataFrame:
    def curve(part: pd.DataFrame, events: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        places = np.searchsorted(part.index.to_numpy(), events["row"].to_numpy())
        sign = float(signs(part)[0])  # one setting on one network asks for one kind of value
        values = sign * events[name].to_numpy()
        moments, found = median_curve(places, events["seconds"].to_numpy(), values, len(part))
        return moments, sign * found

    return _curves(results, look, asked, curve)


def _curves(
    results: Results,
    look: Look,
    asked: pd.DataFrame,
    curve: Callable[[pd.DataFrame, pd.DataFrame], tuple[FloatArray, FloatArray]],
) -> pd.DataFrame:
    """Return a row for each step: ``network``, ``setting``, ``seconds``, ``value``, ``instances`` and ``end``.

    ``end`` is that of the longest attack. A setting without any step has one row without seconds and value; where all are
    without, there is no row.
    """
    rows = []
    grouped = dict(list(asked.groupby(["network", "setting"], sort=False)))
    events = results.events.sort_values("row", kind="stable")
    event_rows = events["row"].to_numpy()
    for network in look.networks:
        longest = float(np.nanmax([SHORTEST * 10, *asked.loc[asked["network"] == network, "total_seconds"]]))
        for label in look.labels[network]:
            part = grouped.get((network, label))
            if part is None:
                continue
            part = part.sort_index()
            mine = events[np.isin(event_rows, part.index.to_numpy())]
            seconds, values = curve(part, mine)
            if not len(seconds):
                seconds, values = np.array([math.nan]), np.array([math.nan])
            rows.append(
                pd.DataFrame(
                    {
                        "network": network,
                        "setting": label,
                        "seconds": seconds,
                        "value": values,
                        "instances": len(part),
                        "end": longest,
                    }
                )
            )
    drawn = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["value"])
    return drawn if drawn["value"].notna().any() else drawn[:0]


def _draw(data: pd.DataFrame, look: Look, ylabel: str, share: bool = False, zero: bool = False) -> Figure:
    networks = look.networks_of(data.dropna(subset=["value"]))
    labels = [label for network in networks for label in look.labels[network]]
    together = len(networks) <= 3  # one below the other, with one axis of time
    figure, axes = panels(len(networks), PANEL, labels, sharey=share, sharex=together)
    widths = tapered((label for label in look.styles if label in labels), WIDEST, THINNEST)
    for ax, network in zip(axes, networks, strict=True):
        part = data[data["network"] == network]
        timed = data[data["network"].isin(networks)] if together else part
        start = max(float(timed["seconds"].min()), SHORTEST) / 2.0
        end = float(part[["end", "seconds"]].max().max())
        drawn = dict(list(part.groupby("setting", sort=False)))
        for order, label in enumerate(label for label in widths if label in drawn):
            places = _turns(order, len(drawn), start, end)
            _line(ax, look.styles[label], label, drawn[label], (start, end), share, places, widths[label])
        log_axis(ax, "x")
        ax.set_xlim(start / 1.15, float(timed[["end", "seconds"]].max().max()) * 1.15)
        is_smaller = not share and look.phrases_on(network).sense == MINIMIZE
        heading(ax, f"{network}, {_counts(part)}{', smaller is better' if is_smaller else ''}")
        ax.set_ylabel(ylabel)
        if share:
            ax.set_ylim(-0.06, 1.06)
            continue
        ax.margins(y=0.08)  # markers at the highest and the lowest value stay inside
        if zero and ax.get_ylim()[0] < 0.0 < ax.get_ylim()[1]:
            ax.axhline(0.0, color="#444444", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    label_below(axes, f"seconds of {a_or_an(look.phrases.act)}")
    legend(figure, axes, look.styles)
    return figure


def _turns(order: int, lines: int, start: float, end: float) -> FloatArray:
    """Return the seconds at which a line has its markers: the lines take turns, so those of equal lines are side by side."""
    turns = max(1, min(MOST_TURNS, MOST_MARKS // lines))
    places = (order + 0.5 + lines * np.arange(turns)) / (lines * turns)
    return np.asarray(start * (end / start) ** places)


def _line(
    ax: Axes,
    style: Style,
    label: str,
    steps: pd.DataFrame,
    span: tuple[float, float],
    share: bool,
    places: FloatArray,
    width: float,
) -> None:
    start, end = span
    known = steps.dropna(subset=["value"])
    seconds, values = known["seconds"].to_numpy(), known["value"].to_numpy()
    if share:  # it rises from 0; a setting without any witness is a line at 0
        seconds, values = np.append(start, seconds), np.append(0.0, values)
    if not len(values):
        return
    # Every line holds its last value to the end of the longest attack.
    x, y = np.append(np.maximum(seconds, start), end), np.append(values, values[-1])
    line = {**style.line, "linewidth": width}
    marks = {**style.dot, "markersize": 5.5, "markerfacecolor": "white" if style.hollow else style.color}
    places = places[places >= x[0]] if (places >= x[0]).any() else x[-1:]
    ax.plot(x, y, drawstyle="steps-post", **line)
    # Above all lines: where lines are equal, their markers are what tells them apart.
    ax.plot(places, y[np.searchsorted(x, places, side="right") - 1], zorder=3, **marks)
    ax.plot([], [], label=label, **{**marks, **line})  # for the legend: line and marker together


def _article(look: Look) -> str:
    return look.phrases.a_thing.split(" ")[0]


def _counts(part: pd.DataFrame) -> str:
    counts = sorted(set(part["instances"]))
    return count(counts[0], "instance") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} instances"


SUCCESS = FigureKind(
    "success",
    lambda phrases: f"{phrases.thing[:1].upper()}{phrases.thing[1:]}s found over time",
    success_data,
    lambda data, look: _draw(data, look, f"share with {_article(look)}\n{look.phrases.thing}", share=True),
    lambda data, look: (
        f"On which share of the instances {look.phrases.a_thing} had been found, and checked on the dense network, by that "
        "time. "
        "Computing bounds and building the model are part of the time." + look.note
    ),
)

_BEGINS = " A line begins when more than half of the instances have a value; an instance without one counts as the worst."

VALUE_OVER_TIME = FigureKind(
    "value",
    lambda phrases: f"{'Dense' if phrases.zero_is_found else 'Best'} {phrases.value} over time",
    value_data,
    lambda data, look: _draw(
        data, look, f"median best {look.phrases.value}\nof the dense network", zero=look.phrases.zero_is_found
    ),
    lambda data, look: (
        f"Median over the instances of the {look.phrases.most} {look.phrases.value} of the dense network so far"
        + (f"; above 0 the {look.phrases.noun} is {look.phrases.find}." if look.phrases.zero_is_found else ".")
        + _BEGINS
        + look.note
    ),
)

NORM_OVER_TIME = FigureKind(
    "norm",
    lambda phrases: f"Shortest {phrases.length_of} over time",
    norm_data,
    lambda data, look: _draw(data, look, f"median norm of the\nshortest {look.phrases.length_of}"),
    lambda data, look: (
        f"Median over the instances of the length of the shortest {look.phrases.find} {look.phrases.length_of} so far; lower is"
        f" better.{_BEGINS}{look.note}"
    ),
)
