"""Intervals cover what they say on data whose truth is known; p-values against scipy's and hand-computed ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, wilcoxon

from sweep.report.statistics import (
    CONFIDENCE,
    cluster_median,
    holm,
    median_interval,
    share_interval,
    sign_test,
    signed_rank_test,
)

SAMPLES = 150


def covered(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


def test_the_interval_of_a_share_covers_it_where_images_come_in_pairs() -> None:
    """Both members of a cluster agree, so 80 pairs are 40 draws; an interval for 80 draws would cover 83 % of the time."""
    draw, share, hits, naive = np.random.default_rng(0), 0.6, [], []
    for _ in range(SAMPLES):
        won = np.repeat(draw.random(40) < share, 2)
        found = share_interval(won, np.repeat(np.arange(40), 2))
        hits.append(found.low <= share <= found.high)
        limits = binomtest(int(won.sum()), 80).proportion_ci(CONFIDENCE, "wilson")
        naive.append(limits.low <= share <= limits.high)
    assert 0.9 <= covered(hits) <= 0.99
    assert covered(naive) < covered(hits)


def test_the_interval_of_a_median_covers_it() -> None:
    draw, hits = np.random.default_rng(1), []
    for _ in range(SAMPLES):
        found = median_interval(draw.lognormal(0.3, 1.0, 30), np.arange(30))
        hits.append(found.low <= math.exp(0.3) <= found.high)
    assert 0.9 <= covered(hits) <= 0.99


@pytest.mark.parametrize("won", [True, False])
def test_where_all_agree_the_interval_is_that_of_clopper_and_pearson(won: bool) -> None:
    found = share_interval([won] * 8, [1, 1, 2, 2, 3, 3, 4, 4])
    edge = 0.025**0.25  # of four clusters, not of eight pairs
    assert (found.value, found.low, found.high) == pytest.approx((1.0, edge, 1.0) if won else (0.0, 0.0, 1.0 - edge))


def test_few_members_have_no_limits() -> None:
    assert all(math.isnan(one) for one in vars(share_interval([], [])).values())
    assert all(math.isnan(one) for one in vars(median_interval([], [])).values())
    for wins, clusters in (([True, False], "aa"), ([True, False, False], "aab"), ([True] * 4 + [False], "abcde")):
        few = share_interval(wins, list(clusters))
        assert few.value == pytest.approx(sum(wins) / len(wins))
        assert math.isnan(few.low)
        assert math.isnan(few.high)
    assert math.isnan(median_interval([1.0, 2.0, 3.0, 4.0, 4.0], range(5)).high)
    assert median_interval([1.0, 2.0, 9.0], ["a", "a", "b"]).value == pytest.approx((1.5 + 9.0) / 2.0)
    assert cluster_median([1.0, 2.0, 9.0], ["a", "a", "b"]) == pytest.approx((1.5 + 9.0) / 2.0)
    assert math.isnan(cluster_median([], []))
    assert vars(median_interval([2.0] * 6, range(6))) == {"value": 2.0, "low": 2.0, "high": 2.0}


@pytest.mark.parametrize("images", [6, 12, 40])
def test_the_interval_of_a_share_is_never_narrower_than_the_exact_one(images: int) -> None:
    """So a win more never makes it narrower than it is where none was won."""
    nothing = share_interval([False] * images, range(images))
    for won in range(1, images):
        found = share_interval([True] * won + [False] * (images - won), range(images))
        exact = binomtest(won, images).proportion_ci(CONFIDENCE, method="exact")
        assert found.low <= exact.low + 1e-12
        assert found.high >= exact.high - 1e-12
        assert found.high > nothing.high


def test_members_of_a_cluster_are_no_draws_of_their_own() -> None:
    twice = share_interval([True, True, *[False] * 14], np.repeat(np.arange(8), 2))
    exact = binomtest(1, 8).proportion_ci(CONFIDENCE, method="exact")
    assert (twice.low, twice.high) == pytest.approx((0.0, exact.high))  # none of eight is drawn in a third of the draws
    uneven = share_interval([True, *[False] * 8], [0, 0, *range(1, 8)])
    assert uneven.high >= 0.5, "a ninth in eight draws, which is less than one draw"


def test_intervals_are_the_same_whatever_was_drawn_before() -> None:
    values = np.random.default_rng(2).normal(size=700)
    first = median_interval(values, np.arange(700))
    median_interval(values[:50], np.arange(50))
    assert median_interval(values, np.arange(700)) == first
    assert first.low < first.value < first.high


def test_the_sign_test_by_hand() -> None:
    assert sign_test(5, 0) == pytest.approx(2 / 32)
    assert sign_test(6, 0) == pytest.approx(2 / 64)
    assert sign_test(1, 7) == pytest.approx(2 * (1 + 8) / 256)
    assert sign_test(0, 0) == 1.0
    assert sign_test(3, 3) == 1.0


def test_the_signed_rank_test_by_hand_and_by_scipy() -> None:
    assert signed_rank_test([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == pytest.approx(2 / 64)
    # Of the 16 sign patterns of four ranks those with a sum of negative ranks of at most 1: {} and {1}; twice for both sides.
    assert signed_rank_test([-1.0, 2.0, 3.0, 4.0]) == pytest.approx(4 / 16)
    values = np.random.default_rng(3).normal(0.4, 1.0, 20)
    assert signed_rank_test(values) == pytest.approx(wilcoxon(values, method="exact").pvalue)
    assert signed_rank_test([*values, 0.0, 0.0]) == signed_rank_test(values)
    assert signed_rank_test([]) == signed_rank_test([0.0, 0.0]) == 1.0


def test_ties_never_make_a_signed_rank_test_surer_than_the_signs_can_be() -> None:
    tied = [1.0] * 6
    assert wilcoxon(tied, method="asymptotic").pvalue < 2 / 64
    assert signed_rank_test(tied) == pytest.approx(2 / 64)
    assert signed_rank_test([1.0]) == 1.0
    assert 0.0 < signed_rank_test(np.ones(5000)) < 1e-100


def test_where_most_differences_have_one_sign_and_the_large_ones_the_other_nothing_is_shown() -> None:
    large, small = [10.0 + 0.1 * place for place in range(19)], [-1.0 - 0.1 * place for place in range(21)]
    assert wilcoxon([*large, *small]).pvalue < 0.05
    assert signed_rank_test([*large, *small]) == signed_rank_test([*large, *small[1:], 9.0]) == 1.0
    mostly_large = [*large, *small[:18]]
    assert signed_rank_test(mostly_large) == pytest.approx(wilcoxon(mostly_large, method="exact").pvalue)


def test_a_value_beside_none_is_an_infinite_difference() -> None:
    assert signed_rank_test([math.inf] * 4 + [1.0, 2.0]) == pytest.approx(2 / 64)
    assert signed_rank_test([math.inf, -1.0, -2.0]) == 1.0


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, math.nan, 0.03]) == pytest.approx([0.06, 0.03, math.nan, 0.06], nan_ok=True)
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.02]) == pytest.approx([0.02])
    assert holm([]).shape == (0,)


def test_holm_keeps_false_alarms_rare() -> None:
    """Twenty comparisons without any difference: a false alarm in at most 5 % of the sweeps, uncorrected in most of them."""
    draw, alarms, uncorrected = np.random.default_rng(4), 0, 0
    p_of = np.array([sign_test(wins, 40 - wins) for wins in range(41)])
    for _ in range(300):
        p = p_of[draw.binomial(40, 0.5, 20)]
        alarms += bool((holm(p) < 0.05).any())
        uncorrected += bool((p < 0.05).any())
    assert alarms / 300 <= 0.05
    assert uncorrected / 300 > 0.3
