"""The log of a trial: its steps in order, whoever took them, and why it failed."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import synthetic
from counting import Plan, Work, stages_of
from rich.console import Console

from surrogate.data import Dataset
from sweep.commands import show
from sweep.config.inputs import Inputs
from sweep.errors import StoreError
from sweep.execution.interruption import Interruption
from sweep.execution.ledger import Ledger
from sweep.records import TrialRecord
from sweep.records.trial_log import NO_STEPS, TIME_CHARACTERS, line, log_text, overheard
from sweep.store import Store
from sweep.store.manifest import Manifest, Planned, save
from sweep.terminal.exit_codes import FAILED, OK
from sweep.terminal.progress import Progress
from sweep.trial.trial import mark_failed, new_record, run_trial


def said(record: TrialRecord) -> list[str]:
    return [text[TIME_CHARACTERS + 1 :] for text in record.log]


def test_a_line_has_its_time_in_utc_and_is_one_line() -> None:
    assert line("one\ntwo", 1_700_000_000.0129) == "2023-11-14 22:13:20.012Z one two"
    assert len(line("")) == TIME_CHARACTERS + 1


def test_a_trial_logs_its_steps(plan: Plan, digits: Dataset, work: Work, store: Store) -> None:
    first = run_trial(plan(), Inputs(digits), None, stages_of(store))
    names = [one.name for one in first.instances]
    starts = [
        "begins on",
        "needs the dense network",
        "trained in",
        "attacks the dense network",
        "pruning begins: ",
        "surrogate ",
    ]
    starts += ["3 instances"]
    starts += [text for name in names for text in (f"{name} begins", f"{name}: ")]
    assert [text[: len(start)] for text, start in zip(said(first), starts, strict=True)] == starts
    times = [text[:TIME_CHARACTERS] for text in first.log]
    assert times == sorted(times)
    assert not any("taken from the store" in text for text in said(first))
    again = said(run_trial(plan(), Inputs(digits), None, stages_of(store)))
    assert sum("taken from the store" in text for text in again) == 4
    assert "it was in the store" in again


def test_a_failure_ends_the_log_with_its_traceback(plan: Plan, digits: Dataset, work: Work) -> None:
    def fails(number: int) -> None:
        if number == 1:
            warnings.warn("the matrix is nearly singular", RuntimeWarning, stacklevel=1)
            raise ArithmeticError("no luck")

    work.attack = fails
    with pytest.warns(RuntimeWarning, match="nearly singular"):
        record = run_trial(plan(), Inputs(digits))
    *_, begins, warned = said(record)
    assert begins.endswith(" begins")
    assert warned == "warning: RuntimeWarning: the matrix is nearly singular"
    text = log_text(record)
    assert text.index(warned) < text.index("failed: ArithmeticError: no luck") < text.index("Traceback (most recent call last)")
    assert text.endswith("ArithmeticError: no luck\n")


def test_only_what_is_warned_of_in_this_thread_is_heard() -> None:
    heard: list[str] = []
    with overheard(heard.append):
        logging.getLogger("some.library").warning("a status of %d", 3)
        logging.getLogger("some.library").info("all is well")
        other = threading.Thread(target=lambda: logging.getLogger("some.library").warning("elsewhere"))
        other.start()
        other.join()
    logging.getLogger("some.library").warning("too late")
    assert heard == ["warning of some.library: a status of 3"]


class Books:
    """A ledger without MLflow."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.trial, self.terminal, self.logged = plan(), io.StringIO(), list[TrialRecord]()
        tracker: Any = SimpleNamespace(log_trial=lambda record, reused: self.logged.append(record))
        progress = Progress(Console(file=self.terminal, width=200), 1, slots=1)
        self.ledger = Ledger([self.trial], store, tracker, progress, Interruption())


def test_the_driver_adds_what_it_knows_in_order_of_time(plan: Plan, store: Store) -> None:
    books = Books(plan, store)
    books.ledger.trained(books.trial.training_key, "trained 1x6 on digits in 1.0 s")
    books.ledger.start(books.trial.key)
    books.ledger.lose(books.trial.key, "its worker process was lost")
    record = new_record(books.trial)
    record.log = [line("begins on node-7"), line("3 instances")]
    books.ledger.end(record)
    steps = ["trained 1x6 on digits in 1.0 s", "goes back to the queue: its worker process was lost"]
    kept = store.trial(record.key)
    assert kept is not None
    assert said(kept) == [*steps, "begins on node-7", "3 instances"]
    found = store.log(record.key)
    assert found is not None
    assert found[1] == log_text(kept) == log_text(books.logged[0])
    assert Path(found[0]).read_text() == found[1]
    assert books.ledger.records[record.key].log == [], "the driver's memory is for thousands of trials"


def test_a_trial_that_is_taken_from_the_store_keeps_its_log(plan: Plan, store: Store) -> None:
    books = Books(plan, store)
    record = new_record(books.trial)
    record.log = [line("begins on node-7")]
    books.ledger.end(record, reused=True)
    assert store.log(record.key) is None
    assert said(books.logged[0]) == ["begins on node-7"]


def test_a_store_that_takes_no_log_is_said_once_and_stops_nothing(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreError("logs/ab/abc.txt cannot be written: No space left on device")

    monkeypatch.setattr(Store, "save_log", full)
    books = Books(plan, store)
    books.ledger.fail(books.trial.key, "no data")
    books.ledger.records.clear()
    books.ledger.fail(books.trial.key, "no data")
    assert books.terminal.getvalue().count("No more logs of trials are kept: logs/ab/abc.txt cannot be written") == 1


def test_show_prints_the_log_of_a_failure_and_says_where_others_are(plan: Plan, store: Store) -> None:
    terminal = io.StringIO()
    console = Console(file=terminal, width=200)
    books = Books(plan, store)
    record = new_record(books.trial)
    record.log = [line("3 instances")]
    try:
        raise ArithmeticError("no luck")
    except ArithmeticError as error:
        mark_failed(record, error)
    books.ledger.end(record)
    failed = Planned(record.key, record.name, "failed", record.error)
    save(store, Manifest("study-1", "study", trials=(failed,)))
    assert show.run([record.key, f"sweep.store={store.url}"], console) == FAILED
    for words in ("3 instances", "Traceback (most recent call last)", f"{record.key}.txt", "has not finished: failed"):
        assert words in terminal.getvalue()
    whole = synthetic.trial("abcd", name="4x64 dense")
    store.save_trial(whole)
    store.save_log("abcd", log_text(whole))
    assert show.run(["abcd", f"sweep.store={store.url}"], console) == OK
    assert f"Each step with its time: {store.url}/logs/ab/abcd.txt" in terminal.getvalue()
    assert NO_STEPS in log_text(whole)
