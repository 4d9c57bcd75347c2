"""Success, margin and norm over the time of an attack: a panel a network, a line a setting."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy
from numpy.typing import NDArray

from sweep.report.figures.base import PANEL, Kind, Look, Nothing, legend, log_axis, panels
from sweep.report.results import Results
from sweep.report.words import count
from sweep.rules import CLOSEST, MARGIN, OUTPUT

MOST_STEPS = 300
"""Moments at which a median is taken; of more, so many at even ranks."""

SHORTEST = 1e-4
"""Seconds at which the time axis begins at the earliest."""

BESIDE, MOST_BESIDE = 2.0, 10.0
"""Points between lines that end at the same value, and between the first and the last of them."""

FloatArray = NDArray[np.float64]


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


def success_data(results: Results, look: Look) -> pd.DataFrame | Nothing:
    def curve(part: pd.DataFrame, _events: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        return success_curve(part["first_adversarial_seconds"].to_numpy(dtype=float))

    if results.instances["first_adversarial_seconds"].isna().all():
        return Nothing("no attack found an adversarial input")
    return _curves(results, look, results.instances, curve)


def margin_data(results: Results, look: Look) -> pd.DataFrame | Nothing:
    asked = results.instances[results.instances["objective"].isin((MARGIN, OUTPUT))]
    return _medians(results, look, asked, "margin", 1.0, "no attack looked for a large margin")


def norm_data(results: Results, look: Look) -> pd.DataFrame | Nothing:
    asked = results.instances[results.instances["objective"] == CLOSEST]
    return _medians(
        results, look, asked, "norm", -1.0, "no attack looked for the closest perturbation (attack.objective=closest)"
    )


def _medians(results: Results, look: Look, asked: pd.DataFrame, name: str, sign: float, why: str) -> pd.DataFrame | Nothing:
    def curve(part: pd.DataFrame, events: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        places = np.searchsorted(part.index.to_numpy(), events["row"].to_numpy())
        values = sign * events[name].to_numpy()
        moments, found = median_curve(places, events["seconds"].to_numpy(), values, len(part))
        return moments, sign * found

    if asked.empty:
        return Nothing(why)
    drawn = _curves(results, look, asked, curve)
    if drawn["value"].notna().any():
        return drawn
    return Nothing("no attack met a point on more than half of its instances")


def _curves(
    results: Results,
    look: Look,
    asked: pd.DataFrame,
    curve: Callable[[pd.DataFrame, pd.DataFrame], tuple[FloatArray, FloatArray]],
) -> pd.DataFrame:
    """Return a row a step: ``network``, ``setting``, ``seconds``, ``value``, ``instances`` and ``end`` (of the longest attack).

    A setting without any step has one row without seconds and value.
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
    columns = ["network", "setting", "seconds", "value", "instances", "end"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def _draw(data: pd.DataFrame, look: Look, ylabel: str, share: bool = False, zero: bool = False) -> Figure:
    networks = [network for network in look.networks if data.loc[data["network"] == network, "value"].notna().any()]
    labels = [label for network in networks for label in look.labels[network]]
    together = len(networks) <= 3  # one below the other, with one axis of time
    figure, axes = panels(len(networks), PANEL, labels, sharey=share, sharex=together)
    for ax, network in zip(axes, networks, strict=True):
        part = data[data["network"] == network]
        timed = data[data["network"].isin(networks)] if together else part
        start = max(float(timed["seconds"].min()), SHORTEST) / 2.0
        end = float(part[["end", "seconds"]].max().max())
        moved = _moved(part)
        for order, (label, steps) in enumerate(part.groupby("setting", sort=False)):
            _line(ax, look, str(label), steps, (start, end), share, order, moved[str(label)])
        log_axis(ax, "x")
        ax.set_xlim(start / 1.15, float(timed[["end", "seconds"]].max().max()) * 1.15)
        ax.set_title(f"{network}, {_counts(part)}")
        ax.set_ylabel(ylabel)
        if share:
            ax.set_ylim(-0.06, 1.06)
            continue
        ax.margins(y=0.1)  # lines that are moved stay inside
        if zero and ax.get_ylim()[0] < 0.0 < ax.get_ylim()[1]:
            ax.axhline(0.0, color="#444444", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    for ax in axes[-1:] if together else axes:
        ax.set_xlabel("seconds of attack")
    legend(figure, axes, look.styles)
    return figure


def _moved(part: pd.DataFrame) -> dict[str, float]:
    """Return by how many points each setting's line is moved up, so that those with the same end can all be seen."""
    alike: dict[float, list[str]] = {}
    for label, steps in part.groupby("setting", sort=False):
        end = float(steps["value"].iloc[-1])
        alike.setdefault(0.0 if math.isnan(end) else round(end, 6), []).append(str(label))
    moved: dict[str, float] = {}
    for labels in alike.values():
        step = min(BESIDE, MOST_BESIDE / max(1, len(labels) - 1))
        moved |= {label: step * ((len(labels) - 1) / 2.0 - place) for place, label in enumerate(labels)}
    return moved


def _line(
    ax: Axes, look: Look, label: str, steps: pd.DataFrame, span: tuple[float, float], share: bool, order: int, moved: float
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
    style = look.styles[label]
    every = (0.04 + 0.023 * (order % 8), 0.22)
    face = "white" if style.hollow else style.color
    marks: dict[str, Any] = {"marker": style.marker, "markersize": 5.5, "markevery": every, "markerfacecolor": face}
    (line,) = ax.plot(x, y, drawstyle="steps-post", label=label, **style.line, **marks)
    # Not before: a line that is moved when it is drawn is not in the limits of the axes.
    line.set_transform(offset_copy(ax.transData, ax.get_figure(root=True), y=moved, units="points"))


def _counts(part: pd.DataFrame) -> str:
    counts = sorted(set(part["instances"]))
    return count(counts[0], "instance") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} instances"


_BESIDE = " Lines that end at the same value are drawn side by side."

SUCCESS = Kind(
    "success",
    "Success against time",
    success_data,
    lambda data, look: _draw(data, look, "share with an\nadversarial input", share=True),
    lambda data, look: (
        "Share of instances for which an independently checked adversarial input was found by that time, bounds and model "
        "building included. Further up and further left is better." + _BESIDE + look.note
    ),
)

_BEGINS = (
    " A curve begins when more than half of its instances have a value (those without count as the worst), so it never steps "
    "back because more instances joined."
)

MARGIN_OVER_TIME = Kind(
    "margin",
    "Dense margin over time",
    margin_data,
    lambda data, look: _draw(data, look, "median best margin\nof the dense network", zero=True),
    lambda data, look: (
        "Median over the instances of the best margin of the dense network so far; above 0 the input is adversarial."
        + _BEGINS
        + _BESIDE
        + look.note
    ),
)

NORM_OVER_TIME = Kind(
    "norm",
    "Shortest perturbation over time",
    norm_data,
    lambda data, look: _draw(data, look, "median norm of the\nshortest perturbation"),
    lambda data, look: (
        "Median over the instances of the length of the shortest adversarial perturbation so far; lower is better."
        + _BEGINS
        + _BESIDE
        + look.note
    ),
)
