"""Tightened bounds hold at every decision that counts, whatever the cutoff and however often the work is broken off."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from oracles import random_network
from user_models import a_model, place

from surrogate.models.programmes.ranges import Ranges, find_ranges
from surrogate.models.programmes.tightening import Tightening
from surrogate.models.reading import UserModel

TOLERANCE = 1e-6


def read(seed: int, floor: float = -9.0) -> tuple[UserModel, Ranges]:
    network = random_network(np.random.default_rng(seed), (3, 8, 6, 2))
    model = a_model(floor)
    user = UserModel(model, [place(model, dense=network)])
    return user, find_ranges(user, "crown", TOLERANCE, math.inf)


def decisions(user: UserModel) -> np.ndarray:
    """Decisions that hold: a grid of the inputs, the integer whole, the outputs by a forward pass."""
    line = np.linspace(-1.0, 1.0, 81)
    values = np.zeros((81 * 81 * 3, user.columns))
    grid = np.array(np.meshgrid(line, line, [-1.0, 0.0, 1.0])).reshape(3, -1).T
    (link,) = user.links
    values[:, link.matrix.indices] = grid
    values = user.complete(values)
    return values[user.violations(values).max(axis=1) <= TOLERANCE]


def require_sound(tightened: Tightening, user: UserModel, values: np.ndarray) -> None:
    (link,) = user.links
    (bounds,) = tightened.bounds
    bounds.require(link.network.pre_activations(link.inputs_at(values)))
    assert (values >= tightened.lower - 1e-9).all()
    assert (values <= tightened.upper + 1e-9).all()
    assert user.objective(values).min(initial=np.inf) >= tightened.bound


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("share", [None, 0.5, 0.02])
def test_bounds_hold_at_every_decision_that_counts(seed: int, share: float | None) -> None:
    user, ranges = read(seed)
    values = decisions(user)
    objective = user.objective(values)
    cutoff = None if share is None else float(np.quantile(objective, share))
    tightened = Tightening(user, ranges, TOLERANCE)
    assert tightened.advance(math.inf, cutoff)
    require_sound(tightened, user, values if cutoff is None else values[objective <= cutoff])


def test_work_that_is_broken_off_is_gone_on_with() -> None:
    user, ranges = read(4, floor=2.4)
    whole, parts = (Tightening(user, ranges, TOLERANCE) for _ in range(2))
    assert whole.advance(math.inf, None)
    turns = 1
    while not parts.advance(time.perf_counter(), None):
        require_sound(parts, user, decisions(user))
        turns += 1
    assert turns > 20
    for one, other in zip((whole.lower, *whole.bounds[0].lower), (parts.lower, *parts.bounds[0].lower), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
    assert parts.bound == pytest.approx(whole.bound)


def tight(seed: int) -> tuple[UserModel, Ranges, Tightening, Tightening]:
    """Bounds over all decisions, and over those that are nearly as good as the best of the grid."""
    user, ranges = read(seed)
    best = float(user.objective(decisions(user)).min())
    every, near = (Tightening(user, ranges, TOLERANCE) for _ in range(2))
    every.advance(math.inf, None)
    near.advance(math.inf, best + 1e-3)
    return user, ranges, every, near


def test_constraints_and_a_better_decision_leave_smaller_ranges() -> None:
    _, ranges, every, near = tight(4)
    sizes = [one.big_m for (one,) in (ranges.bounds, every.bounds, near.bounds)]
    counts = [one.unstable_count for (one,) in (ranges.bounds, every.bounds, near.bounds)]
    assert sizes[0] > sizes[1] > sizes[2]
    assert counts[0] >= counts[1] >= counts[2]
    assert near.bound > every.bound


def test_integers_have_whole_bounds() -> None:
    narrowed = 0
    for seed in range(6):
        user, _, _, near = tight(seed)
        (column,) = np.flatnonzero(user.integral)
        sides = np.array([near.lower[column], near.upper[column]])
        np.testing.assert_allclose(sides, np.round(sides), atol=2 * TOLERANCE)
        narrowed += sides[1] - sides[0] < 1.5
    assert narrowed > 0


def test_it_begins_again_only_for_fewer_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    user, ranges = read(4)
    tightened, rounds = Tightening(user, ranges, TOLERANCE), []
    begun = Tightening._inputs
    monkeypatch.setattr(Tightening, "_inputs", lambda self: (rounds.append(1), begun(self))[1])
    assert tightened.advance(math.inf, None)
    spans, count = tightened.spans(), len(rounds)
    assert tightened.advance(math.inf, None)
    assert len(rounds) == count
    best = float(user.objective(decisions(user)).min())
    assert tightened.advance(math.inf, best + 1e-3)
    assert len(rounds) > count
    assert tightened.shrunk(spans) > 0.1
