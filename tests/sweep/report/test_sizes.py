"""Does pruning pay on a network size: each answer, from results that are made for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest
from making import IMAGES, Outcome, closest, dense, margins, pruned, results, times, trial

from surrogate.attack import METHODS, SurrogateAttack
from sweep.records import TrialRecord
from sweep.report.answers import DOES_NOT_PAY, PAYS, TOO_FEW, UNCOMPARED, UNSURE
from sweep.report.comparisons import win_table
from sweep.report.ranking import rank
from sweep.report.settings import SEEDS
from sweep.report.sizes import SizeAnswer, size_answers

YARDSTICK = margins([0.0] * IMAGES)


def above(won: int, lost: int = 0, images: int = IMAGES) -> list[Outcome]:
    """Return margins that are better than 0 on so many images and worse on so many others, each by another amount."""
    rest = images - won - lost
    return margins([*(1.0 + 0.1 * i for i in range(won)), *(-1.05 - 0.1 * i for i in range(lost)), *[0.0] * rest])


def answers(*records: TrialRecord) -> list[SizeAnswer]:
    found = results(*records)
    return size_answers(found, win_table(found))


def only(*records: TrialRecord) -> SizeAnswer:
    (answer,) = answers(*records)
    return answer


def solved(outcomes: Sequence[Outcome]) -> TrialRecord:
    record = dense(outcomes)
    for instance in record.instances:
        instance.gap = 0.0
    return record


def test_a_pruned_copy_that_pays() -> None:
    answer = only(dense(YARDSTICK), pruned(above(8), 0.5), pruned(above(10), 0.8))
    assert (answer.network, answer.setting, answer.verdict) == ("2x16", "magnitude 0.8", PAYS)
    assert (answer.won, answer.lost, answer.of, answer.limit_seconds) == (10, 0, "12 images", 20.0)
    assert answer.headline == ("magnitude 0.8 beats the dense MILP on 10 of 12 images, with a margin 1.35 larger (median).")
    assert answer.sure == "Sure: p = 0.004, corrected for 2 pruned settings."
    assert "Better/worse than the dense MILP: magnitude 0.5 8/0, magnitude 0.8 10/0." in answer.evidence
    assert answer.sooner == "", "nobody found an adversarial input"


class HalfAttack(SurrogateAttack):
    """An attack of one's own that takes a pruned copy."""

    name: ClassVar[str] = "half"


def test_the_copy_of_another_method_that_takes_one_is_a_pruned_copy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "half", HalfAttack)
    answer = only(dense(YARDSTICK), pruned(above(8)), trial(above(10), "half", attack="half", method="magnitude", amount=0.8))
    assert (answer.setting, answer.verdict) == ("half magnitude 0.8", PAYS)
    assert "magnitude 0.8 8/0, half magnitude 0.8 10/0" in answer.evidence


def test_what_a_method_finds_on_the_dense_network_is_not_a_pruned_copys() -> None:
    records = [dense(YARDSTICK), trial(above(10), "portfolio", attack="portfolio", method="magnitude", amount=0.8)]
    assert list(results(*records).settings) == ["dense MILP", "portfolio magnitude 0.8"]
    assert only(*records).headline == "No pruned copy has finished."


def test_sooner_is_the_second_measure() -> None:
    yardstick = [(0.0, 4.0)] * IMAGES
    quick, better = [(0.0, 1.0)] * IMAGES, [(1.0, 4.0)] * IMAGES
    answer = only(dense(yardstick), pruned(quick, 0.5), pruned(better, 0.8))
    assert (answer.setting, answer.verdict) == ("magnitude 0.8", PAYS)
    assert answer.sooner == (
        "magnitude 0.5 finds its first adversarial input sooner on 12 and later on 0 of the 12 images with any (sure)."
    )
    answer = only(dense(yardstick), pruned(quick, 0.5), pruned(yardstick, 0.8))
    assert (answer.setting, answer.verdict) == ("magnitude 0.5", UNSURE), "of equal values the sooner one is the best setting"
    assert answer.headline == "No pruned copy beats the dense MILP within 20 s."


