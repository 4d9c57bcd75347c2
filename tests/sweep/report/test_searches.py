"""The answer of a search: the best trial, ties, the Pareto front, the commands, and what its figures are drawn from."""

from __future__ import annotations

import dataclasses
import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawing import KINDS, drawn, look_at
from making import results, trial
from test_page import page_of

from sweep.planning.search.importance import FEWEST
from sweep.records import TrialRecord
from sweep.report.ranking import rank
from sweep.report.ranking_table import legend
from sweep.report.results import Results, Searched, SweepState
from sweep.report.searches import (
    MOST_ROWS,
    NOT_SET,
    SearchAnswer,
    answer_of,
    front_rows,
    in_lines,
    in_markdown,
    on_front,
    too_few,
)

OVERRIDES = ("pruning=magnitude,random", "pruning.amount=interval(0.3,0.9)", "search=optuna", "sweep.name='my sweep'")

AGAIN = (
    "python -m sweep hydra.mode=RUN pruning=magnitude pruning.amount={} 'sweep.name='\"'\"'my sweep'\"'\"'' sweep.resume=false"
)


def searched(*objectives: str, overrides: tuple[str, ...] = OVERRIDES, trials: int = 9) -> SweepState:
    return SweepState("made-up", trials, trials, searched=Searched(objectives, overrides))


def pruned(number: int, margin: float | None, **changed: Any) -> TrialRecord:
    """Return the trial of a search with this number: its amount goes by the number."""
    amount = round(0.3 + 0.01 * number, 2)
    record = trial([(margin, None)], f"trial {number}", method="magnitude", amount=amount)
    record.name, record.swept = f"2x16 magnitude {amount}", {"pruning": "magnitude", "pruning.amount": amount}
    for name, value in changed.items():
        setattr(record, name, value)
    return record


def answered(*records: TrialRecord, objectives: tuple[str, ...] = ("margin",)) -> SearchAnswer:
    found = answer_of(results(*records, state=searched(*objectives, trials=len(records))))
    assert found is not None
    return found


def data_of(name: str, found: Results) -> pd.DataFrame:
    return KINDS[name].data(found, look_at(found))


def test_the_best_trial_and_its_command() -> None:
    found = answered(pruned(1, -1.0), pruned(2, 2.0), pruned(3, 1.5))
    assert in_lines(found) == [
        "Best of 3 finished trials by margin (larger is better): 2x16 magnitude 0.32 with margin 2.",
        f"To run it again alone: {AGAIN.format(0.32)}",
    ]
    assert in_markdown(found).endswith(f"To run it again alone:\n\n```\n{AGAIN.format(0.32)}\n```\n")


def test_the_answer_says_that_an_instance_without_a_value_counts_unlike_in_the_ranking() -> None:
    records = [pruned(1, 1.0), pruned(2, 2.0)]
    first = records[0].instances[0]
    more = [dataclasses.replace(first, instance_key=key, dense_value=value) for key, value in (("b", 1.5), ("c", None))]
    records[0].instances += more
    lacks = " Here an instance without a value counts as the worst; the ranking's medians leave it out."
    assert answered(*records).sentence.endswith(f"magnitude 0.32 with margin 2.{lacks}")
    assert lacks not in answered(*records, objectives=("total_seconds",)).sentence
    assert "median (n/m): of n of m instances" in legend(rank(records))


def test_of_several_time_limits_the_command_has_the_longest() -> None:
    overrides = ("pruning.amount=interval(0.3,0.9)", "solver.time_limit_seconds=5,20,10")
    found = answer_of(results(pruned(1, 1.0), state=searched("margin", overrides=overrides)))
    assert found is not None
    assert "pruning.amount=0.31 solver.time_limit_seconds=20.0 sweep.resume=false" in found.command(found.front[0])


