"""Whoever listens to an attack knows at each moment what it would have found if it ended there."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
import questions

from surrogate.attack import (
    BranchAndBoundAttack,
    ClosestAttack,
    Event,
    GradientAttack,
    PortfolioAttack,
    RestrictionAttack,
    SurrogateAttack,
)
from surrogate.attack.recorder import listening
from surrogate.pruning import Pruning, prune
from surrogate.witness import Checked

question = functools.partial(questions.question, sizes=(5, 6, 5, 3))


ATTACKS: dict[str, Callable] = {
    "gradient": lambda net, one: GradientAttack(starts=3).run(net, one),
    "surrogate": lambda net, one: SurrogateAttack().run(net, prune(Pruning("magnitude", 0.5), net), one),
    "exclusion": lambda net, one: SurrogateAttack(on_incumbent="exclude_region").run(net, net, one),
    "branch_and_bound": lambda net, one: BranchAndBoundAttack(time_limit_seconds=5.0).run(net, one),
    "restriction": lambda net, one: RestrictionAttack(time_limit_seconds=1.0).run(net, one),
    "portfolio": lambda net, one: PortfolioAttack(time_limit_seconds=5.0).run(net, prune(Pruning("magnitude", 0.5), net), one),
    "closest": lambda net, one: ClosestAttack(starts=2).run(net, net, one),
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("seed", [0, 3])
def test_it_is_told_of_each_better_point_when_it_is_met(name: str, seed: int) -> None:
    network, instance = question(seed)
    met: list[tuple[Event, Checked]] = []
    with listening(lambda event, checked: met.append((event, checked))):
        result = ATTACKS[name](network, instance)
    assert met
    events, points = zip(*met, strict=True)
    assert [event for event in result.timeline if event in events] == list(events)
    np.testing.assert_array_equal(points[-1].point, result.best_point)
    assert points[-1].margin == result.margin
    witnesses = [event.seconds for event, checked in met if checked.is_witness]
    assert (result.first_adversarial_seconds is None) == (not witnesses)
    if witnesses:
        assert witnesses[0] == result.first_adversarial_seconds
        assert points[-1].is_witness
    if name != "closest":
        margins = [event.margin for event in result.timeline]
        records = [m for place, m in enumerate(margins) if m > max(margins[:place], default=-np.inf)]
        assert [event.margin for event in events] == records
    met.clear()
    ATTACKS["gradient"](network, instance)
    assert met == []


@pytest.mark.parametrize("name", ["gradient", "surrogate", "branch_and_bound"])
def test_what_it_raises_ends_the_attack(name: str) -> None:
    network, instance = question(0)

    def refuse(event: Event, checked: Checked) -> None:
        raise ConnectionError("nobody there")

    with listening(refuse), pytest.raises(ConnectionError, match="nobody there"):
        ATTACKS[name](network, instance)
    assert ATTACKS[name](network, instance).timeline
