"""What people read of a user's task without a find whose smaller values are better: its own words, and those of its sense."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from composing import Composer
from counting import stages_of
from drawing import KINDS, look_at
from making import IMAGES, closest, dense, gradient, margins, pruned, results
from own_tasks import LeastTask

from sweep.config.inputs import Inputs
from sweep.config.task_words import words_of
from sweep.records import TrialRecord
from sweep.records.time_limit import records_at_limit
from sweep.report.comparisons import win_table
from sweep.report.page.instances import instances_shown
from sweep.report.page.rendering import value_name
from sweep.report.page.settings_table import legend as legend_of_table
from sweep.report.page.settings_table import settings_table
from sweep.report.phrases import ValueKind, phrases_of
from sweep.report.ranking import rank
from sweep.report.ranking_table import legend, ranking_rows
from sweep.report.results import Results
from sweep.report.settings import group
from sweep.report.sizes import size_answers
from sweep.report.winners import winners
from sweep.report.writing import write_results
from sweep.store import Store
from sweep.trial.trial import run_trial

TASK = "own_tasks:LeastTask"


def ran(composer: Composer, store: Store, *overrides: str) -> list[TrialRecord]:
    """Return the records of the trials of a plan, run in this process."""
    plan = composer.plan(f"task.name={TASK}", "dataset=none", "instances.count=3", *overrides)
    return [run_trial(trial, Inputs(None), None, stages_of(store)) for trial in plan.trials]


def test_a_whole_report_of_a_task_without_networks(composer: Composer, store: Store, tmp_path: Path) -> None:
    """It never says that there was a MILP, an attack or a pruning, and a first find after 0 s breaks nothing."""
    (record,) = ran(composer, store, "attack=gradient", "pruning=magnitude")
    found = results(record)
    (row,) = rank(found.records).to_dict("records")
    assert (row["network"], row["setting"], row["method"], row["optimal"]) == ("LeastTask", "LeastTask", "none", 0)
    record.instances[0].status = "least"
    assert rank(found.records)["optimal"].tolist() == [1], "the task says what is proven"
    write_results(found, tmp_path)
    page = re.sub("<(script|style).*?</(script|style)>", "", (tmp_path / "report.html").read_text(), flags=re.DOTALL)
    assert "LeastTask" in page
    assert not re.search("dense MILP|pruned MILP|magnitude|gradient", page)


def test_a_task_whose_module_is_not_here_is_reported_in_general_words(composer: Composer, store: Store, tmp_path: Path) -> None:
    """Each limit stands for itself: nobody can say whether the task plans by it."""
    records = ran(composer, store, "solver.time_limit_seconds=5,10")
    for record in records:
        record.config["task"]["name"] = "gone:LeastTask"
        for instance in record.instances:
            instance.task = instance.objective = "gone:LeastTask"
    found = results(*records)
    assert (len(found.records), found.shorter) == (2, 0)
    assert (tmp_path / "report.html") in write_results(found, tmp_path)
    assert [record.limit_seconds for record in records_at_limit(records, 5.0)] == [5.0]


def test_first_finds_after_0_seconds_are_compared_and_drawn(composer: Composer, store: Store, tmp_path: Path) -> None:
    records = [dense([(1.0, 0.0)] * IMAGES), pruned([(1.0, 0.0)] * 3 + [(1.0, 1.0)] * (IMAGES - 3)), gradient([(1.0, 0.0)])]
    wins = win_table(results(*records)).set_index("setting")
    assert wins.loc["magnitude 0.8", "time_losses"].tolist()[0] == IMAGES - 3
    assert (tmp_path / "duel.svg") in write_results(results(*records), tmp_path)


def test_settings_of_a_task_are_told_apart_by_what_counts_for_it(composer: Composer) -> None:
    """Nothing of the attack counts for it, so the attack is no part of the setting, and decides on no pruning either."""
    swept = ("pruning=none,magnitude", "pruning.amount=0.5,0.8", "attack=gradient")
    plan = composer.plan("task.name=own_tasks:CopyTask", "dataset=digits", *swept)
    records = [TrialRecord(one.key, one.name, one.config, one.swept, "finished") for one in plan.trials]
    found = group(records)
    assert [one.label for one in found] == ["dense network", "magnitude 0.5", "magnitude 0.8"]
    assert [len(members) for members in found.values()] == [1, 1, 1]
    assert [(one.network, one.is_baseline, one.is_surrogate) for one in found] == [
        ("2x16", True, False),
        ("2x16", False, True),
        ("2x16", False, True),
    ]


def lists(*records: TrialRecord) -> list[TrialRecord]:
    """Return records of images as if their values had been those of a user's task."""
    for record in records:
        for instance in record.instances:
            instance.task = instance.objective = TASK
            instance.sense, instance.status = "minimize", "feasible"
            instance.timeline = [{"seconds": 0.5, "dense_value": instance.dense_value}]
    return list(records)


