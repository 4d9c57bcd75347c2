"""The figure of the time limit: what was won and found by when, with few lines, one network a figure."""

from __future__ import annotations

import io

from drawing import look_at
from making import dense, gradient, margins, pruned, results, times
from matplotlib import rc_context
from matplotlib.figure import Figure

from sweep.records import TrialRecord
from sweep.report.figures.limits import LimitData, caption, draw_limits, limit_data
from sweep.report.figures.style import RC
from sweep.report.limits import limit_curves

BEST = {"2x16": "magnitude 0.8"}


def raced() -> list[TrialRecord]:
    """The pruned network is better on both images from 1 s on, finds one at 1 s; the dense MILP catches up on one at 4 s."""
    mine, other, third = pruned(times([1.0, None])), dense(times([None, 4.0])), pruned(times([2.0, None]), 0.5)
    for record in (mine, third):
        for instance in record.instances:
            instance.timeline = [{"seconds": 0.1, "dense_value": -2.0}, {"seconds": 1.0, "dense_value": 1.0}]
            instance.total_seconds = 8.0
    for place, instance in enumerate(other.instances):
        instance.dense_value = 2.0 * place - 1.0
        instance.timeline = [{"seconds": 0.1, "dense_value": -2.0}, {"seconds": 4.0, "dense_value": instance.dense_value}]
        instance.total_seconds = 8.0
    return [other, mine, third, gradient(times([0.01] * 2))]


def data_of(*records: TrialRecord, best: dict[str, str | None] | None = None) -> list[LimitData]:
    found = results(*records)
    return limit_data(found, limit_curves(found), BEST if best is None else best, look_at(found))


def drawn(*records: TrialRecord) -> Figure:
    (data,) = data_of(*records)
    with rc_context(RC):
        figure = draw_limits(data, look_at(results(*records)))
        figure.savefig(io.BytesIO(), format="png", dpi=20)
    return figure


def test_above_is_what_was_won_and_lost_below_what_was_found() -> None:
    above, below = drawn(*raced()).axes
    lines = {line.get_label(): line for line in above.lines}
    assert list(lines) == ["better than dense MILP", "worse"]
    won, lost = lines.values()
    assert [won.get_ydata()[0], won.get_ydata().max(), won.get_ydata()[-1]] == [0.0, 100.0, 50.0]
    assert [lost.get_ydata().max(), lost.get_ydata()[-1]] == [0.0, 0.0]
    assert won.get_xdata()[-1] == 8.0, "to the end of the longest attack"
    labels = [line.get_label() for line in below.lines]
    assert labels == ["dense MILP", "gradient", "magnitude 0.8"], "few lines: the yardsticks and the best"
    assert [line.get_ydata()[-1] for line in below.lines] == [50.0, 100.0, 50.0]
    widths = {line.get_label(): line.get_linewidth() for line in below.lines}
    assert widths["gradient"] < widths["magnitude 0.8"]
    assert below.get_xscale() == "log"


def test_the_caption_says_where_the_lines_end() -> None:
    (data,) = data_of(*raced())
    assert caption(data, look_at(results(*raced()))) == (
        "2x16, at the limit: magnitude 0.8 is better than the dense MILP on 1 of 2, worse on 0; dense MILP has found an "
        "adversarial input for 1 of 2; magnitude 0.8 has found an adversarial input for 1 of 2; gradient has found an "
        "adversarial input for 2 of 2."
    )


def test_without_a_dense_milp_there_is_only_what_was_found() -> None:
    (ax,) = drawn(pruned(times([1.0, None])), gradient(times([0.01] * 2))).axes
    assert [line.get_label() for line in ax.lines] == ["gradient", "magnitude 0.8"]


def test_a_network_on_which_nothing_was_won_or_found_has_no_figure() -> None:
    equal = [dense(margins([-1.0] * 2)), pruned(margins([-1.0] * 2))]
    for record in equal:
        for instance in record.instances:
            instance.timeline = [{"seconds": 0.5, "dense_value": -1.0}]
    assert data_of(*equal) == []
    assert data_of() == []
    other = data_of(dense(times([1.0])), best={"2x16": None})
    assert [(data.network, data.best) for data in other] == [("2x16", None)]
