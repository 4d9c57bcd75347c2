"""Models with networks in them: values in time, and tables from rows that are made up."""

from __future__ import annotations

import math
from typing import Any

import pytest
from test_sections import cells

from benchmarks.models import ready
from benchmarks.models.ablation import ablation_report, compare
from benchmarks.models.reading import ahead, first_feasible, is_closed, last_value, seconds_to, value_at
from benchmarks.models.side_by_side import side_by_side_report
from benchmarks.models.tools import AGAIN, DENSE, GUROBI, SCIP, SEARCH
from benchmarks.sections import Row


def row(problem: str, index: int, tool: str, *timeline: tuple[float, float], **changes: Any) -> Row:
    usual: Row = {
        "instance": index,
        "problem": problem,
        "tool": tool,
        "limit_seconds": 60.0,
        "size": "small",
        "neurons": 10,
        "sense": 1.0,
        "status": "time_limit",
        "error": None,
        "bound": None,
        "surrogate_value": None,
        "timeline": [[when, value, "", False] for when, value in timeline],
        "met": len(timeline),
        "held": len(timeline),
        "settled": 0,
        "value_loose": None,
        "build_seconds": None,
        "total_seconds": 60.0,
        "cpu_seconds": 30.0,
        "peak_mib": 300.0,
        "load_start": 1.0,
        "load_end": 3.0,
        "pruning_seconds": 0.5,
    }
    return {**usual, **changes}


def test_values_in_time() -> None:
    one = row("diet", 0, SEARCH, (1.0, 5.0), (20.0, 3.0), (61.0, 2.0))
    assert [value_at(one, seconds) for seconds in (0.5, 10.0, 60.0)] == [None, 5.0, 3.0]
    assert (last_value(one), first_feasible(one)) == (3.0, 1.0)
    assert (seconds_to(one, 3.0001), seconds_to(one, 2.9)) == (20.0, math.inf)
    assert first_feasible(row("diet", 0, SEARCH, (61.0, 2.0))) == math.inf


def test_what_is_ahead() -> None:
    assert ahead(9.0, 10.0, 1.0) == pytest.approx(0.1)
    assert ahead(9.0, 10.0, -1.0) == pytest.approx(-0.1)
    assert ahead(0.1, 0.2, 1.0) == pytest.approx(0.1)
    assert ahead(0.1, 0.2, 1.0, least=1e-6) == pytest.approx(0.5)
    assert (ahead(None, 1.0, 1.0), ahead(1.0, None, -1.0), ahead(None, None, 1.0)) == (-math.inf, math.inf, 0.0)


def test_closed_is_the_bound_at_the_value_that_holds() -> None:
    assert is_closed(row("diet", 0, GUROBI, (1.0, 5.0), bound=4.9996))
    assert not is_closed(row("diet", 0, GUROBI, (1.0, 5.0), bound=4.99, status="optimal"))
    assert not is_closed(row("diet", 0, GUROBI, bound=5.0, status="optimal"))
    assert not is_closed(row("diet", 0, GUROBI, (61.0, 5.0), bound=5.0))


def rows_side_by_side() -> list[Row]:
    return [
        # 0: Gurobi closes after 8 s with what the search has after 1 s; the search proves it too.
        row("diet", 0, SEARCH, (0.2, 6.0), (1.0, 5.0), bound=5.0),
        row("diet", 0, GUROBI, (4.0, 5.5), (8.0, 5.0), bound=5.0),
        row("diet", 0, SCIP, (3.0, 7.0), bound=1.0),
        # 1: SCIP closes; the search is worse at 10 s and as good at 60 s.
        row("diet", 1, SEARCH, (0.4, 6.0), (30.0, 5.0), bound=4.0),
        row("diet", 1, GUROBI, status="too large for the licence"),
        row("diet", 1, SCIP, (3.0, 5.0), bound=5.0),
        # 2, maximised: nobody closes; the search is 10 % better at 10 s.
        row("treatment", 0, SEARCH, (2.0, 11.0), sense=-1.0, bound=20.0, peak_mib=700.0),
        row("treatment", 0, SCIP, (50.0, 10.0), sense=-1.0, bound=20.0),
        # 3: nobody has a decision; 4: the search has one too late.
        row("treatment", 1, SEARCH, sense=-1.0),
        row("treatment", 1, SCIP, sense=-1.0),
        row("treatment", 2, SEARCH, (12.0, 3.0), sense=-1.0),
        row("treatment", 2, SCIP, sense=-1.0),
        row("ready", 0, ready.NAME, search_seconds=[0.5, 0.4, 0.9], milp_seconds=[2.0, 0.9, 1.1]),
    ]


