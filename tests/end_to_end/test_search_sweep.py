"""A search by Optuna whose weak trials are stopped early, on real Ray, from the command line; and the same command again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
