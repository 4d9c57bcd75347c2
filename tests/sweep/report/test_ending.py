"""The end of a sweep: its list, its report, and whatever goes wrong with them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from making import dense, pruned, times
from making_models import modelled

from sweep.errors import SweepError
from sweep.records import TrialRecord
from sweep.report import ending as module
from sweep.report.ending import INTERRUPTED_SECONDS, LIMIT_SECONDS, SweepEnding
from sweep.store import Store
from sweep.store.manifest import free_name, load

NAME = "mnist-20260131-120000"


@pytest.fixture
def ending(store: Store, monkeypatch: pytest.MonkeyPatch) -> SweepEnding:
    monkeypatch.setattr("sweep.report.writing.figures", lambda: ())
    return SweepEnding(store, NAME, "mnist", ["a=1,2"])


def records() -> list[TrialRecord]:
    failed = pruned([])
    failed.key, failed.name, failed.status, failed.error = "bad", "4x64 bad", "failed", "training diverged"
    return [dense(times([2.0])), failed]


def trial(key: str) -> Any:
    return SimpleNamespace(key=key, name=f"trial {key}", limits=(), swept={})


def test_a_sweep_is_listed_before_it_runs(ending: SweepEnding, store: Store) -> None:
    ending.begin([trial("a"), trial("b")])
    found = load(store, NAME)
    assert found is not None
    assert [(one.key, one.name, one.status) for one in found.trials] == [("a", "trial a", None), ("b", "trial b", None)]
    assert (found.ended_at, found.status, found.overrides) == (None, None, ("a=1,2",))


def test_sweeps_of_one_second_have_names_of_their_own(ending: SweepEnding, store: Store) -> None:
    ending.begin([])
    assert free_name(store, NAME) == f"{NAME}-2"
    assert free_name(store, NAME) == f"{NAME}-3"  # the second one has its name before it has a list
    assert free_name(store, "other") == "other"


def test_its_end_is_a_report_and_a_list_of_how_each_trial_ended(ending: SweepEnding, store: Store) -> None:
    ending.begin([])
    files, said = ending.finish(records(), [trial("c")], "KILLED")
    page = next(path for path in files if path.name == "report.html")
    assert said == ["dense MILP has nothing to be compared with on 2x16.", f"Report: {page}"]
    text = page.read_text()
    assert "1 of 3 planned trials finished, 1 trial failed, 1 trial not finished." in text
    assert "The sweep was interrupted with 1 trial not started." in text
    assert "it was never started" in text
    found = load(store, NAME)
    assert found is not None
    assert found.status == "KILLED"
    assert found.ended_at is not None
    assert [one.status for one in found.trials] == ["finished", "failed", None]


def test_what_a_search_found_is_said_once(ending: SweepEnding) -> None:
    ending.objectives = ("least_value",)
    trials = [modelled([-1.0 * place], "constrained", parameters={"above": place / 7}) for place in range(5)]
    for place, record in enumerate(trials):
        record.key, record.swept = f"trial{place}", {"model.parameters.above": place / 7}
    files, said = ending.finish(trials, [], "FINISHED")
    assert [one.partition(" ")[0] for one in said] == ["Best", "To", "Report:"]
    page = next(path for path in files if path.name == "report.html").read_text()
    assert page.count("Best of 5 finished trials") == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SweepError("the disk is full"), "(the disk is full)"),
        (ValueError("no such colour"), "(ValueError: no such colour)"),
        (MemoryError(), "(MemoryError)"),
    ],
)
def test_a_report_that_fails_does_not_fail_the_sweep(
    ending: SweepEnding, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    monkeypatch.chdir(Path(store.url).parent)  # so that this store is the one by default

    def fail(*_: object, **__: object) -> list[Path]:
        raise error

    monkeypatch.setattr(module, "write_results", fail)
    files, (said,) = ending.finish(records(), [], "FINISHED")
    assert files == []
    assert said == (
        f"The report could not be written {words}; nothing else is lost, and python -m sweep.report sweep={NAME} makes it "
        "again."
    )
    found = load(store, NAME)
    assert found is not None
    assert found.status == "FINISHED"


def test_a_report_that_fails_says_in_which_store_its_sweep_is(
    ending: SweepEnding, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> list[Path]:
        raise SweepError("the disk is full")

    monkeypatch.setattr(module, "write_results", fail)
    monkeypatch.chdir(tmp_path.parent)
    _, (said,) = ending.finish(records(), [], "FINISHED")
    assert f" python -m sweep.report sweep={NAME} sweep.store={store.url} makes it again." in said


def test_a_search_ends_with_its_best_trial_whatever_becomes_of_the_report(
    ending: SweepEnding, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending.objectives = ["margin"]
    found = records()
    found[0].swept = {"a": 1}
    best = "Best of 1 finished trial by margin (larger is better): 2x16-dense with margin 1."
    again = "To run it again alone: python -m sweep hydra.mode=RUN a=1 sweep.resume=false"
    assert ending.finish(found, [], "KILLED")[1][:2] == [best, again]
    monkeypatch.setattr(module, "write_results", lambda *_, **__: Path("nowhere").stat())
    assert ending.finish(found, [], "FAILED")[1][:2] == [best, again]
    kept = load(store, NAME)
    assert kept is not None
    assert (kept.objectives, kept.trials[0].swept) == (("margin",), {"a": 1})


def test_nothing_is_reported_of_nothing(ending: SweepEnding) -> None:
    assert ending.finish([record for record in records() if record.status == "failed"], [], "FAILED") == ([], [])
    assert ending.finish([], [trial("a")], "KILLED") == ([], [])


@pytest.mark.parametrize(("status", "seconds"), [("FINISHED", LIMIT_SECONDS), ("KILLED", INTERRUPTED_SECONDS)])
def test_whoever_interrupts_a_sweep_does_not_wait_for_figures(
    ending: SweepEnding, monkeypatch: pytest.MonkeyPatch, status: str, seconds: float
) -> None:
    budgets = []

    def write(*_: object, budget: Any, **__: object) -> list[Path]:
        budgets.append(budget)
        return []

    monkeypatch.setattr(module, "write_results", write)
    hurry = False
    ending.finish(records(), [], status, lambda: hurry)
    (budget,) = budgets
    assert budget.seconds == seconds
    assert not budget.is_spent
    hurry = True
    assert budget.is_spent
