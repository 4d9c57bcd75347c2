"""What a task may say: its sections, parameters and words count everywhere, and wrong ones are refused in a sentence."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Optional

import pytest
from composing import CONF, Composer
from counting import stages_of
from own_tasks import LeastTask

from sweep.config.inputs import Inputs
from sweep.config.reading import read
from sweep.config.stage_keys import instance_key
from sweep.config.task_checks import check_class
from sweep.config.tasks import BUILT_IN, task_named, task_of
from sweep.errors import ConfigError
from sweep.planning.search.early_stopping import progress_values
from sweep.planning.search.tune_scheduler import scheduler
from sweep.records.objectives import objectives
from sweep.records.time_limit import at_limit
from sweep.records.trial_log import answer_text
from sweep.report.results import Searched, SweepState
from sweep.report.searches import search_answer
from sweep.store import Store
from sweep.store.manifest import Manifest, load, planned, save
from sweep.tasks import Task
from sweep.terminal.progress import outcome
from sweep.tracking import content
from sweep.trial.answers import late_in_words
from sweep.trial.trial import run_trial

LEAST = ("task.name=own_tasks:LeastTask", "dataset=none", "instances.count=2")


def test_the_task_follows_from_the_other_settings_where_none_is_named(composer: Composer) -> None:
    plain, named = composer.trial(), composer.trial("task=image")
    assert plain.key == named.key
    output = composer.trial("attack.objective=output", "dataset=function", "dataset.inputs=2")
    assert output.key == composer.trial("task=output", "dataset=function", "dataset.inputs=2").key


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_task_has_words_for_its_answers_and_objectives_that_exist(name: str, composer: Composer) -> None:
    task, settings = task_named(name), composer.changed()
    assert {*task.objectives(settings), task.usual_objective("margin")} <= objectives().keys()
    words = task.words("margin")
    assert not set(words.found) & {*words.none, *words.open}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["task.name=imag"], "did you mean image"),
        (["task.name=IMAGE"], "did you mean image"),
        (["task.name=own_tasks:NoTask"], "own_tasks has no class NoTask that is a sweep.tasks.Task"),
        (["task.name=nowhere_at_all:Task"], "cannot be imported"),
        (["++task.parameters.width=1"], "task.parameters.width is not a parameter of task=image: it has none"),
        ([*LEAST, "++task.parameters.widht=1"], r"did you mean width\?\): it has width"),
        ([*LEAST, "++task.parameters.width=-1"], "task.parameters.width=-1.0 is not allowed: it must be a number above 0"),
        ([*LEAST, "++task.parameters.width=wide"], "it must be a finite number, not str"),
        ([*LEAST, "search.method=optuna", "search.objectives=[margin]"], "these trials have no objective margin"),
        (
            ["task.name=own_tasks:NoSectionTask"],
            r"section prunings \(did you mean pruning\?\); a baseline gives values to",
        ),
        (
            ["task.name=own_tasks:NoKeyTask"],
            r"the key network\.widht \(did you mean width\?\); network has depth, width",
        ),
        (["task.name=own_tasks:NoMethodKeyTask"], r"the key pruning\.methods \(did you mean method\?\); pruning has "),
        (["task=property"], "task=property without instances.properties"),
        (["task=image", "attack.objective=output"], "choose task=output"),
    ],
)
def test_what_is_wrong_with_a_task_is_said(composer: Composer, overrides: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        composer.trial(*overrides)


@dataclass(frozen=True)
class ChosenParameters:
    """One may be null, in the words of typing."""

    level: Optional[float] = None  # noqa: UP045


class ChosenTask(LeastTask):
    """Its parameter may be null."""

    parameters: ClassVar[type | None] = ChosenParameters


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"sections": ("dataset", "bouds")}, "the sections of task=T name bouds (did you mean bounds?); the sections that can"),
        ({"sections": "dataset"}, "the sections of task=T must be a tuple, as in sections = ('dataset',)"),
        ({"sections": ("attack",), "answerer": "atack"}, "the answerer of task=T is atack (did you mean attack?); it must be "),
        ({"answerer": "attack"}, "the answerer of task=T is attack, which must be one of its sections too"),
        ({"parameters": LeastTask}, "the parameters of task=T must be a dataclass"),
        (
            {"parameters": {"level": Literal["low", "high"]}},
            "the parameter level of task=T has the type Literal['low', 'high'];",
        ),
        ({"parameters": {"level": tuple[int, ...]}}, "the parameter level of task=T has the type tuple[int, ...]; it must be "),
        (
            {"parameters": {"level": "Missing"}},
            "the types of the parameters of task=T cannot be read: NameError: name",
        ),
        ({"parameters": [("level", float)]}, "the parameter level of task=T has no default; every parameter needs one"),
    ],
)
def test_what_is_wrong_with_the_class_of_a_task_is_said(attributes: dict[str, Any], said: str) -> None:
    given = attributes.get("parameters")
    if isinstance(given, dict):
        given = [(name, kind, field(default="low")) for name, kind in given.items()]
    if isinstance(given, list):
        attributes = {**attributes, "parameters": make_dataclass("Parameters", given)}
    with pytest.raises(ConfigError, match=re.escape(said)):
        check_class("T", type("WrongTask", (LeastTask,), attributes))


def test_a_class_of_which_no_task_can_be_made_is_refused() -> None:
    with pytest.raises(ConfigError, match="task=T: the class lacks prepare"):
        check_class("T", type("EmptyTask", (Task,), {}))


@pytest.mark.parametrize("python", ["unknown", "def prepare(:", "raise SystemExit('never')"])
def test_a_module_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    (tmp_path / "failing.py").write_text(python)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=r"task\.name=failing:T: the module failing fails when it is imported, with "):
        task_named("failing:T")


def test_a_parameter_may_be_null_in_the_words_of_typing(composer: Composer) -> None:
    lines = ("task.name=test_task_seam:ChosenTask", "dataset=none")
    assert len({composer.trial(*lines, f"++task.parameters.level={level}").key for level in ("null", "0.5")}) == 2


def test_parameters_are_swept_and_are_in_keys_and_names(composer: Composer) -> None:
    plan = composer.plan(*LEAST, "++task.parameters.width=1,2.5", "pruning.amount=0.5,0.8")
    assert [trial.swept for trial in plan.trials] == [{"task.parameters.width": 1}, {"task.parameters.width": 2.5}]
    assert plan.trials[0].name == "LeastTask task.parameters.width=1"
    assert plan.duplicates == 2  # nothing of this task looks at the pruning
    assert composer.trial(*LEAST, "++task.parameters.width=1.0").key == plan.trials[0].key == composer.trial(*LEAST).key


def test_swept_limits_of_a_task_without_an_answerer_are_told_by_its_name(composer: Composer) -> None:
    plan = composer.plan(*LEAST, "solver.time_limit_seconds=5,10")
    assert plan.limits_note is not None
    assert "2 limits, task=own_tasks:LeastTask: a run for each limit" in plan.limits_note


def test_what_was_past_its_deadline_is_called_as_the_task_calls_it(composer: Composer) -> None:
    late = [late_in_words(read(composer.trial(*lines).config)) for lines in ((), LEAST)]
    assert late[0].startswith("an attack was past its deadline (")
    assert late[1].startswith("a sort was past its deadline (")


def test_a_search_may_be_for_what_only_a_users_task_has(composer: Composer, store: Store) -> None:
    lines = ("task.name=own_tasks:JudgedTask", "dataset=none", "search.objectives=[distance]")
    plan = composer.plan(*lines, "++task.parameters.width=1,2")
    records = [run_trial(trial, Inputs(None), None, stages_of(store)) for trial in plan.trials]
    assert progress_values(records[0])["distance"] == 0.5
    search = dataclasses.replace(read(plan.trials[0].config).search, scheduler="asha")
    assert scheduler(search, 4, records, ["own_tasks:JudgedTask"]) is not None
    save(store, Manifest("judged", "judged", trials=planned(plan.trials), objectives=("distance",)))
    listed = load(store, "judged")
    assert listed is not None
    found = search_answer(SweepState("judged", 2, 2, searched=Searched(listed.objectives, ())), records)
    assert found is not None
    assert found.meaning == "distance (smaller is better)"
    assert [one.values for one in found.candidates] == [(0.5,), (0.5,)]
    with pytest.raises(ConfigError, match="'distance' is not an objective"):
        composer.trial(*LEAST, "search.objectives=[distance]", "search.method=optuna")


@pytest.mark.parametrize(
    "lines",
    [(), ("attack.objective=output", "dataset=function", "dataset.inputs=2"), LEAST],
    ids=["image", "output", "least"],
)
def test_the_version_of_a_task_is_in_the_keys_of_trials_and_answers(
    composer: Composer, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...]
) -> None:
    before, settings = composer.trial(*lines).key, read(composer.plain(*lines))
    answers = instance_key(settings, "dense", None, "one", None)
    monkeypatch.setattr(type(task_of(settings)), "version", 2)
    assert composer.trial(*lines).key != before
    assert instance_key(settings, "dense", None, "one", None) != answers


def test_a_users_attack_has_keys_of_its_own_and_its_parameters_count(composer: Composer) -> None:
    own = "task.name=own_tasks:BrighterTask"
    keys = [composer.trial(*lines).key for lines in ((), (own,), (own, "++task.parameters.width=2"))]
    assert len({*keys}) == 3


def test_every_task_has_an_option_of_its_name() -> None:
    assert {file.stem for file in (CONF / "task").glob("*.yaml")} == {"auto", *BUILT_IN}


def test_a_baseline_keeps_what_it_does_not_change(composer: Composer) -> None:
    lines = ("task.name=own_tasks:AgainstTask", "dataset=digits")
    swept = ("network.width=1,2,3", "pruning=none,magnitude", "pruning.amount=0.5,0.8", "attack.radius=1.0")
    plan = composer.plan(*lines, *swept)
    assert len(plan.trials) == 9
    alone = {trial.key for trial in plan.trials if trial.config["network"]["width"] == 1}
    assert len(alone) == 3
    for trial in plan.trials:
        (own,) = [
            one.key
            for one in plan.trials
            if one.config["network"]["width"] == 1 and one.config["pruning"] == trial.config["pruning"]
        ]
        assert trial.baseline_key == own


def test_smaller_values_are_better_wherever_one_looks(composer: Composer, store: Store) -> None:
    trial = composer.trial(*LEAST)
    assert trial.training_key == ""
    record = run_trial(trial, Inputs(None), None, stages_of(store))
    assert record.status == "finished", record.error
    assert record.network_key is None
    assert [(one.name, one.value, one.bound, one.task) for one in record.instances] == [
        ("list 0", 1.0, 0.5, "own_tasks:LeastTask"),
        ("list 1", 1.0, 0.5, "own_tasks:LeastTask"),
    ]
    assert outcome(record, reused=True) == "feasible 2/2, best cost 1.000, reused"
    assert "cost 1, first feasible after 0 s" in answer_text(record.instances[0])
    cut = at_limit(record.instances[0], 1.5)
    assert (cut.value, cut.surrogate_value, cut.is_found) == (2.0, 2.5, True)
    assert objectives()["least_value"].value(record) == 1.0
    metrics = content.metrics(record)
    assert (metrics["value"], metrics["bound"]) == (1.0, 0.5)
    assert not [name for name in metrics if name.startswith(("attack/", "norm/"))]
    assert [one.value for one in content.incumbents(record)] == [3.0, 2.0, 1.0] * 2

    again = run_trial(trial, Inputs(None), None, stages_of(store))
    assert [line for line in again.log if "taken from the store" in line]
    assert [one.value for one in again.instances] == [1.0, 1.0]
