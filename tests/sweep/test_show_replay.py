"""``python -m sweep.show`` and ``python -m sweep.replay`` on a trial of a second, and ``sweep.results`` on its sweep."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from counting import Plan
from rich.console import Console

import sweep
from sweep import replay, show
from sweep.agreement import Finding
from sweep.arguments import FAILED, OK, REFUSED, parse, program
from sweep.errors import ConfigError
from sweep.records import TrialRecord
from sweep.report.manifest import Manifest, Planned, save
from sweep.store import Store
from sweep.trial import new_record


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=160)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def done(store: Store, expected: TrialRecord) -> TrialRecord:
    store.save_trial(expected)
    trials = (Planned(expected.key, expected.name, "finished"), Planned("f" * 16, "1x6 broken", "failed", "it diverged"))
    save(store, Manifest("study-20260101-000000", "study", started_at=1.0, ended_at=2.0, status="FAILED", trials=trials))
    return expected


def test_show(store: Store, done: TrialRecord, console: Console) -> None:
    assert show.run([done.name, f"sweep.store={store.url}"], console) == OK
    shown = text(console)
    for answer in done.instances:
        assert answer.name in shown
    assert done.key in shown
    assert str(done.network_key) in shown
    assert show.run(["1x6 broken", f"sweep.store={store.url}"], console) == FAILED
    assert "1x6 broken (ffffffffffffffff) has not finished: failed: it diverged" in text(console)


def test_a_replay_agrees(store: Store, done: TrialRecord, console: Console) -> None:
    before = sorted(path.name for path in Path(store.url).rglob("*.json"))
    assert replay.run([done.key, f"sweep.store={store.url}"], console) == OK
    assert "It agrees" in text(console)
    assert text(console).count("witness of") == sum(one.status == "adversarial" for one in done.instances)
    assert sorted(path.name for path in Path(store.url).rglob("*.json")) == before


def test_a_replay_disagrees_with_what_was_made_up(store: Store, done: TrialRecord, console: Console) -> None:
    answers = [dataclasses.replace(one, status="robust", margin=-9.0, dense_bound=-9.0) for one in done.instances]
    store.save_trial(dataclasses.replace(done, instances=answers))
    assert replay.run([done.key, f"sweep.store={store.url}"], console) == FAILED
    assert "It disagrees in" in text(console)


def test_a_made_up_witness_is_seen(store: Store, done: TrialRecord, console: Console) -> None:
    answers = [dataclasses.replace(one, status="adversarial", perturbed=one.clean) for one in done.instances]
    store.save_trial(dataclasses.replace(done, instances=answers))
    assert replay.run([done.key, f"sweep.store={store.url}"], console) == FAILED
    assert "the point on record is none today" in text(console)


def test_a_configuration_of_another_version(store: Store, done: TrialRecord) -> None:
    config = {**done.config, "attack": {**done.config["attack"], "cleverness": 3}}
    store.save_trial(dataclasses.replace(done, config=config))
    with pytest.raises(ConfigError, match=r"this version of the program refuses the recorded configuration: .*cleverness"):
        replay.run([done.key, f"sweep.store={store.url}"])


def test_the_verdict_in_words() -> None:
    same, timed, different = Finding.SAME, Finding.TIME, Finding.DIFFERENT
    assert replay.verdict([same, same]) == "It agrees in all 2 things."
    assert replay.verdict([same, timed]) == "It agrees, but for 1 of 2 things that a time limit decides (~)."
    assert replay.verdict([same, timed, different]) == "It disagrees in 1 of 3 things (≠)."


def test_results(store: Store, done: TrialRecord) -> None:
    frame = sweep.results("study", store=store.url)
    assert frame["margin"].tolist() == [one.margin for one in done.instances]
    assert frame["timeline_seconds"].map(len).tolist() == [len(one.timeline) for one in done.instances]
    assert frame.attrs["notes"] == ["1x6 broken is failed: it diverged"]
    with pytest.raises(ConfigError, match="near ones are study"):
        sweep.results("studi", store=store.url)
    with pytest.raises(ConfigError, match="needs the name of a sweep"):
        sweep.results()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "exactly one trial is wanted"),
        (["a", "b"], "got 2: a, b"),
        (["a", "sweep.stor=x"], r"sweep.stor is not an argument \(did you mean sweep.store\?\)"),
        (["a", "sweep.store="], "sweep.store needs a value"),
    ],
)
def test_arguments_are_checked(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(arguments, "trial")


def test_a_name_may_hold_an_equals_sign() -> None:
    for name in ("4x64 dense training.seed=3", "a, b=c/4x64 dense", "v1.2=x/4x64 dense"):
        asked = parse([name, "sweep.store=there"], "trial")
        assert (asked.what, asked.store) == (name, "there")


def test_exit_codes(store: Store, plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(show.USAGE, show.run, ["--help"]) == OK
    assert program(show.USAGE, show.run, []) == REFUSED
    assert program(show.USAGE, show.run, ["nobody", f"sweep.store={store.url}"]) == REFUSED
    assert capsys.readouterr().err == (
        f"error: there is no trial nobody in the store {store.address}, which is empty: run a sweep first, or set "
        f"sweep.store to where it is; accepted are a trial's key or its first digits, the id of its run in MLflow, or its "
        f"name, as in mnist/'4x64 dense'\n"
    )
    store.save_trial(new_record(plan()))
    assert program(show.USAGE, show.run, [new_record(plan()).key, f"sweep.store={store.url}"]) == OK
