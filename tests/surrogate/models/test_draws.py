"""Draws near good decisions: what they find holds, is better than what was drawn first, and keeps integers whole."""

from __future__ import annotations

import math
import time

import numpy as np
import pyomo.environ as pyo
import pytest
from user_models import a_model, grid_optimum, place

from surrogate.models.incumbent import Incumbent
from surrogate.models.members.draws import Draws
from surrogate.models.reading import UserModel
from surrogate.models.settings import SearchSettings
from surrogate.models.state import SearchState


def begun(seed: int = 0, **settings: object) -> tuple[SearchState, Draws]:
    model = a_model()
    user = UserModel(model, [place(model)])
    incumbent = Incumbent(user, time.perf_counter(), 1e-6, None, None)
    state = SearchState(user, incumbent, SearchSettings(seed=seed, **settings), math.inf)
    assert state.prepare()
    draws = Draws(state)
    draws.begin()
    return state, draws


@pytest.mark.parametrize("seed", range(4))
def test_they_come_close_to_the_optimum_without_a_walk(seed: int) -> None:
    state, draws = begun(seed)
    first = state.incumbent.value
    for _ in range(60):
        draws.look_near(math.inf)
    assert state.incumbent.value < first
    assert state.incumbent.value < grid_optimum(2.4) + 0.02
    values = state.incumbent.values
    assert values is not None
    assert float(state.model.violations(values[None]).max()) <= 1e-6
    assert [step.source for step in state.incumbent.steps] == ["points"] * len(state.incumbent.steps)


def test_what_they_return_has_whole_integers_and_the_networks_outputs() -> None:
    state, draws = begun()
    for _ in range(10):
        end = draws.look_near(math.inf)
        np.testing.assert_array_equal(end[state.model.integral], np.round(end[state.model.integral]))
        np.testing.assert_allclose(state.model.complete(end[None])[0], end, atol=1e-12)


def test_the_best_decision_and_starts_take_turns() -> None:
    _, draws = begun()
    drawn = draws._next
    draws.look_near(math.inf)
    assert draws._next == drawn  # from the best decision
    draws.look_near(math.inf)
    assert draws._next == drawn + 1


def test_no_time_is_no_draw() -> None:
    state, draws = begun()
    points = state.work["points"]
    draws.look_near(0.0)
    assert state.work["points"] == points + 1  # the one to begin with


def test_a_model_in_which_nothing_holds_is_drawn_from_too() -> None:
    model = a_model(floor=1e3)
    user = UserModel(model, [place(model)])
    state = SearchState(user, Incumbent(user, time.perf_counter(), 1e-6, None, None), SearchSettings(), math.inf)
    assert state.prepare()
    draws = Draws(state)
    draws.begin()
    end = draws.look_near(math.inf)
    assert state.incumbent.values is None
    assert end.shape == (user.columns,)
    assert pyo.value(model.k, exception=False) is None


@pytest.mark.parametrize(("violation", "is_offered"), [(5e-8, True), (5e-7, False)])
def test_what_uses_the_tolerance_up_is_not_offered(violation: float, is_offered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A MILP's rows have a tenth of the tolerance of 1e-6: its proof would be refuted by a decision beyond that."""
    state, draws = begun()
    values = draws.draw(1)
    offered: list[object] = []
    monkeypatch.setattr(draws, "_has_costly_others", True)  # a decision is not left out for its value
    monkeypatch.setattr(state.model, "violations", lambda rows: np.full((len(rows), len(draws._decided)), violation))
    monkeypatch.setattr(state.incumbent, "offer", lambda *given: bool(offered.append(given)))
    draws._offer_hopeful(values)
    assert bool(offered) == is_offered
