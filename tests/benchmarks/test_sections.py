"""The sections on this project alone: their counts from rows that are made up, their rows from tiny networks."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from oracles import brute_force_maximum, random_network, random_region

from benchmarks import __main__ as program
from benchmarks import closest, closing, formulations, mnist_fc, runs, surrogate_milps, vnn_wide
from benchmarks.sections import Options, Row
from benchmarks.subjects import VNNCOMP, missing_vnncomp
from surrogate.attack import AttackResult, Event, Instance, Status
from surrogate.errors import SolverFailure
from surrogate.networks import ReluNetwork


def row(**changes: Any) -> Row:
    usual: Row = {
        "instance": 0,
        "limit_seconds": 60.0,
        "image": 5,
        "data_seed": 0,
        "status": "adversarial",
        "error": None,
        "solver_status": "optimal",
        "margin": 2.0,
        "dual_bound": 2.0,
        "first_adversarial_seconds": 0.01,
        "nodes": 7,
        "binaries": 30,
        "total_seconds": 4.0,
        "cpu_seconds": 3.5,
    }
    return {**usual, **changes}


def cells(text: str, *beginning: str) -> list[str]:
    """The cells of the only table row that begins with these."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    (found,) = [one for one in rows if tuple(one[: len(beginning)]) == beginning]
    return found


# --- What rows are made of.


def test_an_error_of_ours_is_a_row_and_any_other_is_raised() -> None:
    def fail() -> AttackResult:
        raise SolverFailure("gave up")

    failed = runs.measured(fail)
    assert (failed["status"], failed["error"], failed["margin"]) == ("failed", "SolverFailure: gave up", None)
    assert not runs.is_closed(failed)
    assert runs.failures([{"instance": 3, "method": "dense-milp", **failed}]) == [
        "Failures:\n\n* 3, dense-milp: SolverFailure: gave up"
    ]
    with pytest.raises(ZeroDivisionError):
        runs.measured(lambda: 1 / 0)  # type: ignore[arg-type, return-value]


def test_a_bound_that_is_not_on_the_dense_network_is_not_kept() -> None:
    result = AttackResult(Status.UNRESOLVED, None, None, 1.0, dual_bound=3.0)
    assert runs.measured(lambda: result)["dual_bound"] == 3.0
    assert runs.measured(lambda: result, bounds_dense=False)["dual_bound"] is None


def test_the_margin_at_half_time_is_the_best_until_then() -> None:
    events = [
        Event(seconds, margin, None, "gradient") for seconds, margin in ((0.1, -1.0), (2.0, 4.0), (3.0, 3.0), (40.0, 5.0))
    ]
    result = AttackResult(Status.ADVERSARIAL, None, None, 5.0, timeline=events)
    assert [runs.margin_by(result, seconds) for seconds in (0.05, 1.0, 30.0, 60.0)] == [None, -1.0, 4.0, 5.0]


@pytest.mark.parametrize(
    ("margin", "bound", "expected"),
    [
        (2.0, 2.0002, True),
        (2.0, 2.0003, False),
        (0.001, 0.0011, True),
        (-2.0, -1.9998, True),
        (2.0, None, False),
        (2.0, 1.9, False),
    ],
)
def test_closed_is_a_relative_gap(margin: float, bound: float | None, expected: bool) -> None:
    assert runs.is_closed(row(margin=margin, dual_bound=bound)) is expected


# --- Reports.


def test_closing_counts_by_size_and_pairs_seconds_where_ours_closed() -> None:
    small, large = "18x18 4x32", "28x28 4x64"
    rows = [
        row(size=large, method="dense-milp", total_seconds=60.0, dual_bound=2.5),
        row(size=small, method="dense-milp", total_seconds=8.0),
        row(size=small, method="branch-and-bound", total_seconds=2.0),
        row(size=small, instance=1, method="dense-milp", total_seconds=60.0, dual_bound=9.0),
        row(size=small, instance=1, method="branch-and-bound", total_seconds=6.0),
        row(size=small, instance=2, method="dense-milp", total_seconds=50.0),
        row(size=small, instance=2, method="branch-and-bound", total_seconds=60.0, dual_bound=3.0),
    ]
    text = closing.report(rows)
    assert cells(text, small, "branch-and-bound", "2/3")[3:5] == ["6.0", "60.0"]
    assert cells(text, small, "dense-milp", "2/3")[-2:] == ["2", "7 (4 to 10)"]
    assert cells(text, large, "dense-milp", "0/1")[-2:] == ["0", "-"]
    assert text.index(f"| {small}") < text.index(f"| {large}")
    assert "Contradictions" not in text
    assert "Failures" not in text


