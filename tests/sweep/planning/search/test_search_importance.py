"""The importance of swept keys: what matters is found, and nothing is said where nothing can be known."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sweep.planning.search.importance import FEWEST, MOST, importances


def trials(number: int) -> tuple[list[dict[str, Any]], list[float]]:
    """Return trials whose outcome depends on the method most, less on the amount, not on the width; the seed has one value."""
    draw = random.Random(0)
    values = [
        {"method": draw.choice(["a", "b"]), "amount": draw.random(), "width": draw.choice([16, 32, None, [1]]), "seed": 0}
        for _ in range(number)
    ]
    return values, [10.0 * (one["method"] == "a") - one["amount"] for one in values]


def test_what_matters_is_found_and_the_same_each_time() -> None:
    values, outcomes = trials(60)
    shares = importances(values, outcomes)
    assert list(shares) == ["method", "amount", "width"]
    assert shares["method"] > 0.9
    assert shares["width"] < 0.01
    assert sum(shares.values()) == pytest.approx(1.0)
    assert importances(values, outcomes) == shares


def test_with_few_trials_or_one_key_or_equal_outcomes_nothing_is_said() -> None:
    values, outcomes = trials(FEWEST)
    assert importances(values, outcomes)
    assert importances(values[1:], outcomes[1:]) == {}
    assert importances([{"amount": one["amount"], "seed": 0} for one in values], outcomes) == {}
    assert importances(values, [1.0] * FEWEST) == {}
    assert importances([], []) == {}


@pytest.mark.slow
def test_of_very_many_trials_a_sample_is_enough() -> None:
    values, outcomes = trials(MOST + 500)
    assert list(importances(values, outcomes))[:2] == ["method", "amount"]
