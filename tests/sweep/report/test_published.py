"""The published tables of a report give the same report again."""

from __future__ import annotations

import dataclasses
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import synthetic
from making import closest

from sweep.errors import SweepError
from sweep.records import NUMBERS, TrialRecord
from sweep.report.__main__ import main
from sweep.report.published import INSTANCES, TRIALS, read_files
from sweep.report.results import Searched, SweepState, Unfinished, results_of
from sweep.report.writing import write_results
from sweep.terminal.exit_codes import FAILED, OK, REFUSED


@pytest.fixture(autouse=True)
def _without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())


def published(folder: Path, records: list[TrialRecord]) -> list[Path]:
    unfinished = (Unfinished("4x64 bad", "failed", "training diverged, at once", "0123abcd"),)
    searched = Searched(("margin",), ("pruning.amount=0.5,0.8", "sweep.name='a b'"))
    state = SweepState("one", len(records) + 1, len(records), unfinished, searched=searched)
    return write_results(results_of([(state, records)]), folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published tables of a whole sweep, which tests copy and do not change."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweep.report.writing.figures", lambda: ())
        published(folder, synthetic.sweep(networks=[(2, 16)]))
    return folder


@pytest.mark.parametrize("objective", ["margin", "closest"])
def test_every_table_comes_out_the_same(tmp_path: Path, objective: str) -> None:
    records = synthetic.sweep() if objective == "margin" else [closest([1.0, 2.0, None]), closest([1.5, None, 3.0], "other")]
    first = published(tmp_path / "first", records)
    again = write_results(read_files([tmp_path / "first"]), tmp_path / "again")
    assert [path.name for path in again] == [path.name for path in first]
    for one, other in zip(first, again, strict=True):
        if one.suffix in (".csv", ".md"):
            assert other.read_text() == one.read_text(), one.name
        elif one.suffix == ".parquet":
            pd.testing.assert_frame_equal(pd.read_parquet(other), pd.read_parquet(one))


def test_records_come_back_whole_but_for_images_and_sources(tmp_path: Path) -> None:
    record = closest([1.0, None])
    published(tmp_path, [record])
    (back,) = read_files([tmp_path]).records
    assert (back.config, back.swept, back.key) == (record.config, record.swept, record.key)
    for mine, other in zip(back.instances, record.instances, strict=True):
        bare = dataclasses.replace(other, timeline=[], clean=[], perturbed=None)
        assert dataclasses.replace(mine, timeline=[], prune_seconds=other.prune_seconds, sparsity=other.sparsity) == bare
        assert [event["seconds"] for event in mine.timeline] == [event["seconds"] for event in other.timeline]
        assert isinstance(mine.image, int)


def test_facts_that_are_numbers_come_back(tmp_path: Path) -> None:
    record = synthetic.trial(instances=[synthetic.instance(1), synthetic.instance(2)])
    numbers = dict.fromkeys(NUMBERS, 0.25)
    record.instances[0].facts = {**numbers, "failures": {"walks": "it fell"}}
    published(tmp_path, [record])
    (back,) = read_files([tmp_path]).records
    assert [one.facts for one in back.instances] == [numbers, {}]


def test_time_limits_come_back_and_tables_of_before_lack_them(tmp_path: Path) -> None:
    record = synthetic.trial(
        instances=[synthetic.instance(1, limit_seconds=10.0, cut_from_seconds=30.0), synthetic.instance(2)]
    )
    record.limits = [5.0, 10.0]
    published(tmp_path, [record])
    (back,) = read_files([tmp_path]).records
    assert back.limits == [5.0, 10.0]
    assert [(one.limit_seconds, one.cut_from_seconds) for one in back.instances] == [(10.0, 30.0), (None, None)]
    for name, later in ((TRIALS, ["limits"]), (INSTANCES, ["limit_seconds", "cut_from_seconds", "starved"])):
        table = pd.read_parquet(tmp_path / name)
        table.drop(columns=later).to_parquet(tmp_path / name)
    (old,) = read_files([tmp_path]).records
    assert old.limits == []
    assert [(one.limit_seconds, one.cut_from_seconds, one.starved) for one in old.instances] == [(None, None, False)] * 2
    assert [one.dense_value for one in old.instances] == [one.dense_value for one in record.instances]


def test_tables_of_before_had_other_names(tmp_path: Path) -> None:
    published(tmp_path, synthetic.sweep(networks=[(2, 16)]))
    now = read_files([tmp_path])
    lists = {f"timeline_{name}": f"timeline_{synthetic.BEFORE[name]}" for name in ("dense_value", "surrogate_value")}
    names = {**synthetic.BEFORE, "best_value": "best_margin", **lists}
    table = pd.read_parquet(tmp_path / INSTANCES)
    assert names.keys() <= set(table.columns)
    table.rename(columns=names).to_parquet(tmp_path / INSTANCES)
    before = read_files([tmp_path])
    pd.testing.assert_frame_equal(before.instances, now.instances)
    pd.testing.assert_frame_equal(before.events, now.events)


