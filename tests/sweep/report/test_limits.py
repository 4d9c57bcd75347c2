"""Which time limit pays: the curves and the answer against hand-computed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from making import closest, dense, gradient, margins, pruned, results, times

from sweep.records import TrialRecord
from sweep.report.answers import FEW, NONE, NOT_ASKED, PAYS, UNCLEAR
from sweep.report.comparisons import pairs_with_dense, win_table
from sweep.report.limits import limit_answer, limit_curves, limit_tests, limits_of
from sweep.report.results import Results
from sweep.report.sizes import size_answers
from sweep.report.trajectories import trajectories

Met = Sequence[tuple[float, float]]
"""Seconds and margin of what an attack met."""


def timed(record: TrialRecord, met: Sequence[Met]) -> TrialRecord:
    """Return the trial with these timelines, an image each; the limit is 10 s, and each attack used all of it."""
    record.config["solver"]["time_limit_seconds"] = 10.0
    for instance, events in zip(record.instances, met, strict=True):
        instance.timeline = [{"seconds": at, "dense_value": margin} for at, margin in events]
        instance.dense_value = max((margin for _, margin in events), default=None)
        found = [at for at, margin in events if margin > 0.0]
        instance.first_found_seconds = found[0] if found else None
        instance.total_seconds = 10.0
    return record


def met(yardstick: Sequence[Met], copy: Sequence[Met], size: tuple[int, int] = (2, 16)) -> list[TrialRecord]:
    nothing = margins([None] * len(yardstick))
    return [timed(dense(nothing, size), yardstick), timed(pruned(nothing, size=size), copy)]


def curve(found: Results, setting: str = "magnitude 0.8") -> list[tuple[Any, ...]]:
    frame = limit_curves(found)
    columns = ["seconds", "won", "lost", "pairs", "success", "instances"]
    return list(frame.loc[frame["setting"] == setting, columns].itertuples(index=False, name=None))


def test_a_curve_has_a_row_for_each_moment_at_which_something_changes() -> None:
    yardstick = [[(1.0, -3.0), (4.0, 2.0)], [(1.0, -3.0)]]
    copy = [[(0.5, -2.0), (2.0, -1.0), (3.0, 0.5), (9.0, 0.5)], [(0.5, -3.0), (6.0, -2.0), (7.0, -4.0)]]
    assert curve(results(*met(yardstick, copy))) == [
        (0.0, 0, 0, 2, 0, 2),
        (0.5, 2, 0, 2, 0, 2),  # something is better than nothing
        (1.0, 1, 0, 2, 0, 2),  # on the second image the dense MILP is equal now
        (3.0, 1, 0, 2, 1, 2),  # the first witness
        (4.0, 0, 1, 2, 1, 2),  # the dense MILP overtakes on the first image
        (6.0, 1, 1, 2, 1, 2),  # and what is met later and is worse changes nothing
    ]


def test_settings_without_a_yardstick_have_their_successes_and_no_pairs() -> None:
    found = results(*met([[(4.0, 2.0)]], [[(5.0, 1.0)]]), timed(gradient(margins([None])), [[(0.1, 1.0)]]))
    assert curve(found, "dense MILP") == [(0.0, 0, 0, 0, 0, 1), (4.0, 0, 0, 0, 1, 1)]
    assert curve(found, "gradient")[1] == (0.1, 1, 0, 1, 1, 1)
    assert limit_curves(results()).empty
    assert curve(results(pruned(times([2.0])))) == [(0.0, 0, 0, 0, 0, 1), (2.0, 0, 0, 0, 1, 1)]


def test_equal_means_what_it_means_everywhere() -> None:
    assert curve(results(*met([[(1.0, 3.0)]], [[(1.0, 3.0 + 1e-6)]])))[-1][1:3] == (0, 0)
    assert curve(results(*met([[(1.0, 3.0)]], [[(1.0, 3.0 + 1e-5)]])))[-1][1:3] == (1, 0)


def test_at_its_end_a_curve_says_what_the_win_table_says() -> None:
    import synthetic

    found = results(*synthetic.sweep())
    last = limit_curves(found).groupby(["network", "setting"]).last()
    table = win_table(found)
    for row in table[(table["yardstick"] == "dense MILP") & (table["network"] != "all networks")].to_dict("records"):
        end = last.loc[(row["network"], row["setting"])]
        assert (end["won"], end["lost"], end["pairs"]) == (row["value_wins"], row["value_losses"], row["value_pairs"])


def test_lengths_are_better_the_shorter_they_are() -> None:
    records = met([[(1.0, -1.0)]] * 2, [[(1.0, -1.0)]] * 2)
    for record, lengths in zip(records, ([(2.0, 4.0), (5.0, 2.0)], [(1.0, 3.0), (8.0, 1.0)]), strict=True):
        record.config["attack"]["objective"] = "closest"
        for place, instance in enumerate(record.instances):
            instance.objective, instance.status, instance.dense_value = "closest", "adversarial", 1e-6
            instance.timeline = [{"seconds": at, "dense_value": 1e-6, "norm": norm} for at, norm in lengths]
            instance.timeline.insert(0, {"seconds": 0.1, "dense_value": -1.0})
            instance.l1 = lengths[-1][1]
            if place and record is records[0]:  # the dense MILP found none here
                instance.status, instance.l1, instance.timeline = "unresolved", None, []
    assert [row[:3] for row in curve(results(*records))] == [(0.0, 0, 0), (1.0, 2, 0), (5.0, 1, 1), (8.0, 2, 0)]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (10.0, [0.2, 0.5, 1.0, 2.0, 5.0, 10.0]),
        (30.0, [1.0, 2.0, 5.0, 10.0, 20.0, 30.0]),
        (300.0, [10.0, 20.0, 50.0, 100.0, 200.0, 300.0]),
        (0.5, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]),
    ],
)
def test_which_limits_are_tested_hangs_on_the_limit_alone(limit: float, expected: list[float]) -> None:
    assert limits_of(limit) == pytest.approx(expected)


def test_limits_that_were_swept_are_those_that_are_tested() -> None:
    records = met([STILL] * 12, [AHEAD_FROM_2] * 12)
    for record in records:
        record.limits = [3.0, 10.0]
    verdict = limit_answer(results(*records))
    assert verdict.answer == "From 3 s on"
    assert "0/0 at" not in verdict.evidence
    assert "Tested at 3 s and 10 s, not chosen by what was found." in verdict.evidence


def test_of_the_closest_perturbation_no_run_holds_the_answer_for_a_shorter_limit() -> None:
    verdict = limit_answer(results(closest([2.0] * 8), closest([1.0] * 8, "s", method="magnitude", amount=0.8)))
    assert verdict.answer == NOT_ASKED
    assert "plans by its limit" in verdict.sentence


AHEAD_FROM_2: Met = [(0.1, -5.0), (1.5, 1.0)]
AHEAD_FROM_5: Met = [(0.1, -5.0), (4.0, 1.0)]
STILL: Met = [(0.1, -5.0)]


def test_from_which_limit_on_a_pruned_copy_is_ahead() -> None:
    verdict = limit_answer(results(*met([STILL] * 12, [AHEAD_FROM_2] * 12)))
    assert verdict.answer == "From 2 s on"
    assert verdict.sentence == (
        "magnitude 0.8 is ahead of the dense MILP beyond chance from 2 s on; after 1.5 s the winner changes on at most 1 image."
    )
    assert "0/0 at 1 s, 12/0 at 2 s, 12/0 at 5 s, 12/0 at 10 s" in verdict.evidence
    assert "Tested at 0.2 s, 0.5 s, 1 s, 2 s, 5 s and 10 s," in verdict.evidence
    assert verdict.is_sure


def test_until_the_dense_milp_catches_up() -> None:
    solved: Met = [(0.1, -5.0), (4.0, 3.0)]
    verdict = limit_answer(results(*met([solved] * 12, [[(0.1, -5.0), (0.4, 1.0)]] * 12)))
    assert verdict.answer == "From 0.5 s to 2 s"
    assert "The dense MILP has caught up after 4 s." in verdict.evidence


def test_winners_that_change_late_say_that_more_time_may_matter() -> None:
    late: Met = [(0.1, -5.0), (7.0, 1.0)]
    verdict = limit_answer(results(*met([STILL] * 12, [late] * 12)))
    assert verdict.answer == "From 10 s on"
    assert verdict.sentence.endswith("the winner still changes after 7 s, so more time may change the answer.")


def test_shorter_limits_and_settings_are_corrected_for_together_and_the_end_as_the_size_is() -> None:
    """Seven of seven is p = 0.016: enough for three tests, not for four."""

    def tests(*copies: Met) -> list[float]:
        records = met([STILL] * 7, [copies[0]] * 7)
        for place, copy in enumerate(copies[1:]):
            records.append(timed(pruned(margins([None] * 7), 0.1 * (place + 1)), [copy] * 7))
        found = results(*records)
        pairs = pairs_with_dense(found)
        tested = limit_tests(found, pairs, trajectories(found, pairs))
        return [one.p for label in dict.fromkeys(pairs["setting"]) for one in tested if one.setting == label]

    p = 2 / 128
    assert tests([(0.1, -5.0), (1.5, 1.0)]) == pytest.approx([1.0, 1.0, 1.0, 2 * p, 2 * p, p])
    assert tests([(0.1, -5.0), (0.4, 1.0)]) == pytest.approx([1.0, 4 * p, 4 * p, 4 * p, 4 * p, p])
    both = tests([(0.1, -5.0), (1.5, 1.0)], [(0.1, -5.0), (4.0, 1.0)])
    assert both[:3] == [1.0] * 3, "where fewer than six images differ there is no test"
    assert both[3:6] == pytest.approx([3 * p, 3 * p, 2 * p])
    assert both[6:] == pytest.approx([1.0, 1.0, 1.0, 1.0, 3 * p, 2 * p])


def test_at_the_limit_of_the_runs_it_never_contradicts_the_size() -> None:
    """Six of six at the end is sure of one setting, however many shorter limits were tested."""
    late: Met = [(0.1, -5.0), (9.0, 1.0)]
    found = results(*met([STILL] * 6, [late] * 6))
    (size,) = size_answers(found, win_table(found))
    assert size.verdict == PAYS
    assert limit_answer(found).answer == "From 10 s on"


def test_one_copy_may_be_ahead_at_first_and_another_in_the_end() -> None:
    quick, slow = [(0.1, -5.0), (0.4, 1.0)], [(0.1, -5.0), (8.0, 3.0)]
    solved: Met = [(0.1, -5.0), (4.0, 2.0)]
    records = met([solved] * 12, [quick] * 12)
    records.append(timed(pruned(margins([None] * 12), 0.5), [slow] * 12))
    verdict = limit_answer(results(*records))
    assert verdict.answer == "From 0.5 s to 2 s and from 10 s on"
    assert verdict.sentence.startswith("magnitude 0.8 is ahead of the dense MILP beyond chance from 0.5 s to 2 s;")
    first, second, _ = verdict.evidence.splitlines()
    assert first.startswith("2x16, magnitude 0.8, better/worse")
    assert second.startswith("2x16, magnitude 0.5, better/worse")


def test_limits_between_which_nobody_is_ahead_are_left_out() -> None:
    again = [(0.1, -5.0), (0.4, 1.0), (8.0, 3.0)]
    verdict = limit_answer(results(*met([[(0.1, -5.0), (1.5, 1.0)]] * 12, [again] * 12)))
    assert verdict.answer == "From 0.5 s to 1 s and from 10 s on"
    assert "beyond chance from 0.5 s to 1 s and from 10 s on;" in verdict.sentence


def test_several_networks_each_with_its_own_limits() -> None:
    records = met([STILL] * 12, [AHEAD_FROM_2] * 12) + met([STILL] * 12, [STILL] * 12, (4, 64))
    verdict = limit_answer(results(*records))
    assert verdict.answer == "2x16 from 2 s on"
    assert verdict.sentence == "A pruned copy is ahead of the dense MILP beyond chance on 2x16 from 2 s on."
    assert "4x64: at every limit magnitude 0.8 has the same value as the dense MILP." in verdict.evidence
    records = [one for depth in range(1, 4) for one in met([STILL] * 12, [AHEAD_FROM_2] * 12, (depth, 16))]
    three = limit_answer(results(*records))
    assert three.answer == "1x16 from 2 s on; 2x16 from 2 s on; 3x16 from 2 s on"
    assert three.sentence.endswith("on 1x16 from 2 s on, 2x16 from 2 s on and 3x16 from 2 s on.")
    four = limit_answer(results(*records, *met([STILL] * 12, [AHEAD_FROM_2] * 12, (4, 16))))
    assert four.answer == "Ahead from 2 s on, on 4 of 4 networks"
    records += [*met([STILL] * 12, [STILL] * 12, (4, 16)), *met([STILL] * 12, [AHEAD_FROM_5] * 12, (5, 16))]
    later = limit_answer(results(*records))
    assert later.answer == "Ahead from 2 s at the earliest and 5 s at the latest, on 4 of 5 networks"
    records += met([STILL, *[AHEAD_FROM_5] * 11], [AHEAD_FROM_2] * 12, (6, 16))
    assert limit_answer(results(*records)).answer == "Ahead at some limits, on 5 of 6 networks"


@pytest.mark.parametrize(
    ("yardstick", "copy", "images", "answer"),
    [(STILL, AHEAD_FROM_2, 5, FEW), (STILL, STILL, 12, UNCLEAR), (AHEAD_FROM_2, STILL, 12, NONE)],
)
def test_where_no_limit_pays(yardstick: Met, copy: Met, images: int, answer: str) -> None:
    verdict = limit_answer(results(*met([yardstick] * images, [copy] * images)))
    assert verdict.answer == answer
    assert verdict.sentence == "At no limit up to 10 s is a pruned copy ahead of the dense MILP beyond chance."
    assert ("A test needs 6 images that differ; here there are at most 5." in verdict.evidence) == (answer == FEW)


def test_without_a_dense_milp_or_a_pruned_copy_it_is_not_asked() -> None:
    for records in ([], [dense(times([1.0]))], [pruned(times([1.0]))]):
        assert limit_answer(results(*records)).answer == NOT_ASKED
