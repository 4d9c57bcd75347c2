"""Models with networks in them, side by side: the judge, tables from rows that are made up, and each tool on tiny models."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from test_sections import cells

from benchmarks import __main__ as program
from benchmarks.models import SECTION, asking, instances, ready
from benchmarks.models.ablation import ablation_report, compare
from benchmarks.models.asking import Outcome, answer, judged
from benchmarks.models.base import Asked, Ending
from benchmarks.models.instances import Question
from benchmarks.models.judge import Judge
from benchmarks.models.reading import ahead, first_feasible, is_closed, last_value, seconds_to, value_at
from benchmarks.models.side_by_side import side_by_side_report
from benchmarks.models.tools import DENSE, GUROBI, PEERS, SCIP, SEARCH, TOOLS, Tool
from benchmarks.results import Results
from benchmarks.sections import Options, Row
from surrogate.models import Place
from surrogate.models.problems import PROBLEMS, ModelInstance, draw_samples, fit_networks
from surrogate.models.reading import UserModel
from surrogate.networks import ReluNetwork
from surrogate.training import Training

NETWORK = ReluNetwork([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
"""The absolute value."""


def a_model(sense: Any = pyo.minimize) -> tuple[ModelInstance, UserModel]:
    """y = |x|, and pieces n of size 1 that cover y - 0.25; each piece costs 1, and x pays a little."""
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(bounds=(-2.0, 2.0)), pyo.Var()
    model.n = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 5))
    model.least = pyo.Constraint(expr=model.y >= 0.5)
    model.covered = pyo.Constraint(expr=model.n >= model.y - 0.25)
    model.cost = pyo.Objective(expr=(1.0 if sense == pyo.minimize else -1.0) * (model.n + 0.1 * model.x), sense=sense)
    places = [Place([model.x], [model.y], NETWORK)]
    return ModelInstance(model, places), UserModel(model, places)


def decision(user: UserModel, **values: float) -> Any:
    return np.array([values[variable.name] for variable in user.variables])


# --- The judge.


def test_what_holds_has_the_value_that_the_dense_network_gives_it() -> None:
    _, user = a_model()
    verdict = Judge(user)(decision(user, x=-1.0, y=123.0, n=1.0 + 1e-9))
    assert (verdict.value, verdict.settled) == (pytest.approx(0.9), False)
    assert Judge(a_model(pyo.maximize)[1])(decision(user, x=-1.0, y=0.0, n=1.0)).value == pytest.approx(-0.9)


def test_variables_beside_the_networks_are_optimised_anew_where_they_break_a_row() -> None:
    _, user = a_model()
    verdict = Judge(user)(decision(user, x=-1.5, y=0.2, n=0.0))  # 1.25 is to be covered
    assert (verdict.value, verdict.settled) == (pytest.approx(1.85), True)
    assert verdict.violation == pytest.approx(1.25)


@pytest.mark.parametrize(
    "values",
    [
        {"x": 0.4, "y": 0.5, "n": 1.0},  # the tool's y would do, the network's is below the least
        {"x": 0.5 - 1e-5, "y": 0.5, "n": 1.0},
        {"x": math.nan, "y": 0.5, "n": 1.0},
    ],
)
def test_what_does_not_hold_has_no_value(values: dict[str, float]) -> None:
    _, user = a_model()
    assert Judge(user)(decision(user, **values)).value is None


def test_the_timeline_has_better_decisions_that_hold_and_nothing_else() -> None:
    instance, user = a_model()
    met = [
        (0.1, decision(user, x=0.4, y=0.5, n=1.0), "a"),  # does not hold
        (0.2, decision(user, x=1.0, y=1.0, n=1.0), "b"),
        (0.3, decision(user, x=1.1, y=1.1, n=1.0), "c"),  # holds and is worse
        (0.4, decision(user, x=-1.0, y=1.0, n=0.0), "d"),  # holds with another n
        (0.5, decision(user, x=0.5 - 1e-5, y=0.5, n=1.0), "e"),  # nearly holds
    ]
    row = judged(Outcome(met=met), instance, user, 60.0)
    assert [[when, source, settled] for when, _, source, settled in row["timeline"]] == [[0.2, "b", False], [0.4, "d", True]]
    assert [value for _, value, *_ in row["timeline"]] == pytest.approx([1.1, 0.9])
    assert (row["met"], row["held"], row["settled"]) == (5, 3, 1)
    assert row["value_loose"] == pytest.approx(1.05, abs=1e-4)
    assert row["worst_refused"] == pytest.approx(0.1)


# --- Tables from rows that are made up.


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
        row("ready", 0, ready.NAME, search_seconds=[0.5, 0.4], milp_seconds=[0.9, 1.1]),
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
    assert figure("30 copies of 8x16 ready to solve, the dense MILP")[1] == "0.90 s (of 2: 0.90 to 1.10)"
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
    found = cells(ablation_report(rows), "without-walks", SEARCH, "8")
    assert found[3:5] == ["0/2/6", "0/8/0"]
    assert found[5].startswith("0.00 (0.00 to 0.4")
    assert found[6] == f"{2 * 0.5**6:.3f}"
    assert found[7] == "0.25 (0.25 to 0.25)"
    comparison = compare({("diet", 0): rows[0]}, {("diet", 0): rows[1]}, last_value)
    assert (comparison.pairs, comparison.better, comparison.equal, comparison.worse) == (1, 0, 1, 0)


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
    assert cells(text, "surrogate-milp-0.8", DENSE, "1/0/0") == ["surrogate-milp-0.8", DENSE, "1/0/0"]


# --- Measuring.


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Two instances of one problem with small networks, and tools that are no processes."""
    monkeypatch.setattr(instances, "TRAINING", Training(epochs=1))
    monkeypatch.setattr(instances, "NETWORK_SIZES", {"constrained": (((4,), {"inputs": 2, "above": -5.0}),) * 2})
    monkeypatch.setattr("benchmarks.models.section.NETWORK_SIZES", instances.NETWORK_SIZES)
    instances._trained.cache_clear()
    asked: list[tuple[str, int]] = []

    def stub(name: str, question: Question) -> Outcome:
        asked.append((name, question.seed))
        middle = np.full(4, 0.5)
        return Outcome(
            Ending("time_limit", -9.0), met=[(0.1, middle, "stub")], total_seconds=1.0, cpu_seconds=1.0, peak_mib=1.0
        )

    monkeypatch.setattr(asking, "ask", stub)
    return asked