def of_copies(record: TrialRecord, name: str = "own_tasks:CopyTask") -> TrialRecord:
    """Return the record of images as if another task had asked, about the same networks."""
    record.key, record.baseline_key, record.config["task"] = (
        f"{name} {record.key}",
        f"{name} {record.baseline_key}",
        {"name": name},
    )
    for instance in record.instances:
        instance.task = instance.objective = name
        instance.sense, instance.instance_key = "minimize", f"{name} {instance.instance_key}"
    return record


def test_trials_of_two_tasks_are_never_one_setting() -> None:
    """Smaller values are better of one, larger values of the other: a test of both together says nothing."""
    images = [dense(margins([1.0, 2.0])), pruned(margins([2.0, 3.0]))]
    copies = [of_copies(dense(margins([1.0, 2.0]))), of_copies(pruned(margins([2.0, 3.0])))]
    assert [setting.task for setting in results(*images).settings.values()] == ["", ""], "one task needs no word"
    found = results(*images, *copies)
    dense_labels = ["dense MILP task=image", "dense network task=CopyTask"]
    assert list(found.settings) == [dense_labels[0], "magnitude 0.8 task=image", dense_labels[1], "magnitude 0.8 task=CopyTask"]
    assert {setting.family for setting in found.settings.values() if setting.is_surrogate} == {
        "magnitude task=image",
        "magnitude task=CopyTask",
    }
    wins = win_table(found).set_index("setting")
    counted = wins[["value_wins", "value_losses", "value_pairs"]]
    assert counted.loc["magnitude 0.8 task=image"].tolist() == [2, 0, 2]
    assert counted.loc["magnitude 0.8 task=CopyTask"].tolist() == [0, 2, 2]
    table = settings_table(found, rank(found.records), win_table(found))
    place = table.titles.index("task")
    assert {row[place].text for row in table.rows} == {"image", "CopyTask"}


def test_two_classes_of_one_name_are_told_apart_by_their_modules() -> None:
    copies = [of_copies(dense(margins([1.0])), f"{module}:CopyTask") for module in ("own_tasks", "gone")]
    assert {setting.task for setting in results(*copies).settings.values()} == {"own_tasks:CopyTask", "gone:CopyTask"}


def said_by_figures(found: Results) -> dict[str, str]:
    """Return headings with captions of the figures of values."""
    look, said = look_at(found), {}
    for kind in (KINDS[name] for name in ("value", "pareto", "finetuned")):
        data = kind.data(found, look)
        said[kind.name] = f"{kind.heading(look.phrases)}: {kind.caption(data, look)}"
    return said


def test_the_winner_is_told_in_the_words_of_the_task() -> None:
    (winner,), _ = winners(results(*lists(dense(margins([1.0, 2.0])), gradient(margins([2.0, 3.0])))))
    assert (winner.setting, winner.duels[0].lead) == ("dense MILP", "a cost of 1.5, against 2.5")


def test_the_ranking_is_told_in_the_words_of_the_task() -> None:
    records = lists(dense(margins([1.0, 2.0])))
    records[0].instances[0].status = "least"
    frame = rank(records)
    assert legend(frame) == "optimal: proven to be the smallest."
    _, titles, (row,) = ranking_rows(frame)
    assert dict(zip(titles, row, strict=True))["median cost"] == "1.500", "no sign: nothing is special about a cost of 0"


def test_where_smaller_is_better_on_some_networks_only_the_caption_says_on_which() -> None:
    found, kind = results(*lists(dense(margins([1.0, 2.0])), pruned(margins([2.0, 3.0])))), KINDS["pareto"]
    data = kind.data(found, look_at(found))
    data = pd.concat([data, data.assign(network="2x8", sign=1.0)], ignore_index=True)
    assert "further up is a better cost (further down on 2x16). " in kind.caption(data, look_at(found))


