"""What a search can improve, and the rules about it in the configuration."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from composing import Composer

from sweep.config.tasks import task_of
from sweep.errors import ConfigError
from sweep.planning.search.early_stopping import course, progress_values
from sweep.planning.search.goals import check_search, judged_by
from sweep.planning.trials import Trial
from sweep.records import InstanceRecord, TrialRecord
from sweep.records.objectives import objectives


def answered(status: str = "unresolved", **values: Any) -> InstanceRecord:
    shared = {"instance_key": "i", "image": 1, "label": 2, "target": 3, "norm": "l1", "radius": 1.0}
    return InstanceRecord(**{**shared, "status": status, "total_seconds": 4.0, **values})


def trial(*instances: InstanceRecord, **values: Any) -> TrialRecord:
    config = {"solver": {"time_limit_seconds": 10.0}}
    return TrialRecord("k", "name", config, {}, "finished", instances=list(instances), **values)


def value(name: str, record: TrialRecord) -> float | None:
    return objectives()[name].value(record)


def test_every_objective_has_a_direction_and_says_what_it_is() -> None:
    for name, objective in objectives().items():
        assert objective.name == name
        assert objective.direction in ("maximize", "minimize")
        assert (objective.measure.__doc__ or "").strip()


def test_the_docs_list_every_objective_with_its_direction() -> None:
    text = (Path(__file__).parents[4] / "docs" / "search.md").read_text()
    listed = dict(re.findall(r"^\| `(\w+)` \| (larger|smaller) \|", text, flags=re.MULTILINE))
    assert listed == {name: {"maximize": "larger", "minimize": "smaller"}[one.direction] for name, one in objectives().items()}


@pytest.mark.parametrize(
    "name", ["margin", "norm", "success_rate", "decided_rate", "first_adversarial_seconds", "total_seconds"]
)
def test_a_trial_without_answers_has_no_value(name: str) -> None:
    assert value(name, trial()) is None


def test_numbers_of_the_networks() -> None:
    record = trial(accuracy_surrogate=0.9, accuracy_dense=0.95, sparsity=0.8)
    assert [value(name, record) for name in ("accuracy", "accuracy_dense", "sparsity")] == [0.9, 0.95, 0.8]
    assert value("accuracy", trial(accuracy_dense=0.95)) is None


def test_the_margin_is_the_median_and_a_question_without_a_point_is_below_all() -> None:
    assert value("margin", trial(answered(dense_value=-3.0), answered(dense_value=1.0), answered(dense_value=2.0))) == 1.0
    assert value("margin", trial(answered(), answered(dense_value=1.0), answered(dense_value=2.0))) == 1.0
    assert value("margin", trial(answered(), answered(), answered(dense_value=2.0))) is None


def test_the_norm_counts_what_was_not_found_as_longer_than_all() -> None:
    found = [answered("adversarial", objective="closest", l1=length, dense_value=0.1) for length in (1.0, 3.0)]
    assert value("norm", trial(*found)) == 2.0
    assert value("norm", trial(*found, answered(objective="closest"))) == 3.0
    assert value("norm", trial(found[0], answered(objective="closest"), answered(objective="closest"))) is None


def test_a_question_without_a_witness_counts_as_the_time_limit() -> None:
    quick, late, none = answered("adversarial", first_found_seconds=1.0), answered("robust"), answered()
    assert value("first_adversarial_seconds", trial(quick, late, none)) == 10.0
    assert value("first_adversarial_seconds", trial(quick, late)) == 5.5
    assert value("first_adversarial_with_pruning_seconds", trial(quick, late, prune_seconds=2.0)) == 7.5
    own = answered("adversarial", first_found_seconds=1.0, prune_seconds=0.5)
    assert value("first_adversarial_with_pruning_seconds", trial(own)) == 1.5


def test_rates_and_total_time() -> None:
    record = trial(answered("adversarial"), answered("robust"), answered(), answered(total_seconds=None), prune_seconds=1.0)
    assert value("success_rate", record) == 0.25
    assert value("decided_rate", record) == 0.5
    assert value("total_seconds", record) == 1.0 + 3 * 4.0 + 10.0  # the killed one counts as the limit


def test_a_value_that_is_not_finite_is_none() -> None:
    assert value("accuracy", trial(accuracy_surrogate=math.nan)) is None


def test_a_running_trial_reports_its_answers_and_leaves_out_what_it_has_no_value_of() -> None:
    record = trial(answered(dense_value=1.0), answered(dense_value=3.0), answered(dense_value=9.0))
    reported = progress_values(record)
    assert (reported["answered"], reported["margin"]) == (3, 3.0)
    assert "accuracy" not in reported
    assert "norm" not in reported
    assert [(report["answered"], report["margin"]) for report in course(record)] == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_how_many_questions_a_trial_is_asked(composer: Composer) -> None:
    def count(**changed: Any) -> int | None:
        settings = composer.changed(**changed)
        return task_of(settings).count(settings)

    assert count(instances__count=None) == 1
    assert count(instances__count=7) == 7
    assert count(instances__count=7, attack__objective="output") == 1
    assert count(instances__properties="some.vnnlib") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"scheduler": "asha"},
            "asha needs search.objectives, such as search.objectives=[margin]; available: a",
        ),
        (
            {"scheduler": "asha", "objectives": ["accuracy"], "task": "model"},
            "task=model: these trials have no objective accuracy; they have",
        ),
        ({"method": "optuna", "objectives": ["margins"]}, "'margins' is not an objective; .*did you mean margin?"),
        ({"method": "optuna", "objectives": ["margin", "margin"]}, "names margin twice"),
        ({"method": "optuna", "objectives": ["norm"]}, "these trials have no objective norm"),
        ({"scheduler": "asha", "objectives": ["margin"]}, "search.grace=1: a trial has one instance"),
        ({"scheduler": "asha", "objectives": ["margin"], "grace": 4}, "raise instances.count above search.grace"),
    ],
)
def test_a_search_that_could_do_nothing_is_refused(composer: Composer, values: dict[str, Any], message: str) -> None:
    count = 4 if "grace" in values else 1
    named = {"task__name": values["task"]} if "task" in values else {}
    values = {f"search__{key}": value for key, value in values.items() if key != "task"}
    settings = composer.changed(instances__count=count, **named, **values)
    with pytest.raises(ConfigError, match=re.escape(message).replace(r"\.\*", ".*")):
        check_search(settings)


@pytest.mark.parametrize(
    ("method", "named", "goals", "expected"),
    [
        ("optuna", ["accuracy", "margin"], [], ("accuracy", "margin")),
        ("optuna", [], [], ("margin",)),
        ("optuna", [], ["margin"], ()),
        ("grid", ["margin"], ["margin"], ()),
        ("grid", ["margin"], ["margin", "margin"], ("margin",)),
        ("grid", [], ["margin", "margin"], ()),
        ("random", [], ["margin", "margin"], ("margin",)),
        ("random", [], ["closest", "closest"], ("norm",)),
        ("random", [], ["output", "output"], ("margin",)),
        ("random", [], ["output"], ()),
        ("random", [], ["margin", "output"], ()),
        ("random", ["accuracy"], ["margin", "output"], ("accuracy",)),
    ],
)
def test_by_what_the_best_trial_is_told(
    composer: Composer, method: str, named: list[str], goals: list[str], expected: tuple[str, ...]
) -> None:
    settings = composer.changed(search__method=method, search__objectives=named)
    trials = [Trial("k", "n", {"attack": {"objective": goal}}, {}, "", "") for goal in goals]
    assert judged_by(settings, trials) == expected


def test_searches_with_objectives_that_exist_pass(composer: Composer) -> None:
    check_search(composer.changed(search__method="optuna", search__objectives=["margin", "total_seconds"]))
    check_search(composer.changed(search__scheduler="asha", search__objectives=["accuracy"], instances__count=2))
    check_search(composer.changed(search__method="optuna", search__objectives=["norm"], attack__objective="closest"))
    check_search(composer.changed(search__method="random", search__objectives=["margin"]))
