"""Each branch of each verdict, from results that are made for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from making import IMAGES, Outcome, closest, dense, gradient, margins, pruned, results, times, trial

from sweep.records import TrialRecord
from sweep.report.answers import FEW, MIXED, NO, NONE, NOT_ASKED, UNCLEAR, YES, Verdict
from sweep.report.comparisons import win_table
from sweep.report.verdicts import verdicts

ALL_AT_2 = times([2.0] * IMAGES)
ALL_AT_1 = times([1.0] * IMAGES)
ALL_AT_9 = times([9.0] * IMAGES)
MIXED_TIMES = times([1.0, 9.0] * (IMAGES // 2))

LEVEL = margins([0.0] * IMAGES)
ABOVE = margins([0.1 * image for image in range(1, IMAGES + 1)])
BELOW = margins([-0.1 * image for image in range(1, IMAGES + 1)])

SIZES, PRUNING, LIMIT, SOONER, FINETUNING, BEATS_GRADIENT = range(6)


def asked(question: int, *records: TrialRecord) -> Verdict:
    found = results(*records)
    verdict = verdicts(found, win_table(found))[question]
    assert verdict.question.endswith("?")
    assert verdict.sentence.endswith(".")
    assert "nan" not in verdict.sentence + verdict.evidence
    assert verdict.is_sure == (verdict.answer not in (FEW, UNCLEAR, NOT_ASKED))
    return verdict


@pytest.mark.parametrize("question", [SIZES, PRUNING, LIMIT, SOONER])
def test_without_anything_to_compare_nothing_is_said(question: int) -> None:
    apart = pruned(ALL_AT_1)
    apart.baseline_key = "another"
    for records, why in (
        ([], "No pruned copy has finished."),
        ([dense(ALL_AT_2)], "No pruned copy has finished."),
        ([pruned(ALL_AT_1)], "has not finished beside the pruned copies."),
        ([dense(ALL_AT_2), apart], "share no instance under the same settings."),
    ):
        verdict = asked(question, *records)
        assert verdict.answer == NOT_ASKED
        assert verdict.sentence.endswith(why)


def test_on_which_networks() -> None:
    small, large = (2, 16), (4, 64)
    yardsticks = [dense(LEVEL, small), dense(LEVEL, large)]
    verdict = asked(SIZES, *yardsticks, pruned(BELOW, size=small), pruned(ABOVE, size=large))
    assert (verdict.answer, verdict.sentence) == (
        "4x64",
        "A pruned copy beats the dense MILP on 4x64, and on 2x16 none does beyond chance.",
    )
    small_one, large_one = verdict.evidence.splitlines()
    assert small_one.startswith("2x16: No pruned copy beats the dense MILP within 20 s. Worse beyond chance: 1 of 1 pruned")
    assert large_one.startswith(
        "4x64: magnitude 0.8 beats the dense MILP on 12 of 12 images, with a margin 0.65 larger (median)."
    )
    both = asked(SIZES, *yardsticks, pruned(ABOVE, size=small), pruned(ABOVE, size=large))
    assert both.answer == "2x16 and 4x64"
    assert asked(SIZES, dense(LEVEL), pruned(BELOW)).answer == NONE
    assert asked(SIZES, dense(LEVEL), pruned(LEVEL)).answer == UNCLEAR
    few = asked(SIZES, dense(LEVEL[:4]), pruned(ABOVE[:4]))
    assert (few.answer, few.sentence) == (FEW, "With fewer than 6 instances no test can tell.")


def test_of_many_networks_a_few_are_named() -> None:
    records = [make for depth in range(1, 7) for make in (dense(LEVEL, (depth, 16)), pruned(ABOVE, size=(depth, 16)))]
    assert asked(SIZES, *records).answer == "1x16, 2x16, 3x16, 4x16 and 2 more"


def test_which_pruning() -> None:
    yardstick = dense(LEVEL)
    verdict = asked(PRUNING, yardstick, pruned(ABOVE))
    assert (verdict.answer, verdict.sentence) == (NOT_ASKED, "Only one pruned setting was run, magnitude 0.8.")
    verdict = asked(PRUNING, yardstick, pruned(ABOVE[:10] + LEVEL[:2], 0.5), pruned(ABOVE, 0.8), pruned(BELOW, 0.9))
    assert verdict.answer == "magnitude 0.8 and magnitude 0.5", "the one that wins most often first"
    assert verdict.sentence == (
        "2 of 3 pruned settings beat the dense MILP beyond chance, most often magnitude 0.8: on 12 of 12 images of 2x16."
    )
    assert verdict.evidence.startswith(
        "2x16, better/worse than the dense MILP of 12 images: magnitude 0.5 10/0 (sure), magnitude 0.8 12/0 (sure), "
        "magnitude 0.9 0/12 (sure)."
    )
    assert asked(PRUNING, yardstick, pruned(LEVEL, 0.5), pruned(BELOW, 0.8)).answer == NONE
    nothing = asked(PRUNING, yardstick, pruned(LEVEL, 0.5), pruned(LEVEL, 0.8))
    assert nothing.answer == UNCLEAR
    assert nothing.sentence == (
        "No pruned setting beats the dense MILP beyond chance. A test needs 6 images that differ; here there are at most 0."
    )
    few = [dense(LEVEL[:4]), *(pruned(ABOVE[:4], amount) for amount in (0.5, 0.8))]
    assert asked(PRUNING, *few).answer == FEW


@pytest.mark.parametrize(
    ("copies", "answer", "sentence"),
    [
        ([ALL_AT_1, ALL_AT_1], YES, "magnitude 0.5 is sooner on 12 and later on 0 of 12 images."),
        ([ALL_AT_9, ALL_AT_9], NO, "magnitude 0.5 is sooner on 0 and later on 12 of 12 images."),
        (
            [ALL_AT_1, ALL_AT_9],
            MIXED,
            "magnitude 0.5 is sooner on 12 and later on 0 of 12 images. magnitude 0.8 is sooner on 0 and later on 12 of 12 "
            "images.",
        ),
        ([MIXED_TIMES, MIXED_TIMES], UNCLEAR, "Nothing differs beyond chance."),
    ],
)
def test_sooner(copies: Sequence[Sequence[Outcome]], answer: str, sentence: str) -> None:
    records = [dense(ALL_AT_2), *(pruned(one, amount) for one, amount in zip(copies, (0.5, 0.8), strict=True))]
    verdict = asked(SOONER, *records)
    assert (verdict.answer, verdict.sentence) == (answer, sentence)


def test_the_whole_evidence() -> None:
    verdict = asked(SOONER, dense(ALL_AT_2), pruned(ALL_AT_1))
    assert verdict.evidence == (
        "magnitude 0.8 was sooner on 12 of 12 images (100 %, 95 % interval 74 to 100 %), worse on 0, 2 times as fast where "
        "both found one (median, 95 % interval 2 to 2); sign test p < 0.001, corrected < 0.001."
    )


def test_where_nobody_found_anything_nobody_is_sooner() -> None:
    verdict = asked(SOONER, dense(LEVEL), pruned(LEVEL))
    assert verdict.answer == UNCLEAR
    assert verdict.sentence == "Neither the pruned copies nor the dense MILP found an adversarial input."


@pytest.mark.parametrize("question", [SIZES, PRUNING, LIMIT, SOONER])
def test_too_few_images_are_said_to_be_too_few_however_many_networks_attack_them(question: int) -> None:
    records = []
    better = [(1.0 + margin, 1.0) for margin, _ in ABOVE[:4] if margin is not None]
    for size in ((2, 16), (4, 64)):
        records += [dense(ALL_AT_2[:4], size), pruned(better, size=size), pruned(better, 0.5, size=size)]
    verdict = asked(question, *records)
    assert verdict.answer == FEW
    text = verdict.sentence + verdict.evidence
    assert "fewer than 6 instances" in text or "needs 6 images that differ; here there are at most 4." in text


def test_each_network_is_corrected_for_its_own_settings() -> None:
    """Six of six is p = 0.031: real for one setting of a network, not for the better of two."""
    sooner, yardstick = times([1.0] * 6), times([2.0] * 6)
    apart = [make for size in ((2, 16), (4, 64)) for make in (dense(yardstick, size), pruned(sooner, size=size))]
    assert asked(SOONER, *apart).answer == YES
    assert "On 2x16, magnitude 0.8 is sooner on 6" in asked(SOONER, *apart).sentence
    assert asked(SOONER, *apart).evidence.startswith("2x16: magnitude 0.8 was sooner on 6 of 6 images")
    together = [dense(yardstick), pruned(sooner), pruned(sooner, 0.5)]
    assert asked(SOONER, *together).answer == UNCLEAR
    assert "p = 0.031, corrected 0.062." in asked(SOONER, *together).evidence


def test_finetuning() -> None:
    plain = pruned(times([2.0] * IMAGES, 1.0))
    assert asked(FINETUNING, plain).answer == NOT_ASKED
    assert asked(FINETUNING, plain, pruned(ALL_AT_1, 0.5, rounds=1)).answer == NOT_ASKED

    def tuned(seconds: float, margin: float) -> Verdict:
        return asked(FINETUNING, plain, pruned(times([seconds] * IMAGES, margin), rounds=1))

    assert tuned(1.0, 2.0).answer == YES
    assert tuned(1.0, 2.0).sentence == "The finetuned copy has the larger margin on 12 and the smaller one on 0 of 12 images."
    assert tuned(9.0, 0.5).answer == NO
    assert tuned(1.0, 0.5).answer == MIXED
    same = tuned(2.0, 1.0)
    assert same.answer == UNCLEAR, "finetuning takes 10 s here, but its cost alone is no answer"
    said = {line.split(" on ")[0]: line for line in same.evidence.splitlines()}
    assert "worse on 0, 12 equal" in said["The finetuned copy was sooner"]
    assert "worse on 12" in said["The finetuned copy was sooner with pruning and finetuning counted"]
    few = asked(FINETUNING, pruned([(None, None)] * 3), pruned([(None, None)] * 3, rounds=1))
    assert few.answer == FEW


def test_the_gradient_attack_as_the_yardstick() -> None:
    assert asked(BEATS_GRADIENT, dense(ABOVE)).answer == NOT_ASKED
    assert asked(BEATS_GRADIENT, dense(ABOVE), gradient(LEVEL)).answer == YES
    assert asked(BEATS_GRADIENT, dense(ABOVE), gradient(margins([5.0] * IMAGES))).answer == NO
    assert asked(BEATS_GRADIENT, dense(ABOVE), gradient(ABOVE)).answer == UNCLEAR


def test_lengths_are_judged_as_margins_are() -> None:
    copies = [closest([length] * IMAGES, f"s{length}", method="magnitude", amount=length) for length in (0.4, 0.5)]
    verdict = asked(PRUNING, closest([2.0] * IMAGES), *copies)
    assert verdict.answer == "magnitude 0.4 and magnitude 0.5"
    assert asked(SIZES, closest([2.0] * IMAGES), *copies).answer == "2x16"


def test_pairs_of_several_networks_of_one_size_are_not_called_images() -> None:
    records = []
    for seed in range(2):
        for record in (dense(ALL_AT_2), pruned(ALL_AT_1)):
            record.key, record.baseline_key = f"{record.key}-{seed}", f"{record.baseline_key}-{seed}"
            record.config["training"]["seed"] = seed
            for instance in record.instances:
                instance.instance_key += f"-{seed}"
            records.append(record)
    verdict = asked(SOONER, *records)
    assert verdict.sentence == "magnitude 0.8 is sooner on 24 and later on 0 of 24 instances."
    assert "was sooner on 24 of 24 instances of 12 images (100 %" in verdict.evidence


def test_properties_are_questions_not_images() -> None:
    records = [dense(ALL_AT_2), pruned(ALL_AT_1)]
    for record in records:
        for place, instance in enumerate(record.instances):
            instance.image, instance.question, instance.task = None, f"prop {place}", "property"
    assert "12 of 12 instances" in asked(SOONER, *records).evidence


def test_all_questions_are_answered_also_of_attacks_that_have_no_surrogate() -> None:
    found = results(trial(ALL_AT_1, "p", attack="portfolio"), gradient(ALL_AT_2))
    said = verdicts(found, win_table(found))
    assert len(said) == len({one.question for one in said}) == 6
    assert [one.answer for one in said] == [NOT_ASKED] * 5 + [UNCLEAR]


def test_headline_sizes_and_pruning_never_contradict_each_other() -> None:
    """One family of tests is behind all three, whatever the counts are."""
    for copies in ([ABOVE, BELOW], [ABOVE[:7] + BELOW[:5], ABOVE[:8] + LEVEL[:4]], [LEVEL, LEVEL], [BELOW, LEVEL]):
        records = [dense(LEVEL), *(pruned(one, amount) for one, amount in zip(copies, (0.5, 0.8), strict=True))]
        sizes, pruning = asked(SIZES, *records), asked(PRUNING, *records)
        assert (sizes.answer == "2x16") == (
            "beat the dense MILP beyond chance" in pruning.sentence and "2x16" in pruning.sentence
        )
