"""A search by Optuna over a model of the user's own: its study, its importances, and the same command again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, follow
from studies import study_of
from ways import FILES, MODEL, kept, write_plant

from sweep.planning.search.importance import FEWEST, importances
from sweep.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEARCH = (
    *("-m", *MODEL, *FILES, "method=surrogate", "instances.count=1", "search=optuna", f"search.samples={FEWEST}"),
    *("search.objectives=[least_value]", "pruning.amount=interval(0.1,0.9)", "model.parameters.wanted=interval(0.1,3.0)"),
    "sweep.name=searched",
)


def sweep(folder: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sweep", *SEARCH, *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_search_over_a_model_of_ones_own_keeps_a_study_and_says_what_matters(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write_plant(folder)
    first = sweep(folder)
    assert f"{FEWEST} finished (0 reused), 0 failed of {FEWEST} trials." in first
    assert "optuna-dashboard sqlite:///" in first
    trials = study_of(folder)
    assert {trial.state.name for trial in trials} == {"COMPLETE"}
    assert len({trial.user_attrs["trial_key"] for trial in trials}) == len(trials) == FEWEST
    assert all(trial.params.keys() == {"pruning.amount", "model.parameters.wanted"} for trial in trials)
    store = Store(folder / "store", write=False)
    for trial in trials:
        record = store.trial(trial.user_attrs["trial_key"])
        assert record is not None
        assert trial.value == record.instances[0].value
    assert len(store.keys("networks")) == 1

    (report,) = [file.parent for file in (folder / "store" / "reports").glob("searched*/report.html")]
    assert "Which setting the objective depends on" in (report / "report.html").read_text()
    assert (report / "importance.png").stat().st_size > 0
    shares = importances([trial.params for trial in trials], [trial.value or 0.0 for trial in trials])
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares.keys() == {"pruning.amount", "model.parameters.wanted"}

    best = re.search(rf"^Best of {FEWEST} finished trials by least_value \(smaller is better\): (.*) with", first, re.M)
    command = re.search(r"^To run it again alone: (python -m sweep .*)$", first, re.M)
    assert best is not None
    assert command is not None
    least = min(trials, key=lambda trial: trial.value or 0.0)
    assert best[1] == least.user_attrs["name"]
    key, former = least.user_attrs["trial_key"], kept(folder)
    ended = {one: record.ended_at for one in former["trials"] if (record := store.trial(one)) is not None}
    assert "1 finished (0 reused), 0 failed of 1 trials." in follow(command[1], folder)
    assert kept(folder) == former, "it is the same trial"
    record = store.trial(key)
    assert record is not None
    assert record.ended_at > ended[key]
    assert record.instances[0].value == least.value

    before = kept(folder)
    again = sweep(folder)
    assert f"{FEWEST} finished ({FEWEST} reused), 0 failed of {FEWEST} trials." in again
    assert kept(folder) == before
    assert len(study_of(folder)) == FEWEST
