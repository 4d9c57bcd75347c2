"""The program python -m sweep.report, and how it finds the trials of a sweep in the store."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from making import dense, pruned, times

from sweep.errors import SweepError
from sweep.records import TrialRecord
from sweep.report.__main__ import main, parse
from sweep.report.gather import UnknownSweep, gather
from sweep.store import Store
from sweep.store.manifest import KIND, Manifest, Planned, key_of, load, planned, save
from sweep.terminal.exit_codes import FAILED, OK, REFUSED

NAME = "mnist-20260131-120000"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())  # that they are drawn is another test's


def kept(store: Store, name: str = NAME, started_at: float = 1.0, **changed: Any) -> list[TrialRecord]:
    """Put a sweep of two finished trials and a failed one into the store."""
    records = [dense(times([2.0] * 3)), pruned(times([1.0] * 3))]
    for record in records:
        record.config["sweep"] = {"name": "mnist"}
        store.save_trial(record)
    listed = [Planned(record.key, record.name, "finished") for record in records]
    listed.append(Planned("bad", "4x64 bad", "failed", "training diverged"))
    manifest = Manifest(name, "mnist", ("a=1,2",), started_at, 9.0, "FAILED", tuple(listed))
    save(store, dataclasses.replace(manifest, **changed))
    return records


def said(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> tuple[str, str]:
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out, err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("sweeps=x",),
            "sweeps is not an argument (did you mean sweep?); accepted are sweep, sweep.store, tracking.uri, output",
        ),
        (("foo",), "foo is not an argument; accepted are sweep"),
        (("sweep",), "sweep needs a value, as in sweep=..."),
        (("sweep=x", "output= "), "output needs a value, as in output=..."),
        (("sweep=,",), "no sweep is named: sweep=NAME says whose report is wanted"),
        (("output=x",), "no sweep is named"),
    ],
)
def test_arguments_that_are_refused(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str) -> None:
    out, err = said(capsys, REFUSED, *arguments)
    assert err.startswith(f"error: {sentence}")
    assert err.count("\n") == 1
    assert not out


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, REFUSED)[0].startswith("usage: ")
    assert said(capsys, OK, "sweep=x", "--help")[0].startswith("usage: ")


def test_arguments() -> None:
    found = parse(["sweep=a,b", "+sweep=a", "sweep=c", "sweep.store=s3://x", "tracking.uri=null", "output=there"])
    assert found.sweeps == ("a,b", "a", "c")
    assert (found.store, found.tracking_uri, found.output) == ("s3://x", None, Path("there"))


def test_a_sweep_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = said(capsys, REFUSED, "sweep=mnist")
    assert "there is no sweep in the store" in err
    assert "run one first" in err
    kept(Store("store"))
    _, err = said(capsys, REFUSED, "sweep=mnits")
    assert "there is no sweep mnits in the store" in err
    assert "near ones are mnist" in err
    _, err = said(capsys, REFUSED, "sweep=zzz")
    assert f"there are {NAME}, mnist" in err


def test_a_name_may_hold_commas_and_equals_signs(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store("store")
    kept(store, "a, b=c-20260131-120000", experiment="a, b=c")
    kept(store)
    for name in ("a, b=c", "a, b=c-20260131-120000"):
        out, err = said(capsys, OK, f"sweep={name}", "output=there")
        assert out.startswith("a, b=c-20260131-120000 is not complete")
        assert not err
    out, err = said(capsys, OK, f"sweep=mnist, {NAME}", "output=there")
    assert not err
    _, err = said(capsys, REFUSED, "sweep=mnist,zzz")
    assert "there is no sweep zzz in the store" in err


@pytest.mark.parametrize("name", [NAME, "mnist"])
def test_a_report_is_made_again(capsys: pytest.CaptureFixture[str], name: str) -> None:
    kept(Store("store"))
    out, err = said(capsys, OK, f"sweep={name}")
    assert not err
    alert, headline, address = out.strip().splitlines()
    assert alert.startswith(f"{NAME} is not complete: 2 of 3 planned trials finished, 1 trial failed.")
    assert headline == "2x16: no pruned copy beats the dense MILP within 20 s (too few images to be sure)."
    page = Path(address.removeprefix("Report: "))
    assert page.name == "report.html"
    assert "training diverged" in page.read_text()
    assert "training diverged" in (page.parent / "unfinished.csv").read_text()


def test_another_folder_and_one_that_cannot_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    kept(Store("store"))
    out, _ = said(capsys, OK, f"sweep={NAME}", "output=here/there")
    assert out.endswith("Report: here/there/report.html\n")
    assert (tmp_path / "here" / "there" / "instances.parquet").exists()
    assert not (tmp_path / "store" / "reports").exists()
    Path("file").touch()
    _, err = said(capsys, FAILED, f"sweep={NAME}", "output=file/x")
    assert err == "error: the report cannot be written to file/x: Not a directory; set output=FOLDER\n"


def test_a_sweep_without_a_finished_trial(capsys: pytest.CaptureFixture[str]) -> None:
    save(Store("store"), Manifest(NAME, "mnist", trials=(Planned("a", "4x64 a"), Planned("b", "b", "failed", "why"))))
    out, err = said(capsys, FAILED, f"sweep={NAME}")
    assert not err
    assert "0 of 2 planned trials finished, 1 trial failed, 1 trial not finished." in out
    assert "it is still running, or its driver was killed" in out
    assert "No trial has finished, so nothing has won." in out


def test_several_sweeps_on_one_page(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store("store")
    kept(store)
    kept(store, "best-20260131-130000", experiment="best")
    out, _ = said(capsys, OK, f"sweep={NAME}", "sweep=best")
    page = Path(out.split("Report: ")[1].strip())
    assert page.parent.name == f"{NAME}+best-20260131-130000"
    assert "2 finished trials" in page.read_text(), "a trial that both have counts once"


@pytest.mark.parametrize(("asked", "code"), [((), OK), (("tracking.uri=sqlite:///mlruns/mlflow.db",), FAILED)])
def test_a_tracker_that_does_not_take_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...], code: int
) -> None:
    """It fails the program only if it was asked for: else the embedded store may know nothing of the sweep."""
    import sweep.tracking.reports

    def refuse(*_: object) -> str:
        raise SweepError("MLflow has no run of it")

    kept(Store("store"))
    Path("mlruns").mkdir()
    Path("mlruns/mlflow.db").touch()
    monkeypatch.setattr(sweep.tracking.reports, "log_report", refuse)
    out, err = said(capsys, code, f"sweep={NAME}", *asked)
    assert "Report: " in out
    assert err == "error: the report is written, but not logged: MLflow has no run of it\n"


def test_it_is_logged_to_the_parent_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import sweep.tracking.reports

    taken: list[tuple[object, ...]] = []

    def log_report(*arguments: object) -> str:
        taken.append(arguments)
        return NAME

    kept(Store("store"))
    monkeypatch.setattr(sweep.tracking.reports, "log_report", log_report)
    out, _ = said(capsys, OK, "sweep=mnist", "tracking.uri=http://there")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://theirs")
    said(capsys, OK, "sweep=mnist")
    assert taken.pop()[0] == "http://theirs"
    assert out.endswith(f"Logged to the run {NAME} in MLflow, as report/.\n")
    (uri, experiment, name, files, folder) = taken[0]
    assert (uri, experiment, name, folder) == ("http://there", "mnist", NAME, "report")
    assert isinstance(files, list)
    assert {path.name for path in files} >= {"report.html", "instances.parquet", "wins.csv"}


def test_a_list_comes_back(store: Store) -> None:
    made = Manifest("a b/c", "mnist", ("x=1",), 1.0, 2.0, "FINISHED", (Planned("k", "n", "failed", "e" * 5000),))
    save(store, made)
    found = load(store, "a b/c")
    assert found is not None
    assert found.trials[0].error == "e" * 2000
    assert dataclasses.replace(found, trials=()) == dataclasses.replace(made, trials=())
    assert key_of("a b/c") != key_of("a_b_c") == "a_b_c"
    assert load(store, "another") is None


def test_the_newest_of_several_runs_is_taken_and_said(store: Store) -> None:
    kept(store, "mnist-1", 1.0)
    kept(store, "mnist-2", 2.0)
    (state,) = gather(store, ["mnist"]).sweeps
    assert state.name == "mnist-2"
    assert state.notes == ("This is the newest of 2 runs of mnist; earlier ones are mnist-1.",)
    assert gather(store, ["mnist-1"]).sweeps[0].notes == ()


def test_a_record_that_is_gone_or_of_another_version(store: Store) -> None:
    records = kept(store)
    place = {key: store.get("trials", key) for key in (record.key for record in records)}
    entry = place[records[0].key]
    assert entry is not None
    entry.facts["a_field_of_the_future"] = 1
    store.put("trials", records[0].key, entry, replace=True)
    save(store, Manifest("mnist-9", "mnist", (), 9.0, 9.0, "KILLED", (*planned(records), Planned("gone", "gone", "finished"))))
    (state,) = gather(store, ["mnist-9"]).sweeps
    assert (state.planned, state.finished) == (3, 1)
    assert [(one.status, one.key) for one in state.unfinished] == [("missing", "gone"), ("unreadable", records[0].key)]
    text = " ".join(state.notes)
    assert "The sweep was interrupted." in text
    assert "The records of 1 finished trial are no longer in the store" in text
    assert "1 trial cannot be read: the records are of another version of the program." in text


def test_trials_of_a_sweep_without_a_list_are_found_by_their_configuration(store: Store) -> None:
    records = kept(store)
    entry = store.get(KIND, key_of(NAME))
    assert entry is not None
    store.put(KIND, key_of(NAME), type(entry)({"of": "another version"}), replace=True)
    found = gather(store, ["mnist"])
    assert {record.key for record in found.records} == {record.key for record in records}
    assert "no list of this sweep's trials" in found.sweeps[0].notes[0]
    with pytest.raises(UnknownSweep, match="near ones are mnist"):
        gather(store, ["mnist9"])


def test_a_list_that_names_itself_out_of_the_folder_of_reports_is_none(store: Store) -> None:
    for name in ("../../home/mine", "/etc", "a/../../b", "a\0b"):
        save(store, Manifest(name, "mnist", (), 1.0, 2.0, "FINISHED", (Planned("k", "n"),)))
        assert load(store, name) is None
    save(store, Manifest("mnist-1", "mnist", (), 1.0, 2.0, "FINISHED", (Planned("../k", "n"),)))
    assert load(store, "mnist-1") is None


def test_a_list_of_a_long_name_comes_back(store: Store) -> None:
    made = Manifest("x" * 300, "mnist", (), 1.0, 2.0, "FINISHED")
    save(store, made)
    assert load(store, "x" * 300) == made
    assert load(store, "x" * 301) is None
