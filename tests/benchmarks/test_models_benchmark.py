"""Models with networks in them, side by side: what is measured, and each tool on tiny models."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_models_judge import a_model
from test_sections import cells

from benchmarks import __main__ as program
from benchmarks.models import SECTION, asking, instances, ready
from benchmarks.models.asking import Outcome, answer, judged
from benchmarks.models.base import GAP, Asked, Ending
from benchmarks.models.instances import Question
from benchmarks.models.judge import TOLERANCE
from benchmarks.models.tools import AGAIN, DENSE, PEERS, SEARCH, TOOLS, VARIANTS, WALKS, Tool, milp
from benchmarks.results import Results
from benchmarks.sections import Options, Row
from surrogate.models.problems import PROBLEMS, draw_samples, fit_networks
from surrogate.models.programmes.mips import ROOM, StatedModel
from surrogate.models.programmes.walk import Walker
from surrogate.models.reading import UserModel
from surrogate.networks import ReluNetwork
from surrogate.solvers import HighsSolver
from surrogate.training import Training


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
    other = tmp_path / "others.jsonl"
    program.main(["models", "--instances", "0", "--tools", "surrogates-only-0.8", "--output", str(other)])
    capsys.readouterr()
    program.main(["--show", str(file), str(other)])
    assert cells(capsys.readouterr().out, "surrogates-only-0.8", DENSE, "1")[3] == "0/1/0"


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


def halved(networks: Mapping[str, ReluNetwork]) -> dict[str, ReluNetwork]:
    """Networks of which half of the four hidden neurons read nothing."""
    return {
        name: ReluNetwork([np.where(np.arange(4)[:, None] < 2, network.weights[0], 0.0), *network.weights[1:]], network.biases)
        for name, network in networks.items()
    }


@pytest.mark.parametrize("problem", ["constrained", "treatment"])
def test_pruned_networks_promise_and_bound_nothing(problem: str) -> None:
    question = small(problem)
    ending, row = ended("surrogate-milp-0.5", replace(question, surrogates=halved(question.networks)))
    assert (ending.status, ending.bound) == ("surrogate optimal", None)
    assert row["met"] > 0
    assert ending.surrogate_value is not None
    assert abs(ending.surrogate_value - optimum(problem)) > 1e-3, "the pruning must matter here, or this test shows nothing"


def sources(name: str, question: Question) -> set[str]:
    """Where the decisions that a tool reports come from."""
    sent = Sender()
    answer(name, question, sent)
    assert sent[-1][0] == "end", sent[-1]
    return {value[2] for what, value in sent if what == "met"}


def test_pruned_networks_alone_are_repaired_by_walks_and_nothing_else_is_done() -> None:
    question = small("constrained")
    found = sources("surrogates-only-0.9", replace(question, surrogates=halved(question.networks)))
    assert {"repair"} <= found <= {"surrogates", "repair"}
    plain, finetuned = TOOLS["surrogates-only-0.5"], TOOLS["surrogates-only-0.9-finetuned"]
    assert plain.settings == finetuned.settings
    assert (plain.sparsity, plain.finetuned, finetuned.sparsity, finetuned.finetuned) == (0.5, False, 0.9, True)


def test_without_any_walk_nothing_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(*_: Any) -> None:
        raise AssertionError("a walk")

    monkeypatch.setattr(Walker, "walk", walk)
    question = small("diet")
    assert sources("without-any-walk", question) != set()
    with pytest.raises(AssertionError):
        sources("without-walks", question)


def test_the_control_is_the_search_with_another_seed() -> None:
    assert TOOLS[AGAIN].settings == {"seed": 1}
    assert TOOLS[AGAIN].module == TOOLS[SEARCH].module
    assert {*VARIANTS, WALKS} < set(SECTION.tools)


def test_the_milp_alone_has_the_room_of_the_search_and_the_gap_of_all_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, float] = {}

    class Noted(StatedModel):
        def __init__(self, *given: Any, **named: Any) -> None:
            seen["room"] = given[4]
            super().__init__(*given, **named)

        def solve(self, *given: Any, **named: Any) -> Any:
            seen["gap"] = given[0].relative_gap
            return super().solve(*given, **named)

    monkeypatch.setattr(milp, "StatedModel", Noted)
    ended(DENSE, small("diet"))
    assert seen == {"room": ROOM * TOLERANCE, "gap": GAP}


def test_ready_is_when_a_region_can_be_solved_and_when_highs_has_the_milp(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_down(owner: Any, name: str, seconds: float) -> None:
        real = getattr(owner, name)

        def slow(*given: Any) -> Any:
            time.sleep(seconds)
            return real(*given)

        monkeypatch.setattr(owner, name, slow)

    question = small("treatment")
    ready._once(question)  # what a process does once
    before = ready._once(question)
    slow_down(ready, "PhaseProgramme", 0.3)
    slow_down(HighsSolver, "loaded", 0.6)
    search, in_solver = (slow - fast for slow, fast in zip(ready._once(question), before, strict=True))
    assert 0.2 < search < 0.5 < in_solver < 0.8


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
