"""The ranking's numbers against hand-computed ones, and the report's files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import synthetic
from rich.console import Console

from sweep import report
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.measures import NORM_TOLERANCE
from sweep.report.results import SweepState, results_of
from sweep.report.settings import SEEDS, group
from sweep.report.writing import Budget
from sweep.terminal.wording import MISSING


def small(instances: Sequence[InstanceRecord], key: str = "dense", **setting: Any) -> TrialRecord:
    return synthetic.trial(key=key, instances=instances, config=synthetic.config(**setting), baseline_key="dense")


def printed(frame: pd.DataFrame, width: int, terminal: bool = False) -> str:
    console = Console(width=width, force_terminal=terminal, color_system=None)
    with console.capture() as capture:
        report.print_ranking(frame, console)
    return capture.get()


@pytest.fixture
def duel() -> list[TrialRecord]:
    """Four images: the surrogate wins one, ties one, loses one, and on the last neither finds anything."""
    dense = [
        synthetic.instance(1, dense_value=1.0, first_found_seconds=2.0),
        synthetic.instance(2, dense_value=3.0, first_found_seconds=4.0),
        synthetic.instance(3, dense_value=-1.0, first_found_seconds=None, status="robust"),
        synthetic.instance(4, dense_value=None, first_found_seconds=None, status="unresolved"),
    ]
    surrogate = [
        synthetic.instance(1, dense_value=2.0, first_found_seconds=1.0),
        synthetic.instance(2, dense_value=3.0 + 1e-7, first_found_seconds=5.0),
        synthetic.instance(3, dense_value=-2.0, first_found_seconds=None, status="unresolved"),
        synthetic.instance(4, dense_value=None, first_found_seconds=None, status="unresolved"),
    ]
    return [small(dense), small(surrogate, "s", method="magnitude", amount=0.8)]


def row_of(frame: pd.DataFrame, setting: str) -> dict[str, Any]:
    (row,) = frame[frame["setting"] == setting].to_dict("records")
    return row


def test_medians_are_over_the_values_that_are_there(duel: list[TrialRecord]) -> None:
    row = row_of(report.rank(duel), "magnitude 0.8")
    assert (row["instances"], row["successes"], row["success_rate"]) == (4, 2, 0.5)
    assert row["first_found_seconds"] == 3.0
    assert row["first_found_with_pruning_seconds"] == 3.25
    assert row["first_found_values"] == 2
    assert row["value"] == 2.0
    assert row["values"] == 3


def test_wins_are_counted_on_the_same_instances(duel: list[TrialRecord]) -> None:
    row = row_of(report.rank(duel), "magnitude 0.8")
    assert (row["better_than_dense"], row["worse_than_dense"], row["compared_with_dense"]) == (1, 1, 4)
    assert (row["sooner_than_dense"], row["later_than_dense"], row["times_compared_with_dense"]) == (1, 1, 2)
    assert (row["gain_over_dense"], row["p_against_dense"]) == (0.0, 1.0)
    assert pd.isna(row["better_than_gradient"])
    dense = row_of(report.rank(duel), "dense MILP")
    assert pd.isna(dense["better_than_dense"])
    assert dense["robust"] == 1


def test_the_baseline_is_the_dense_milp_with_the_same_settings() -> None:
    fast = small([synthetic.instance(1, dense_value=5.0)], "dense-10s")
    slow = small([synthetic.instance(1, dense_value=1.0)], "dense-60s")
    surrogate = small([synthetic.instance(1, dense_value=2.0)], "s", method="magnitude", amount=0.8)
    for baseline, wins in (("dense-10s", 0), ("dense-60s", 1)):
        surrogate.baseline_key = baseline
        row = row_of(report.rank([fast, slow, surrogate]), "magnitude 0.8")
        assert row["better_than_dense"] == wins


def test_of_several_gradient_trials_the_strongest_is_the_yardstick() -> None:
    weak = small([synthetic.instance(1, dense_value=0.5)], "g1", attack="gradient")
    strong = small([synthetic.instance(1, dense_value=3.0)], "g2", attack="gradient")
    strong.config["attack"]["gradient_starts"], weak.config["attack"]["gradient_starts"] = 1000, 1
    surrogate = small([synthetic.instance(1, dense_value=2.0)], "s", method="magnitude", amount=0.8)
    for order in ([weak, strong, surrogate], [strong, weak, surrogate]):
        row = row_of(report.rank(order), "magnitude 0.8")
        assert (row["better_than_gradient"], row["compared_with_gradient"]) == (0, 1)


def one_of(amount: float, **changed: Any) -> TrialRecord:
    return small([synthetic.instance(1, **changed)], f"k{amount}", method="magnitude", amount=amount)


MISS: dict[str, Any] = {"status": "unresolved", "first_found_seconds": None}


def test_without_the_dense_milp_the_order_is_success_then_time_then_margin() -> None:
    records = [
        one_of(0.1, **MISS, dense_value=None),
        one_of(0.2, **MISS, dense_value=-3.0),
        one_of(0.3, **MISS, dense_value=-1.0),
        one_of(0.4, first_found_seconds=9.0),
        one_of(0.5, first_found_seconds=1.0, dense_value=0.1),
        one_of(0.6, first_found_seconds=1.0, dense_value=0.9),
    ]
    assert list(report.rank(records)["amount"]) == [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]


def test_a_time_that_counts_as_equal_does_not_decide_the_order() -> None:
    records = [
        one_of(0.1, first_found_seconds=0.00506, dense_value=1.0),
        one_of(0.2, first_found_seconds=0.00568, dense_value=2.0),
        one_of(0.3, first_found_seconds=0.5, dense_value=3.0),
    ]
    assert list(report.rank(records)["amount"]) == [0.2, 0.1, 0.3]


def test_against_the_dense_milp_the_order_is_certainty_then_gain_then_sooner_and_yardsticks_come_last() -> None:
    def of(margins: Sequence[float], key: str, first: float = 1.0, **setting: Any) -> TrialRecord:
        found = [synthetic.instance(image, dense_value=one, first_found_seconds=first) for image, one in enumerate(margins)]
        return small(found, key, **setting)

    pruned = {
        0.1: of([0.0] * 7 + [1.0] * 1, "worse", method="magnitude", amount=0.1),
        0.2: of([3.0] * 8, "large", method="magnitude", amount=0.2),
        0.3: of([2.0] * 8, "small", method="magnitude", amount=0.3),
        0.4: of([9.0] * 6 + [1.0] * 2, "rarer", method="magnitude", amount=0.4),
        0.5: of([1.0] * 8, "sooner", 0.5, method="magnitude", amount=0.5),
    }
    records = [of([1.0] * 8, "dense"), *pruned.values(), of([50.0] * 8, "g", attack="gradient")]
    assert list(report.rank(records)["setting"]) == [
        *("magnitude 0.2", "magnitude 0.3", "magnitude 0.4", "magnitude 0.5", "dense MILP", "magnitude 0.1", "gradient"),
    ]


def test_networks_stay_apart_and_in_order() -> None:
    frame = report.rank(synthetic.sweep())
    assert list(dict.fromkeys(frame["network"])) == ["4x64", "2x256"]
    assert len(frame) == 2 * len(synthetic.SETTINGS)
    assert set(frame["setting"]) >= {"dense MILP", "gradient", "magnitude 0.8", "magnitude 0.8 finetuned", "structured 0.5"}


def test_other_swept_settings_get_a_column_and_a_name() -> None:
    records = [small([synthetic.instance()], f"d{seed}") for seed in (0, 3)]
    records += [small([synthetic.instance()], f"s{seed}", method="magnitude", amount=0.8) for seed in (0, 3)]
    for record, seed in zip(records, (0, 3, 0, 3), strict=True):
        record.config["training"]["seed"] = seed
    frame = report.rank(records)
    assert len(frame) == 4
    assert set(frame["training.seed"]) == {"0", "3"}
    assert "magnitude 0.8 training.seed=3" in set(frame["setting"])


def test_nothing_is_adversarial_where_a_value_is_maximised() -> None:
    values = {"objective": "output", "label": None, "target": None, "first_found_seconds": None}
    found = [
        synthetic.instance(1, status="optimal", dense_value=7.5, **values),
        synthetic.instance(2, status="unresolved", dense_value=2.5, **values),
    ]
    frame = report.rank([small(found)])
    row = row_of(frame, "dense MILP")
    assert (row["maximised"], row["optimal"], row["asked"]) == (2, 1, 0)
    assert pd.isna(row["success_rate"])
    text = printed(frame, 200)
    assert "1/2" in text
    assert "optimal: proven to be the largest." in text
    assert "value" in text
    assert "adversarial" not in text
    assert "margin" not in text
    images = printed(report.rank([small([synthetic.instance(1)])]), 200)
    assert "adversarial: images with a checked adversarial input" in images
    assert "margin" in images
    assert "optimal" not in images


def test_a_row_has_its_value_under_the_word_of_its_own_task_alone() -> None:
    of_output = {"objective": "output", "label": None, "target": None, "first_found_seconds": None}
    image = small([synthetic.instance(1, dense_value=1.0)], attack="gradient")
    output = small([synthetic.instance(1, status="optimal", dense_value=7.5, **of_output)], "s", method="magnitude", amount=0.8)
    _, titles, rows = report.ranking_table.ranking_rows(report.rank([image, output]))
    shown = {row[0]: dict(zip(titles, row, strict=True)) for row in rows}
    assert [shown["gradient"][title] for title in ("median margin", "median value")] == ["+1.000", MISSING]
    assert [shown["magnitude 0.8"][title] for title in ("median margin", "median value")] == [MISSING, "7.500"]


def test_what_bounds_alone_prove_is_not_called_a_milp() -> None:
    """No linear model states an l2 ball, so attack=surrogate proves the closest perturbation in it by bounds."""

    def named(attack: str, norm: str, method: str = "none") -> tuple[str, bool]:
        record = small([synthetic.instance()], attack=attack, method=method)
        record.config["attack"] |= {"objective": "closest", "norm": norm}
        (setting,) = group([record])
        return setting.label, setting.is_baseline

    assert named("surrogate", "l1") == ("dense MILP", True)
    assert named("surrogate", "l2") == named("surrogate", "l2", "magnitude") == ("bounds", False)
    assert named("branch_and_bound", "l2") == ("branch_and_bound", False)


def test_attacks_other_than_the_two_yardsticks_keep_their_name_and_their_pruning() -> None:
    def named(attack: str, method: str, amount: float = 0.0) -> str:
        (setting,) = group([synthetic.trial(config=synthetic.config(attack=attack, method=method, amount=amount))])
        assert setting.is_baseline == (attack == "surrogate" and method == "none")
        return setting.label

    assert named("surrogate", "none") == "dense MILP"
    assert named("surrogate", "magnitude", 0.8) == "magnitude 0.8"
    assert named("gradient", "magnitude", 0.8) == "gradient"
    assert named("another", "none") == "another"
    assert named("another", "magnitude", 0.8) == "another magnitude 0.8"
    pools = [synthetic.trial(config=synthetic.config(attack="another", method="magnitude", amount=a)) for a in (0.5, 0.8)]
    assert len(group(pools)) == 2


def test_settings_that_do_not_matter_are_no_column() -> None:
    records = synthetic.sweep(networks=[(4, 64)])
    for place, record in enumerate(records):
        record.config["tracking"]["uri"] = f"sqlite:///{place}"
        if record.config["attack"]["method"] == "gradient":
            record.config["attack"]["start"] = "none"
    assert not [column for column in report.rank(records).columns if "." in column]


def test_images_drawn_by_several_seeds_are_pooled() -> None:
    first, second = small([synthetic.instance(1)], "a"), small([synthetic.instance(2), synthetic.instance(3)], "b")
    second.config["instances"]["seed"] = 8
    frame = report.rank([first, second])
    assert list(frame["instances"]) == [3]


def test_unfinished_trials_are_listed_not_ranked() -> None:
    failed = synthetic.trial("bad", status="failed", error="training diverged in epoch 3", instances=[], name="4x64 [odd]")
    frame = report.rank([synthetic.trial("dense"), failed])
    assert list(frame["setting"]) == ["dense MILP"]
    assert frame.attrs["unfinished"] == [("4x64 [odd]", "failed", "training diverged in epoch 3")]
    assert "failed 4x64 [odd]: training diverged in epoch 3" in printed(frame, 120)
    nothing = printed(report.rank([failed]), 120)
    assert "nothing to rank" in nothing
    assert "training diverged" in nothing


@pytest.mark.parametrize(("width", "terminal"), [(200, True), (80, True), (80, False), (200, False)])
def test_the_printed_ranking_is_whole_and_has_dashes_for_gaps(duel: list[TrialRecord], width: int, terminal: bool) -> None:
    text = printed(report.rank(duel), width, terminal)
    assert "nan" not in text.lower()
    assert "<NA>" not in text
    assert "None" not in text
    (line,) = [line for line in text.splitlines() if line.strip().startswith("magnitude 0.8")]
    assert line.split() == ["magnitude", "0.8", "2/4", "0/4", "+2.000", "(3/4)", "1/4", "1/4", "3", "s"]
    (dense,) = [line for line in text.splitlines() if line.strip().startswith("dense MILP")]
    assert dense.split().count(MISSING) == 2  # it is not compared with itself
    table, _, explained = text.partition("adversarial: images")
    assert "gradient" not in table  # there is none, so no column of dashes for it
    assert " ".join(explained.split()).endswith("first after: median time to the first adversarial input, where there is one.")
    if terminal:
        assert max(len(one.rstrip()) for one in text.splitlines()) <= width
    else:
        assert "\n" not in explained.rstrip(), "lines of a file are not folded"


def test_a_terminal_of_80_columns_shows_the_whole_table_and_many_settings_end_with_how_many_more() -> None:
    records = [small([synthetic.instance(1)], "dense")]
    for place in range(20):
        records.append(small([synthetic.instance(1)], f"s{place}", method="magnitude", amount=place / 100.0, rounds=1))
    text = printed(report.rank(records), 80, True)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "9 more in ranking.csv." in text
    assert sum("magnitude" in line for line in text.splitlines()) in (11, 12)


def test_proofs_get_a_column_where_there_are_any() -> None:
    proven = [synthetic.instance(1, status="robust", first_found_seconds=None), synthetic.instance(2)]
    without, with_proofs = report.rank([synthetic.trial()]), report.rank([synthetic.trial(instances=proven)])
    assert "robust |" not in report.markdown_ranking(without)
    table = report.markdown_ranking(with_proofs).splitlines()
    place = [cell.strip() for cell in table[2].split("|")].index("robust")
    assert table[4].split("|")[place].strip() == "1/2"
    for frame, shown in ((without, False), (with_proofs, True)):
        assert ("robust" in printed(frame, 200, True)) == shown


@pytest.fixture
def closest() -> list[TrialRecord]:
    """Three images of the closest attack: a proven length, one that is not, and a proof that there is none."""

    def one(image: int, length: float | None, bound: float, *events: tuple[float, float]) -> InstanceRecord:
        return synthetic.instance(
            image,
            objective="closest",
            status="robust" if length is None else "adversarial",
            dense_value=-2.0 if length is None else 1e-6,
            l1=length,
            norm_bound=bound,
            surrogate_bound=None,
            first_found_seconds=None if length is None else 0.1,
            timeline=[
                {"seconds": 0.05, "dense_value": -1.0},
                *({"seconds": s, "dense_value": 1e-6, "norm": n} for s, n in events),
            ],
        )

    dense = [
        one(1, 2.0, 2.0 * (1.0 - 0.9 * NORM_TOLERANCE), (0.1, 3.0), (0.5, 2.0)),
        one(2, 4.0, 3.0, (0.2, 4.0)),
        one(3, None, 5.0),
    ]
    pruned = [one(1, 2.5, 1.0, (0.1, 2.5)), one(2, 4.5, 1.0, (0.1, 4.5)), one(3, None, 1.0)]
    records = [small(pruned, "s", method="magnitude", amount=0.8), small(dense)]
    for record in records:
        record.config["attack"]["objective"] = "closest"
    return records


def test_the_closest_perturbation_is_ranked_by_its_norm_not_by_margins(closest: list[TrialRecord]) -> None:
    frame = report.rank(closest)
    assert list(frame["setting"]) == ["dense MILP", "magnitude 0.8"]
    row = row_of(frame, "dense MILP")
    assert (row["norm"], row["norm_bound"], row["norm_proven"], row["robust"]) == (3.0, 3.0, 1, 1)
    pruned = row_of(frame, "magnitude 0.8")
    assert (pruned["norm"], pruned["norm_proven"], pruned["values"]) == (3.5, 0, 0)
    assert pd.isna(pruned["value"])
    assert (pruned["worse_than_dense"], pruned["compared_with_dense"], pruned["times_compared_with_dense"]) == (2, 3, 2)


def test_a_table_shows_norms_or_margins_by_what_was_asked(closest: list[TrialRecord], duel: list[TrialRecord]) -> None:
    header = report.markdown_ranking(report.rank(closest)).splitlines()[2]
    assert "| median length | proven |" in header
    assert "margin" not in header
    line = next(line for line in printed(report.rank(closest), 80, True).splitlines() if line.startswith(" dense MILP"))
    assert line.split()[4:8] == ["3.0000", "1/3", MISSING, MISSING]  # proven closest; it is not compared with itself
    assert "proven: none is shorter" in printed(report.rank(closest), 200)
    assert "length" not in printed(report.rank(duel), 200)


def test_the_csv_has_empty_cells_for_gaps(duel: list[TrialRecord], tmp_path: Path) -> None:
    synthetic.write_report(duel, tmp_path / "new" / "folder", budget=Budget(seconds=-1.0))
    path = tmp_path / "new" / "folder" / "ranking.csv"
    with path.open(newline="") as file:
        rows = {row["setting"]: row for row in csv.DictReader(file)}
    assert rows["dense MILP"]["better_than_dense"] == ""
    assert rows["magnitude 0.8"]["better_than_dense"] == "1"
    assert rows["magnitude 0.8"]["accuracy_dense"] == "0.95"
    assert not any(word in path.read_text() for word in ("nan", "NaN", "<NA>", "None"))


def test_the_markdown_has_a_table_per_network() -> None:
    lines = report.markdown_ranking(report.rank(synthetic.sweep())).splitlines()
    assert sum(line.startswith("**") for line in lines) == 2
    columns = {line.count("|") for line in lines if line.startswith("|")}
    assert columns == {7}


def test_seeds_are_repetitions_where_they_are_asked_to_be() -> None:
    first, second = small([synthetic.instance(1)], "a"), small([synthetic.instance(2), synthetic.instance(3)], "b")
    second.config["training"]["seed"] = 8
    assert len(report.rank([first, second])) == 2
    frame = report.rank([first, second], SEEDS)
    assert list(frame["instances"]) == [3]
    assert list(frame["setting"]) == ["dense MILP"]


def of_input(key: str, **changed: Any) -> TrialRecord:
    """A trial whose configuration is another at these dotted keys."""
    record = small([synthetic.instance(1)], key)
    for name, value in changed.items():
        section, _, rest = name.partition("__")
        record.config[section][rest] = value
    return record


def test_the_inputs_that_were_swept_are_part_of_the_networks_name() -> None:
    """Else the same network on 18x18 and on 28x28 pixels were two settings of one network, without an instance in common."""
    sizes = [of_input(f"{side}", dataset__side=side) for side in (18, 28)]
    assert list(report.rank(sizes)["network"]) == ["18x18 2x16", "28x28 2x16"]
    assert set(report.rank(sizes)["setting"]) == {"dense MILP"}
    assert list(report.rank(sizes[:1])["network"]) == ["2x16"]  # there is only one size

    functions = [
        of_input(
            name,
            dataset__name="function",
            dataset__side=None,
            dataset__function=name,
            dataset__inputs=4,
            training__epochs=epochs,
        )
        for name, epochs in (("ackley", 0), ("rastrigin", 20))
    ]
    assert list(report.rank(functions)["network"]) == ["ackley 2x16 training.epochs=0", "rastrigin 2x16 training.epochs=20"]


def limited(record: TrialRecord, limit: float, baseline: str | None = "dense") -> TrialRecord:
    record.config["solver"]["time_limit_seconds"], record.baseline_key = limit, baseline
    return record


def test_of_trials_that_differ_in_their_time_limit_alone_the_longest_counts() -> None:
    def at(limit: float) -> list[TrialRecord]:
        dense = limited(small([synthetic.instance(1, dense_value=limit)], f"dense-{limit}"), limit, f"dense-{limit}")
        copy = small([synthetic.instance(1, dense_value=limit + 1.0)], f"s-{limit}", method="magnitude", amount=0.8)
        return [dense, limited(copy, limit, f"dense-{limit}")]

    found = results_of([(SweepState("s", 6, 6), [*at(10.0), *at(60.0), *at(2.0)])])
    assert [record.key for record in found.records] == ["dense-60.0", "s-60.0"]
    assert list(found.settings) == ["dense MILP", "magnitude 0.8"]
    assert found.remarks == [
        "4 trials with a shorter time limit left out: the run with the longest limit has their answers too."
    ]
    frame = report.rank([*at(10.0), *at(60.0)])
    assert list(frame["setting"]) == ["magnitude 0.8", "dense MILP"]
    assert list(frame["instances"]) == [1, 1]
    assert results_of([(SweepState("s", 2, 2), at(10.0))]).remarks == []


@pytest.mark.parametrize("attack", [{"method": "portfolio"}, {"objective": "closest"}])
def test_attacks_that_plan_by_their_limit_keep_all_of_theirs(attack: dict[str, str]) -> None:
    trials = [limited(small([synthetic.instance(1)], f"p{limit}"), limit) for limit in (10.0, 60.0)]
    for one in trials:
        one.config["attack"] |= attack
    found = results_of([(SweepState("s", 2, 2), trials)])
    assert (len(found.records), len(found.settings), found.remarks) == (2, 2, [])


def test_a_shorter_trial_that_something_is_measured_against_stays() -> None:
    short, long = (limited(small([synthetic.instance(1)], f"dense-{limit}"), limit) for limit in (10.0, 60.0))
    copy = limited(small([synthetic.instance(1)], "s", method="magnitude", amount=0.8), 10.0, "dense-10.0")
    found = results_of([(SweepState("s", 3, 3), [short, long, copy])])
    assert [record.key for record in found.records] == ["dense-10.0", "dense-60.0", "s"]
    assert set(found.settings) == {
        "dense MILP solver.time_limit_seconds=10",
        "dense MILP solver.time_limit_seconds=60",
        "magnitude 0.8 solver.time_limit_seconds=10",
    }


def test_other_images_or_seeds_are_no_longer_run_of_the_same() -> None:
    first, second, third = (limited(small([synthetic.instance(1)], f"{limit}"), limit) for limit in (1.0, 2.0, 3.0))
    second.config["instances"]["seed"], third.config["training"]["seed"] = 8, 8
    assert len(results_of([(SweepState("s", 3, 3), [first, second, third])]).records) == 3


def test_what_cannot_change_an_answer_makes_no_setting() -> None:
    limits = [of_input("a", instances__count=4), of_input("b", instances__count=12)]
    limits[0].config["solver"]["time_limit_seconds"], limits[1].config["solver"]["time_limit_seconds"] = 30, 30.0
    frame = report.rank(limits)
    assert list(frame["setting"]) == ["dense MILP"]
    assert list(frame["instances"]) == [2]


def test_repetitions_with_other_seeds_are_one_setting_where_they_are_pooled() -> None:
    repeated = [of_input(f"{seed}", training__seed=seed) for seed in (0, 3)]
    assert list(report.rank(repeated, SEEDS)["network"]) == ["2x16"]
    assert len(report.rank(repeated)) == 2
