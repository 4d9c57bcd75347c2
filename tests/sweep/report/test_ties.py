"""When two results count as equal: the rule by hand, and that ranking, comparisons, winners and limits all follow it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from making import IMAGES, Outcome, closest, dense, pruned, results, trial

from sweep.records import TrialRecord
from sweep.records.measures import LEAST_SECONDS, LEAST_SHARE, NORM_TOLERANCE, VALUE_TOLERANCE, Measure, decide, places
from sweep.report.comparisons import outcomes, pairs_of, pairs_with_dense, win_table, with_clusters, with_seeds
from sweep.report.limits import limit_curves
from sweep.report.ranking import rank
from sweep.report.settings import SEEDS
from sweep.report.sizes import size_answers
from sweep.report.winners import duel, lead

MISSING = math.nan


@pytest.mark.parametrize(
    ("measure", "mine", "other", "won"),
    [
        ("value", 2.0, 1.0, 1),
        ("value", 1.0, 2.0, -1),
        ("value", 0.1, 0.1 + 0.9 * VALUE_TOLERANCE, 0),
        ("value", 0.1, 0.1 + 1.1 * VALUE_TOLERANCE, -1),
        ("value", 50.0, 50.0 * (1.0 + 0.9 * VALUE_TOLERANCE), 0),
        ("value", -50.0, -50.0 * (1.0 + 1.1 * VALUE_TOLERANCE), 1),
        ("norm", 1.0, 2.0, 1),
        ("norm", 2.0, 2.0 * (1.0 + 0.9 * NORM_TOLERANCE), 0),
        ("norm", 2.0, 2.0 * (1.0 + 1.2 * NORM_TOLERANCE), 1),
        ("norm", 0.0, 0.0, 0),
        ("time", 1.0, 2.0, 1),
        ("time", 0.00506, 0.00568, 0),
        ("time", 0.001, 0.001 + 0.9 * LEAST_SECONDS, 0),
        ("time", 0.001, 0.001 + 1.1 * LEAST_SECONDS, 1),
        ("time", 90.0, 90.0 / (1.0 - 0.9 * LEAST_SHARE), 0),
        ("time", 90.0, 90.0 / (1.0 - 1.1 * LEAST_SHARE), 1),
        *((measure, *case) for measure in ("value", "norm", "time") for case in ((-5.0, MISSING, 1), (MISSING, MISSING, 0))),
    ],
)
def test_the_rule(measure: Measure, mine: float, other: float, won: int) -> None:
    assert decide(mine, other, measure) == won
    assert decide(other, mine, measure) == -won
    assert list(decide(np.array([mine, other]), np.array([other, mine]), measure)) == [won, -won]


def test_equal_values_share_a_place() -> None:
    assert places([0.00506, 5.0, None, 0.00568, 1.0], "time") == [0, 2, 3, 0, 1]
    assert places([1.0, 3.0, None, 3.0 + 1e-9], "value") == [1, 0, 2, 0]
    assert places([], "norm") == []
    assert places([None, None], "norm") == [0, 0]


EQUAL: list[tuple[Outcome, Outcome]] = [((1.0, 0.00506), (1.0 + 1e-7, 0.00568)), ((-40.0, 9.5), (-40.00001, 10.0))]
BETTER: list[tuple[Outcome, Outcome]] = [((1.001, 0.5), (1.0, 1.0)), ((2.0, 8.0), (1.0, 9.0))]


@pytest.mark.parametrize(("numbers", "won"), [*((one, 0) for one in EQUAL), *((one, 1) for one in BETTER)])
def test_all_that_compares_two_results_says_the_same(numbers: tuple[Outcome, Outcome], won: int) -> None:
    mine, other = numbers
    found = results(dense([other] * IMAGES), pruned([mine] * IMAGES))
    for instance in found.records[1].instances:
        assert instance.dense_value == mine[0]
    pairs = pairs_with_dense(found)
    for measure in ("value", "time"):
        assert set(outcomes(pairs, measure)["win"]) == {won}
    wins = win_table(found)
    row = wins[wins["setting"] == "magnitude 0.8"].iloc[0]
    assert (row["value_wins"], row["time_wins"], row["value_losses"], row["time_losses"]) == (won * 12, won * 12, 0, 0)
    ranked = rank(found.records, SEEDS).set_index("setting").loc["magnitude 0.8"]
    assert (ranked["better_than_dense"], ranked["sooner_than_dense"]) == (won * 12, won * 12)
    assert (ranked["worse_than_dense"], ranked["later_than_dense"]) == (0, 0)
    (answer,) = size_answers(found, wins)
    assert (answer.won, answer.lost, answer.also != "") == (won * 12, 0, won == 1)
    curve = limit_curves(found)
    assert curve[curve["setting"] == "magnitude 0.8"]["won"].iloc[-1] == won * 12
    between = duel(with_seeds(found), "magnitude 0.8", "dense MILP")
    assert (between.better, between.worse) == (won * 12, 0)
    assert (lead(pairs) == "") == (won == 0)


@pytest.mark.parametrize(("length", "won"), [(2.0 * (1.0 - 0.5 * NORM_TOLERANCE), 0), (1.99, 1)])
def test_lengths_too(length: float, won: int) -> None:
    def copy(one: float, key: str) -> TrialRecord:
        return closest([one] * IMAGES, key, method="magnitude", amount=0.8)

    found = results(closest([2.0] * IMAGES), copy(length, "s"))
    assert win_table(found)["norm_wins"].iloc[0] == won * 12
    assert rank(found.records, SEEDS).set_index("setting").loc["magnitude 0.8", "better_than_dense"] == won * 12
    assert limit_curves(found).query("setting == 'magnitude 0.8'")["won"].iloc[-1] == won * 12
    instances = with_clusters(found.instances)
    mine, other = (instances[instances["setting"] == label] for label in ("magnitude 0.8", "dense MILP"))
    assert (lead(pairs_of(mine, other, ("instance_key",), ("instance_key",))) == "") == (won == 0)


def test_the_order_of_attacks_is_by_what_counts_as_different() -> None:
    """Once 5.06 ms came before 5.68 ms, and the comparison one by one called them equal."""
    sooner = trial([(1.0, 0.00506)] * IMAGES, "a", attack="portfolio")
    better = trial([(2.0, 0.00568)] * IMAGES, "b", attack="gradient")
    assert list(rank([sooner, better])["setting"]) == ["gradient", "portfolio"]
