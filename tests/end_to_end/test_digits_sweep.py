"""The digits sweep through real Ray and real MLflow, read back; and what the command line refuses."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)  # a whole sweep, on a machine that may be busy with others


COMMAND = ("+experiment=digits", "instances.count=1", "solver.time_limit_seconds=1")


def sweep(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, "-m", "sweep", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=500
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("digits")
    return folder, sweep(folder, *COMMAND)


def test_it_ends_well_and_says_how_to_look_at_it(finished: tuple) -> None:
    _, done = finished
    assert done.returncode == 0, done.stderr
    assert "6 finished (0 reused), 0 failed of 6 trials." in done.stdout
    assert "mlflow ui --backend-store-uri sqlite:///" in done.stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning")  # MLflow's own
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
def test_the_tracker_holds_one_parent_and_its_finished_children(finished: tuple) -> None:
    from mlflow import MlflowClient

    import sweep.tracking  # noqa: F401 -- quietens mlflow before it is imported

    folder, _ = finished
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert (len(parents), len(children)) == (1, 6)
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    for run in children:
        metrics = run.data.metrics
        assert 0.7 < metrics["accuracy/dense"] <= 1.0
        assert metrics["time/solve_seconds"] > 0.0
        assert metrics["attack/success_rate"] in (0.0, 1.0)
        if metrics["attack/success_rate"] > 0.0:
            assert 0.0 < metrics["norm/l1"] <= 2.0 + 1e-6
        assert all(value == value for value in metrics.values())  # a missing value is missing, never NaN
    given = {str(run.info.run_name): run.data.params for run in children}
    assert given["2x16 dense"] == {"attack": "surrogate", "pruning": "none", "pruning.amount": "0"}
    assert given["2x16 gradient"] == {"attack": "gradient", "pruning.amount": "0"}
    assert given["2x16 magnitude 0.8"] == {"attack": "surrogate", "pruning": "magnitude", "pruning.amount": "0.8"}
    assert parents[0].data.params["network.width"] == "16"
    dense = next(run for run in children if run.info.run_name == "2x16 dense")
    assert dense.data.metrics["sparsity"] == 0.0
    assert all("gain_over_dense" in run.data.metrics for run in children if run is not dense)


def test_the_ranking_has_a_row_for_each_setting(finished: tuple) -> None:
    folder, _ = finished
    (path,) = (folder / "store" / "reports").glob("*/ranking.csv")
    rows = list(csv.DictReader(path.read_text().splitlines()))
    pruned = {"magnitude 0.5", "magnitude 0.8", "structured 0.5"}
    assert {row["setting"] for row in rows} == {"dense MILP", "gradient", "portfolio", *pruned}


def test_the_same_command_again_runs_nothing(finished: tuple) -> None:
    """But for what a busy machine left without CPU, which is asked again."""
    folder, first = finished
    again = sweep(folder, *COMMAND)
    assert again.returncode == 0, again.stderr
    starved = re.search(r"Starved of CPU: \d+ answers? of (\d+) trials?", first.stdout)
    reused = 6 - (int(starved[1]) if starved else 0)
    assert f"6 finished ({reused} reused), 0 failed of 6 trials." in again.stdout
    with contextlib.closing(sqlite3.connect(folder / "mlruns" / "mlflow.db")) as database:
        (runs,) = database.execute("select count(*) from runs where lifecycle_stage = 'active'").fetchone()
    assert runs == 7, "a run of the sweep and one for each trial, as before"


@pytest.mark.few(4)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["network.detph=2"], ["network.detph", "depth"]),
        (["+experiment=mnits"], ["mnits", "mnist", "digits"]),
        (["pruning.amount=1.5"], ["pruning.amount", "1.5"]),
        (["network.depth=0"], ["network.depth", "0"]),
        (["attack.radius=-1"], ["attack.radius", "-1"]),
        (["solver.time_limit_seconds=0"], ["solver.time_limit_seconds", "0"]),
        (["bounds=tight"], ["tight", "crown", "interval"]),
        (["+experiment=digits", "pruning.amount=0.5,0.8,1.0"], ["pruning.amount", "1.0"]),
        (["+experiment=digits", "pruning.amuont=0.5,0.8"], ["pruning.amuont", "amount"]),
        (["+experiment=digits", "search.where=['pruning.amount > 2']"], ["search.where"]),
    ],
)
def test_bad_input_is_refused_in_one_message(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    refused = sweep(tmp_path, *arguments)
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stderr
    for word in words:
        assert word in refused.stderr
    assert list(tmp_path.iterdir()) == []  # nothing was started


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-m", "+experiment=digits"], marks=pytest.mark.slow),  # test_cli puts options anywhere too
        pytest.param(["+experiment=digits", "-m"], marks=pytest.mark.slow),
        pytest.param(["+experiment=digits", "-m", "network.depth=1,2"], marks=pytest.mark.slow),
    ],
)
def test_multirun_before_and_after_the_experiment(tmp_path: Path, arguments: list[str]) -> None:
    listed = sweep(tmp_path, *arguments, "sweep.dry_run=true")
    assert listed.returncode == 0, listed.stderr
    assert f"{12 if 'network.depth=1,2' in arguments else 6} trials" in listed.stdout
