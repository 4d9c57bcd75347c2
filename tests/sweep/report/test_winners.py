"""Who won on each network, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import pytest
from making import IMAGES, Outcome, closest, dense, gradient, margins, pruned, results, times, trial

from sweep.records import TrialRecord
from sweep.report.comparisons import pairs_of, with_seeds
from sweep.report.winners import ALONE, CLOSE, DISPUTED, FEW, SURE, UNSURE, Winner, better, duel, headline, lead, winners


def portfolio(outcomes: Sequence[Outcome], size: tuple[int, int] = (2, 16)) -> TrialRecord:
    return trial(outcomes, "portfolio", size, attack="portfolio")


def branching(outcomes: Sequence[Outcome], size: tuple[int, int] = (2, 16)) -> TrialRecord:
    return trial(outcomes, "branching", size, attack="branch_and_bound")


def only(*records: TrialRecord) -> Winner:
    (winner,), _ = winners(results(*records))
    return winner


def test_a_winner_beyond_chance() -> None:
    records = [dense(times([4.0] * IMAGES)), branching(times([2.0] * IMAGES)), portfolio(times([1.0] * IMAGES))]
    (winner,), ranking = winners(results(*records))
    assert (winner.network, winner.setting, winner.confidence) == ("2x16", "portfolio", SURE)
    assert list(ranking["setting"]) == ["portfolio", "branch_and_bound", "dense MILP"]
    runner_up, yardstick = winner.duels
    assert (runner_up.other, runner_up.better, runner_up.worse, runner_up.pairs) == ("branch_and_bound", 12, 0, 12)
    assert runner_up.p == pytest.approx(2 / 2**12)
    assert runner_up.p_holm == pytest.approx(4 / 2**12)
    assert yardstick.other == "dense MILP"
    assert yardstick.lead == "the first adversarial input after 1 s, against 4 s"
    assert headline([winner]) == (
        "portfolio won on 2x16: the first adversarial input after 1 s, against 2 s of branch_and_bound."
    )


def test_where_pruned_copies_are_compared_with_the_dense_milp_nobody_wins_for_another_reason() -> None:
    records = [dense(times([4.0] * IMAGES)), pruned(times([2.0] * IMAGES)), gradient(times([0.1] * IMAGES))]
    won, ranking = winners(results(*records, portfolio(times([1.0] * IMAGES), (4, 64))))
    assert [one.network for one in won] == ["4x64"]
    assert list(ranking["network"]) == ["2x16"] * 3 + ["4x64"]


def test_one_that_is_only_ahead() -> None:
    records = [dense(times([2.0] * IMAGES)), portfolio(times([1.0] * 7 + [3.0] * 5))]
    (winner,), _ = winners(results(*records))
    assert (winner.setting, winner.confidence) == ("portfolio", UNSURE)
    assert headline([winner]) == (
        "portfolio is ahead on 2x16, but that may be chance: the first adversarial input after 1 s, against 2 s of dense MILP."
    )


def test_one_that_is_first_by_its_share_but_worse_on_most_images_is_said_to_be() -> None:
    (winner,), _ = winners(results(dense(times([1.0] * 11 + [None])), portfolio(times([2.0] * IMAGES))))
    assert (winner.setting, winner.confidence) == ("portfolio", DISPUTED)
    assert headline([winner]) == (
        "portfolio is first on 2x16, but the next did better on more instances: an adversarial input for 12 of 12, against "
        "11 of dense MILP."
    )


def test_one_on_too_few_instances() -> None:
    winner = only(dense(times([2.0] * 5)), portfolio(times([1.0] * 5)))
    assert winner.confidence == FEW
    assert headline([winner]).startswith("portfolio is ahead on 2x16, on too few instances to be sure: the first")


def test_images_count_not_what_several_networks_of_one_size_do_with_them() -> None:
    records = []
    for seed in range(3):
        for record in (dense(times([2.0] * 4)), portfolio(times([1.0] * 4))):
            record.key, record.baseline_key = f"{record.key}-{seed}", f"{record.baseline_key}-{seed}"
            record.config["training"]["seed"] = seed
            for instance in record.instances:
                instance.instance_key += f"-{seed}"
            records.append(record)
    winner = only(*records)
    assert (winner.duels[0].better, winner.duels[0].pairs) == (12, 12)
    assert (winner.duels[0].differing, winner.confidence) == (4, FEW)


def within(seconds: float, other: float, margin: float = 1.0) -> Winner:
    return only(trial(times([seconds] * IMAGES), "p", attack="portfolio"), gradient(times([other] * IMAGES, margin)))


@pytest.mark.parametrize(("seconds", "other"), [(0.0020, 0.0022), (0.001, 0.0109), (100.0, 110.0)])
def test_a_lead_in_time_that_nobody_would_notice_is_no_win(seconds: float, other: float) -> None:
    winner = within(seconds, other)
    assert (winner.setting, winner.confidence) == ("portfolio", CLOSE)
    assert (winner.duels[0].better, winner.duels[0].worse) == (0, 0)
    assert headline([winner]) == "portfolio is first on 2x16, but hardly differs from the next."


def test_of_two_equally_soon_the_one_with_the_larger_margin_wins() -> None:
    assert within(0.0020, 0.0022, margin=0.5).setting == "portfolio"
    assert within(0.0020, 0.0022, margin=0.5).confidence == SURE
    worse = within(0.0020, 0.0022, margin=1.5)
    assert (worse.setting, worse.confidence, worse.duels[0].better) == ("gradient", SURE, 12)


@pytest.mark.parametrize(("seconds", "other"), [(0.001, 0.0111), (90.0, 110.0)])
def test_a_lead_in_time_that_somebody_would_notice_is_one(seconds: float, other: float) -> None:
    assert within(seconds, other).confidence == SURE


def test_too_few_that_differ_among_enough_images_are_no_want_of_data() -> None:
    winner = only(portfolio(times([1.0] * 3 + [1.9] * 9)), dense(times([2.0] * IMAGES)))
    assert (winner.duels[0].differing, winner.confidence) == (3, CLOSE)


def test_one_alone_and_one_without_a_common_instance() -> None:
    alone = only(dense(times([2.0] * 5)))
    assert (alone.confidence, alone.duels) == (ALONE, ())
    assert headline([alone]) == "dense MILP has nothing to be compared with on 2x16."
    winner = only(dense(times([2.0] * 5)), elsewhere(portfolio(times([1.0] * 5))))
    assert winner.confidence == ALONE
    assert (winner.duels[0].other, winner.duels[0].pairs) == ("dense MILP", 0)


def elsewhere(record: TrialRecord) -> TrialRecord:
    for instance in record.instances:
        instance.instance_key += "-other"
    return record


def test_the_runner_up_is_the_next_that_attacked_the_same_instances() -> None:
    winner = only(gradient(times([0.1] * IMAGES)), elsewhere(portfolio(times([1.0] * IMAGES))), dense(times([2.0] * IMAGES)))
    assert [(one.other, one.pairs) for one in winner.duels] == [("dense MILP", 12)]
    assert winner.confidence == SURE


def test_a_runner_up_with_several_seeds_is_compared_with_each() -> None:
    records = [portfolio(times([1.0] * IMAGES))]
    for seed, seconds in enumerate((2.0, 3.0, 0.1)):
        records.append(pruned(times([seconds] * IMAGES)))
        records[-1].key += f"-{seed}"
        records[-1].config["pruning"]["seed"] = seed
    (first, *_), _ = winners(results(*records))
    assert first.duels[0].other == "magnitude 0.8"
    assert (first.duels[0].better, first.duels[0].worse, first.duels[0].clusters) == (24, 12, 12)


def test_the_headline_of_several_networks() -> None:
    def of(*seconds: float) -> str:
        records = []
        for place, one in enumerate(seconds):
            size = (place + 1, 16)
            records += [dense(times([2.0] * IMAGES), size), portfolio(times([one] * IMAGES), size)]
        return headline(winners(results(*records))[0])

    assert of(1.0, 1.0) == "portfolio won on both networks."
    assert of(1.0, 1.0, 1.0) == "portfolio won on all 3 networks."
    assert of(1.0, 9.0, 1.0) == "portfolio won on 1x16 and 3x16; dense MILP won on 2x16."
    assert headline([]) == "No trial has finished, so nothing has won."
    assert of(*[1.0] * 6, 9.0) == "portfolio won on 1x16, 2x16, 3x16, 4x16 and 2 more; dense MILP won on 7x16."
    records = []
    for place, amount in enumerate((0.5, 0.6, 0.7, 0.8)):
        size = (place + 1, 16)
        records += [portfolio(times([2.0] * IMAGES), size), pruned(times([1.0] * IMAGES), amount, size=size)]
    assert headline(winners(results(*records))[0]) == "Every network has its own best setting, 4 of the 4 beyond chance."


def test_the_better_of_two_has_a_witness_then_is_shorter_then_sooner_then_has_the_larger_margin() -> None:
    mine = [(1.0, 1.0), (1.0, None), (1.0, 3.0), (2.0, None), (1.0, None), (None, None), (9.0, 1.0)]
    other = [(9.0, None), (0.0, 5.0), (0.0, 2.0), (1.0, None), (1.0, None), (None, None), (1.0, 1.0)]
    instances = with_seeds(results(dense(other), pruned(mine)))
    one, two = (instances[instances["setting"] == label] for label in ("magnitude 0.8", "dense MILP"))
    pairs = pairs_of(one, two, ("instance_key",), ("instance_key",))
    assert list(better(pairs)) == [1, -1, -1, 1, 0, 0, 1]
    found = duel(instances, "magnitude 0.8", "dense MILP")
    assert (found.better, found.worse, found.pairs) == (3, 2, 7)


def test_the_closest_perturbation_is_won_by_length() -> None:
    (winner,), _ = winners(results(closest([2.0] * IMAGES), closest([1.0] * IMAGES, "s", attack="branch_and_bound")))
    assert (winner.setting, winner.confidence) == ("branch_and_bound", SURE)


def test_the_dense_milp_that_is_the_runner_up_is_compared_once() -> None:
    robust = dense(margins([-1.0] * 3))
    for instance in robust.instances:
        instance.status = "robust"
    (winner,), _ = winners(results(robust, portfolio(margins([-2.0] * 3)), gradient(margins([-3.0] * 3))))
    assert [one.other for one in winner.duels] == ["portfolio"]
    assert math.isclose(winner.duels[0].p_holm, winner.duels[0].p)


@pytest.mark.parametrize(
    ("mine", "other", "said"),
    [
        (
            [(1.0, 2.0), (2.0, 4.0), (3.0, None)],
            [(0.5, 1.0), (1.0, None), (None, None)],
            "an adversarial input for 2 of 3, against 1",
        ),
        (times([2.0]), times([1.0]), "the first adversarial input after 2 s, against 1 s"),
        (margins([1.0]), margins([-1.0]), "a margin of +1, against -1"),
        (margins([1.0]), margins([1.0]), ""),
        (margins([None]), margins([1.0]), ""),
    ],
)
def test_by_how_much(mine: list[Outcome], other: list[Outcome], said: str) -> None:
    assert lead(duel_pairs(pruned(mine), dense(other))) == said


def test_by_how_much_of_lengths_and_of_values() -> None:
    shorter = closest([1.0], "s", method="magnitude", amount=0.8)
    assert lead(duel_pairs(shorter, closest([2.0]))) == "a perturbation of length 1, against 2"
    records = [pruned(margins([5.0])), dense(margins([4.0]))]
    for record in records:
        record.instances[0].objective = record.instances[0].task = "output"
    assert lead(duel_pairs(*records)) == "a value of 5, against 4"


def duel_pairs(*records: TrialRecord) -> pd.DataFrame:
    instances = with_seeds(results(*records))
    one, two = (instances[instances["setting"] == label] for label in ("magnitude 0.8", "dense MILP"))
    return pairs_of(one, two, ("instance_key",), ("instance_key",))
