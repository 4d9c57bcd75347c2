"""How trials compare with the dense MILP on the same instances."""

from __future__ import annotations

from typing import Any

import pytest
import synthetic

from sweep.records import InstanceRecord, TrialRecord
from sweep.records.measures import NORM_TOLERANCE, VALUE_TOLERANCE
from sweep.tracking.gains import Gain, Gains


def trial(key: str, instances: list[InstanceRecord], **changed: Any) -> TrialRecord:
    return synthetic.trial(key, instances, baseline_key="dense", **changed)


def compared(mine: list[InstanceRecord], dense: list[InstanceRecord]) -> dict[str, float]:
    """The metrics of a trial, the same whichever of both ends first."""
    found = []
    for order in ((0, 1), (1, 0)):
        gains, records = Gains(), (trial("mine", mine), trial("dense", dense))
        told = [gain for place in order for gain in gains.add(records[place])]
        assert [gain.trial_key for gain in told] == ["mine"]
        found.append(told[0].metrics)
    assert found[0] == found[1]
    return found[0]


def with_margins(*margins: float | None) -> list[InstanceRecord]:
    return [synthetic.instance(number, dense_value=margin) for number, margin in enumerate(margins)]


def test_wins_are_the_share_of_the_instances_that_both_answered() -> None:
    found = compared(with_margins(2.0, 1.0, 0.0, 5.0), with_margins(1.0, 1.0, 3.0))
    assert found == {
        "gain_over_dense": 0.0,
        "wins_over_dense": 1 / 3,
        "total/wins_over_dense": 1.0,
        "total/losses_to_dense": 1.0,
        "total/compared_with_dense": 3.0,
    }


def test_equal_up_to_the_reports_tolerance_is_no_win() -> None:
    assert compared(with_margins(10.0 + 9.0 * VALUE_TOLERANCE), with_margins(10.0))["wins_over_dense"] == 0.0
    assert compared(with_margins(10.0 + 11.0 * VALUE_TOLERANCE), with_margins(10.0))["wins_over_dense"] == 1.0


@pytest.mark.parametrize(
    ("mine", "dense", "wins", "losses"), [(1.0, None, 1.0, 0.0), (None, 1.0, 0.0, 1.0), (None, None, 0, 0)]
)
def test_to_have_a_value_is_better_than_to_have_none(
    mine: float | None, dense: float | None, wins: float, losses: float
) -> None:
    found = compared(with_margins(mine), with_margins(dense))
    assert (found["total/wins_over_dense"], found["total/losses_to_dense"]) == (wins, losses)
    assert "gain_over_dense" not in found


def with_lengths(*lengths: float) -> list[InstanceRecord]:
    return [synthetic.instance(n, objective="closest", norm="l1", l1=length) for n, length in enumerate(lengths)]


def test_a_shorter_perturbation_is_the_better_one() -> None:
    found = compared(with_lengths(3.0, 4.0), with_lengths(4.0, 4.0 * (1.0 + NORM_TOLERANCE / 2)))
    assert (found["total/wins_over_dense"], found["total/losses_to_dense"]) == (1.0, 0.0)
    assert found["gain_over_dense"] == pytest.approx((1.0 + 4.0 * NORM_TOLERANCE / 2) / 2)


def test_what_did_not_finish_or_has_no_dense_milp_is_not_compared() -> None:
    gains = Gains()
    assert gains.add(trial("mine", with_margins(1.0), status="failed")) == []
    assert gains.add(synthetic.trial("other", with_margins(1.0), baseline_key=None)) == []
    assert gains.add(trial("dense", with_margins(1.0), status="interrupted")) == []
    assert gains.add(trial("late", with_margins(1.0))) == []
    assert [gain.trial_key for gain in gains.add(trial("dense", with_margins(1.0)))] == ["late"]


def test_it_is_known_since_the_later_one_of_both_ended() -> None:
    gains = Gains()
    gains.add(trial("mine", with_margins(1.0), ended_at=100.0))
    (gain,) = gains.add(trial("dense", with_margins(0.0), ended_at=200.5))
    assert gain == Gain("mine", "mine", gain.metrics, 200_500)
