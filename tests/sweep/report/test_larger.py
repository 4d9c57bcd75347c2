"""Is a larger network worth it? Sizes of one problem are compared in truth, by the same method."""

from __future__ import annotations

from typing import Any

import pytest
from making import results
from making_models import MODELS, modelled

from sweep.records import TrialRecord
from sweep.report.answers import MIXED, NO, NOT_ASKED, UNCLEAR, YES
from sweep.report.comparisons import win_table
from sweep.report.larger import QUESTION, has_sizes, larger_pays, size_table
from sweep.report.verdicts import verdicts

BETTER = {"blending": 1.0, "constrained": -1.0}


def sized(width: int, gain: float, problem: str = "blending", method: str = "walk", **changed: Any) -> TrialRecord:
    """Return a trial on networks of a width, whose decisions are worth ``gain`` more in truth than 10, and a little more."""
    record = modelled([10.0 + seed for seed in range(MODELS)], problem, method, true=0.0, **changed)
    record.config["network"] = {**record.config["network"], "width": width}
    record.key += f" {width}"
    for seed, one in enumerate(record.instances):
        assert one.true_value is not None
        one.true_value += BETTER[problem] * gain * (1.0 + 0.01 * seed)
        one.instance_key += f" {width}"  # another network, so another instance
    return record


@pytest.mark.parametrize("problem", BETTER)
@pytest.mark.parametrize(("gain", "answer"), [(1.0, YES), (-1.0, NO), (0.0, UNCLEAR)])
def test_the_truth_decides_in_its_own_sense(problem: str, gain: float, answer: str) -> None:
    found = larger_pays(results(sized(16, 0.0, problem), sized(32, gain, problem)))
    assert (found.question, found.answer) == (QUESTION, answer)
    if answer == YES:
        assert found.sentence == (
            f"On {problem} 2x32, walk (against 2x16) has the truly better decision on {MODELS} and the worse one on 0 of "
            f"{MODELS} models."
        )


def test_each_size_is_compared_with_the_next_smaller_one_whatever_their_order() -> None:
    table = size_table(results(sized(64, 3.0), sized(8, 1.0), sized(16, 2.0), sized(16, 2.0, method="dense")))
    assert list(zip(table["network"], table["setting"], strict=True)) == [
        ("blending 2x16", "walk (against 2x8)"),
        ("blending 2x64", "walk (against 2x16)"),
    ]
    assert list(table["truth_wins"]) == [MODELS, MODELS]


def test_equally_many_neurons_are_not_compared() -> None:
    deep = sized(8, 1.0)
    deep.config["network"]["depth"] = 4
    deep.key += " deep"
    assert not has_sizes(results(sized(16, 0.0), deep))
    table = size_table(results(sized(16, 0.0), deep, sized(64, 3.0)))
    assert sorted(table["setting"]) == ["walk (against 2x16)", "walk (against 4x8)"]


def test_a_decision_of_unknown_truth_is_not_compared() -> None:
    small, large = sized(16, 0.0), sized(32, 1.0)
    for one in large.instances[:5]:
        one.true_value = None
    (row,) = size_table(results(small, large)).to_dict("records")
    assert (row["truth_wins"], row["truth_losses"], row["pairs"]) == (MODELS - 5, 0, MODELS - 5)
    for one in large.instances[5:7]:  # no decision at all loses
        one.true_value = one.dense_value = None
    (row,) = size_table(results(small, large)).to_dict("records")
    assert (row["truth_wins"], row["truth_losses"], row["pairs"]) == (MODELS - 7, 2, MODELS - 5)


def test_a_constraint_that_is_broken_in_truth_counts_before_the_value() -> None:
    found = larger_pays(results(sized(16, 0.0, violation=0.0), sized(32, 5.0, violation=0.1)))
    assert found.answer == NO


def test_problems_are_compared_apart() -> None:
    found = results(sized(16, 0.0), sized(32, 1.0), sized(16, 0.0, "constrained"), sized(32, -1.0, "constrained"))
    assert larger_pays(found).answer == MIXED
    assert [one.question for one in verdicts(found, win_table(found))].count(QUESTION) == 1


def test_where_it_cannot_be_asked() -> None:
    assert not has_sizes(results(sized(16, 0.0)))
    assert not has_sizes(results(sized(16, 0.0), sized(32, 0.0, "constrained")))
    apart = results(sized(16, 0.0), sized(32, 0.0, method="dense"))
    assert has_sizes(apart)
    assert larger_pays(apart).answer == NOT_ASKED