def test_a_run_goes_on_where_it_stopped(
    tiny: list[tuple[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    chosen = ["models", "--problems", "constrained", "--output", str(file)]
    program.main([*chosen, "--instances", "0", "--tools", SEARCH])
    with file.open("a") as cut:
        cut.write('{"section": "models", "key"')  # a writer that was killed
    program.main([*chosen, "--tools", f"{SEARCH},{DENSE}", "--resume"])
    assert tiny == [(SEARCH, 100), (DENSE, 100), (SEARCH, 101), (DENSE, 101)]
    rows = Results(file).sections["models"]
    assert [SECTION.key_of(one) for one in rows] == [(i, "constrained", name) for i in (0, 1) for name in (SEARCH, DENSE)]
    assert all(one["held"] == 1 and one["networks"] for one in rows)
    assert "constrained 1" in capsys.readouterr().out
    program.main(["--show", str(file)])
    assert cells(capsys.readouterr().out, "found within 10 s, where any tool has one after 60 s")[2:] == ["2", "2 instances"]


def test_a_problem_that_there_is_not_is_refused(tiny: list[tuple[str, int]], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["models", "--problems", "nowhere", "--tools", SEARCH])
    assert "problem 'nowhere' is not one of constrained, ready" in capsys.readouterr().err


def test_pruned_networks_reach_the_places_of_a_sparse_tool(tiny: list[tuple[str, int]]) -> None:
    sparse = instances.surrogates("constrained", 0, 0.5, finetuned=True)
    question = instances.question("constrained", 0, 1.0)
    for name, network in sparse.items():
        dense = question.networks[name]
        assert sum(int((weight == 0.0).sum()) for weight in network.weights) == 6  # half of 2 x 4 and 4 x 1
        assert network.hidden_sizes == dense.hidden_sizes
    asked = Asked(Question("constrained", 100, question.networks, question.parameters, 1.0, sparse))
    assert [place.surrogate.key for place in asked.places] == [sparse[name].key for name in ("objective", "constraint")]  # type: ignore[union-attr]
    assert [place.dense.key for place in asked.places] == [question.networks[n].key for n in ("objective", "constraint")]


SMALL: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "constrained": ((4,), {"inputs": 2, "above": 0.0}),
    "blending": ((4,), {"vineyards": 5, "wines": 2, "features": 3}),
    "treatment": ((4,), {"waters": 3, "features": 3}),
    "design": ((4,), {"known": 1, "features": 3}),
    "diet": ((4,), {"foods": 5}),
    "scholarship": ((4,), {"students": 4}),
}


def small(problem: str) -> Question:
    hidden, parameters = SMALL[problem]
    networks = fit_networks(draw_samples(PROBLEMS[problem], 1, **parameters), hidden, Training(epochs=3))
    return Question(problem, 1, networks, parameters, 20.0)


class Sender(list[tuple[str, Any]]):
    send = list.append


def ended(name: str, question: Question) -> tuple[Ending, Row]:
    """How a tool ended, and what its decisions are worth."""
    sent = Sender()
    answer(name, question, sent)
    assert sent[-1][0] == "end", sent[-1]
    instance = question.build()
    user = UserModel(instance.model, instance.places)
    met = [value for what, value in sent if what == "met"]
    return sent[-1][1][0], judged(Outcome(met=met), instance, user, question.limit_seconds)


@cache
def optimum(problem: str) -> float:
    ending, row = ended(DENSE, small(problem))
    assert ending.status == "optimal"
    return float(row["timeline"][-1][1])


@pytest.mark.few(8)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("problem", SMALL)
@pytest.mark.parametrize("name", [name for name in PEERS if name != DENSE])
def test_every_tool_has_the_same_optimum(name: str, problem: str) -> None:
    """Chained networks, expressions and numbers as inputs, integers, min and max: all state the same model."""
    missing = PEERS[name].missing()
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: pip install -e '.[bench]'")
    ending, row = ended(name, small(problem))
    assert ending.status == "optimal"
    assert row["timeline"][-1][1] == pytest.approx(optimum(problem), rel=2e-4, abs=2e-4)
    assert ending.bound == pytest.approx(optimum(problem), rel=2e-4, abs=2e-4)


@pytest.mark.parametrize("problem", ["constrained", "treatment"])
def test_pruned_networks_promise_and_bound_nothing(problem: str) -> None:
    question = small(problem)
    hidden = {name: network.weights[0].copy() for name, network in question.networks.items()}
    sparse = {
        name: ReluNetwork([np.where(np.arange(4)[:, None] < 2, hidden[name], 0.0), *network.weights[1:]], network.biases)
        for name, network in question.networks.items()
    }
    pruned = Question(problem, 1, question.networks, question.parameters, 20.0, sparse)
    ending, row = ended("surrogate-milp-0.5", pruned)
    assert (ending.status, ending.bound) == ("surrogate optimal", None)
    assert row["met"] > 0
    assert ending.surrogate_value is not None
    assert abs(ending.surrogate_value - optimum(problem)) > 1e-3, "the pruning must matter here, or this test shows nothing"


def test_every_tool_has_what_it_needs() -> None:
    assert set(TOOLS) < set(SECTION.tools)
    for tool in TOOLS.values():
        assert tool.needs or tool.module in ("search", "milp")
        assert (Path(asking.__file__).parent / "tools" / f"{tool.module}.py").exists()
    assert all(len(sizes) == 10 for sizes in instances.NETWORK_SIZES.values())
    assert set(instances.NETWORK_SIZES) == set(PROBLEMS)


def test_a_tool_that_raises_is_a_row_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Sender()
    answer("nothing", small("diet"), sent)
    assert sent == [("failed", "KeyError: 'nothing'")]
    instance, user = a_model()
    monkeypatch.setattr(asking, "messages", lambda *_: iter([("begin", None), ("died", 7)]))
    found = asking.measured(SEARCH, small("diet"), instance, user)
    assert (found["status"], found["error"], found["timeline"]) == ("failed", "the process died with exit code 7", [])
    monkeypatch.setattr(asking, "messages", lambda *_: iter([("begin", None), ("killed", True)]))
    found = asking.measured(SEARCH, small("diet"), instance, user)
    assert (found["status"], found["error"], found["total_seconds"]) == ("killed", None, None)


def test_a_tool_that_is_not_installed_is_left_out_or_refused_where_it_was_asked_for(
    tiny: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = Tool("search", "a tool of a library that there is not", needs=("no_such_library",))
    monkeypatch.setattr("benchmarks.models.section.TOOLS", {SEARCH: TOOLS[SEARCH], "absent": absent})
    program.main(["models", "--problems", "constrained", "--instances", "0", "--output", str(tmp_path / "rows.jsonl")])
    assert "left out: tool 'absent' needs no_such_library, not installed: run `make bench`" in capsys.readouterr().err
    assert tiny == [(SEARCH, 100)]
    with pytest.raises(ImportError, match=r"tool 'absent' needs no_such_library, .*, or choose other --tools"):
        list(SECTION.measure(Options(tools=("absent",))))
