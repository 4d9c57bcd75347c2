"""A search by Optuna whose weak trials are stopped early, on real Ray, from the command line; and the same command again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pages import follow
from studies import study_of

from sweep.store import Store

pytestmark = pytest.mark.slow

SEARCH = (
    *("-m", "dataset=digits", "network=2x16", "training=digits", "attack.radius=2.0", "instances.count=4"),
    *("solver.time_limit_seconds=3", "pruning=magnitude,random", "pruning.amount=interval(0.3,0.95)"),
    *("search=optuna", "search.samples=6", "search.objectives=[margin]"),
    *("search.scheduler=asha", "search.grace=1", "search.reduction=2", "sweep.name=searched"),
)


def sweep(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "sweep", *SEARCH, *arguments], cwd=folder, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_optuna_with_early_stopping(tmp_path: Path) -> None:
    first = sweep(tmp_path)
    counts = re.search(r"(\d+) finished \(0 reused\), (\d+) stopped early, 0 failed of 6 trials", first.stdout)
    assert counts is not None, first.stdout
    finished, stopped = int(counts[1]), int(counts[2])
    assert finished + stopped == 6
    assert finished >= 1
    store = Store(tmp_path / "store", write=False)
    assert len(store.keys("trials")) == finished
    assert len(store.keys("stopped")) == stopped
    for key in store.keys("stopped"):
        record = store.stopped(key)
        assert record is not None
        assert record.status == "stopped"
        assert 1 <= len(record.instances) < 4
    answers = store.keys("instances")

    preview = sweep(tmp_path, "sweep.dry_run=json")
    rows = [json.loads(line) for line in preview.stdout.splitlines()]
    assert sorted(row["state"] for row in rows) == ["done"] * finished + ["stopped"] * stopped
    assert "this preview is incomplete" in preview.stderr

    again = sweep(tmp_path)
    assert re.search(rf"\b{finished} finished \({finished} reused\)", again.stdout), again.stdout
    assert "0 failed of 6 trials" in again.stdout
    assert store.keys("instances") == answers, "nothing was computed"
    assert len(store.keys("trials")) == finished
    # The suggestions are those of before, in their order.
    assert len(store.keys("searches")) == 6
    trials = study_of(tmp_path)
    assert [trial.state.name for trial in trials].count("COMPLETE") == finished
    assert [trial.state.name for trial in trials].count("PRUNED") == stopped
    assert len(trials) == 6


def test_the_command_of_the_best_trial_runs_it_again_alone(tmp_path: Path) -> None:
    first = sweep(tmp_path, "search.scheduler=none", "search.samples=4", "instances.count=2", "sweep.name='a b'")
    best = re.search(r"^Best of 4 finished trials by margin \(larger is better\): (.*) with margin (\S+)\.", first.stdout, re.M)
    command = re.search(r"^To run it again alone: (python -m sweep .*)$", first.stdout, re.M)
    assert best is not None
    assert command is not None
    store = Store(tmp_path / "store", write=False)
    before = {key: store.trial(key) for key in store.keys("trials")}
    said = follow(command[1], tmp_path)
    assert "1 finished (0 reused), 0 failed of 1 trials." in said
    assert f"[1/1] {best[1]}" in said
    after = {key: store.trial(key) for key in store.keys("trials")}
    assert before.keys() == after.keys(), "it is the same trial"
    (again,) = [key for key in before if before[key].ended_at != after[key].ended_at]
    assert after[again].name == best[1]


def test_a_killed_search_leaves_a_study_and_goes_on_with_it(tmp_path: Path) -> None:
    arguments = [*SEARCH, "search.scheduler=none", "search.samples=5"]
    program = subprocess.Popen(
        [sys.executable, "-m", "sweep", *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 300
        while not list((tmp_path / "store").glob("trials/*/*.json")) and time.monotonic() < end:
            time.sleep(0.2)
        os.kill(program.pid, signal.SIGKILL)
    finally:
        program.kill()
        program.wait()
    before = study_of(tmp_path)
    assert 1 <= len(before) <= 5
    sweep(tmp_path, "search.scheduler=none", "search.samples=5")
    after = study_of(tmp_path)
    assert {trial.state.name for trial in after} == {"COMPLETE"}
    assert len({trial.user_attrs["trial_key"] for trial in after}) == len(after) == 5
    assert [trial.user_attrs for trial in after[: len(before)]] == [trial.user_attrs for trial in before]