def test_by_the_command_line(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"files={whole}", f"output={tmp_path / 'again'}"]) == OK
    out = capsys.readouterr().out
    assert "no pictures" in out
    page = (tmp_path / "again" / "report.html").read_text()
    assert "<small>Made from published tables, which hold no pictures.</small></p>" in page
    assert page.count("no pictures") == 1
    assert page.count('role="alert"') == 1, "the trial that failed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("files=x",), "files needs output"),
        (("files=x", "output=y", "sweep=z"), "sweep does not go with files"),
        (("files=x", "output=y", "tracking.uri=z"), "tracking.uri does not go with files"),
        (("files=x", "output=y"), f"there is no file x/{TRIALS}"),
    ],
)
def test_what_is_refused(
    arguments: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == REFUSED
    assert capsys.readouterr().err.startswith(f"error: {sentence}")


def test_several_sweeps_come_back_in_their_order_with_their_notes(tmp_path: Path) -> None:
    shared, other = synthetic.sweep(networks=[(2, 16)]), [closest([1.0])]
    first = SweepState("b", 9, len(shared), notes=("The sweep was interrupted with 3 trials not started.",))
    states = [
        (first, shared),
        (SweepState("a", 2, 1, (Unfinished("x", "failed", "it diverged, at once"),)), other),
        (SweepState("c", 1, 1), [shared[0]]),
    ]
    write_results(results_of(states), tmp_path / "one")
    again = read_files([tmp_path / "one", tmp_path / "one", tmp_path / "." / "one"])
    assert all(state.published for state in again.sweeps)
    assert [dataclasses.replace(state, published=False) for state in again.sweeps] == [state for state, _ in states]
    write_results(again, tmp_path / "two")
    assert read_files([tmp_path / "two"]).sweeps == again.sweeps


def test_what_was_starved_comes_back_and_tables_of_before_hold_none(tmp_path: Path) -> None:
    published(tmp_path, [synthetic.trial("a", [synthetic.instance(1), synthetic.instance(2, starved=True)])])
    assert [one.starved for one in read_files([tmp_path]).records[0].instances] == [False, True]
    pd.read_parquet(tmp_path / INSTANCES).drop(columns="starved").to_parquet(tmp_path / INSTANCES)
    assert [one.starved for one in read_files([tmp_path]).records[0].instances] == [False, False]


def drop_instances(folder: Path) -> None:
    pd.read_parquet(folder / INSTANCES).head(0).to_parquet(folder / INSTANCES)


def drop_trials(folder: Path) -> None:
    table = pd.read_parquet(folder / TRIALS)
    kept = table.head(1)
    kept.attrs = table.attrs
    kept.to_parquet(folder / TRIALS)


def replace(table: str, **columns: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        pd.read_parquet(folder / table).assign(**columns).to_parquet(folder / table)

    return change


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no parquet": lambda folder: (folder / INSTANCES).write_text("nothing"),
    "other columns": lambda folder: pd.DataFrame({"a": [1]}).to_parquet(folder / INSTANCES),
    "a column less": lambda folder: (
        pd.read_parquet(folder / INSTANCES).drop(columns="dense_value").to_parquet(folder / INSTANCES)
    ),
    "text for numbers": replace(INSTANCES, dense_value="large"),
    "no configuration": replace(TRIALS, config="[]"),
    "an empty configuration": replace(TRIALS, config="{}"),
    "without the instances": drop_instances,
    "without most trials": drop_trials,
}


@pytest.mark.few(3)
@pytest.mark.parametrize("damage", DAMAGES)
def test_files_that_are_no_tables_of_a_report(
    whole: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    DAMAGES[damage](tmp_path)
    assert main([f"files={tmp_path}", f"output={tmp_path / 'again'}"]) == FAILED
    sentence = capsys.readouterr().err
    assert sentence.startswith("error: ")
    assert str(tmp_path) in sentence
    assert sentence.count("\n") == 1
    assert not (tmp_path / "again").exists()


@pytest.mark.few(1)
@pytest.mark.parametrize("name", [TRIALS, INSTANCES])
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    """Of the values checksums are kept, of the description at the end of a file none."""
    published(tmp_path, synthetic.sweep(networks=[(2, 16)], images=(2732,))[:2])
    good = (tmp_path / name).read_bytes()
    whole = read_files([tmp_path]).records
    draw = random.Random(0)
    values = int.from_bytes(good[-8:-4], "little")
    said: list[str] = []
    for number in range(60):
        place = draw.randrange(len(good))
        flipped = good[:place] + bytes([good[place] ^ 1 << draw.randrange(8)]) + good[place + 1 :]
        (tmp_path / name).write_bytes(good[:place] if number % 10 == 0 else flipped)
        try:
            back = read_files([tmp_path]).records
        except SweepError as error:
            said.append(str(error))
            continue
        assert back == whole or place >= len(good) - 8 - values
    assert said
    assert not any("\n" in text for text in said)
