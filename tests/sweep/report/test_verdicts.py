"""Each branch of each verdict, from results that are made for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from making import IMAGES, Outcome, closest, dense, gradient, margins, pruned, results, times, trial

from sweep.records import TrialRecord
from sweep.report.comparisons import win_table
from sweep.report.verdicts import (
    MIXED,
    NO,
    NONE,
    NOT_ASKED,
    UNKNOWN,
    YES,
    Verdict,
    at_which_sparsity,
    better_margin,
    better_than_gradient,
    finetuning_helps,
    on_which_networks,
    sooner_than_dense,
    verdicts,
)

ALL_AT_2 = times([2.0] * IMAGES)
ALL_AT_1 = times([1.0] * IMAGES)
ALL_AT_9 = times([9.0] * IMAGES)
MIXED_TIMES = times([1.0, 9.0] * (IMAGES // 2))


def asked(question: object, *records: TrialRecord) -> Verdict:
    found = results(*records)
    assert callable(question)
    verdict = question(found, win_table(found))
    assert isinstance(verdict, Verdict)
    assert verdict.question.endswith("?")
    assert "nan" not in verdict.evidence
    assert verdict.is_sure == (verdict.answer not in (UNKNOWN, NOT_ASKED))
    return verdict


@pytest.mark.parametrize("question", [sooner_than_dense, better_margin, at_which_sparsity, on_which_networks])
def test_without_anything_to_compare_nothing_is_said(question: object) -> None:
    apart = pruned(ALL_AT_1)
    apart.baseline_key = "another"
    for records, why in (
        ([], "No pruned surrogate has finished."),
        ([dense(ALL_AT_2)], "No pruned surrogate has finished."),
        ([pruned(ALL_AT_1)], "has not finished beside the surrogates."),
        ([dense(ALL_AT_2), apart], "share no instance under the same settings."),
    ):
        verdict = asked(question, *records)
        assert verdict.answer == NOT_ASKED
        assert verdict.evidence.endswith(why)


@pytest.mark.parametrize(
    ("surrogates", "answer", "evidence"),
    [
        (
            [ALL_AT_1, ALL_AT_1],
            YES,
            "Better in 2, worse in 0 of 2 settings beyond chance. Strongest: magnitude 0.5 was sooner on 12",
        ),
        ([ALL_AT_9, ALL_AT_9], NO, "Better in 0, worse in 2 of 2 settings"),
        ([ALL_AT_1, ALL_AT_9], MIXED, "Better in 1, worse in 1 of 2 settings"),
        ([MIXED_TIMES, MIXED_TIMES], UNKNOWN, "Strongest of 2 settings: magnitude 0.5 was sooner on 6 of 12 images (50 %"),
    ],
)
def test_sooner(surrogates: Sequence[Sequence[Outcome]], answer: str, evidence: str) -> None:
    records = [dense(ALL_AT_2), *(pruned(one, amount) for one, amount in zip(surrogates, (0.5, 0.8), strict=True))]
    verdict = asked(sooner_than_dense, *records)
    assert verdict.answer == answer
    assert verdict.evidence.startswith(evidence)
    assert "that differ are needed" not in verdict.evidence


def test_the_whole_sentence() -> None:
    verdict = asked(sooner_than_dense, dense(ALL_AT_2), pruned(ALL_AT_1))
    assert verdict.evidence == (
        "Better in 1, worse in 0 of 1 setting beyond chance. Strongest: magnitude 0.8 was sooner on 12 of 12 images (100 %, "
        "95 % interval 74 to 100 %), worse on 0, 2 times as fast where both found one (median, 95 % interval 2 to 2); sign "
        "test p < 0.001, corrected < 0.001."
    )


@pytest.mark.parametrize("question", [sooner_than_dense, on_which_networks, at_which_sparsity])
def test_too_few_images_are_said_to_be_too_few_however_many_networks_attack_them(question: object) -> None:
    records = []
    for size in ((2, 16), (4, 64)):
        records += [dense(ALL_AT_2[:4], size), pruned(ALL_AT_1[:4], size=size), pruned(ALL_AT_1[:4], 0.5, size=size)]
    verdict = asked(question, *records)
    assert verdict.answer == UNKNOWN
    assert verdict.evidence.endswith("At least 6 images that differ are needed for one setting; here there are at most 4.")


def test_where_nobody_found_anything_there_is_nothing_to_compare() -> None:
    verdict = asked(sooner_than_dense, dense(margins([0.0] * 3)), pruned(margins([0.0] * 3)))
    assert verdict.answer == UNKNOWN
    assert verdict.evidence == "In none of the 3 pairs did either find anything to compare."
    verdict = asked(
        at_which_sparsity, dense(margins([None] * 3)), *(pruned(margins([None] * 3), amount) for amount in (0.5, 0.8))
    )
    assert verdict.answer == UNKNOWN
    assert verdict.evidence == "In none of the 6 pairs did either find anything to compare."


def test_margins_and_norms() -> None:
    verdict = asked(better_margin, dense(margins([0.0] * IMAGES)), pruned(margins([0.1 * i for i in range(1, IMAGES + 1)])))
    assert verdict.answer == YES
    assert "larger dense margin" in verdict.question
    assert "median difference +0.65, 95 % interval" in verdict.evidence
    shorter = closest([1.0] * IMAGES, "s", method="magnitude", amount=0.8)
    verdict = asked(better_margin, closest([2.0] * IMAGES), shorter)
    assert verdict.answer == YES
    assert "shorter perturbation" in verdict.question
    assert "median length -50 %, 95 % interval -50 to -50 %; sign test" in verdict.evidence


def test_which_sparsity() -> None:
    yardstick = dense(ALL_AT_2)
    verdict = asked(at_which_sparsity, yardstick, pruned(ALL_AT_1))
    assert verdict.answer == NOT_ASKED
    assert verdict.evidence.splitlines() == [
        "Only one sparsity was swept.",
        "First adversarial input sooner than the dense MILP: magnitude 0.8 12/12.",
        "Larger margin than the dense MILP: magnitude 0.8 0/12.",
    ]
    verdict = asked(at_which_sparsity, yardstick, pruned(MIXED_TIMES, 0.5), pruned(ALL_AT_1, 0.8), pruned(ALL_AT_9, 0.9))
    assert verdict.answer == "magnitude 0.8"
    assert verdict.evidence.startswith(
        "Better in 1, worse in 1 of 6 comparisons beyond chance.\nmagnitude 0.8 was sooner on 12"
    )
    assert "magnitude 0.5 6/12, 0.8 12/12, 0.9 0/12." in verdict.evidence
    verdict = asked(at_which_sparsity, yardstick, pruned(MIXED_TIMES, 0.5), pruned(MIXED_TIMES, 0.8, method="structured"))
    assert verdict.answer == UNKNOWN
    assert "magnitude 0.5 6/12;\nstructured 0.8 6/12." in verdict.evidence
    assert verdict.evidence.endswith("None of these differs from even odds once corrected for all comparisons.")


def test_where_every_real_difference_is_a_loss_no_sparsity_is_the_answer() -> None:
    for others in (ALL_AT_9, MIXED_TIMES):
        verdict = asked(at_which_sparsity, dense(ALL_AT_2), pruned(others, 0.5), pruned(ALL_AT_9, 0.8))
        assert verdict.answer == NONE
        assert "even odds" not in verdict.evidence
        assert "was sooner on 0 of 12 images" in verdict.evidence


def test_a_sparsity_may_show_by_margins_alone() -> None:
    """As in sweeps whose MILPs find hardly a witness."""
    rising = margins([0.1 * image for image in range(1, IMAGES + 1)])
    yardstick = dense(margins([0.0] * IMAGES))
    verdict = asked(at_which_sparsity, yardstick, pruned(margins([0.0] * IMAGES), 0.5), pruned(rising, 0.8))
    assert verdict.answer == "magnitude 0.8"
    assert "ended with the larger margin on 12 of 12 images" in verdict.evidence
    assert "sooner" not in verdict.evidence
    sooner = pruned(times([1.0] * IMAGES, -5.0), 0.5)
    later = pruned([(0.1 * image, 9.0) for image in range(1, IMAGES + 1)], 0.8)
    verdict = asked(at_which_sparsity, dense(times([2.0] * IMAGES, 0.0)), sooner, later)
    assert verdict.answer == "magnitude 0.5 and magnitude 0.8"


def test_what_is_found_by_several_measures_is_corrected_for_all_of_them() -> None:
    """Six of six is p = 0.031: real for one measure of one setting, not for the smaller of two."""
    yardstick = dense(times([2.0] * 6, 0.0))
    both = pruned([((-1.0) ** image * (1.0 + 0.1 * image), 1.0) for image in range(6)])
    assert asked(sooner_than_dense, yardstick, both).answer == YES
    assert asked(on_which_networks, yardstick, both).answer == UNKNOWN
    assert "p = 0.031, corrected 0.062." in asked(on_which_networks, yardstick, both).evidence
    for margin in ([None] * 6, [0.0] * 6):  # where nothing differs there is no second test
        lone = pruned([(one, 1.0) for one in margin])
        assert asked(on_which_networks, yardstick, lone).answer == "2x16"


def test_finetuning() -> None:
    plain = pruned(times([2.0] * IMAGES, 1.0))
    assert asked(finetuning_helps, plain).answer == NOT_ASKED
    assert asked(finetuning_helps, plain, pruned(ALL_AT_1, 0.5, rounds=1)).answer == NOT_ASKED

    def tuned(seconds: float, margin: float) -> Verdict:
        return asked(finetuning_helps, plain, pruned(times([seconds] * IMAGES, margin), rounds=1))

    assert tuned(1.0, 2.0).answer == YES
    assert tuned(9.0, 0.5).answer == NO
    assert tuned(1.0, 0.5).answer == MIXED
    same = tuned(2.0, 1.0)
    assert same.answer == UNKNOWN, "finetuning takes 10 s here, but its cost alone is no answer"
    lines = same.evidence.splitlines()
    assert lines[0].startswith(
        "The finetuned one was sooner on 0 of 12 images (0 %, 95 % interval 0 to 26 %), worse on 0, 12 equal"
    )
    assert "sooner with pruning and finetuning counted on 0 of 12 images" in lines[1]
    assert "worse on 12" in lines[1]
    nothing = asked(finetuning_helps, pruned([(None, None)] * 3), pruned([(None, None)] * 3, rounds=1))
    assert (nothing.answer, nothing.evidence) == (UNKNOWN, "None of the 3 pairs has a value to compare.")


def test_which_networks() -> None:
    small, large = (2, 16), (4, 64)
    yardsticks = [dense(ALL_AT_2, small), dense(ALL_AT_2, large)]
    verdict = asked(on_which_networks, *yardsticks, pruned(MIXED_TIMES, size=small), pruned(ALL_AT_1, size=large))
    assert verdict.answer == "4x64"
    assert [line.split(".")[0] for line in verdict.evidence.splitlines()] == [
        "2x16: Better in 0, worse in 0 of 2 comparisons beyond chance",
        "4x64: Better in 1, worse in 0 of 2 comparisons beyond chance",
    ]
    both = asked(on_which_networks, *yardsticks, pruned(ALL_AT_1, size=small), pruned(ALL_AT_1, size=large))
    assert both.answer == "2x16 and 4x64"
    assert asked(on_which_networks, *yardsticks, pruned(ALL_AT_9, size=small)).answer == NO
    assert asked(on_which_networks, *yardsticks, pruned(MIXED_TIMES, size=small)).answer == UNKNOWN
    ten_of_twelve = times([1.0] * 10 + [9.0] * 2)
    for better in (ALL_AT_1, ten_of_twelve):  # the loss has the smaller p, and is no answer for the other setting
        some = asked(on_which_networks, yardsticks[0], pruned(better, 0.5, size=small), pruned(ALL_AT_9, size=small))
        assert some.answer == "2x16 (depending on the setting)"
        assert some.evidence.startswith(
            "2x16: Better in 1, worse in 1 of 4 comparisons beyond chance. Strongest: magnitude 0.5"
        )
    nothing = [(None, None)] * 3
    empty = asked(on_which_networks, dense(nothing), pruned(nothing))
    assert empty.evidence.endswith("2x16: nothing to compare.")


def test_the_gradient_attack_as_the_yardstick() -> None:
    rising = margins([0.1 * image for image in range(1, IMAGES + 1)])
    assert asked(better_than_gradient, dense(rising)).answer == NOT_ASKED
    assert asked(better_than_gradient, dense(rising), gradient(margins([0.0] * IMAGES))).answer == YES
    assert asked(better_than_gradient, dense(rising), gradient(margins([5.0] * IMAGES))).answer == NO
    assert asked(better_than_gradient, dense(rising), gradient(rising)).answer == UNKNOWN


def test_pairs_of_several_networks_are_not_called_images() -> None:
    records = [make(one, size=size) for size in ((2, 16), (4, 64)) for make, one in ((dense, ALL_AT_2), (pruned, ALL_AT_1))]
    assert "was sooner on 24 of 24 instances of 12 images (100 %" in asked(sooner_than_dense, *records).evidence


def test_properties_are_questions_not_images() -> None:
    records = [dense(ALL_AT_2), pruned(ALL_AT_1)]
    for record in records:
        for place, instance in enumerate(record.instances):
            instance.image, instance.question = None, f"prop {place}"
    assert "12 of 12 questions" in asked(sooner_than_dense, *records).evidence


def test_all_questions_are_answered_also_of_attacks_that_have_no_surrogate() -> None:
    found = results(trial(ALL_AT_1, "p", attack="portfolio"), gradient(ALL_AT_2))
    said = verdicts(found, win_table(found))
    assert len(said) == len({one.question for one in said}) == 6
    assert [one.answer for one in said] == [NOT_ASKED] * 5 + [UNKNOWN]
