"""The files of a report's tables can be read back, and hold what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from making import closest, dense, pruned, results, times

from sweep.report.comparisons import win_table
from sweep.report.findings import Findings
from sweep.report.phrases import phrases_of
from sweep.report.ranking import rank
from sweep.report.results import Results, SweepState, Unfinished
from sweep.report.tables import win_rows, write_tables

ATTACKS = phrases_of([("image", "margin", "maximize")])


@pytest.fixture
def found() -> Results:
    unfinished = (Unfinished("4x64 [odd], name", "failed", 'a "quoted" reason,\nin two lines', "0123abcd"),)
    records = [dense(times([2.0, None, 4.0])), pruned(times([1.0, 3.0, None]))]
    records[0].instances[1].timeline = []
    records[0].instances[0].clean = []
    return results(*records, state=SweepState("mnist-1", 3, 2, unfinished))


@pytest.fixture
def folder(found: Results, tmp_path: Path) -> Path:
    written = write_tables(Findings(found), tmp_path)
    assert sorted(path.name for path in written) == sorted(path.name for path in tmp_path.iterdir())
    return tmp_path


def test_csv_files_are_what_they_were(found: Results, folder: Path) -> None:
    wins = win_table(found)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "wins.csv"), wins, check_dtype=False)
    ranking = pd.read_csv(folder / "ranking.csv")
    assert [keys.split() for keys in ranking["trial_keys"]] == [[record.key] for record in found.records][::-1]
    assert list(ranking["setting"]) == list(rank(found.records)["setting"])
    said = pd.read_csv(folder / "verdicts.csv")
    assert list(said.columns) == ["question", "answer", "sentence", "evidence"]
    assert len(said) == 6
    assert not said["evidence"].str.contains("\n").any()


def test_unfinished_trials_have_a_file_of_their_own(folder: Path) -> None:
    (row,) = pd.read_csv(folder / "unfinished.csv").to_dict("records")
    assert row == {
        "sweep": "mnist-1",
        "trial": "4x64 [odd], name",
        "key": "0123abcd",
        "status": "failed",
        "error": 'a "quoted" reason,\nin two lines',
    }


def test_instances_come_back_with_their_timelines(found: Results, folder: Path) -> None:
    table = pd.read_parquet(folder / "instances.parquet")
    assert len(table) == 6
    assert list(table["setting"]) == ["dense MILP"] * 3 + ["magnitude 0.8"] * 3
    assert table["first_found_seconds"].tolist() == pytest.approx([2.0, np.nan, 4.0, 1.0, 3.0, np.nan], nan_ok=True)
    assert [len(one) for one in table["timeline_seconds"]] == [3, 0, 3, 3, 3, 3]
    assert table["timeline_dense_value"].iloc[0].tolist() == [-2.0, 1.0, 0.5]
    assert "timeline_norm" not in table.columns, "nobody has one"
    assert not {"clean", "perturbed"} & set(table.columns)
    assert table["prune_seconds"].tolist() == pytest.approx([np.nan] * 3 + [0.1] * 3, nan_ok=True)


def test_trials_come_back_with_their_configuration(found: Results, folder: Path) -> None:
    table = pd.read_parquet(folder / "trials.parquet")
    assert [json.loads(one) for one in table["config"]] == [record.config for record in found.records]
    assert list(table["sweep"]) == ["mnist-1"] * 2
    assert list(table["hidden"]) == [32.0, 32.0]


def test_the_markdown_of_the_wins(folder: Path) -> None:
    head, _, *rows = (folder / "wins.md").read_text().splitlines()
    assert [cell.strip() for cell in head.split("|")[1:-1]] == [
        *("network", "setting", "sooner", "times as fast", "p (sooner)"),
        *("larger margin", "margin gained", "p (larger margin)"),
    ]
    (row,) = rows
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        *("2x16", "magnitude 0.8", "2/3", "2", "1.00"),
        *("0/3 (0 to 71 %)", "+0", "1.00"),
    ]
    said = (folder / "verdicts.md").read_text()
    assert said.count("\n- **") == 5
    assert max(map(len, said.splitlines())) < 400, "the evidence is in the CSV and on the page"


def test_shorter_perturbations_have_columns_where_they_were_asked_for() -> None:
    shorter = closest([1.0, None], "s", method="magnitude", amount=0.8)
    (row,) = win_rows(win_table(results(closest([2.0, None]), shorter)), "dense MILP", ATTACKS)
    assert row["shorter"] == "1/2"
    assert row["length saved"] == "25 %"
    assert "larger margin" not in row


def test_nothing_compared_is_said_in_words(tmp_path: Path) -> None:
    assert win_rows(win_table(results()), "dense MILP", ATTACKS) == []
    write_tables(Findings(results(dense(times([1.0])))), tmp_path)
    assert (tmp_path / "wins.md").read_text() == "Nothing was compared with the dense MILP.\n"


def test_tables_of_no_trial_can_be_read_back(tmp_path: Path) -> None:
    nothing = results(state=SweepState("mnist-1", 1, 0, (Unfinished("a", "failed", "why"),)))
    write_tables(Findings(nothing), tmp_path)
    for name in ("trials", "instances"):
        assert pd.read_parquet(tmp_path / f"{name}.parquet").empty
    assert pd.read_csv(tmp_path / "wins.csv").empty