def test_smaller_may_be_better_and_trials_without_a_value_are_none() -> None:
    found = answered(pruned(1, 1.0, accuracy_dense=0.9), pruned(2, None), pruned(3, 3.0), objectives=("total_seconds",))
    for one in found.candidates:
        assert one.values == (found.objectives[0].value(one.record),)
    assert "by total_seconds (smaller is better)" in found.sentence
    found = answered(
        pruned(1, None, accuracy_surrogate=None), pruned(2, 1.0, accuracy_surrogate=None), objectives=("accuracy",)
    )
    assert in_lines(found) == ["None of 2 finished trials has a value of accuracy (larger is better): there is no best one."]


@pytest.mark.parametrize(
    ("others", "said"), [([2.0], "1 other trial is as good."), ([2.0 - 1e-7, 2.0], "2 other trials are as good.")]
)
def test_trials_that_are_as_good_are_counted(others: list[float], said: str) -> None:
    found = answered(pruned(1, 1.0), pruned(2, 2.0), *(pruned(3 + n, margin) for n, margin in enumerate(others)))
    assert found.sentence.endswith(said)
    assert found.best[0][1].number == 2


def test_no_sweep_without_objectives_and_no_several_sweeps_have_an_answer() -> None:
    records = [pruned(1, 1.0), pruned(2, 2.0)]
    assert answer_of(results(*records)) is None
    assert in_lines(None) == []
    two = results(*records, state=searched("margin"))
    assert (
        answer_of(Results((*two.sweeps, *two.sweeps), two.records, two.groups, two.trials, two.instances, two.events)) is None
    )


def traded() -> list[TrialRecord]:
    """Trials 1, 2 and 4 are on the front of margin and accuracy; 3 is beaten by 2, and 5 by 4 in one alone."""
    values = [(1.0, 0.9), (2.0, 0.8), (1.5, 0.7), (3.0, 0.5), (3.0, 0.4)]
    return [pruned(number, margin, accuracy_surrogate=accuracy) for number, (margin, accuracy) in enumerate(values, 1)]


def test_the_pareto_front_has_a_table_with_commands() -> None:
    found = answered(*traded(), objectives=("margin", "accuracy"))
    assert [one.number for one in found.front] == [4, 2, 1]
    lines = in_lines(found)
    assert lines[0].startswith(
        "3 of 5 finished trials are on the Pareto front of margin (larger is better) and accuracy (larger is better): no other"
    )
    assert (
        lines[1] == f"Best margin: 2x16 magnitude 0.34 with margin 3, accuracy 0.5. To run it again alone: {AGAIN.format(0.34)}"
    )
    assert lines[2].startswith("Best accuracy: 2x16 magnitude 0.31 with margin 1, accuracy 0.9. To run")
    rows = front_rows(found)
    assert [row["trial"] for row in rows] == ["2x16 magnitude 0.34", "2x16 magnitude 0.32", "2x16 magnitude 0.31"]
    assert (rows[1]["margin"], rows[1]["accuracy"], rows[1]["command"]) == ("2", "0.8", AGAIN.format(0.32))
    assert front_rows(answered(*traded())) == []


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_the_front_is_what_no_other_beats(objectives: int) -> None:
    costs = np.random.default_rng(objectives).integers(0, 6, (60, objectives)).astype(float)
    expected = {
        place for place, mine in enumerate(costs) if not any((other <= mine).all() and (other < mine).any() for other in costs)
    }
    found = on_front(costs)
    assert set(found) == expected
    assert len(found) == len(expected)


def test_the_page_has_the_answer_before_all_else(tmp_path: Path) -> None:
    state = searched("margin", "accuracy", trials=5)
    text = page_of(tmp_path, *traded(), state=state).text
    assert text.index("What the search found") < text.index("The questions")
    assert "Pareto front of margin (larger is better) and accuracy (larger is better)" in text
    for amount in (0.31, 0.32, 0.34):
        assert AGAIN.format(amount) in text
    assert AGAIN.format(0.33) not in text
    assert f"takes {FEWEST} finished trials with a value; there are 5." in text
    assert (tmp_path / "search.md").read_text() == in_markdown(answered(*traded(), objectives=("margin", "accuracy")))
    for title in ("How the search went", "Which setting the objective depends on"):
        assert title not in page_of(tmp_path / "grid", *traded()).text
    assert not (tmp_path / "grid" / "search.md").exists()