def test_the_figures_are_what_they_say() -> None:
    text = side_by_side_report(rows_side_by_side())

    def figure(*beginning: str) -> list[str]:
        return cells(text, *beginning)[1:]

    assert figure("first decision that holds, median") == ["0.5 s", "2.00 s", "5 instances"]
    assert figure("found within 10 s, where any tool has one after 60 s")[1:] == ["3", "4 instances"]
    best = "value at 10 s at least the best of all others' at 60 s"
    assert figure(f"`diet`: {best}")[1:] == ["1 (50%); at 60 s 2", "2 instances"]
    assert figure(f"`treatment`: {best}")[1:] == ["1 (50%); at 60 s 2", "2 instances"]
    clear = "closed by no tool: value at 10 s better than all others' at 60 s by more than 1%"
    assert figure(clear)[1:] == ["1; at 60 s 2", "2 instances"]
    sooner = figure("Gurobi's proven optimum: Gurobi's seconds to find it over ours, median")
    assert sooner[1:] == ["8.0 times (least 8, 1 of 5 or more)", "1 instance"]
    assert figure(f"closed within 60 s, beside `{SCIP}`")[1] == f"1; `{SCIP}` 1, of which the search closes 0"
    assert figure(f"closed within 60 s, beside `{GUROBI}`")[1:] == [
        f"1; `{GUROBI}` 1, of which the search closes 1",
        "2 instances",
    ]
    assert figure("peak memory of the search's process")[1] == "700 MiB"
    assert figure("30 copies of 8x16 ready to solve, the search")[1] == "0.50 s (median of 3: 0.40 to 0.90)"
    assert figure("30 copies of 8x16 ready to solve, the dense MILP")[1] == "1.10 s (median of 3: 0.90 to 2.00)"
    assert cells(text, "diet 0")[-3:] == ["5* (0.20)", "5* (4.00)", "7 (3.00)"]
    assert cells(text, "diet 1")[-2:] == ["licence", "5* (3.00)"]
    assert "Load of the machine (1 minute) at the start and end of the solves: 1.0 to 3.0, median 2.0." in text
    assert "median 0.50, least 0.50" in text
    assert "Contradictions" not in text
    assert "Failures" not in text


def test_a_bound_that_another_tool_beats_and_a_failure_are_shown() -> None:
    rows = [
        row("diet", 0, SEARCH, (1.0, 5.0), bound=5.0),
        row("diet", 0, SCIP, (1.0, 6.0), bound=5.5),
        row("diet", 1, SEARCH, (1.0, 5.0), status="failed", error="ValueError: no"),
    ]
    text = side_by_side_report(rows)
    assert f"* diet 0: {SCIP} proves 5.500000, {SEARCH} reaches 5.000000" in text
    assert "ValueError: no" in text
    assert "Not the same" not in text
    text = side_by_side_report([rows[0] | {"networks": {"f": "a"}}, rows[1] | {"networks": {"f": "b"}}, rows[2]])
    assert "**Not the same networks** in all rows of diet 0:" in text


def test_parts_of_the_search_are_compared_in_pairs() -> None:
    rows = []
    for index in range(8):
        rows.append(row("diet", index, SEARCH, (1.0, 5.0)))
        # Worse on six of eight at 10 s, worse on none at the end; later by a factor of 4.
        rows.append(row("diet", index, "without-walks", (4.0, 6.0 if index < 6 else 5.0), (20.0, 5.0)))
    rows += [row("diet", 8, SEARCH), row("diet", 8, "without-walks")]  # says nothing
    text = ablation_report(rows)
    found = cells(text, "without-walks", SEARCH, "8")
    assert found[3:5] == ["0/2/6", "0/8/0"]
    assert found[5].startswith("0.00 (0.00 to 0.4")
    assert found[6] == f"{2 * 0.5**6:.3f}"
    assert found[7] == "0.25 (0.25 to 0.25)"
    assert "worse values at 10 s (`early`) and at the limit of 60 s" in text
    comparison = compare({("diet", 0): rows[0]}, {("diet", 0): rows[1]}, last_value)
    assert (comparison.pairs, comparison.better, comparison.equal, comparison.worse) == (1, 0, 1, 0)


def test_the_parts_have_an_interval_and_a_p_in_each_problem() -> None:
    rows = []
    for index in range(8):
        for problem, without in (("diet", 6.0), ("design", 4.0 if index < 2 else 5.0), ("blending", 5.0)):
            rows.append(row(problem, index, SEARCH, (1.0, 5.0)))
            rows.append(row(problem, index, "without-walks", (1.0, without)))
        rows.append(row("diet", index, AGAIN, (1.0, 5.0)))
    text = ablation_report(rows)
    found = cells(text, "without-walks", SEARCH, "0/8/0")  # problems in the order of their names
    assert found[3].startswith("2/6/0, 1.00 (0.16 to 1.00), p 1.000")
    assert found[4].startswith("0/0/8, 0.00 (0.00 to 0.37), p ")
    assert found[4].endswith(f"p {3 * 2 * 0.5**8:.3f}"), "by Holm over three problems"
    assert cells(text, AGAIN, SEARCH, "8")[3] == "0/8/0"
    assert cells(text, AGAIN, SEARCH, "") == [AGAIN, SEARCH, "", "", "0/8/0"]


def test_a_short_limit_is_looked_at_early_too() -> None:
    rows = [
        row("diet", 0, DENSE, (1.0, 5.0), limit_seconds=12.0),
        row("diet", 0, "surrogates-only-0.9", (3.0, 4.0), limit_seconds=12.0),
    ]
    assert cells(ablation_report(rows), "surrogates-only-0.9", DENSE, "1")[3:5] == ["0/0/1", "1/0/0"]


def test_pruned_networks_stand_beside_the_dense_milp_and_finetuned_beside_not() -> None:
    rows = [
        row("diet", 0, DENSE, (20.0, 5.0)),
        row("diet", 0, "surrogate-milp-0.8", (1.0, 6.0), surrogate_value=3.0, met=4),
        row("diet", 0, "surrogate-milp-0.8-finetuned", (1.0, 5.5)),
    ]
    text = ablation_report(rows)
    assert cells(text, "surrogate-milp-0.8", DENSE, "1")[3:5] == ["1/0/0", "0/0/1"]
    assert cells(text, "surrogate-milp-0.8-finetuned", "surrogate-milp-0.8", "1")[3:5] == ["1/0/0", "1/0/0"]
    assert cells(text, "surrogate-milp-0.8", "1", "1/4")[3:] == ["1", "50.00%", "0.50"]
    assert cells(text, "surrogate-milp-0.8", DENSE, "1/0/0, 1.00 (0.03 to 1.00), p 1.000")