def test_a_bound_that_another_method_beats_is_shown() -> None:
    rows = [
        row(size="22x22 4x32", method="branch-and-bound", margin=2.0, dual_bound=2.0),
        row(size="22x22 4x32", method="dense-milp", margin=2.5, dual_bound=2.5),
        row(size="18x18 4x32", method="dense-milp", margin=9.0, dual_bound=9.0),  # another question
    ]
    text = closing.report(rows)
    (line,) = [line for line in text.splitlines() if line.startswith("* ")]
    assert line == "* branch-and-bound proves 2.000000, dense-milp reaches 2.500000 (22x22 4x32, instance 0)"


def wide_rows(image: int, margins: dict[str, float], **halves: float) -> list[Row]:
    return [
        row(
            instance=image,
            image=100 + image,
            method=name,
            margin=margin,
            dual_bound=None,
            margin_half=halves.get(name, margin),
        )
        for name, margin in margins.items()
    ]


def test_the_portfolio_is_compared_with_each_with_both_and_with_its_best_member() -> None:
    members = {"branch-and-bound": 0.0, "restriction": 0.5, "surrogate-milp": 0.25}
    rows = [
        *wide_rows(0, {"portfolio": 1.0, "dense-milp": 0.5, "gradient": 0.9, **members}),
        *wide_rows(1, {"portfolio": 1.0, "dense-milp": 1.0 + 5e-7, "gradient": 1.0, **members}),
        # The gradient is ahead after 60 s only; at 30 s the restriction is the best member.
        *wide_rows(2, {"portfolio": 0.4, "dense-milp": 0.3, "gradient": 0.6, **members}, gradient=0.2),
    ]
    text = vnn_wide.report(rows)
    assert "against dense-milp at 60 s: at least as large 3 of 3, larger 2, worst shortfall 0.0000." in text
    assert "against gradient at 60 s: at least as large 2 of 3, larger 1, worst shortfall 0.2000." in text
    assert "Portfolio larger than both by over 0.0001: 1 of 3." in text
    assert "gradient) at 30 s: at least as large 2 of 3, larger 1, worst shortfall 0.1000." in text
    assert cells(text, "102", "0.4000")[-1] == "0.2000"


def test_what_the_portfolio_met_after_its_time_does_not_count() -> None:
    rows = wide_rows(0, {"portfolio": 3.0, "dense-milp": 2.0, "gradient": 2.0}, portfolio=1.0)
    text = vnn_wide.report(rows)
    assert "against dense-milp at 60 s: at least as large 0 of 1, larger 0, worst shortfall 1.0000." in text
    assert "Portfolio larger than both by over 0.0001: 0 of 1." in text


def test_a_wide_method_that_failed_found_nothing() -> None:
    rows = wide_rows(0, {"portfolio": 1.0, "gradient": 1.0})
    failed = {**row(image=100, method="dense-milp", status="failed", error="SolverFailure: no", margin=None, dual_bound=None)}
    text = vnn_wide.report([*rows, failed])
    assert "against dense-milp at 60 s: at least as large 1 of 1, larger 1, worst shortfall 0.0000." in text
    assert "* 0, dense-milp: SolverFailure: no" in text


def answer(instance: int, network: str, known: str, given: str, **changes: Any) -> Row:
    return row(instance=instance, network=network, property=f"p{instance}", known=known, answer=given, **changes)


def test_answers_are_counted_against_what_is_known() -> None:
    rows = [
        answer(0, "two", "sat", "sat", total_seconds=1.0),
        answer(1, "two", "unsat", "unsat", total_seconds=3.0),
        answer(2, "two", "unsat", "unknown", total_seconds=120.0),
        answer(3, "two", "unsat", "sat"),
        answer(4, "four", "unknown", "unsat"),
        answer(5, "four", "sat", "unknown"),
    ]
    text = mnist_fc.report(rows)
    assert cells(text, "two", "4")[2:6] == ["1 of 1", "1 of 3", "0 of 0", "1"]
    assert cells(text, "four", "2")[2:6] == ["0 of 1", "0 of 0", "1 of 1", "0"]
    assert cells(text, "all", "6")[2:6] == ["1 of 2", "1 of 3", "1 of 1", "1"]
    assert cells(text, "two", "4")[6:8] == ["3.50", "3.00"]
    assert "* two, p3: sat, known unsat" in text