@pytest.mark.parametrize(
    ("copy", "verdict", "headline"),
    [
        (
            above(7, 4),
            UNSURE,
            "magnitude 0.8 is better than the dense MILP on 7 and worse on 4 of 12 images: that may be chance.",
        ),
        (above(0, 9), DOES_NOT_PAY, "No pruned copy beats the dense MILP within 20 s."),
        (above(0, 2), UNSURE, "No pruned copy beats the dense MILP within 20 s."),
        (margins([None] * IMAGES), DOES_NOT_PAY, "No pruned copy beats the dense MILP within 20 s."),
    ],
)
def test_one_that_does_not_or_may_not(copy: Sequence[Outcome], verdict: str, headline: str) -> None:
    answer = only(dense(YARDSTICK), pruned(copy))
    assert (answer.verdict, answer.headline) == (verdict, headline)


def test_where_the_dense_milp_is_solved_there_is_nothing_to_win() -> None:
    answer = only(solved(YARDSTICK), pruned(above(0, 2)))
    assert answer.verdict == DOES_NOT_PAY
    assert answer.headline == "No pruned copy beats the dense MILP within 20 s; the dense MILP is solved on 12 of 12 images."
    assert answer.sure == "The best, magnitude 0.8, is better on 0 and worse on 2 of 12 images."


def test_too_few_images() -> None:
    answer = only(dense(YARDSTICK[:4]), pruned(above(4, images=4)))
    assert (answer.verdict, answer.setting) == (TOO_FEW, "magnitude 0.8")
    assert answer.headline == "magnitude 0.8 is better than the dense MILP on 4 and worse on 0 of 4 images: too few to tell."
    assert answer.sure == "Not sure: a test needs 6 images that differ, and here 4 do."
    assert only(dense(YARDSTICK[:4]), pruned(above(2, images=4))).sure.endswith("and here 2 do.")
    assert only(dense(YARDSTICK[:4]), pruned(YARDSTICK[:4])).headline == (
        "No pruned copy is better than the dense MILP on any of 4 images: too few to tell."
    )


def test_a_choice_among_many_settings_is_corrected_for() -> None:
    """Six of six is p = 0.031: sure of one setting, not of the best of two."""
    assert only(dense(YARDSTICK), pruned(above(6))).verdict == PAYS
    two = only(dense(YARDSTICK), pruned(above(6)), pruned(above(6), 0.5))
    assert two.verdict == UNSURE
    assert two.sure == "Not sure: p = 0.062, corrected for 2 pruned settings."
    never = only(dense(YARDSTICK), pruned(above(6)), pruned(above(5), 0.5))
    assert never.verdict == PAYS, "one that cannot be beyond chance is no test"


def test_the_best_setting_is_the_first_of_the_ranking_and_sure_where_any_is() -> None:
    records = [dense(YARDSTICK), pruned(above(9, 1), 0.5), pruned(above(8), 0.8), pruned(above(0, 12), 0.9)]
    order = list(rank(records, SEEDS)["setting"])
    answer = only(*records)
    assert answer.setting == order[0]
    assert answer.verdict == PAYS
    assert order[-1] == "magnitude 0.9"
    assert order[2] == "dense MILP"


def test_networks_are_questions_of_their_own() -> None:
    small, large = (2, 16), (4, 64)
    records = [dense(YARDSTICK, small), dense(YARDSTICK, large), pruned(above(0, 8), size=small), pruned(above(8), size=large)]
    assert [(one.network, one.verdict) for one in answers(*records)] == [("2x16", DOES_NOT_PAY), ("4x64", PAYS)]
    assert answers(*records)[1].sure == "Sure: p = 0.008, corrected for 1 pruned setting."


def test_lengths_and_values() -> None:
    shorter = closest([1.0 + 0.01 * i for i in range(IMAGES)], "s", method="magnitude", amount=0.8)
    answer = only(closest([2.0] * IMAGES), shorter)
    assert answer.verdict == PAYS
    assert answer.headline.endswith("on 12 of 12 images, with a perturbation 47 % shorter (median).")
    records = [dense(YARDSTICK), pruned(above(12))]
    for record in records:
        for instance in record.instances:
            instance.objective = instance.task = "output"
    assert "with a value 1.55 larger" in only(*records).headline


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([dense(times([1.0]))], "No pruned copy has finished."),
        ([pruned(times([1.0]))], "The dense MILP (attack=surrogate pruning=none) has not finished beside the pruned copies."),
    ],
)
def test_where_nothing_is_compared(records: list[TrialRecord], why: str) -> None:
    answer = only(*records)
    assert (answer.setting, answer.verdict, answer.headline) == (None, UNCOMPARED, why)


def test_nothing_at_all() -> None:
    assert answers() == []
