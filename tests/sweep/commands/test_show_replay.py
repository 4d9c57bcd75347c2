"""``python -m sweep.show`` and ``python -m sweep.replay`` on a trial of a second, and ``sweep.results`` on its sweep."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
import synthetic
from composing import QUICK, Composer
from counting import Plan
from rich.console import Console

import sweep
from sweep.commands import listing, notebook, replay, show
from sweep.commands.agreement import Finding
from sweep.commands.arguments import parse, program
from sweep.commands.lookup import Found
from sweep.errors import ConfigError
from sweep.records import TrialRecord
from sweep.report.findings import Findings
from sweep.report.gather import gather
from sweep.store import Store
from sweep.store.manifest import Manifest, Planned, save
from sweep.terminal.exit_codes import FAILED, OK, REFUSED
from sweep.terminal.progress import outcome
from sweep.trial.trial import new_record


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


def test_why_instances_were_left_out_is_said_by_the_task(done: TrialRecord) -> None:
    said = list(show.facts(Found(done.key, dataclasses.replace(done, skipped=2))))
    assert "2 drawn images were left out: the dense network misclassifies them" in said
    config = {**done.config, "task": {"name": "own_tasks:LeastTask", "parameters": {}}}
    empty = dataclasses.replace(done, skipped=1, instances=[], config=config)
    assert "1 drawn list was left out: they are empty" in list(show.facts(Found(done.key, empty)))
    model = dataclasses.replace(empty, skipped=3, config={**config, "task": {"name": "model", "parameters": {}}})
    assert "3 drawn models were left out" in list(show.facts(Found(done.key, model)))


def test_a_replay_agrees(store: Store, done: TrialRecord, console: Console) -> None:
    before = sorted(path.name for path in Path(store.url).rglob("*.json"))
    assert replay.run([done.key, f"sweep.store={store.url}"], console) == OK
    assert "It agrees" in text(console)
    assert text(console).count("witness of") == sum(one.status == "adversarial" for one in done.instances)
    assert sorted(path.name for path in Path(store.url).rglob("*.json")) == before


def test_a_replay_disagrees_with_what_was_made_up(store: Store, done: TrialRecord, console: Console) -> None:
    answers = [dataclasses.replace(one, status="robust", dense_value=-9.0, dense_bound=-9.0) for one in done.instances]
    store.save_trial(dataclasses.replace(done, instances=answers))
    assert replay.run([done.key, f"sweep.store={store.url}"], console) == FAILED
    assert "It disagrees in" in text(console)


def test_a_made_up_witness_is_seen(store: Store, done: TrialRecord, console: Console) -> None:
    answers = [dataclasses.replace(one, status="adversarial", perturbed=one.clean) for one in done.instances]
    store.save_trial(dataclasses.replace(done, instances=answers))
    assert replay.run([done.key, f"sweep.store={store.url}"], console) == FAILED
    assert "the recorded point is no witness today" in text(console)


def test_a_configuration_of_another_version(store: Store, done: TrialRecord) -> None:
    config = {**done.config, "attack": {**done.config["attack"], "cleverness": 3}}
    store.save_trial(dataclasses.replace(done, config=config))
    with pytest.raises(ConfigError, match=r"this version of the program refuses the recorded configuration: .*cleverness"):
        replay.run([done.key, f"sweep.store={store.url}"])


def test_the_verdict_in_words() -> None:
    same, timed, different = Finding.SAME, Finding.TIME, Finding.DIFFERENT
    assert replay.verdict([same, same]) == "It agrees in all 2 values."
    assert replay.verdict([same, timed]) == "It agrees, but for 1 of 2 values that a time limit decides (~)."
    assert replay.verdict([same, timed, different]) == "It disagrees in 1 of 3 values (≠)."


def test_results(store: Store, done: TrialRecord) -> None:
    frame = sweep.results("study", store=store.url)
    assert frame["dense_value"].tolist() == [one.dense_value for one in done.instances]
    assert frame["timeline_seconds"].map(len).tolist() == [len(one.timeline) for one in done.instances]
    assert frame.attrs["notes"] == ["1x6 broken is failed: it diverged"]
    with pytest.raises(ConfigError, match="near ones are study"):
        sweep.results("studi", store=store.url)
    with pytest.raises(ConfigError, match=r"needs the name of a sweep.*python -m sweep.show lists them"):
        sweep.results()


SWEPT = (
    *("pruning=none,magnitude", "pruning.amount=0.5,0.8", "bounds=box,auto", "instances.seed=0,4", "training.seed=0,2"),
    *("solver.time_limit_seconds=20,40", "attack.polish=false,true"),
)


def test_every_swept_key_is_a_column_of_its_own(composer: Composer, store: Store) -> None:
    plan = composer.plan(*QUICK, *SWEPT)
    for trial in plan.trials:
        record = new_record(trial)
        record.instances = [synthetic.instance(image) for image in (3, 5)]
        store.save_trial(record)
    trials = tuple(Planned(trial.key, trial.name, "finished") for trial in plan.trials)
    save(store, Manifest("swept-1", "swept", started_at=1.0, ended_at=2.0, status="FINISHED", trials=trials))
    frame = sweep.results("swept", store=store.url)
    assert len(frame) == 2 * len(plan.trials)
    assert set(notebook.ALWAYS) <= set(frame.columns)
    assert frame.columns.is_unique
    others = {"attack.free", "attack.radius", "training.epochs", "cluster.cpus", "sweep.name"}
    assert not others & set(frame.columns), "neither swept nor different"
    for key, values in {
        "bounds.method": {"box", "auto"},
        "instances.seed": {0, 4},
        "training.seed": {0, 2},
        "solver.time_limit_seconds": {40.0},  # the longest of those that were swept: the run that holds the shorter ones
        "attack.polish": {False, True},
        "pruning.method": {"none", "magnitude"},
        "dataset.side": {8},
        "solver.name": {"highs"},
    }.items():
        assert set(frame[key]) == values, key
    dense = frame["pruning.method"] == "none"
    assert frame.loc[dense, "pruning.amount"].isna().all(), "nothing is pruned"
    assert set(frame.loc[~dense, "pruning.amount"]) == {0.5, 0.8}
    assert frame["pruning.amount"].dtype == float
    for trial in plan.trials:
        of_it = frame[frame["trial_key"] == trial.key]
        assert (of_it["training.seed"] == trial.config["training"]["seed"]).all()
        assert (of_it["solver.time_limit_seconds"] == trial.config["solver"]["time_limit_seconds"]).all()


def test_the_sweeps_of_a_store_are_listed(store: Store, done: TrialRecord, console: Console) -> None:
    running = (Planned(done.key, done.name), Planned("e" * 16, "1x6 other"))
    save(store, Manifest("later-20260102-000000", "later", started_at=86400.0, trials=running))
    assert show.run([f"sweep.store={store.url}"], console) == OK
    title, newest, older, *said = text(console).splitlines()
    assert title.split() == ["sweep", "trials", "when", "headline"]
    assert newest.split()[:2] == ["later-20260102-000000", "1/2"]
    assert "end not recorded" in newest
    assert older.split()[:2] == ["study-20260101-000000", "1/2"]
    assert older.rstrip().endswith(Findings(gather(store, ["study"])).first)
    where = f"sweep.store={store.address}"
    assert said == [
        f"The trials of one: python -m sweep.show sweep=later-20260102-000000 {where}",
        f"Its report is made by: python -m sweep.report sweep=later-20260102-000000 {where}",
    ]


def test_the_trials_of_a_sweep_are_listed(store: Store, done: TrialRecord, console: Console) -> None:
    page = store.report_folder("study-20260101-000000") / "report.html"
    page.write_text("a page")
    assert show.run(["sweep=study", f"sweep.store={store.url}"], console) == OK
    lines = text(console).splitlines()
    assert lines[0].startswith("study-20260101-000000: 1 of 2 trials finished, ")
    width = max(len(done.name), len("1x6 broken"))
    assert f"{done.key}  {done.name:{width}}  {outcome(done)}" in lines
    assert f"{'f' * 16}  {'1x6 broken':{width}}  failed: it diverged" in lines
    assert lines[-1] == (
        f"Report: {page} (made again by python -m sweep.report sweep=study-20260101-000000 sweep.store={store.address})"
    )
    with pytest.raises(ConfigError, match="near ones are study"):
        show.run(["sweep=studi", f"sweep.store={store.url}"], console)
    with pytest.raises(ConfigError, match="sweep=study,study-20260101-000000 names"):
        show.run(["sweep=study,study-20260101-000000", f"sweep.store={store.url}"], console)
    with pytest.raises(ConfigError, match=r"python -m sweep\.show 'study/1x6 broken'"):
        show.run(["sweep=study", "1x6 broken", f"sweep.store={store.url}"], console)


def test_a_headline_comes_from_the_report_if_there_is_one(
    store: Store, done: TrialRecord, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_TRIALS", 1)
    assert show.run([f"sweep.store={store.url}"], console) == OK
    assert "none without its report: it has more than 1 trials" in text(console)
    (store.report_folder("study-20260101-000000") / listing.HEADLINE).write_text("Pruning pays on 1x6.\n")
    assert show.run([f"sweep.store={store.url}"], console) == OK
    assert show.run(["sweep=study", f"sweep.store={store.url}"], console) == OK
    assert text(console).count("Pruning pays on 1x6.") == 2


def test_without_a_report_the_headline_is_about_pruned_copies_and_the_dense_milp(store: Store, console: Console) -> None:
    keys = {"d" * 16: ("none", 0.0), "c" * 16: ("magnitude", 1.0)}
    for key, (method, margin) in keys.items():
        answers = [synthetic.instance(image, dense_value=margin) for image in synthetic.IMAGES]
        config = synthetic.config(method=method, amount=0.8)
        store.save_trial(synthetic.trial(key, answers, config=config, baseline_key="d" * 16))
    planned = tuple(Planned(key, key, "finished") for key in keys)
    save(store, Manifest("pair-20260103-000000", "pair", started_at=1.0, ended_at=2.0, status="FINISHED", trials=planned))
    said = "2x16: magnitude 0.8 beats the dense MILP on 6 of 6 images (sure)."
    for arguments in ([], ["sweep=pair"]):
        assert show.run([*arguments, f"sweep.store={store.url}"], console) == OK
    assert text(console).count(said) == 2


def test_a_store_without_sweeps(store: Store, console: Console) -> None:
    assert show.run([f"sweep.store={store.url}"], console) == OK
    assert text(console) == f"There is no sweep in {store.address}: run one first, or set sweep.store to where it is.\n"


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
    assert program(replay.USAGE, replay.run, []) == REFUSED
    assert program(show.USAGE, show.run, ["nobody", f"sweep.store={store.url}"]) == REFUSED
    assert capsys.readouterr().err == (
        f"error: there is no trial nobody in the store {store.address}, which is empty: run a sweep first, or set "
        f"sweep.store to where it is; accepted are a trial's key or its first digits, the id of its run in MLflow, or its "
        f"name, as in mnist/'4x64 dense'\n"
    )
    store.save_trial(new_record(plan()))
    assert program(show.USAGE, show.run, [new_record(plan()).key, f"sweep.store={store.url}"]) == OK