def test_properties_of_another_limit_have_a_table_of_their_own() -> None:
    rows = [answer(0, "two", "unsat", "unknown"), answer(0, "two", "unsat", "unsat", limit_seconds=600.0)]
    short, long = mnist_fc.report(rows).split("limit 600 s")
    assert cells(short, "two", "1")[3] == "0 of 1"
    assert cells(long, "two", "1")[3] == "1 of 1"
    assert mnist_fc.SECTION.key_of(rows[0]) != mnist_fc.SECTION.key_of(rows[1])


def test_only_short_perturbations_have_to_be_proven() -> None:
    rows = [
        row(norm=5.0, gap=0.0, dual_bound=5.0),
        row(instance=1, norm=7.0, gap=0.1, dual_bound=6.0, solver_status="time_limit"),
        row(instance=2, norm=9.0, gap=0.1, dual_bound=8.5, solver_status="time_limit"),
        row(instance=3, norm=9.0, gap=0.2, dual_bound=7.0, solver_status="time_limit"),
        row(instance=4, status="robust", norm=None, dual_bound=10.0),
    ]
    text = closest.report([*({**one, "method": "dense-milp"} for one in rows), row(method="branch-and-bound", norm=5.0)])
    assert "dense-milp: proven optimal: 1 of 5." in text
    assert "branch-and-bound: proven optimal: 1 of 1." in text
    assert "Of a norm below 8: proven optimal 1 of 2; 1 more found none below 8 and did not prove that there is none." in text


# --- Measuring, on networks that take no time.


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> tuple[ReluNetwork, Instance]:
    rng = np.random.default_rng(3)
    dense = random_network(rng, (6, 4, 4, 3))
    instance = Instance(random_region(rng, 6, "l1"), 0, 2)

    def put(module: ModuleType, name: str, value: Any) -> None:
        monkeypatch.setattr(module, name, lambda *_, **__: value)

    for module in (closing, closest, formulations):
        put(module, "network", dense)
        put(module, "protocol_instance", (7, instance))
    put(vnn_wide, "vnncomp_network", dense)
    put(vnn_wide, "test_instances", [(107, instance)])
    return dense, instance


def optimum(dense: ReluNetwork, instance: Instance) -> float:
    return brute_force_maximum(dense.compose(np.array([[-1.0, 0.0, 1.0]])), instance.region)


def test_both_methods_close_a_tiny_problem(tiny: tuple[ReluNetwork, Instance]) -> None:
    rows = list(closing.measure(Options(limit_seconds=5.0, instances=(4,))))
    assert [closing.SECTION.key_of(one) for one in rows] == [
        (4, size, name) for size in ("18x18 4x32", "22x22 4x32", "28x28 4x64") for name in closing.METHODS
    ]
    for one in rows:
        assert one["error"] is None
        assert one["margin"] == pytest.approx(optimum(*tiny), abs=1e-3)
        assert runs.is_closed(one)
    done = frozenset(map(closing.SECTION.key_of, rows[1:]))
    chosen = Options(5.0, (4,), ("branch-and-bound", "ours"), done)
    assert [one["method"] for one in closing.measure(chosen)] == ["branch-and-bound"]
    assert cells(closing.report(rows), "28x28 4x64", "dense-milp", "1/1")


@pytest.mark.slow
def test_every_wide_method_runs_and_only_dense_bounds_are_kept(tiny: tuple[ReluNetwork, Instance]) -> None:
    rows = {one["method"]: one for one in vnn_wide.measure(Options(limit_seconds=0.5))}
    assert tuple(rows) == vnn_wide.METHODS
    for name, one in rows.items():
        assert one["error"] is None
        assert one["margin"] <= optimum(*tiny) + 1e-6
        assert (one["dual_bound"] is not None) == (name in vnn_wide.BOUND_DENSE)
        assert one["margin_half"] <= one["margin"]
    for name in ("portfolio", "dense-milp", "branch-and-bound"):
        assert rows[name]["margin"] == pytest.approx(optimum(*tiny), abs=1e-3)
    assert "at least as large 1 of 1" in vnn_wide.report(list(rows.values()))


