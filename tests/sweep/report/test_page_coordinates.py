"""Parallel coordinates: an axis for each swept key and each main result, a line a trial."""

from __future__ import annotations

import pytest
from making import closest, dense, gradient, margins, pruned, results, times

from sweep.records import TrialRecord
from sweep.report.page.coordinates import MOST_LINES, MOST_NAMES, coordinates
from sweep.terminal.wording import MISSING


def swept(record: TrialRecord, **keys: object) -> TrialRecord:
    record.swept = {name.replace("__", "."): value for name, value in keys.items()}
    return record


def axes(*records: TrialRecord) -> dict[str, dict]:
    found = coordinates(results(*records))
    assert found is not None
    assert all(len(axis["values"]) == found["trials"] == len(found["color"]) for axis in found["dimensions"])
    return {axis["label"]: axis for axis in found["dimensions"]}


def test_swept_keys_are_named_values_and_what_lacks_one_has_a_place_of_its_own() -> None:
    found = axes(
        swept(dense(margins([1.0, 2.0])), pruning__method="none", network="2x16", seed=1),
        swept(pruned(margins([3.0, 0.0]), 0.8), pruning__method="magnitude", pruning__amount=0.8, network="2x16", seed=1),
        swept(pruned(margins([3.0, 4.0]), 0.9), pruning__method="magnitude", pruning__amount=0.9, network="2x16", seed=1),
    )
    assert "network" not in found, "it has one value"
    assert found["pruning"]["ticktext"] == ["magnitude", "none"]
    assert found["pruning"]["values"] == [1, 0, 0]
    assert found["sparsity"]["ticktext"] == [MISSING, "0.8", "0.9"]
    assert found["sparsity"]["values"] == [0, 1, 2]
    assert found["median value"]["values"] == [1.5, 1.5, 3.5]
    assert found["won against the dense MILP, %"]["values"][1:] == [50.0, 100.0]
    assert found["won against the dense MILP, %"]["values"][0] < 50.0, "the dense MILP lies below those that were compared"
    assert found["won against the dense MILP, %"]["ticktext"][0] == MISSING


def test_times_over_several_powers_of_ten_are_on_a_scale_of_such() -> None:
    found = axes(
        swept(gradient(times([0.001])), attack__method="gradient"), swept(dense(times([10.0])), attack__method="surrogate")
    )
    axis = found["median seconds to the first"]
    assert axis["values"] == pytest.approx([-3.0, 1.0])
    assert (axis["ticktext"][0], axis["ticktext"][-1]) == ("0.001", "10")
    assert found["adversarial found, %"]["values"] == [100.0, 100.0]


def test_lengths_take_the_place_of_values() -> None:
    found = axes(
        swept(closest([2.0, 4.0]), pruning__amount=0.0),
        swept(closest([1.0, 2.0], "s", method="magnitude", amount=0.8), pruning__amount=0.8),
    )
    assert found["median length"]["values"] == [3.0, 1.5]
    assert "median value" not in found


def test_many_words_are_bounded() -> None:
    found = axes(*(swept(pruned(margins([1.0]), place / 100), name=f"x{place:03}" * 9) for place in range(MOST_NAMES + 3)))
    axis = found["name"]
    assert len(axis["ticktext"]) == MOST_NAMES + 1
    assert axis["ticktext"][-1] == "others"
    assert max(map(len, axis["ticktext"])) <= 22
    assert axis["values"][-1] == MOST_NAMES


def test_many_trials_are_bounded_and_that_is_said() -> None:
    records = [swept(pruned(margins([1.0]), place / 5000), pruning__amount=place / 5000) for place in range(MOST_LINES + 5)]
    for place, record in enumerate(records):
        record.key = f"k{place}"
    found = coordinates(results(*records))
    assert found is not None
    assert (found["trials"], found["of"], len(found["color"])) == (MOST_LINES, MOST_LINES + 5, MOST_LINES)


def test_where_nothing_was_swept_nothing_is_drawn() -> None:
    assert coordinates(results()) is None
    assert coordinates(results(dense(times([1.0])))) is None
    assert coordinates(results(dense(times([1.0])), pruned(times([1.0])))) is None, "all have the same swept values"
