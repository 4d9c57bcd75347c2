"""Solvers that fail, die or lie, functions that raise, and Ctrl-C: what was found stays, and no thread is left."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from user_models import a_model, grid_optimum, place, require_holding, require_no_threads, shape

from surrogate.errors import SolverFailure, UnsoundBounds
from surrogate.models import Place, Status, Step, optimise
from surrogate.solvers import HighsSolver, Solution, Solver, SolverStatus

PROVERS = ("walks", "surrogates", "dense")


@dataclass(frozen=True)
class Stub(Solver):
    """A solver that answers what it is told to."""

    name: ClassVar[str] = "stub"
    package: ClassVar[str] = "highspy"
    answer: Callable[..., Solution] | None = None

    def solve(self, *arguments: Any, **settings: Any) -> Solution:
        assert self.answer is not None
        return self.answer(*arguments, **settings)


def says(status: SolverStatus, bound: float | None = None, **more: Any) -> Callable[..., Solution]:
    def answer(model: Any, watched: Any, **_: Any) -> Solution:
        values = more.get("values")
        at = None if values is None else np.full(len(watched), values)
        maximised = next(model.component_data_objects(pyo.Objective)).sense == pyo.maximize
        return Solution(status, more.get("objective"), bound, at, 0.0, maximised=maximised)

    return answer


def fails(error: BaseException, after: int = 0) -> Callable[..., Solution]:
    """HiGHS for some calls, then this error."""
    calls = []

    def answer(*arguments: Any, **settings: Any) -> Solution:
        calls.append(1)
        if len(calls) <= after:
            return HighsSolver().solve(*arguments, **settings)
        raise error

    return answer


class TestSolvers:
    @pytest.mark.few(1)
    @pytest.mark.parametrize(
        "error", [SolverFailure("out of ideas"), UnsoundBounds("crossed"), ValueError("odd"), SystemExit(9)]
    )
    def test_one_that_fails_costs_its_members(self, error: BaseException) -> None:
        model = a_model()
        before = shape(model)
        result = optimise(model, one := place(model), 2.5, solver=Stub(answer=fails(error)), members=PROVERS)
        assert (result.status, result.bound is None) == (Status.FEASIBLE, False)  # the bound is the tightening's own
        assert set(result.failures) == {"surrogates", "dense"}
        assert all(str(error) in words and "\n" not in words for words in result.failures.values())
        require_holding(model, result, [one])
        assert grid_optimum(2.4) - 0.1 < result.value < grid_optimum(2.4) + 0.05
        assert result.bound <= result.value
        assert shape(model) == before
        require_no_threads()

    def test_one_that_fails_for_a_while_goes_on_where_it_can(self) -> None:
        model = a_model()
        stub = Stub(answer=fails(SolverFailure("tired"), after=1))
        result = optimise(model, place(model), 2.0, solver=stub, members=("walks", "surrogates"), sparsities=(0.5, 0.8))
        assert result.failures == {"surrogates": "tired"}
        assert result.surrogate_value is not None
        assert result.value is not None

    def test_one_that_fails_leaves_a_model_without_a_decision_open(self) -> None:
        model = a_model(floor=1e3)
        model.x[0].set_value(0.125)
        result = optimise(model, place(model), 0.4, solver=Stub(answer=fails(SolverFailure("out of ideas"))))
        assert result.status is Status.UNRESOLVED
        assert (model.x[0].value, model.x[1].value) == (0.125, None)

    @pytest.mark.parametrize("sense", [pyo.minimize, pyo.maximize])
    @pytest.mark.parametrize("by", [0.01, 100.0])
    def test_a_bound_that_a_decision_beats_is_not_taken(self, sense: Any, by: float) -> None:
        model = a_model(sense=sense)
        sign = 1.0 if sense == pyo.minimize else -1.0
        lie = sign * (grid_optimum(2.4) + by)
        result = optimise(model, one := place(model), 1.0, solver=Stub(answer=says(SolverStatus.OPTIMAL, lie)), members=PROVERS)
        assert result.status is Status.FEASIBLE
        assert sign * result.bound <= grid_optimum(2.4)
        assert result.failures["dense"].startswith("stub claims that no decision is better than")
        require_holding(model, result, [one])

    def test_infeasible_is_not_taken_where_a_decision_holds(self) -> None:
        model = a_model()
        result = optimise(model, one := place(model), 1.0, solver=Stub(answer=says(SolverStatus.INFEASIBLE)), members=PROVERS)
        assert result.status is Status.FEASIBLE
        assert result.failures["dense"].startswith("stub claims that there is no decision, but one with")
        require_holding(model, result, [one])

    @pytest.mark.parametrize("bound", [None, float("nan"), float("inf"), -float("inf")])
    @pytest.mark.parametrize("status", [SolverStatus.OPTIMAL, SolverStatus.TIME_LIMIT, SolverStatus.STOPPED])
    def test_a_status_alone_proves_nothing(self, status: SolverStatus, bound: float | None) -> None:
        model = a_model(floor=1e3)
        stub = Stub(answer=says(status, bound, values=0.5, objective=-1e9))
        result = optimise(model, place(model), 0.3, solver=stub, members=("dense",))
        assert (result.status, result.value) == (Status.UNRESOLVED, None)

    @pytest.mark.parametrize("values", [1e9, float("nan"), float("inf"), 0.5])
    def test_decisions_that_do_not_hold_are_not_taken(self, values: float) -> None:
        def answer(model: Any, watched: Any, *, on_incumbent: Any, **_: Any) -> Solution:
            on_incumbent(np.full(len(watched), values), -1e9)
            return Solution(SolverStatus.TIME_LIMIT, -1e9, None, np.full(len(watched), values), 0.0, maximised=False)

        model = a_model()
        result = optimise(model, one := place(model), 0.4, solver=Stub(answer=answer))
        require_holding(model, result, [one])
        assert result.value > grid_optimum(2.4) - 0.1

    def test_values_of_another_number_are_a_failure(self) -> None:
        def answer(model: Any, watched: Any, *, on_incumbent: Any, **_: Any) -> Solution:
            on_incumbent(np.zeros(3), 0.0)
            return says(SolverStatus.OPTIMAL)(model, watched)

        model = a_model()
        result = optimise(model, place(model), 0.4, solver=Stub(answer=answer), members=("dense", "walks"))
        assert "stub failed with" in result.failures["dense"]
        assert result.value is not None

    def test_a_doubtful_infeasible_proves_nothing(self) -> None:
        def answer(*arguments: Any, **settings: Any) -> Solution:
            return replace(says(SolverStatus.INFEASIBLE)(*arguments, **settings), doubt="numbers of 1e12")

        model = a_model(floor=1e3)
        result = optimise(model, place(model), 0.3, solver=Stub(answer=answer), members=("dense",))
        assert result.status is Status.UNRESOLVED
        assert result.failures == {"dense": "stub's verdict is not taken: numbers of 1e12"}


def hard() -> tuple[Any, list[Place]]:
    """A model that no solver here closes in seconds."""
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(range(8), bounds=(-1, 1)), pyo.Var()
    model.goal = pyo.Objective(expr=model.y)
    dense = random_network(np.random.default_rng(0), (8, 40, 40, 1))
    return model, [Place(list(model.x.values()), [model.y], dense)]


class TestTheCallersFunction:
    @pytest.mark.parametrize("member", ["points", "walks", "dense", "surrogates", "neighbourhoods"])
    def test_what_it_raises_comes_out(self, member: str) -> None:
        model = a_model()
        seen: list[Step] = []

        def on_better(step: Step) -> bool:
            seen.append(step)
            if step.source == member:
                raise LookupError("no such wine")
            return False

        members = ("walks",) if member == "points" else (member,)
        with pytest.raises(LookupError, match="no such wine"):
            optimise(model, one := place(model), 20.0, on_better=on_better, members=members, sparsities=(0.0,))
        assert [step.source == member for step in seen].index(True) == len(seen) - 1
        assert pyo.value(model.cost) == seen[-1].value
        x = np.array([[v.value for v in one.inputs]])
        assert [v.value for v in one.outputs] == one.dense(x)[0].tolist()
        require_no_threads()

    def test_a_failure_of_a_solver_that_it_raises_is_its_own(self) -> None:
        model = a_model()

        def on_better(_: Step) -> bool:
            raise SolverFailure("mine")

        with pytest.raises(SolverFailure, match="mine"):
            optimise(model, place(model), 10.0, on_better=on_better)


@pytest.mark.parametrize("members", [("walks",), ("dense",), ("surrogates", "dense"), ("neighbourhoods",)])
def test_an_interrupt_leaves_the_best_decision(members: tuple[str, ...]) -> None:
    model, places = hard()
    seen: list[Step] = []

    def on_better(step: Step) -> bool:
        seen.append(step)
        return False

    interrupt = threading.Timer(1.0, _thread.interrupt_main)
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        optimise(model, places, 30.0, on_better=on_better, members=members)
    interrupt.join()
    require_no_threads()
    assert pyo.value(model.goal) == seen[-1].value
    x = np.array([[v.value for v in model.x.values()]])
    assert model.y.value == places[0].dense(x)[0, 0]
