"""A task of a user, from the page on extensions: one file and one file of configuration, and everything speaks of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from pages import ROOT, blocks, commands, follow

QUICK = "network.depth=1 network.width=8 training.epochs=2 task.parameters.points=50"
"""So that it is a matter of seconds."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two files of the page and nothing else."""
    found = tmp_path_factory.mktemp("own task")
    for block in blocks("docs/extend.md"):
        if block.title in ("difference.py", "conf/task/difference.yaml"):
            file = found / str(block.title)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
    return found


def paths(folder: Path) -> dict[str, str]:
    """Return where Python finds the file of the task, in the workers too."""
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_task_of_a_user_is_swept_resumed_shown_tracked_and_reported(folder: Path) -> None:
    (command,) = [one for one in commands("docs/extend.md") if "task=difference" in one]
    run = f"{command} {QUICK} 'hydra.searchpath=[\"file://{folder}/conf\"]'"
    first = follow(run, folder, **paths(folder))
    assert "2 finished (0 reused), 0 failed of 2 trials." in first
    assert "feasible 2/2, best difference " in first
    assert "task.parameters.width=0.05" in first
    again = follow(run, folder, **paths(folder))
    assert "2 finished (2 reused), 0 failed of 2 trials." in again
    longer = follow(run.replace("instances.count=2", "instances.count=3"), folder, **paths(folder))
    assert "2 finished (0 reused), 0 failed of 2 trials." in longer  # other trials, whose first two boxes are in the store

    listed = follow("python -m sweep.show sweep=sweep", folder, **paths(folder))
    assert "task.parameters.width=0.05" in listed
    (manifest, *_) = sorted((folder / "store" / "reports").iterdir())
    instances = pd.read_parquet(manifest / "instances.parquet")
    assert list(instances["task"]) == ["difference:DifferenceTask"] * 4
    assert (instances["dense_value"] > 0.0).all()
    assert (instances["dense_bound"] >= instances["dense_value"]).all()
    assert "difference" in (manifest / "report.html").read_text()

    key = instances["trial_key"].iloc[0]
    shown = follow(f"python -m sweep.show {key}", folder, **paths(folder))
    assert "box 0" in shown
    assert "difference" in shown
    logged = follow(f"python {Path(__file__).with_name('own_task_metrics.py')} {key}", folder, **paths(folder))
    metrics = json.loads(logged.splitlines()[-1])
    assert metrics["value"] == pytest.approx(instances["dense_value"].iloc[:2].median())
    assert metrics["bound"] >= metrics["value"]
    assert not [name for name in metrics if name.startswith(("attack/", "norm/"))]
