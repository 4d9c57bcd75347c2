"""Who won on each network, and how sure that is."""

from __future__ import annotations

import math

import pytest
from making import IMAGES, closest, dense, gradient, margins, pruned, results, times

from sweep.report.comparisons import pairs_of, with_clusters
from sweep.report.winners import ALONE, FEW, SURE, UNSURE, better, duel, headline, winners


def test_a_winner_beyond_chance() -> None:
    records = [dense(times([4.0] * IMAGES)), pruned(times([2.0] * IMAGES), 0.5), pruned(times([1.0] * IMAGES), 0.8)]
    (winner,), ranking = winners(results(*records))
    assert (winner.network, winner.setting, winner.confidence) == ("2x16", "magnitude 0.8", SURE)
    assert list(ranking["setting"]) == ["magnitude 0.8", "magnitude 0.5", "dense MILP"]
    assert winner.facts == "An adversarial input for 12 of 12 images, the first after 1 s (median), median margin +1"
    runner_up, yardstick = winner.duels
    assert (runner_up.other, runner_up.better, runner_up.worse, runner_up.pairs) == ("magnitude 0.5", 12, 0, 12)
    assert runner_up.p == pytest.approx(2 / 2**12)
    assert runner_up.p_holm == pytest.approx(4 / 2**12)
    assert yardstick.other == "dense MILP"
    assert yardstick.text == (
        "dense MILP: better on 12 of 12 (100 %, 95 % interval 74 to 100 %), worse on 0 (sign test p < 0.001, corrected < 0.001)"
    )
    assert headline([winner]) == "magnitude 0.8 won on 2x16."


def test_one_that_is_only_ahead() -> None:
    records = [dense(times([2.0] * IMAGES)), pruned(times([1.0] * 7 + [3.0] * 5))]
    (winner,), _ = winners(results(*records))
    assert (winner.setting, winner.confidence) == ("magnitude 0.8", UNSURE)
    assert headline([winner]) == "magnitude 0.8 is ahead on 2x16, but that may be chance."
    assert winner.caveat == ""


def test_one_that_is_first_by_its_share_but_worse_on_most_images_is_said_to_be() -> None:
    (winner,), _ = winners(results(dense(times([1.0] * 11 + [None])), pruned(times([2.0] * IMAGES))))
    assert (winner.setting, winner.confidence) == ("magnitude 0.8", UNSURE)
    assert winner.caveat == (
        "First by the order of the ranking, yet dense MILP did better on more of the instances one by one."
    )


def test_one_on_too_few_instances() -> None:
    (winner,), _ = winners(results(dense(times([2.0] * 5)), pruned(times([1.0] * 5))))
    assert winner.confidence == FEW
    assert headline([winner]) == "magnitude 0.8 is ahead on 2x16, on too few instances to be sure."


def test_one_alone_and_one_without_a_common_instance() -> None:
    (alone,), _ = winners(results(dense(times([2.0] * 5))))
    assert (alone.confidence, alone.duels) == (ALONE, ())
    assert headline([alone]) == "dense MILP has nothing to be compared with on 2x16."
    apart = pruned(times([1.0] * 5))
    for instance in apart.instances:
        instance.instance_key += "-other"
    (winner,), _ = winners(results(dense(times([2.0] * 5)), apart))
    assert winner.confidence == ALONE
    assert winner.duels[0].text == "dense MILP: no instance that both attacked"


def test_the_headline_of_several_networks() -> None:
    def of(*seconds: float) -> str:
        records = []
        for place, one in enumerate(seconds):
            size = (place + 1, 16)
            records += [dense(times([2.0] * IMAGES), size), pruned(times([one] * IMAGES), size=size)]
        return headline(winners(results(*records))[0])

    assert of(1.0, 1.0) == "magnitude 0.8 won on both networks."
    assert of(1.0, 1.0, 1.0) == "magnitude 0.8 won on all 3 networks."
    assert of(1.0, 9.0, 1.0) == "magnitude 0.8 won on 1x16 and 3x16; dense MILP won on 2x16."
    assert headline([]) == "No trial has finished, so nothing has won."
    records = []
    for place, amount in enumerate((0.5, 0.6, 0.7, 0.8)):
        size = (place + 1, 16)
        records += [dense(times([2.0] * IMAGES), size), pruned(times([1.0] * IMAGES), amount, size=size)]
    assert headline(winners(results(*records))[0]) == "Every network has its own best setting, 4 of the 4 beyond chance."


def test_the_better_of_two_has_a_witness_then_is_shorter_then_sooner_then_has_the_larger_margin() -> None:
    mine = [(1.0, 1.0), (1.0, None), (1.0, 3.0), (2.0, None), (1.0, None), (None, None), (9.0, 1.0)]
    other = [(9.0, None), (0.0, 5.0), (0.0, 2.0), (1.0, None), (1.0, None), (None, None), (1.0, 1.0)]
    instances = with_clusters(results(dense(other), pruned(mine)).instances)
    one, two = (instances[instances["setting"] == label] for label in ("magnitude 0.8", "dense MILP"))
    pairs = pairs_of(one, two, ("instance_key",), ("instance_key",))
    assert list(better(pairs)) == [1, -1, -1, 1, 0, 0, 0]
    found = duel(instances, "magnitude 0.8", "dense MILP")
    assert (found.better, found.worse, found.pairs) == (2, 2, 7)


def test_the_closest_perturbation_is_won_by_length() -> None:
    shorter = closest([1.0] * IMAGES, "s", method="magnitude", amount=0.8)
    (winner,), _ = winners(results(closest([2.0] * IMAGES), shorter))
    assert (winner.setting, winner.confidence) == ("magnitude 0.8", SURE)
    assert "median norm 1" in winner.facts
    assert "margin" not in winner.facts


def test_the_dense_milp_that_is_the_runner_up_is_named_once_and_proofs_are_facts() -> None:
    robust = dense(margins([-1.0] * 3))
    for instance in robust.instances:
        instance.status = "robust"
    (winner,), _ = winners(results(robust, pruned(margins([-2.0] * 3)), gradient(margins([-3.0] * 3))))
    assert winner.facts == "An adversarial input for 0 of 3 images, 3 proven robust, median margin -1"
    assert [one.other for one in winner.duels] == ["magnitude 0.8"]
    assert math.isclose(winner.duels[0].p_holm, winner.duels[0].p)
