"""The table of all settings: what a row says, what it is sorted by, and what is left out."""

from __future__ import annotations

import pytest
from making import closest, dense, gradient, margins, pruned, results, times, trial

from sweep.records import TrialRecord
from sweep.report.comparisons import win_table
from sweep.report.page.settings_table import LAST, MOST_ROWS, SettingsTable, settings_table
from sweep.report.ranking import rank
from sweep.report.settings import SEEDS


def table_of(*records: TrialRecord) -> SettingsTable:
    found = results(*records)
    return settings_table(found, rank(found.records, SEEDS), win_table(found))


def rows_of(table: SettingsTable) -> list[dict[str, str]]:
    return [dict(zip(table.titles, (cell.text for cell in row), strict=True)) for row in table.rows]


def test_a_row_is_a_setting_with_its_results_and_wins() -> None:
    table = table_of(
        dense(times([2.0, None])),
        pruned(times([1.0, 1.0]), rounds=5),
        gradient(times([0.1, 0.1])),
        dense(times([1.0]), (4, 64)),
    )
    rows = {(row["network"], row["method"]): row for row in rows_of(table)}
    mine = rows["2x16", "pruned MILP"]
    assert (mine["pruning"], mine["sparsity"], mine["finetuned"]) == ("magnitude", "0.8", "5 rounds")
    assert (mine["found"], mine["first found, s"], mine["value"]) == ("2/2", "1", "+1")
    assert (mine["better than dense"], mine["sooner than dense"], mine["better than gradient"]) == ("0/2", "2/2", "0/2")
    assert rows["2x16", "dense MILP"]["found"] == "1/2"
    assert rows["2x16", "gradient"]["pruning"] == "—"
    assert "proven robust" not in table.titles, "nothing is"
    assert (rows["4x64", "dense MILP"]["better than dense"], rows["4x64", "dense MILP"]["sparsity"]) == ("—", "—")
    assert [table.titles[place] for place in table.choices] == ["network", "method", "pruning", "sparsity", "finetuned"]
    assert "length" not in table.titles, "nobody asked for it"


def test_cells_are_sorted_and_filtered_by_numbers() -> None:
    table = table_of(dense(times([2.0, None])), pruned(times([None, None])))
    by = [dict(zip(table.titles, row, strict=True)) for row in table.rows]
    assert [row["found"].order for row in by] == [50.0, 0.0]
    assert [row["first found, s"].order for row in by] == [2.0, LAST]
    assert [row["first found, s"].search for row in by] == ["2", ""]
    assert by[0]["network"].order is None
    assert by[0]["network"].is_text


def test_lengths_and_what_else_was_swept_have_columns() -> None:
    other = trial(margins([1.0]), "other")
    other.config["bounds"]["method"] = "box"
    table = table_of(dense(margins([2.0])), other)
    assert {row["bounds.method"] for row in rows_of(table)} == {"crown", "box"}
    assert table.titles.index("bounds.method") in table.choices
    shorter = closest([1.0, None], "s", method="magnitude", amount=0.8)
    rows = rows_of(table_of(closest([2.0, None]), shorter))
    assert rows[0]["length"] == "1.000"
    assert rows[0]["better than dense"] == "1/2"


@pytest.mark.parametrize("extra", [0, 3])
def test_the_rows_are_bounded(extra: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.report.page.settings_table.MOST_ROWS", 4)
    table = table_of(*(pruned(margins([1.0]), 0.1 * place) for place in range(1, 5 + extra)))
    assert (len(table.rows), table.total) == (4, 4 + extra)
    assert MOST_ROWS >= 100


def test_no_trial_no_row() -> None:
    assert table_of().rows == ()


def test_p_is_that_of_the_answer_on_the_network_and_not_of_the_whole_win_table() -> None:
    """Six of six is p = 0.031: no more for one pruned setting on each of two networks, three times that in the win table."""
    records: list[TrialRecord] = []
    for size in ((2, 16), (4, 64)):
        records += [dense(margins([1.0] * 6), size), pruned(margins([2.0] * 6), size=size)]
    found = {(row["network"], row["method"]): row["p"] for row in rows_of(table_of(*records))}
    assert found["2x16", "pruned MILP"] == found["4x64", "pruned MILP"] == "0.031"
    assert found["2x16", "dense MILP"] == "—"
