"""Lines and dots that have the same place are all seen, and are drawn where their values are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from drawing import KINDS, drawn, look_at
from making import dense, gradient, margins, pruned, results, times
from matplotlib import rc_context
from matplotlib.figure import Figure

from sweep.report.figures.base import Look
from sweep.report.figures.letters import POINTS
from sweep.report.figures.over_time import _line
from sweep.report.figures.pareto import _named
from sweep.report.figures.style import RC, styles_of


def test_equal_lines_are_where_their_values_are_and_their_markers_take_turns() -> None:
    records = [
        dense(times([2.0, None])),
        pruned(times([2.0, None]), 0.5),
        pruned(times([None, None])),
        gradient(times([0.1] * 2)),
    ]
    found = results(*records)
    kind, look = KINDS["success"], look_at(found)
    data = kind.data(found, look)
    (ax,) = drawn(kind, data, look).axes
    lines = [line for line in ax.lines if len(line.get_xdata()) and line.get_linestyle() != "None"]
    assert all(line.get_transform() == ax.transData for line in lines)
    assert [max(line.get_ydata()) for line in lines] == [0.5, 1.0, 0.5, 0.0]
    assert [min(line.get_ydata()) for line in lines] == [0.0] * 4
    assert ax.get_xlim()[0] < min(line.get_xdata()[0] for line in lines)
    widths = [line.get_linewidth() for line in lines]
    assert widths == sorted(set(widths), reverse=True), "what is drawn later leaves the edge of what it covers in sight"
    marks = [line for line in ax.lines if len(line.get_xdata()) and line.get_linestyle() == "None"]
    assert min(mark.get_zorder() for mark in marks) > max(line.get_zorder() for line in lines)
    places = np.sort(np.concatenate([ax.transData.transform(mark.get_xydata())[:, 0] for mark in marks]))
    apart = np.diff(places) / ax.get_figure(root=True).dpi * POINTS
    assert len(marks) == 4
    assert apart.min() > marks[0].get_markersize()
    for line, mark in zip(lines, marks, strict=True):
        steps = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
        assert list(mark.get_ydata()) == [steps[max(x for x in steps if x <= place)] for place in mark.get_xdata()]


def test_a_line_that_begins_late_has_a_marker() -> None:
    with rc_context(RC):
        ax = Figure().subplots()
    steps = pd.DataFrame({"seconds": [9.5, 10.0], "value": [1.0, 2.0]})
    style = styles_of(results(dense(times([1.0]))).settings)["dense MILP"]
    _line(ax, style, "dense MILP", steps, (0.1, 10.0), False, np.array([1.0, 9.0]), 2.0)
    assert ax.lines[1].get_xydata().tolist() == [[10.0, 2.0]]


def pareto_of(*reached: float) -> tuple[pd.DataFrame, Look]:
    """A dense MILP, a gradient attack and a surrogate with these margins; the gradient attack is the quickest."""
    records = [dense(margins([reached[0]])), gradient(margins([reached[1]])), pruned(margins([reached[2]]))]
    for record, seconds in zip(records, (20.0, 0.1, 5.0), strict=True):
        record.instances[0].total_seconds = seconds
    found = results(*records)
    data = KINDS["pareto"].data(found, look_at(found))
    return data, look_at(found)


def test_the_caption_names_the_front_and_speaks_of_its_line_where_there_is_one() -> None:
    caption = KINDS["pareto"].caption(*pareto_of(1.0, 5.0, 2.0))
    assert "quicker and better than these: gradient." in caption
    assert "line" not in caption
    caption = KINDS["pareto"].caption(*pareto_of(6.0, 1.0, 2.0))
    assert "quicker and better than these (joined by the grey line): gradient, magnitude 0.8, dense MILP." in caption
    fronts = {"1x1": ["a"], "2x2": ["a", "b", "c", "d", "e", "f"]}
    assert _named(fronts, ["2x2", "1x1"]) == "on 2x2 a, b, c, d and 2 more; on 1x1 a"


def test_the_dense_milp_is_a_ring_around_what_has_its_place() -> None:
    data, look = pareto_of(2.0, 5.0, 2.0)
    (ax,) = drawn(KINDS["pareto"], data, look).axes
    dots = {line.get_label(): line for line in ax.lines}
    ring, other = dots["dense MILP"], dots["magnitude 0.8"]
    assert ring.get_markerfacecolor() == "none"
    assert ring.get_markersize() - ring.get_markeredgewidth() > other.get_markersize()
    assert ring.get_zorder() > other.get_zorder()


def test_a_finetuned_line_of_binaries_leaves_an_equal_one_in_sight() -> None:
    records = [dense(times([1.0]))]
    for amount in (0.5, 0.8):
        records += [pruned(times([1.0]), amount), pruned(times([1.0]), amount, rounds=1)]
    found = results(*records)
    data = KINDS["binaries"].data(found, look_at(found))
    axes = drawn(KINDS["binaries"], data, look_at(found)).axes
    lines = {line.get_label(): line for line in axes[0].lines}
    plain, tuned = lines["magnitude"], lines["magnitude finetuned"]
    assert plain.get_linewidth() > 1.5 * tuned.get_linewidth()
    assert plain.get_markersize() > 1.5 * tuned.get_markersize()
    assert list(axes[0].lines).index(tuned) > list(axes[0].lines).index(plain)
    assert plain.get_color() != tuned.get_color()