def test_a_task_can_say_what_the_participle_of_its_act_is(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[ValueKind] = [(TASK, TASK, "minimize")]
    assert phrases_of(kinds).acted == "sorted"
    words = LeastTask().words(TASK)
    monkeypatch.setattr(LeastTask, "words", lambda self, objective: dataclasses.replace(words, act="scan", acted="scanned"))
    words_of.cache_clear()
    assert phrases_of(kinds).acted == "scanned"
    words_of.cache_clear()


def test_figures_and_their_captions_are_told_in_the_words_of_the_task() -> None:
    found = results(*lists(dense(margins([1.0, 2.0])), pruned(margins([2.0, 3.0])), pruned(margins([1.0, 1.0]), rounds=5)))
    said = said_by_figures(found)
    assert said["value"].startswith("Best cost over time: Median over the instances of the smallest cost of the dense network")
    assert "above 0" not in said["value"]
    assert "Further left is quicker, further down is a smaller cost. " in said["pareto"]
    assert "a smaller cost on 2 of 2" in said["finetuned"]
    assert value_name(found) == "best cost"
    assert "value: median of the best cost on the dense networks." in legend_of_table(found.phrases)


def test_the_report_has_the_pictures_of_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    found, best = results(*lists(dense(margins([1.0])), gradient(margins([2.0])))), {"2x16": "gradient"}
    ((one,), _) = instances_shown(found, best)
    assert list(one.pictures) == [], "its 64 numbers are no image"
    drawn = [(b"PNG", "a list")]
    monkeypatch.setattr(LeastTask, "small_pictures", lambda self, answers: drawn * len(answers))
    ((one,), _) = instances_shown(found, best)
    assert [(picture.source, picture.said) for picture in one.pictures] == [("data:image/png;base64,UE5H", "a list")] * 2


def test_margins_are_told_with_what_their_zero_says() -> None:
    found = results(dense(margins([-1.0, 2.0])), pruned(margins([2.0, 3.0])), pruned(margins([3.0, 4.0]), rounds=5))
    for record in found.records:
        for instance in record.instances:
            instance.timeline = [{"seconds": 0.5, "dense_value": instance.dense_value}]
    found = results(*found.records)
    said = said_by_figures(found)
    assert said["value"].startswith(
        "Dense margin over time: Median over the instances of the largest margin of the dense network so far; above 0 the "
        "input is adversarial."
    )
    assert "further up is a larger margin." in said["pareto"]
    assert "a larger margin on 2 of 2" in said["finetuned"]
    assert value_name(found) == "best dense margin"
    assert "value: median of the best dense margin; above 0 it is adversarial." in legend_of_table(found.phrases)
    lengths = results(closest([1.0, 2.0]))
    assert value_name(lengths) == "length"
    assert lengths.phrases.charted == "dense margin", "what an attack that looks for no lengths would show"


@pytest.fixture
def of_routes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The values of the task are the lengths of routes."""
    words = dataclasses.replace(LeastTask().words(TASK), value="length", length_of="route")
    monkeypatch.setattr(LeastTask, "words", lambda self, objective: words)
    words_of.cache_clear()
    yield
    words_of.cache_clear()


def test_lengths_are_told_in_the_words_of_the_task(of_routes: None) -> None:
    found = results(*lists(closest([2.0] * IMAGES), closest([1.0] * IMAGES, "s", method="magnitude", amount=0.8)))
    assert list(found.instances["length"]) == [2.0] * IMAGES + [1.0] * IMAGES
    (answer,) = size_answers(found, win_table(found))
    assert answer.headline == "magnitude 0.8 beats the dense network on 12 of 12 lists, with a route 50 % shorter (median)."


@pytest.mark.parametrize(
    ("kinds", "named"),
    [
        ([], ("instance", "value", "answer", "value")),
        ([("image", "margin", "maximize")], ("image", "margin", "attack", "dense margin")),
        ([("output", "output", "maximize")], ("instance", "value", "attack", "value")),
        ([("image", "margin", "maximize"), ("output", "output", "maximize")], ("instance", "value", "attack", "value")),
        ([(TASK, TASK, "minimize")], ("list", "cost", "sort", "cost")),
    ],
)
def test_what_values_are_called(kinds: list[ValueKind], named: tuple[str, ...]) -> None:
    found = phrases_of(kinds)
    assert (found.instance, found.value, found.act, found.charted) == named
