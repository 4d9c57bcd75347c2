"""What cannot be stated before the time limit is not begun; the other members have the time."""

from __future__ import annotations

import math
import time

import numpy as np
import pyomo.environ as pyo
import pytest
from oracles import random_network
from user_models import NETWORK, a_model, place, require_holding, require_no_threads

from surrogate.bounds import Crown
from surrogate.models import Place, Status, optimise
from surrogate.models.incumbent import Incumbent
from surrogate.models.members.surrogates import Surrogates
from surrogate.models.members.walks import Walks
from surrogate.models.programmes import pace as module
from surrogate.models.programmes.mips import StatedModel
from surrogate.models.programmes.pace import NEURON, NoTime, Pace, work_of
from surrogate.models.programmes.ranges import find_ranges
from surrogate.models.reading import UserModel
from surrogate.networks import ReluNetwork
from surrogate.problems.region import Region


def test_a_pace_is_learned_from_what_was_measured() -> None:
    pace, now = Pace(), time.perf_counter()
    pace.require(1e6, 1e6, now + 3600.0)
    pace.stating.add(1e6, 1e5)
    pace.handing.add(1e6, 1e3)
    assert pace.stating.per_unit == pytest.approx(0.1, rel=0.02)
    with pytest.raises(NoTime, match=r"stating the MILP takes about 9\.9e\+04 s, and 3\.6e\+03 s of the time limit are left"):
        pace.require(1e6, 0.0, now + 3600.0)
    pace.require(1e4, 1e4, now + 3600.0)
    with pytest.raises(NoTime):
        pace.require(0.0, 0.0, now - 1.0)


def test_the_work_is_what_is_stated() -> None:
    network = ReluNetwork([[[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]], [[1.0, 0.0, 1.0]]], [[0.0, 0.5, -9.0], [0.0]])
    bounds = Crown().compute(network, Region(np.full(2, -1.0), np.full(2, 1.0)))
    # The third neuron is dead. The first has one weight, the second has two, and the output reads the first alone.
    assert work_of(network, bounds) == 1 + 2 + 1 + 3 * NEURON


def test_a_stated_model_adds_to_the_pace_and_stops_where_it_is_too_slow() -> None:
    model = a_model()
    user = UserModel(model, [place(model)])
    bounds = find_ranges(user, "crown", 1e-6, math.inf).bounds
    pace = Pace()
    before = pace.stating.units
    StatedModel(user, [NETWORK], bounds, "big_m", pace=pace)
    assert pace.stating.units == before + work_of(NETWORK, bounds[0])
    pace.handing.add(1e6, 1e9)
    with pytest.raises(NoTime):
        StatedModel(user, [NETWORK], bounds, "big_m", pace=pace, deadline=time.perf_counter() + 60.0)


@pytest.mark.parametrize("rate", ["FIRST_STATING", "HANDED"])
def test_members_that_cannot_state_their_milp_leave_the_time_to_others(monkeypatch: pytest.MonkeyPatch, rate: str) -> None:
    monkeypatch.setattr(module, rate, 1e12)
    model = a_model()
    result = optimise(model, one := place(model), 1.0, members=("walks", "surrogates", "dense"))
    assert set(result.failures) == {"surrogates", "dense"}
    assert all(words.startswith("stating the MILP takes about") for words in result.failures.values())
    assert result.status is Status.FEASIBLE
    assert (result.sizes, result.work.get("surrogates", 0)) == ({}, 0)
    require_holding(model, result, [one])
    require_no_threads()


def test_where_there_is_no_time_for_one_copy_a_sparser_one_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    begin, asked = Surrogates._begin, []

    def begins(self: Surrogates, sparsity: float) -> None:
        asked.append(sparsity)
        if sparsity == 0.5:
            raise NoTime("too late")
        begin(self, sparsity)

    monkeypatch.setattr(Surrogates, "_begin", begins)
    model = a_model()
    result = optimise(model, place(model), 5.0, members=("surrogates",), sparsities=(0.5, 0.3, 0.8), first_points=False)
    assert asked == [0.5, 0.8]
    assert result.failures == {}


def test_one_member_alone_says_why_nothing_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HANDED", 1e12)
    model = a_model()
    result = optimise(model, place(model), 1.0, members=("dense",), first_points=False)
    assert (result.status, result.value) == (Status.UNRESOLVED, None)
    assert "raise the limit" in result.failures["dense"]


def test_members_without_a_turn_within_the_limit_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def to_the_end(self: Walks, until: float) -> bool:
        self._state.deadline = time.perf_counter()
        return True

    monkeypatch.setattr(Walks, "turn", to_the_end)
    model = a_model()
    result = optimise(model, place(model), 60.0, members=("walks", "targets", "dense"))
    assert result.failures == dict.fromkeys(
        ("targets", "dense"), "the time limit ended the search before its first turn: raise the limit"
    )


def test_a_limit_that_is_over_before_the_first_turn_leaves_every_member_without_one() -> None:
    model = a_model()
    assert set(optimise(model, place(model), 1e-6, members=("walks", "dense")).failures) == {"walks", "dense"}


def test_members_that_an_end_left_nothing_to_do_are_not_told_of() -> None:
    model = a_model()
    result = optimise(model, place(model), 10.0, on_better=lambda step: True)
    assert (result.status, result.failures) == (Status.FEASIBLE, {})


def test_no_time_to_bound_an_open_input_is_no_refusal() -> None:
    model = pyo.ConcreteModel()
    model.a, model.b, model.y = pyo.Var(), pyo.Var(bounds=(0.0, 1.0)), pyo.Var()
    model.ends = pyo.Constraint(expr=(0.0, model.a + model.b, 1.0))
    model.goal = pyo.Objective(expr=model.y)
    places = Place([model.a, model.b], [model.y], random_network(np.random.default_rng(2), (2, 5, 1)))
    result = optimise(model, places, 1e-6)
    assert (result.status, result.bound) == (Status.UNRESOLVED, None)
    assert result.failures["ranges"].startswith("input a lacks a bound of its own")
    assert optimise(model, places, 10.0).status is Status.OPTIMAL


def test_the_last_decision_is_mended_when_the_time_is_over() -> None:
    model = a_model(floor=-1e3)
    model.n = pyo.Var(domain=pyo.Integers, bounds=(0, 100))
    model.covered = pyo.Constraint(expr=0.3 * model.n >= model.y[0] + 8.0)
    user = UserModel(model, [place(model)])
    incumbent = Incumbent(user, 0.0, 1e-6, None, None, deadline=-math.inf)
    assert incumbent.offer(np.zeros(user.columns), "late")
    assert 0.3 * model.n.value >= NETWORK(np.zeros((1, 3)))[0, 0] + 8.0 - 1e-5
