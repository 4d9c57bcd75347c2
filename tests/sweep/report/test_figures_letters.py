"""Titles fit their panels, and the numbers of axes do not run together."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import synthetic
from drawing import KINDS, look_at
from making import results
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text

from sweep.report.figures.letters import fitted, inches, log_axis
from sweep.report.figures.style import RC


@pytest.mark.few(6)
@pytest.mark.parametrize("low", [1.0, 1.2, 3.0, 9.6])
@pytest.mark.parametrize("factor", [1.02, 1.5, 4.0, 10.0, 63.0, 300.0, 1e5])
@pytest.mark.parametrize("width", [1.8, 6.4])
def test_numbers_of_a_logarithmic_axis_do_not_run_together(low: float, factor: float, width: float) -> None:
    low /= 1000.0
    with rc_context(RC):
        figure = Figure(figsize=(width, 3.0), layout="constrained")
        ax = figure.subplots()
        ax.plot([low, low * factor], [low, low * factor])
        log_axis(ax, "xy")
        figure.draw_without_rendering()
        for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
            start, end = sorted(axis.get_view_interval())
            ticks = [*zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)]
            ticks += zip(axis.get_minorticklocs(), axis.get_minorticklabels(), strict=True)
            boxes = [text.get_window_extent() for place, text in ticks if start <= place <= end and text.get_text()]
            spans = sorted((box.x0, box.x1) if name == "x" else (box.y0, box.y1) for box in boxes)
            assert all(one[1] + 3.0 < other[0] for one, other in itertools.pairwise(spans)), (name, spans)
            if factor > 1.4 or name == "y":
                assert len(boxes) >= 2 - (width < 2.0 and factor < 10.0), "an axis without numbers says nothing"


def test_titles_are_on_as_many_lines_as_they_need() -> None:
    name = "mnist 28x28 4x64 training.epochs=5"
    assert fitted(name, 9.0, 10.5, bold=True) == name
    narrow = fitted(name, 2.0, 10.5, bold=True)
    assert narrow.count("\n") == 1
    assert narrow.replace("\n", " ") == name
    assert all(inches(line, 10.5, bold=True) <= 2.0 for line in narrow.split("\n"))
    assert fitted("training.epochs=5", 0.5, 10.5) == "training.epochs=5", "a word is not broken"


@pytest.mark.slow
@pytest.mark.parametrize("networks", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_titles_of_networks_with_long_names_are_whole_and_all_letters_can_be_read(networks: int) -> None:
    sizes = [(4, 64), (2, 256), (3, 16), (2, 16), (8, 128)][:networks]
    found = results(*synthetic.sweep(sizes, images=synthetic.IMAGES[:3]))
    look = look_at(found)
    longer = {name: f"mnist 28x28 {name} training.epochs=5" for name in look.networks}
    look = dataclasses.replace(
        look, networks=tuple(longer.values()), labels={longer[name]: labels for name, labels in look.labels.items()}
    )
    titled = 0
    for kind in KINDS.values():
        data = kind.data(found, look_at(found))
        if data.empty or "network" not in data:
            continue
        with rc_context(RC):
            figure = kind.draw(data.assign(network=data["network"].map(longer)), look)
            figure.draw_without_rendering()
            letters = [text for text in figure.findobj(Text) if text.get_text().strip()]
            boxes = [text.get_window_extent() for text in letters if "mnist" in text.get_text()]
            assert all(box.x0 >= 0.0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes), kind.name
            assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2)), kind.name
            assert min(text.get_fontsize() for text in letters) >= 9.0, kind.name
            titled += len(boxes) > 0
    assert titled == 7
