"""A sweep over a table of the user's, from the command line: run, taken up again, and made anew once the file is edited."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pages import ROOT

import sweep
from surrogate.networks import ReluNetwork

HEADER = "size,rooms,street,price"
SWEEP = (
    "-m task=output dataset=table dataset.file=houses.csv dataset.outputs=[price] dataset.categories=[street] "
    "network.depth=1 network.width=6 training.epochs=20 training.batch_size=8 training.learning_rate=0.01 "
    "pruning=none,magnitude pruning.amount=0.3 solver.time_limit_seconds=10 sweep.name=houses"
)


def write(file: Path, base: int) -> None:
    rows = [
        f"{20 + 7 * n % 181},{1 + n % 5},{('busy', 'quiet')[n % 2]},{base + 900 * (7 * n % 181) + 9000 * (n % 5)}"
        for n in range(40)
    ]
    file.write_text("\n".join([HEADER, *rows]))


def run(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sweep", *SWEEP.split(), *overrides]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_table_is_swept_over_taken_up_again_and_made_anew_when_it_is_edited(tmp_path: Path) -> None:
    write(tmp_path / "houses.csv", 50_000)
    first = run(tmp_path)
    assert first.returncode == 0, (first.stdout, first.stderr)
    assert "houses.csv: 4 inputs from 2 numbers (size, rooms) and street as 2 inputs of 0 or 1" in first.stdout
    assert "trained 1x6 on houses" in first.stdout
    assert "R² 0." in first.stdout
    assert "2 finished (0 reused), 0 failed of 2 trials." in first.stdout
    found = sweep.results("houses", store=tmp_path / "store")
    assert {"price street=busy", "price street=quiet"} == set(found["question"])
    assert found["r2_dense"].notna().all()
    assert (found["dense_value"] > 50_000).all()

    again = run(tmp_path)
    assert "2 finished (2 reused), 0 failed of 2 trials." in again.stdout

    write(tmp_path / "houses.csv", 60_000)
    edited = run(tmp_path)
    assert "2 finished (0 reused), 0 failed of 2 trials." in edited.stdout


def test_a_network_from_a_file_is_asked_about_the_table(tmp_path: Path) -> None:
    write(tmp_path / "houses.csv", 50_000)
    ReluNetwork([np.ones((6, 4)), np.full((1, 6), 200.0)], [np.zeros(6), np.zeros(1)]).save(tmp_path / "prices.safetensors")
    words = [word for word in SWEEP.split()[1:] if not word.startswith(("network.", "training.", "pruning="))]
    command = [sys.executable, "-m", "sweep", *words, "pruning=magnitude", "network.file=prices.safetensors"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "1 finished (0 reused), 0 failed of 1 trials." in done.stdout
    found = sweep.results("houses", store=tmp_path / "store")
    assert {"price street=busy", "price street=quiet"} == set(found["question"])
    assert found["dense_value"].tolist() == pytest.approx([1200.0 * (195 + 5 + 1)] * 2), (
        "the largest size and rooms, and one street"
    )


@pytest.mark.slow
def test_a_mistake_is_a_sentence_and_nothing_starts(tmp_path: Path) -> None:
    write(tmp_path / "houses.csv", 50_000)
    done = run(tmp_path, "dataset.outputs=[prise]")
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "has no column 'prise' (did you mean price?)" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "store").exists()