@pytest.mark.usefixtures("tiny")
def test_the_closest_perturbation_of_a_tiny_problem_is_proven() -> None:
    rows = list(closest.measure(Options(limit_seconds=5.0, instances=(0,))))
    assert [one["method"] for one in rows] == ["branch-and-bound", "dense-milp"]
    for one in rows:
        assert one["error"] is None
        assert one["solver_status"] == "optimal"
        assert one["norm"] == pytest.approx(one["dual_bound"], rel=1e-3)
        assert f"{one['method']}: proven optimal: 1 of 1." in closest.report(rows)


@pytest.mark.slow
def test_a_surrogates_relaxation_is_above_its_best_margin_and_the_dense_one_is_its_own_surrogate(
    tiny: tuple[ReluNetwork, Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    dense, instance = tiny
    monkeypatch.setattr(surrogate_milps, "NETWORKS", ((2, 4),))
    monkeypatch.setattr(surrogate_milps, "SEEDS", ((0, 100),))
    monkeypatch.setattr(surrogate_milps, "PRUNINGS", ((0.0, 0), (0.5, 0)))
    monkeypatch.setattr(surrogate_milps, "network", lambda *_: dense)
    monkeypatch.setattr(surrogate_milps, "fresh_instances", lambda *_: [instance])
    monkeypatch.setattr(surrogate_milps, "accuracy", lambda *_: 0.5)
    whole, pruned = surrogate_milps.measure(Options())
    assert whole["dense_at_best"] == whole["surrogate_best"] == whole["dense_best"] == pytest.approx(optimum(*tiny), abs=1e-3)
    assert pruned["dense_at_best"] <= optimum(*tiny) + 1e-6
    for one in (whole, pruned):
        assert one["root_gap"] == pytest.approx(one["relaxation"] - one["surrogate_best"])
        assert one["root_gap"] >= -1e-6
    assert pruned["relaxation"] != whole["relaxation"]
    assert cells(surrogate_milps.report([whole, pruned]), "2x4", "0.5")[2] == "50.0"


def test_every_formulation_closes_a_tiny_problem_and_a_model(
    tiny: tuple[ReluNetwork, Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formulations, "ATTACKS", ((4, 0, "box"),))
    monkeypatch.setattr(formulations, "MODELS", ((4, 0),))
    rng = np.random.default_rng(2)
    drawn = {name: random_network(rng, (6, 4, 1)) for name in ("objective", "constraint")}
    monkeypatch.setattr(formulations, "_networks", lambda *_: drawn)
    rows = list(formulations.measure(Options(limit_seconds=10.0)))
    assert [formulations.SECTION.key_of(one) for one in rows] == [
        (i, name) for i in (0, 1) for name in formulations.FORMULATIONS
    ]
    for one in rows[:3]:
        assert one["margin"] == pytest.approx(optimum(*tiny), abs=1e-3)
        assert one["relaxation"] >= one["margin"] - 1e-6
    assert all(runs.is_closed(one) for one in rows)
    text = formulations.report(rows)
    assert cells(text, rows[0]["question"], "big_m")[-2] == "1.00"
    assert "Contradictions" not in text
    assert "* big_m proves 1.000000, partition-4 reaches 9.000000" in formulations.report(
        [
            row(question="q", method="big_m", dual_bound=1.0, load=0.5),
            row(question="q", method="partition-4", margin=9.0, load=0.5),
        ]
    )


def test_a_property_is_answered() -> None:
    if missing_vnncomp() is not None:
        pytest.skip("the properties of VNN-COMP 2022 mnist_fc lie in ../shared/data/vnncomp_mnist_fc, which is not here")
    rows = list(mnist_fc.measure(Options(limit_seconds=10.0, instances=(0, 1), done=frozenset({(0, 120.0)}))))
    assert [(one["instance"], one["known"], one["answer"]) for one in rows] == [(0, "unsat", "unsat"), (1, "sat", "sat")]


def test_what_needs_files_that_are_not_there_is_left_out_or_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.subjects.VNNCOMP", VNNCOMP / "nowhere")
    names = program._possible()
    assert {"vnn_wide", "mnist_fc"}.isdisjoint(names)
    assert {"closing", "closest", "pruning"} <= set(names)
    assert "left out: section 'mnist_fc' needs the mnist_fc networks" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        program.main(["vnn_wide"])
    assert "section 'vnn_wide' needs the mnist_fc networks" in capsys.readouterr().err
