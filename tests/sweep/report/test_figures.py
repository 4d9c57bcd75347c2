"""Every figure draws, or has nothing to draw, whatever is missing from the records; warnings are errors here."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import synthetic
from drawing import KINDS, data_of, drawn, look_at
from making import IMAGES, closest, dense, gradient, margins, pruned, results, times, trial
from matplotlib.figure import Figure

from sweep.records import TrialRecord
from sweep.report.comparisons import pairs_with_dense
from sweep.report.figures import figures
from sweep.report.figures.base import (
    MAX_LINES,
    MAX_NAMES,
    MAX_PANELS,
    WIDTH,
    legend,
    legend_names,
    legend_rows,
    row_height,
    widened,
    wrapped,
)
from sweep.report.figures.over_time import median_curve, success_curve
from sweep.report.figures.style import styles_of


def gaps() -> list[TrialRecord]:
    """Nothing but what every record has: no times, sizes, norms or accuracies."""
    records = [dense([(None, None), (0.5, 1.0)]), pruned([(None, None), (None, None)]), gradient([(None, None)] * 2)]
    missing = dict.fromkeys(
        ("bounds_seconds", "build_seconds", "solve_seconds", "total_seconds", "binaries", "l0", "l1", "surrogate_value")
    )
    for record in records:
        record.accuracy_surrogate = record.accuracy_dense = record.sparsity = record.prune_seconds = None
        for instance in record.instances:
            for name in missing:
                setattr(instance, name, None)
            instance.timeline, instance.clean, instance.perturbed = [], [], None
    return records


def one_image() -> list[TrialRecord]:
    records = [dense(times([2.0])), pruned(times([1.0])), pruned(times([1.0]), rounds=5), gradient(times([0.001]))]
    for record in records:
        for instance in record.instances:
            instance.l0, instance.l1, instance.l2, instance.linf = 3.0, 1.0, 0.5, 0.4
    return records


def no_witness() -> list[TrialRecord]:
    return [dense(margins([-1.0] * 4)), pruned(margins([-2.0] * 4)), gradient(margins([-3.0] * 4))]


def all_robust() -> list[TrialRecord]:
    records = [dense([(None, None)] * 4), pruned([(None, None)] * 4)]
    for record in records:
        for instance in record.instances:
            instance.status, instance.timeline = "robust", []
    return records


def of_the_closest() -> list[TrialRecord]:
    setting = {"method": "magnitude", "amount": 0.8}
    records = [
        closest([1.0, None, 3.0]),
        closest([2.0, 2.0, None], "s", **setting),
        closest([2.0] * 3, "f", **setting, rounds=1),
    ]
    for record in records:
        for instance in record.instances:
            instance.l0 = instance.l2 = math.nan
    return records


def of_properties() -> list[TrialRecord]:
    records = [dense(times([2.0, None])), pruned(times([1.0, 1.0]))]
    for record in records:
        record.config["network"] |= {"depth": None, "width": None, "file": "net.onnx"}
        for place, instance in enumerate(record.instances):
            instance.image = instance.label = instance.target = instance.radius = None
            instance.question, instance.clean, instance.perturbed = f"prop {place}", [0.5] * 5, [0.6] * 5
    return records


def all_at_once() -> list[TrialRecord]:
    """The same time, margin and size everywhere: ranges without any width."""
    return [dense(times([1.0] * 3)), pruned(times([1.0] * 3), 0.5), pruned(times([1.0] * 3), 0.5, rounds=1)]


CASES = (gaps, one_image, no_witness, all_robust, of_the_closest, of_properties, all_at_once)

OF_ALL = {kind.name for kind in figures() if not kind.of_search}

NEVER_DRAWN = {
    "gaps": OF_ALL - {"success", "duel"},
    "one_image": {"norm"},
    "no_witness": OF_ALL - {"value", "pareto", "accuracy", "binaries", "stages"},
    "all_robust": OF_ALL - {"accuracy", "binaries", "stages"},
    "of_the_closest": {"value"},
    "of_properties": {"norm", "finetuned"},
    "all_at_once": {"norm"},
}


@pytest.mark.few(2)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_figures_of_records_with_gaps(case: Callable[[], list[TrialRecord]]) -> None:
    found = results(*case())
    look = look_at(found)
    nothing = set()
    for kind in figures():
        if kind.of_search:  # test_searches.py
            continue
        data = kind.data(found, look)
        if data.empty:
            nothing.add(kind.name)
            continue
        figure = drawn(kind, data, look, laid_out=case is one_image)
        scales = [ax for ax in figure.axes if ax.get_ylabel().startswith("stable")]  # they only number the other side
        assert all(ax.has_data() or not ax.axison for ax in figure.axes if ax not in scales)
        caption = kind.caption(data, look)
        assert caption.endswith(".")
        assert not {"nan", "None"} & set(caption.split())
    assert nothing == NEVER_DRAWN[case.__name__]


def test_where_nothing_is_drawn() -> None:
    assert data_of("success", *no_witness()).empty
    assert data_of("duel", pruned(times([1.0]))).empty, "no dense MILP to compare with"
    assert data_of("duel", dense(times([1.0])), gradient(times([1.0]))).empty, "no pruned copy"
    assert data_of("sparsity", dense(times([1.0]))).empty, "one sparsity"
    assert data_of("finetuned", pruned(times([1.0]))).empty, "no pruning was swept both with and without finetuning"


def test_the_duel_is_of_instances_on_which_one_of_both_found_something() -> None:
    data = data_of("duel", dense(times([2.0, None, None, 8.0])), pruned(times([1.0, 3.0, None, None])))
    assert data[["mine", "dense"]].to_numpy() == pytest.approx(np.array([[1, 2], [3, np.nan], [np.nan, 8]]), nan_ok=True)
    found = results(*synthetic.sweep())
    kind, look = KINDS["duel"], look_at(found)
    data = kind.data(found, look)
    (ax,) = drawn(kind, data, look).axes
    assert ax.get_xlim() == ax.get_ylim()
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    dots = sum(len(line.get_xdata()) for line in ax.lines if line.get_linestyle() == "None")
    assert dots == len(data)
    assert f"was sooner: {int((data['win'] > 0).sum())} of {len(data)}." in kind.caption(data, look)


def test_curves_by_hand() -> None:
    seconds, share = success_curve(np.array([3.0, np.nan, 1.0, np.nan]))
    assert (list(seconds), list(share)) == ([1.0, 3.0], [0.25, 0.5])
    # Image 0: 1 at 1 s, worse at 2 s, 4 at 5 s; image 1: 2 at 3 s; image 2 never has a value, so it counts as the worst.
    rows, when, values = np.array([0, 0, 1, 0]), np.array([1.0, 2.0, 3.0, 5.0]), np.array([1.0, -9.0, 2.0, 4.0])
    moments, medians = median_curve(rows, when, values, 3)
    assert (list(moments), list(medians)) == ([3.0, 5.0], [1.0, 2.0])
    assert len(median_curve(rows, when, values, 8)[0]) == 0
    many = np.arange(1000.0)
    moments, medians = median_curve(np.zeros(1000, dtype=int), many, many, 1)
    assert len(moments) == 300
    assert (moments[-1], medians[-1]) == (999.0, 999.0)
    assert list(medians) == sorted(medians)


def test_the_margin_that_is_adversarial_is_marked_where_it_is_in_sight() -> None:
    for margin, marked in ((-1.0, False), (1.0, True)):
        records = [dense(margins([-2.0] * 2)), pruned(margins([margin] * 2))]
        for record in records:
            for instance in record.instances:
                instance.timeline = [{"seconds": 0.5, "dense_value": instance.dense_value}]
        found = results(*records)
        data = KINDS["value"].data(found, look_at(found))
        (ax,) = drawn(KINDS["value"], data, look_at(found)).axes
        assert any(list(line.get_ydata()) == [0.0, 0.0] for line in ax.lines) == marked


def test_shares_of_the_accuracy_are_those_of_the_win_table() -> None:
    data = data_of("accuracy", dense(times([2.0] * 4)), pruned(times([1.0, 1.0, 1.0, 3.0])))
    (row,) = data.to_dict("records")
    assert (row["accuracy"], row["time_share"], row["time_pairs"]) == (0.9, 0.75, 4)


def test_the_stages_of_an_instance_add_up() -> None:
    data = data_of("stages", pruned(times([1.0] * 4), rounds=1))
    (row,) = data.to_dict("records")
    assert row["prune_seconds"] == 10.0 / 4, "one surrogate serves four images"
    assert row["bounds_seconds"] + row["build_seconds"] + row["solve_seconds"] + row["other"] == pytest.approx(2.2)


def test_binaries_and_the_neurons_that_need_none() -> None:
    few = dense(times([1.0]))
    few.instances[0].binaries = 8
    data = data_of("binaries", few, pruned(times([1.0])))
    assert data.set_index("family")["stable"].to_dict() == {"dense MILP": 0.75, "magnitude": 1.0 - 60 / 32}


def test_of_many_networks_and_settings_the_best_are_drawn_and_the_rest_is_said() -> None:
    records = []
    for depth in range(1, MAX_PANELS + 3):
        size = (depth, 16)
        records += [dense(times([2.0]), size), *(pruned(times([a]), a, size=size) for a in np.linspace(0.05, 0.95, 12))]
    found = results(*records)
    look = look_at(found)
    assert len(look.networks) == MAX_PANELS
    assert {len(labels) for labels in look.labels.values()} == {MAX_LINES}
    assert look.labels["1x16"][0] == "dense MILP"
    weaker = (13 - MAX_LINES) * MAX_PANELS
    assert look.note == f" Not drawn: 2 more networks and {weaker} weaker settings; all are in the tables."
    names = legend_names(list(found.settings), look)
    assert set(names.values()) == {"dense MILP", "magnitude"}
    assert legend_names(list(found.settings)[:MAX_NAMES], look)["magnitude 0.05"] == "magnitude 0.05"


def test_no_two_settings_look_alike() -> None:
    records = synthetic.sweep(networks=[(4, 64)])
    records += [trial(times([1.0]), name, attack=name) for name in ("portfolio", "restriction", "branch_and_bound", "another")]
    records += of_two_sweeps()
    styles = styles_of(results(*records).settings)
    assert len({(style.color, str(style.dash)) for style in styles.values()}) == len(styles)
    assert len({(style.color, style.marker, style.hollow) for style in styles.values()}) == len(styles)
    assert {style.color for label, style in styles.items() if label.startswith("dense MILP")} == {"#000000"}
    assert all(style.hollow == ("finetuned" in label) for label, style in styles.items())


def test_helpers() -> None:
    assert widened(1.0, 1.0) == pytest.approx((10**-0.5, 10**0.5))
    assert widened(1.0, 1000.0) == (1.0, 1000.0)
    assert wrapped("layerwise_magnitude 0.95 finetuned in 5 rounds") == "layerwise_magnitude 0.95\nfinetuned in 5 rounds"
    assert len(pairs_with_dense(results(dense(times([1.0] * IMAGES))))) == 0


def of_two_sweeps() -> list[TrialRecord]:
    """The same trials with other bounds and start: long names, and two lines of binaries that must not be one."""
    records = []
    for bounds, start in (("crown", "center"), ("box", "none")):
        for record in (dense(times([2.0])), pruned(times([1.0]), 0.5), pruned(times([1.0]), 0.8)):
            record.config["bounds"]["method"], record.config["attack"]["start"] = bounds, start
            record.key, record.baseline_key = f"{record.key}-{bounds}", f"{record.baseline_key}-{bounds}"
            records.append(record)
    return records


def test_settings_of_several_sweeps_keep_their_lines_and_their_names() -> None:
    data = data_of("binaries", *of_two_sweeps())
    extras = [f"bounds.method={bounds} attack.start={start}" for bounds, start in (("crown", "center"), ("box", "none"))]
    assert list(data.loc[data["dense"], "family"]) == [f"dense MILP {extra}" for extra in extras]
    assert list(dict.fromkeys(data.loc[~data["dense"], "family"])) == [f"magnitude {extra}" for extra in extras]
    name = f"layerwise_magnitude 0.95 finetuned in 5 rounds {extras[0]} solver.time_limit_seconds=300.0"
    assert row_height([name]) > row_height(["dense MILP"]) > 0.3
    assert legend_rows([name]) == 3, "two lines and the distance to what is above"
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    figure.subplots().plot([0.0, 1.0], [0.0, 1.0], label=name)
    legend(figure, figure.axes)
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().x0 >= 0.0