def test_a_long_front_is_cut_in_the_table(tmp_path: Path) -> None:
    records = [pruned(number, float(number), accuracy_surrogate=1.0 / number) for number in range(1, MOST_ROWS + 4)]
    text = page_of(tmp_path, *records, state=searched("margin", "accuracy", trials=len(records))).text
    assert "3 more on the front." in text


def many(number: int) -> list[TrialRecord]:
    """Return trials whose margin depends on the pruning most; where there is none, the amount matters not."""
    draw = random.Random(0)
    records = []
    for place in range(number):
        is_pruned = draw.random() < 0.6
        record = pruned(place, draw.random() + 5.0 * is_pruned, accuracy_surrogate=draw.random())
        if not is_pruned:
            record.swept = {"pruning": "none"}
        records.append(record)
    return records


def test_the_history_of_each_objective() -> None:
    data = data_of("history", results(*traded(), state=searched("margin", "total_seconds")))
    margin = data[data["objective"] == "margin"]
    assert list(margin["value"]) == [1.0, 2.0, 1.5, 3.0, 3.0]
    assert list(margin["best"]) == [1.0, 2.0, 2.0, 3.0, 3.0]
    assert list(margin["number"]) == [1, 2, 3, 4, 5]
    seconds = data[data["objective"] == "total_seconds"]
    assert list(seconds["best"]) == list(itertools.accumulate(seconds["value"], min))
    assert list(data.groupby("objective")["better"].first()) == ["larger is better", "smaller is better"]


def test_the_importance_of_what_was_swept() -> None:
    found = results(*many(FEWEST), state=searched("margin", "accuracy"))
    data = data_of("importance", found)
    margin = data[data["objective"] == "margin"].set_index("key")["share"]
    assert margin["pruning"] > 0.8
    assert margin.sum() == pytest.approx(1.0)
    answer = answer_of(found)
    assert answer is not None
    assert too_few(answer) is None
    fewer = answered(*many(FEWEST - 1))
    assert (
        too_few(fewer)
        == f"To say which setting the objective depends on takes {FEWEST} finished trials with a value; there are 29."
    )
    assert too_few(answered(pruned(1, 1.0, swept={"pruning.amount": 0.5}))) is None, "there is one key, so it is that"


def test_a_group_that_changes_nothing_in_a_trial_has_a_value_of_its_own() -> None:
    records = [pruned(1, 1.0), pruned(2, 1.0, swept={"attack": "gradient"})]
    assert answered(*records).settings == [
        {"pruning": "magnitude", "pruning.amount": 0.31, "attack": NOT_SET},
        {"pruning": NOT_SET, "pruning.amount": 0.32, "attack": "gradient"},
    ]


def test_the_front_is_drawn_from_all_trials() -> None:
    data = data_of("front", results(*traded(), state=searched("margin", "accuracy")))
    assert list(data["front"]) == [True, True, False, True, False]
    assert list(data["accuracy"]) == [0.9, 0.8, 0.7, 0.5, 0.4]


@pytest.mark.few(3)
@pytest.mark.parametrize("objectives", [("margin",), ("margin", "accuracy"), ("margin", "accuracy", "total_seconds")])
@pytest.mark.parametrize("name", ["history", "importance", "front"])
def test_figures_are_drawn(name: str, objectives: tuple[str, ...]) -> None:
    found = results(*many(FEWEST + 5), state=searched(*objectives))
    look = look_at(found)
    data = KINDS[name].data(found, look)
    if name == "front" and len(objectives) == 1:
        assert data.empty
        return
    figure = drawn(KINDS[name], data, look, laid_out=True)
    assert all(ax.has_data() for ax in figure.axes if ax.axison)
    assert KINDS[name].caption(data, look).endswith(".")


@pytest.mark.parametrize("name", ["history", "importance", "front"])
def test_no_figure_is_empty(name: str) -> None:
    for records, state in (([pruned(1, 1.0)], searched("margin", "accuracy")), (many(40), None)):
        found = results(*records, state=state)
        assert KINDS[name].data(found, look_at(found)).empty
