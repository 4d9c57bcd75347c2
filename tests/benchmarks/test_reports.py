"""Tables and results files of the benchmark, from rows that are made up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as program
from benchmarks import comparison
from benchmarks.peers.guarded import Outcome
from benchmarks.results import Results
from benchmarks.sections import Options, Row, Section


def row(instance: int, tool: str, **changes: Any) -> Row:
    usual: Row = {
        "instance": instance,
        "tool": tool,
        "limit_seconds": 60.0,
        "data_seed": instance,
        "training_seed": 0,
        "image": 5,
        "status": "time_limit",
        "error": None,
        "margin_early": 1.0,
        "margin": 1.0,
        "dual_bound": 9.0,
        "first_adversarial_seconds": 0.01,
        "build_seconds": 0.1,
        "total_seconds": 60.0,
        "cpu_seconds": 59.0,
    }
    return {**usual, **changes}


def test_a_run_is_closed_only_on_the_dense_network() -> None:
    assert comparison.is_closed(row(0, "gurobi-dense", dual_bound=1.00005))
    assert comparison.is_closed(row(0, "gurobi-dense", status="optimal", dual_bound=1.01))
    assert not comparison.is_closed(row(0, "gurobi-dense", dual_bound=1.01))
    assert not comparison.is_closed(row(0, "gurobi-dense", margin=None))
    assert not comparison.is_closed(row(0, "gurobi-0.8", status="optimal", dual_bound=1.0))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (1.0, 1.0, True),
        (0.995, 1.0, True),
        (0.98, 1.0, False),
        (-1.005, -1.0, True),
        (-1.02, -1.0, False),
        (None, None, True),
        (1.0, None, True),
        (None, -5.0, False),
    ],
)
def test_margins_are_compared_to_one_percent(ours: float | None, theirs: float | None, expected: bool) -> None:
    assert comparison.at_least(ours, theirs) is expected


def test_pairs_count_what_was_never_found_as_the_limit_and_leave_out_what_nobody_found() -> None:
    rows = [
        row(0, "ours", first_adversarial_seconds=0.01),
        row(0, "gurobi-dense", first_adversarial_seconds=2.0),
        row(1, "ours", first_adversarial_seconds=0.02),
        row(1, "gurobi-dense", first_adversarial_seconds=None),
        row(2, "ours", first_adversarial_seconds=None, margin=-1.0, margin_early=-1.0),
        row(2, "gurobi-dense", first_adversarial_seconds=None, margin=None, margin_early=None),
    ]
    text = comparison.report(rows)
    cells = [cell.strip() for cell in text.splitlines()[-1].split("|")]
    assert cells[1:6] == ["gurobi-dense", "3", "2", "1,600 (200 to 3,000)", "3"]
    assert "counts as 60 s" in text


def test_a_bound_below_a_margin_that_was_reached_is_shown() -> None:
    rows = [row(0, "ours", margin=2.0), row(0, "gurobi-dense", dual_bound=1.5)]
    assert "gurobi-dense proves 1.5000, ours reaches 2.0000" in comparison.report(rows)
    assert "Contradictions" not in comparison.report([row(0, "ours", margin=2.0), row(0, "gurobi-dense", dual_bound=2.0)])


def test_a_surrogates_bound_is_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Outcome(status="optimal", margins=[(1.0, -2.0), (40.0, 3.0)], dual_bound=4.0, first_adversarial_seconds=40.0)
    asked: list[str] = []

    def pretend(name: str, _task: Any) -> Outcome:
        asked.append(name)
        return outcome

    class Drawn:
        region = type("R", (), {"radius": 5.0})()

    monkeypatch.setattr(comparison, "run_guarded", pretend)
    monkeypatch.setattr(comparison, "network", lambda *_: None)
    monkeypatch.setattr(comparison, "protocol_instance", lambda *_: (7, Drawn()))
    options = Options(instances=(1,), tools=("ours", "ours-authors", "ours-authors-0.8"), done=frozenset({(1, "ours")}))
    dense, pruned = comparison.measure(options)
    assert asked == ["ours-authors", "ours-authors-0.8"]
    assert (dense["dual_bound"], dense["surrogate_dual_bound"]) == (4.0, None)
    assert (pruned["dual_bound"], pruned["surrogate_dual_bound"]) == (None, 4.0)
    assert (dense["margin_early"], dense["margin"]) == (-2.0, 3.0)


ERRORS: dict[int, str] = {}


def squares(options: Options) -> Iterator[Row]:
    for i in range(3):
        if options.wants(i):
            yield {"instance": i, "limit_seconds": options.limit(5.0), "square": i * i, "error": ERRORS.get(i)}


def squares_report(rows: Sequence[Row]) -> str:
    return "squares " + " ".join(str(r["square"]) for r in rows)


@pytest.fixture
def one_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "SECTIONS", {"squares": Section(("instance",), 5.0, squares, squares_report)})
    monkeypatch.setattr(program, "warm_up", lambda: None)


@pytest.mark.usefixtures("one_section")
def test_rows_gather_in_the_file_and_tables_come_from_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "results.json"
    program.main(["--instances", "2", "--output", str(path)])
    program.main(["--instances", "0-1", "--output", str(path)])
    capsys.readouterr()
    program.main(["--show", str(path)])
    shown = capsys.readouterr()
    assert "squares 0 1 4" in shown.out
    assert shown.err == ""
    program.main(["squares", "--resume", "--output", str(path)])
    assert capsys.readouterr().err == ""  # nothing was measured again
    content = json.loads(path.read_text())
    assert content["header"]["packages"]["numpy"]
    commits = {r["commit"] for r in content["sections"]["squares"]} - {None}
    assert all(f"commit {commit}" in shown.out for commit in commits)


@pytest.mark.usefixtures("one_section")
def test_files_of_two_processes_are_shown_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    program.main(["--instances", "1-2", "--output", str(first)])
    program.main(["--instances", "0-1", "--output", str(second)])
    changed = json.loads(second.read_text())
    changed["sections"]["squares"][1]["square"] = 100
    changed["header"]["machine"], changed["header"]["packages"]["numpy"] = "another machine", "0.1"
    second.write_text(json.dumps(changed))
    before = first.read_text(), second.read_text()
    capsys.readouterr()
    program.main(["--show", str(first), str(second)])
    shown = capsys.readouterr().out
    assert "squares 0 100 4" in shown  # the later file's row counts
    assert "and another machine" in shown
    assert " or 0.1" in shown
    assert (first.read_text(), second.read_text()) == before
    changed["sections"]["squares"][0]["limit_seconds"] = 7.0
    second.write_text(json.dumps(changed))
    with pytest.raises(SystemExit):
        program.main(["--show", str(first), str(second)])
    assert "limit of 5 s, not 7 s" in capsys.readouterr().err


@pytest.mark.usefixtures("one_section")
def test_several_limits_stand_side_by_side_where_the_section_keeps_them_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = Section(("instance", "limit_seconds"), 5.0, squares, squares_report)
    monkeypatch.setattr(program, "SECTIONS", {"squares": section})
    path = tmp_path / "results.json"
    program.main(["--output", str(path)])
    program.main(["--limit", "7", "--instances", "1", "--output", str(path)])
    rows = Results(path).sections["squares"]
    assert [(r["instance"], r["limit_seconds"]) for r in rows] == [(0, 5.0), (1, 5.0), (1, 7.0), (2, 5.0)]


def test_tools_of_other_sections_are_passed_over() -> None:
    assert Options().chosen(("a", "b")) == ["a", "b"]
    assert Options(tools=("b", "c")).chosen(("a", "b")) == ["b"]
    assert Options(tools=("c",)).chosen(("a", "b")) == []


@pytest.mark.usefixtures("one_section")
def test_what_failed_is_measured_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    monkeypatch.setitem(ERRORS, 1, "out of memory")
    program.main(["--output", str(path)])
    monkeypatch.delitem(ERRORS, 1)
    capsys.readouterr()
    program.main(["--output", str(path), "--resume"])
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == ["squares: instance 1"]
    assert [r["error"] for r in Results(path).sections["squares"]] == [None] * 3


@pytest.mark.usefixtures("one_section")
def test_limits_are_not_mixed_in_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    program.main(["--output", str(path)])
    with pytest.raises(SystemExit):
        program.main(["--limit", "7", "--output", str(path)])
    assert "limit of 5 s, not 7 s" in capsys.readouterr().err
    assert [r["limit_seconds"] for r in Results(path).sections["squares"]] == [5.0] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "'nonsense' is not one of"),
        (["--instances", "3-x"], "expected indices and ranges"),
        (["--tools", "cplex"], "'cplex' is not one of ours,"),
        (["--limit", "0"], "must be positive"),
        (["--show", "nowhere.json"], "there is no file"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(arguments)
    assert words in capsys.readouterr().err


def test_a_file_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("[1, 2]")
    with pytest.raises(ValueError, match="not a file of results"):
        Results(path)
